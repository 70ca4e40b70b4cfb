//! Runs a recorded Promotion as the engine does, with steps that answer what the recording says.

use std::collections::HashMap;

use ferry_api::names::annotation;
use ferry_api::promotion::{HealthCheck, PromotionPhase};
use ferry_api::{Promotion, duration};
use ferry_planner::expressions::{Known, Scope, Stop};
use ferry_planner::progress::{self, Attempt, Next, Settled, StepRules, Verdict};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::recorded::{now, read};

pub struct Driver<'a> {
    input: &'a Value,
    pub promotion: Promotion,
    now: Timestamp,
    attempts: HashMap<String, usize>,
    /// Whether the process was told to end.
    is_ending: bool,
    runs: Vec<Value>,
    error: bool,
}

impl<'a> Driver<'a> {
    pub fn new(input: &'a Value) -> Result<Self, String> {
        let mut promotion: Promotion = read(&input["promotion"])?;
        if let Some(actor) = input["actor"].as_str() {
            let annotations = promotion.metadata.annotations.get_or_insert_default();
            annotations.insert(annotation::CREATE_ACTOR.to_owned(), actor.to_owned());
        }
        promotion.status.get_or_insert_default().phase = Some(PromotionPhase::Running);
        Ok(Self {
            input,
            promotion,
            now: now(),
            attempts: HashMap::new(),
            is_ending: false,
            runs: Vec::new(),
            error: false,
        })
    }

    /// One call: runs until the end, or until a step must wait. Then the Promotion is stored and read again.
    pub fn call(&mut self, call: &Value) -> Value {
        if let Some(elapsed) = call["elapse"].as_str() {
            self.now += duration::parse(elapsed).unwrap();
        }
        self.is_ending = call["cancel"] == true;
        self.runs.clear();
        self.error = false;
        self.go();
        let stored = serde_json::to_value(&self.promotion).unwrap();
        self.promotion = serde_json::from_value(stored).unwrap();
        self.shown()
    }

    fn go(&mut self) {
        loop {
            if self.is_ending {
                return;
            }
            let spec = self.promotion.spec.clone();
            let status = self.promotion.status.as_mut().unwrap();
            let index = match progress::next(&spec, status) {
                Next::Conclude => {
                    let (phase, message) = progress::conclude(&spec, status);
                    progress::end(status, phase, &message, self.now);
                    return;
                }
                Next::Run { index } => index,
                Next::Gate { index, condition } => {
                    let said = self.ask(index, |scope| scope.condition(condition));
                    let status = self.promotion.status.as_mut().unwrap();
                    if !progress::gate(&spec, status, index, said) {
                        continue;
                    }
                    index
                }
            };
            if self.attempt(index) != Settled::Through {
                return;
            }
        }
    }

    fn attempt(&mut self, index: usize) -> Settled {
        let spec = self.promotion.spec.clone();
        let Some(step) = spec.steps.get(index) else { return Settled::Through };
        let alias = progress::alias(step, index);
        let kind = step.uses.as_deref().unwrap_or_default();
        let Some(runner) = self.input["runners"].get(kind) else {
            let status = self.promotion.status.as_mut().unwrap();
            progress::refuse(&spec, status, index, "step kind is not registered");
            return Settled::Through;
        };
        let timeout = runner["defaultTimeout"].as_str().map(|text| duration::parse(text).unwrap());
        let propagates = runner["requiredCapabilities"].to_string().contains("task-output-propagation");
        let rules =
            StepRules::of(step, timeout, propagates).with_threshold(step, &runner["defaultErrorThreshold"]);
        progress::start(&spec, self.promotion.status.as_mut().unwrap(), index, rules, self.now);
        let attempt = match self.ask(index, |scope| scope.config(step.config.as_ref())) {
            Ok(config) => {
                self.runs.push(json!({"alias": alias, "kind": kind, "config": config}));
                self.answer(&alias)
            }
            Err(message) => failed(Verdict::Errored { terminal: true }, message),
        };
        let status = self.promotion.status.as_mut().unwrap();
        let settled = progress::settle(&spec, status, index, attempt, rules, self.now);
        self.error = matches!(settled, Settled::Again { error: true, .. });
        settled
    }

