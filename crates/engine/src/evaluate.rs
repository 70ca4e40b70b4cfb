//! Evaluates a step's expressions, fetching what they ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferry_api::freight::Image;
use ferry_api::stage::FreightRequest;
use ferry_api::{Freight, Promotion, Stage};
use ferry_expr::Lookup;
use ferry_planner::expressions::{Known, Scope, Stop, kind};
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Map, Value};

use crate::context::Settings;
use crate::world::{self, World};

/// How many things one evaluation may ask for.
const LOOKUPS: usize = 64;

/// Why an evaluation gave nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The expression is wrong, or asks for what is not there.
    #[error("{0}")]
    Failed(String),
    /// Something could not be fetched; trying again may help.
    #[error(transparent)]
    World(#[from] world::Error),
}

/// What every expression of a Promotion may use of its Stage and its Freight.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    requests: Vec<FreightRequest>,
    alias: String,
}

impl Facts {
    /// Of the objects as they are.
    pub fn of(stage: Option<Stage>, freight: Option<Freight>) -> Self {
        Self {
            requests: stage.map(|s| s.spec.requested_freight).unwrap_or_default(),
            alias: freight.and_then(|f| f.alias).unwrap_or_default(),
        }
    }

    /// Fetches them.
    pub async fn fetch(world: &dyn World, promotion: &Promotion) -> Result<Self, world::Error> {
        let project = promotion.metadata.namespace.as_deref().unwrap_or_default();
        let stage = world.stage(project, &promotion.spec.stage).await?;
        let name = promotion.spec.freight.as_deref().unwrap_or_default();
        let freight = if name.is_empty() { None } else { world.freight(project, name).await? };
        Ok(Self::of(stage, freight))
    }
}

/// Evaluates the expressions of one Promotion's steps.
pub struct Evaluator {
    world: Arc<dyn World>,
    settings: Arc<Settings>,
    promotion: Arc<Promotion>,
    facts: Arc<Facts>,
}

impl Evaluator {
    /// With what is known of the Promotion's surroundings.
    pub fn new(
        world: Arc<dyn World>,
        settings: Arc<Settings>,
        promotion: Arc<Promotion>,
        facts: Arc<Facts>,
    ) -> Self {
        Self { world, settings, promotion, facts }
    }

    /// Whether a step's `if` lets it run.
    pub async fn condition(&self, index: usize, text: &str, now: Timestamp) -> Result<bool, Error> {
        self.evaluate(index, now, |scope| scope.condition(text)).await
    }

    /// A step's config with its templates evaluated: an object.
    pub async fn config(&self, index: usize, now: Timestamp) -> Result<Value, Error> {
        let config = self.promotion.spec.steps.get(index).and_then(|s| s.config.as_ref());
        self.evaluate(index, now, |scope| scope.config(config)).await
    }

    /// The images of the Promotion's Freight, each from the one Warehouse that subscribes to it.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method alone fits one lifetime only")]
    pub async fn images(&self) -> Result<Vec<Image>, Error> {
        self.evaluate(0, self.world.now(), |scope| scope.images()).await
    }

    async fn evaluate<T>(
        &self,
        index: usize,
        now: Timestamp,
        ask: impl Fn(&Scope<'_>) -> Result<T, Stop>,
    ) -> Result<T, Error> {
        let mut known = Known::new();
        for _ in 0..LOOKUPS {
            let scope = Scope {
                promotion: &self.promotion,
                requests: &self.facts.requests,
                freight_alias: &self.facts.alias,
                ui_base_url: &self.settings.ui_base_url,
                index,
                known: &known,
                now,
            };
            match ask(&scope) {
                Ok(answer) => return Ok(answer),
                Err(Stop::Failed(message)) => return Err(Error::Failed(message)),
                Err(Stop::Need(lookup)) => {
                    let found = self.fetch(&lookup).await?;
                    known.insert(lookup, found);
                }
            }
        }
        Err(Error::Failed(format!("the expressions of one step ask for more than {LOOKUPS} things")))
    }

    async fn fetch(&self, lookup: &Lookup) -> Result<Value, world::Error> {
        let project = self.promotion.metadata.namespace.as_deref().unwrap_or_default();
        let shared = self.settings.shared_resources_namespace.as_str();
        let name = lookup.name.as_str();
        let json = |value: Option<Value>| value.unwrap_or(Value::Null);
        Ok(match lookup.kind.as_str() {
            kind::WAREHOUSE => {
                json(self.world.warehouse_subscriptions(project, name).await?.map(Value::Array))
            }
            kind::FREIGHT => {
                json(self.world.freight(project, name).await?.and_then(|f| serde_json::to_value(f).ok()))
            }
            kind::STAGE => {
                json(self.world.stage(project, name).await?.and_then(|s| serde_json::to_value(s).ok()))
            }
            kind::CONFIG_MAP => {
                self.world.config_map(project, name).await?.map_or_else(|| texts(BTreeMap::new()), data)
            }
            kind::SHARED_CONFIG_MAP => {
                self.world.config_map(shared, name).await?.map_or_else(|| texts(BTreeMap::new()), data)
            }
            kind::SECRET => {
                bytes(&self.world.secret(project, name).await?.and_then(|s| s.data).unwrap_or_default())
            }
            kind::SHARED_SECRET => {
                let secret = self.world.secret(shared, name).await?.filter(|secret| {
                    let labels = secret.metadata.labels.as_ref();
                    let kind = labels.and_then(|l| l.get(ferry_api::names::label::CREDENTIAL_TYPE));
                    kind.is_some_and(|k| k == "generic")
                });
                bytes(&secret.and_then(|s| s.data).unwrap_or_default())
            }
            _ => Value::Null,
        })
    }
}

fn data(map: ConfigMap) -> Value {
    map.data.map_or(Value::Null, texts)
}

fn texts(data: BTreeMap<String, String>) -> Value {
    Value::Object(data.into_iter().map(|(k, v)| (k, Value::String(v))).collect::<Map<_, _>>())
}

fn bytes(data: &BTreeMap<String, ByteString>) -> Value {
    let text = |bytes: &ByteString| Value::String(String::from_utf8_lossy(&bytes.0).into_owned());
    Value::Object(data.iter().map(|(k, v)| (k.clone(), text(v))).collect::<Map<_, _>>())
}
