//! ClusterConfig: there is one.

use ferry_api::ClusterConfig;

use crate::outcome::{Cause, Reviewed};
use crate::receivers;
use crate::request::{Operation, Request};

const NAME: &str = "cluster";

/// Its name, and the receivers.
pub(crate) fn validate(request: &Request<'_>) -> Reviewed<()> {
    if request.operation == Operation::Delete {
        return Ok(());
    }
    let config: ClusterConfig = request.typed()?;
    let mut causes = Vec::new();
    let name = request.object_name();
    if name != NAME {
        causes.push(Cause::invalid(
            "metadata.name",
            name,
            format!("it must be {NAME:?}: there is one for all"),
        ));
    }
    if let Some(spec) = &config.spec {
        receivers::check(&spec.webhook_receivers, &mut causes);
    }
    request.accept(causes)
}
