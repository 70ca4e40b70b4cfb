//! The variables that expressions see.

use ferry_api::names::annotation;
use ferry_api::promotion::StepExecutionMetadata;
use ferry_expr::{Record, Value};
use serde_json::{Value as Json, json};

use super::{Scope, Stop, Variables};
use crate::progress;

/// The task that a step of a task belongs to: what stands before the one `::` of its alias. Tasks do not nest, so an
/// alias with more of them is no task's.
pub fn task_of(alias: &str) -> Option<&str> {
    alias.split_once("::").filter(|(task, own)| !task.is_empty() && !own.contains("::")).map(|(task, _)| task)
}

impl Scope<'_> {
    pub(super) fn alias(&self) -> String {
        let step = self.promotion.spec.steps.get(self.index);
        step.map(|s| progress::alias(s, self.index)).unwrap_or_default()
    }

    /// All variables of a step's config.
    pub(super) fn environment(&self) -> Result<Variables, Stop> {
        Ok(self.step_environment().with("vars", self.vars()?))
    }

    /// What promotion variables see.
    pub(super) fn base_environment(&self) -> Variables {
        Variables::new().with("ctx", Value::from_json(&self.context()))
    }

    /// What step variables see besides.
    pub(super) fn step_environment(&self) -> Variables {
        let mut env = self.base_environment();
        let status = self.promotion.status.as_ref();
        let state = status.and_then(|s| s.state.clone());
        let has_state = state.is_some();
        let outputs = state.unwrap_or_default();
        if let Some(task) = task_of(&self.alias()) {
            let prefix = format!("{task}::");
            let own = outputs.iter().filter_map(|(k, v)| Some((k.strip_prefix(&prefix)?, exact_ids(v))));
            env.insert("task", Variables::new().with("outputs", own.collect::<Variables>()));
        }
        let outputs = if has_state { exact_ids(&Json::Object(outputs)) } else { Value::Nil };
        env.insert("outputs", outputs);
        // The step itself is among them, also before it has begun.
        let own = StepExecutionMetadata { alias: self.alias(), ..StepExecutionMetadata::default() };
        let metas = std::iter::once(&own).chain(self.metadata());
        let metas = metas.map(|m| (m.alias.as_str(), Value::object(record(m))));
        env.insert("stepMetas", metas.collect::<Variables>());
        env
    }

    fn context(&self) -> Json {
        let promotion = self.promotion;
        let annotations = promotion.metadata.annotations.as_ref();
        let actor = annotations.and_then(|a| a.get(annotation::CREATE_ACTOR)).cloned().unwrap_or_default();
        let rollback = annotations.and_then(|a| a.get(annotation::ROLLBACK)).is_some_and(|v| v == "true");
        let freight = promotion.status.as_ref().and_then(|s| s.freight.as_ref());
        let origin = freight.and_then(|f| f.origin.as_ref()).map(|o| o.name.clone()).unwrap_or_default();
        let name =
            freight.map(|f| f.name.clone()).or_else(|| promotion.spec.freight.clone()).unwrap_or_default();
        json!({
            "uiBaseUrl": self.ui_base_url,
            "project": promotion.metadata.namespace.clone().unwrap_or_default(),
            "promotion": promotion.metadata.name.clone().unwrap_or_default(),
            "stage": promotion.spec.stage,
            "targetFreight": { "name": name, "alias": self.freight_alias, "origin": { "name": origin } },
            "meta": {
                "promotion": { "actor": actor, "rollback": rollback },
                "step": { "alias": self.alias() },
            },
        })
    }
}

/// Outputs as values. A text that is a whole commit id stays a text, also where all of its digits are decimal: it
/// would become a number otherwise.
fn exact_ids(json: &Json) -> Value {
    match json {
        Json::String(text) if is_id(text) => Value::exact(text.as_str()),
        Json::Array(items) => items.iter().map(exact_ids).collect(),
        Json::Object(fields) => {
            fields.iter().map(|(k, v)| (k.as_str(), exact_ids(v))).collect::<Variables>().into()
        }
        other => Value::from_json(other),
    }
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn record(metadata: &StepExecutionMetadata) -> Record {
    let time = |t: &Option<ferry_api::Time>| match t {
        Some(t) => Value::from(t.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().as_str()),
        None => Value::Nil,
    };
    let status = serde_json::to_value(metadata.status).unwrap_or_default();
    Record::new("StepExecutionMetadata")
        .with("Alias", "alias", metadata.alias.as_str())
        .with("StartedAt", "startedAt", time(&metadata.started_at))
        .with("FinishedAt", "finishedAt", time(&metadata.finished_at))
        .with("ErrorCount", "errorCount", Value::Int(metadata.error_count))
        .with("Status", "status", status.as_str().unwrap_or_default())
        .with("Message", "message", metadata.message.as_str())
        .with("ContinueOnError", "continueOnError", Value::Bool(metadata.continue_on_error))
}
