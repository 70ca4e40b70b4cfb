//! What expressions of a Promotion see: its variables (`ctx`, `vars`, `outputs`, …) and its functions
//! (`commitFrom`, `secret`, `status`, …).
//!
//! What a function does not know it asks for with a [`Lookup`]; the caller fetches it, adds it to [`Known`] and
//! evaluates again.

mod artifacts;
mod discovered;
mod environment;
mod lookups;
mod status;
mod verification;

use std::collections::BTreeMap;

use ferry_api::Promotion;
use ferry_api::freight::Image;
use ferry_api::promotion::{StepExecutionMetadata, Variable};
use ferry_api::stage::FreightRequest;
use ferry_expr::{Functions, Interrupt, Lookup};
use jiff::Timestamp;
use serde_json::{Map, Value};

pub use discovered::criteria_functions;
pub use environment::task_of;
pub use verification::verification_arguments;

/// What was looked up so far. A null is something that is known not to exist.
pub type Known = BTreeMap<Lookup, Value>;

/// Kinds of look-ups, by the word in [`Lookup::kind`].
pub mod kind {
    /// A Warehouse of the Project: its `spec.subscriptions`.
    pub const WAREHOUSE: &str = "warehouse";
    /// Freight of the Project: the object.
    pub const FREIGHT: &str = "freight";
    /// A Stage of the Project: the object.
    pub const STAGE: &str = "stage";
    /// A ConfigMap of the Project: its data; null where it is there and holds none, `{}` where it is not there.
    pub const CONFIG_MAP: &str = "configmap";
    /// A Secret of the Project: its data, decoded.
    pub const SECRET: &str = "secret";
    /// A ConfigMap shared by all Projects, likewise.
    pub const SHARED_CONFIG_MAP: &str = "shared-configmap";
    /// A generic Secret shared by all Projects: its data, decoded; `{}` for one of another type.
    pub const SHARED_SECRET: &str = "shared-secret";
}

/// Variables and their values.
pub type Variables = ferry_expr::Map;

/// Where an expression stands.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    /// The Promotion.
    pub promotion: &'a Promotion,
    /// What its Stage asks for.
    pub requests: &'a [FreightRequest],
    /// The alias of its Freight.
    pub freight_alias: &'a str,
    /// Base URL of the user interface.
    pub ui_base_url: &'a str,
    /// The index of the step.
    pub index: usize,
    /// What was looked up.
    pub known: &'a Known,
    /// The time.
    pub now: Timestamp,
}

/// Why an evaluation gave nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// It is wrong; in words.
    Failed(String),
    /// Something must be looked up first.
    Need(Lookup),
}

fn stop(what: &str, stop: ferry_expr::Stop) -> Stop {
    match stop {
        ferry_expr::Stop::Failed(error) => Stop::Failed(format!("{what}: {error}")),
        ferry_expr::Stop::Need(lookup) => Stop::Need(lookup),
    }
}

impl Scope<'_> {
    /// A step's evaluated config: an object.
    pub fn config(&self, config: Option<&Value>) -> Result<Value, Stop> {
        // A step without a config needs no variables, not even valid ones.
        let Some(config) = config.filter(|c| !c.is_null()) else { return Ok(Value::Object(Map::new())) };
        if !config.is_object() {
            return Err(Stop::Failed("a step's config must be an object".to_owned()));
        }
        let env = self.environment()?;
        ferry_expr::evaluate_json_template(config, &env, &self.functions(true)).map_err(|e| stop("config", e))
    }

    /// Whether a step's `if` lets it run.
    pub fn condition(&self, text: &str) -> Result<bool, Stop> {
        let env = self.environment()?;
        let value =
            ferry_expr::evaluate_template(text, &env, &self.functions(true)).map_err(|e| stop("if", e))?;
        value.as_bool().ok_or_else(|| {
            let (kind, shown) = (value.type_name().to_owned(), value.display());
            Stop::Failed(format!("`if` must come out as true or false, not as {kind} {shown}"))
        })
    }

    /// The images of the Freight, for a step that is told of none.
    pub fn images(&self) -> Result<Vec<Image>, Stop> {
        artifacts::images(self).map_err(|interrupt| match interrupt {
            Interrupt::Failed(message) => Stop::Failed(message),
            Interrupt::Need(lookup) => Stop::Need(lookup),
        })
    }

    /// The variables, evaluated in order: later ones win and may use earlier ones.
    pub fn vars(&self) -> Result<Variables, Stop> {
        let mut vars = Variables::new();
        self.add_vars(&mut vars, &self.promotion.spec.vars, &self.base_environment(), "promotion variable")?;
        if let Some(step) = self.promotion.spec.steps.get(self.index) {
            self.add_vars(&mut vars, &step.vars, &self.step_environment(), "step variable")?;
        }
        Ok(vars)
    }

    fn add_vars(
        &self,
        vars: &mut Variables,
        list: &[Variable],
        base: &Variables,
        what: &str,
    ) -> Result<(), Stop> {
        let functions = self.functions(false);
        for variable in list {
            let env = base.clone().with("vars", vars.clone());
            let value = ferry_expr::evaluate_template(&variable.value, &env, &functions)
                .map_err(|e| stop(&format!("{what} {:?}", variable.name), e))?;
            vars.insert(variable.name.as_str(), value);
        }
        Ok(())
    }

    fn functions(&self, with_status: bool) -> Functions {
        let mut functions = Functions::utility(self.now);
        artifacts::add(&mut functions, self);
        lookups::add(&mut functions, self);
        if with_status {
            status::add(&mut functions, self);
        }
        functions
    }

    /// The record of the step at an alias.
    fn metadata(&self) -> &[StepExecutionMetadata] {
        self.promotion.status.as_ref().map(|s| s.step_execution_metadata.as_slice()).unwrap_or_default()
    }
}