    /// What the recording says of this attempt; the last answer repeats, none is success.
    fn answer(&mut self, alias: &str) -> Attempt {
        let count = self.attempts.entry(alias.to_owned()).or_insert(0);
        let list = self.input["attempts"][alias].as_array().cloned().unwrap_or_default();
        let said = list.get(*count).or(list.last()).cloned().unwrap_or(json!({"status": "Succeeded"}));
        *count += 1;
        self.is_ending |= said["cancelContext"] == true;
        let message = said["message"].as_str().unwrap_or_default().to_owned();
        if let Some(words) = said["panic"].as_str() {
            return failed(Verdict::Errored { terminal: true }, format!("step panicked: {words}"));
        }
        let terminal = said["terminal"] == true;
        let error = said["error"].as_str();
        let verdict = match (said["status"].as_str().unwrap_or_default(), error) {
            ("Failed", Some(_)) => Verdict::Failed { terminal },
            ("Failed", None) => Verdict::Failed { terminal: true },
            (_, Some(_)) | ("Errored", _) => Verdict::Errored { terminal },
            ("Succeeded", _) => Verdict::Succeeded,
            ("Skipped", _) => Verdict::Skipped,
            ("Running", _) => Verdict::Waiting(None),
            ("Aborted", _) => Verdict::Aborted,
            _ => Verdict::Errored { terminal: true },
        };
        let check = said["healthCheck"].as_object().map(|check| HealthCheck {
            uses: check["kind"].as_str().unwrap_or_default().to_owned(),
            config: Some(check["input"].clone()),
        });
        Attempt {
            verdict,
            message: error.map_or(message, str::to_owned),
            output: said["output"].as_object().cloned(),
            health_check: check,
        }
    }

    fn ask<T>(&self, index: usize, ask: impl Fn(&Scope<'_>) -> Result<T, Stop>) -> Result<T, String> {
        let known = Known::new();
        let text = |key: &str| self.input[key].as_str().unwrap_or_default();
        let scope = Scope {
            promotion: &self.promotion,
            requests: &[],
            freight_alias: text("targetFreightAlias"),
            ui_base_url: text("uiBaseURL"),
            index,
            known: &known,
            now: self.now,
        };
        ask(&scope).map_err(|stop| match stop {
            Stop::Failed(why) => why,
            Stop::Need(lookup) => format!("nothing is known of {lookup:?}"),
        })
    }

    fn shown(&self) -> Value {
        let status = self.promotion.status.as_ref().unwrap();
        let steps: Vec<Value> = status
            .step_execution_metadata
            .iter()
            .map(|m| {
                json!({
                    "alias": m.alias,
                    "status": m.status,
                    "errorCount": m.error_count,
                    "continueOnError": m.continue_on_error,
                    "message": m.message,
                    "started": m.started_at.is_some(),
                    "finished": m.finished_at.is_some(),
                })
            })
            .collect();
        let checks: Vec<Value> =
            status.health_checks.iter().map(|c| json!({"kind": c.uses, "input": c.config})).collect();
        let mut shown = json!({
            "phase": status.phase,
            "currentStep": status.current_step,
            "message": status.message,
            "state": status.state,
            "stepExecutionMetadata": steps,
            "healthChecks": checks,
            "runs": self.runs,
        });
        if self.error {
            shown["error"] = json!(true);
        }
        shown
    }
}

fn failed(verdict: Verdict, message: String) -> Attempt {
    Attempt { verdict, message, output: None, health_check: None }
}

/// A kind's own threshold, which none of the built-in kinds has.
trait WithThreshold {
    fn with_threshold(self, step: &ferry_api::PromotionStep, kind: &Value) -> Self;
}

impl WithThreshold for StepRules {
    fn with_threshold(mut self, step: &ferry_api::PromotionStep, kind: &Value) -> Self {
        let own = step.retry.as_ref().and_then(|r| r.error_threshold).unwrap_or(0);
        if let (0, Some(kind)) = (own, kind.as_u64()) {
            self.error_threshold = kind;
        }
        self
    }
}
