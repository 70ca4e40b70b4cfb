//! All that a step may reach: who it runs for, the work directory, shared services, credentials, the ledger.

use std::any::Any;
use std::sync::Arc;

use ferry_api::Promotion;
use ferry_api::freight::Image;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::evaluate::{Evaluator, Facts};
use crate::ledger::Recorder;
use crate::work::WorkDir;
use crate::world::World;
use crate::{Services, StepError};

/// Settings of this process that steps look at.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Namespace of Secrets and ConfigMaps shared by all Projects.
    pub shared_resources_namespace: String,
    /// Namespace of Ferry's own Secrets.
    pub system_resources_namespace: String,
    /// Where Applications are when a step does not say.
    pub argocd_namespace: String,
    /// Whether credentials go over plain HTTP.
    pub credentials_over_http: bool,
    /// How many bytes `oci-push` may carry from one repository to another; none for as many as there are.
    pub oci_push_bytes: Option<u64>,
    /// Base URL of the user interface, for links.
    pub ui_base_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shared_resources_namespace: "kargo-shared-resources".to_owned(),
            system_resources_namespace: "kargo-system-resources".to_owned(),
            argocd_namespace: "argocd".to_owned(),
            credentials_over_http: false,
            oci_push_bytes: Some(1 << 30),
            ui_base_url: String::new(),
        }
    }
}

/// All that one attempt of one step may reach.
#[derive(Clone)]
pub struct StepContext {
    /// The Project, which is the namespace.
    pub project: String,
    /// The Stage.
    pub stage: String,
    /// The Promotion's name.
    pub promotion: String,
    /// Who asked for the Promotion; nobody where Ferry did.
    pub actor: Option<String>,
    /// The step's alias.
    pub alias: String,
    /// Which attempt this is, from 1; of a step that changes nothing outside always 1.
    pub attempt: i64,
    /// Whether an earlier run began this attempt and did not end it: it may have had its effect.
    pub is_resumed: bool,
    /// When the attempt began: a step's `now()`, which stays the same when it is replayed.
    pub started_at: Timestamp,
    /// When the step's time is over.
    pub deadline: Option<Timestamp>,
    /// The step's own output of an earlier attempt.
    pub previous: Option<Value>,
    /// Outputs of all steps by alias.
    pub outputs: Arc<Map<String, Value>>,
    /// The work directory.
    pub work: WorkDir,
    /// Settings of this process.
    pub settings: Arc<Settings>,
    /// Cancelled when the Promotion is stopped or the process ends: end soon, keep nothing half done.
    pub cancelled: CancellationToken,
    /// The ledger.
    pub ledger: Arc<dyn Recorder>,
    /// The Promotion as it was when the attempt began.
    pub(crate) subject: Arc<Promotion>,
    pub(crate) services: Services,
    pub(crate) world: Arc<dyn World>,
}

/// What a [`StepContext`] is made of besides its public fields.
pub struct Surroundings {
    /// The Promotion.
    pub subject: Arc<Promotion>,
    /// Shared services.
    pub services: Services,
    /// The world.
    pub world: Arc<dyn World>,
}

impl StepContext {
    /// A context for nobody yet: whoever makes it fills in the fields that say whom it is for.
    pub fn new(work: WorkDir, ledger: Arc<dyn Recorder>, around: Surroundings) -> Self {
        Self {
            project: String::new(),
            stage: String::new(),
            promotion: String::new(),
            actor: None,
            alias: String::new(),
            attempt: 1,
            is_resumed: false,
            started_at: around.world.now(),
            deadline: None,
            previous: None,
            outputs: Arc::default(),
            work,
            settings: Arc::default(),
            cancelled: CancellationToken::new(),
            ledger,
            subject: around.subject,
            services: around.services,
            world: around.world,
        }
    }

    /// The shared thing of type `T`.
    pub fn service<T: Any + Send + Sync>(&self) -> Result<Arc<T>, StepError> {
        self.services.get::<T>().ok_or_else(|| {
            StepError::Fatal(format!("this installation has no {}", std::any::type_name::<T>()))
        })
    }

    /// The images of the Promotion's Freight. It is an error where several Warehouses could be meant.
    pub async fn images(&self) -> Result<Vec<Image>, StepError> {
        let retryable =
            |e: String| StepError::Retryable(format!("cannot tell the images of the Freight: {e}"));
        let facts = Facts::fetch(self.world.as_ref(), &self.subject).await;
        let facts = Arc::new(facts.map_err(|e| retryable(e.to_string()))?);
        let evaluator =
            Evaluator::new(self.world.clone(), self.settings.clone(), self.subject.clone(), facts);
        evaluator.images().await.map_err(|e| retryable(e.to_string()))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.world.now()
    }
}
