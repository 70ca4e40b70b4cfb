//! The right to promote: the verb `promote` on the Stage.

use crate::lookup::{Resource, Snapshot};
use crate::outcome::{Denial, Reviewed};
use crate::request::Request;

/// Refuses users who may not promote to a Stage.
pub(super) fn promote(request: &Request<'_>, known: &Snapshot, stage: &str, what: &str) -> Reviewed<()> {
    let user = request.user;
    if user.bypasses_promote || known.may("promote", Resource::Stage, request.namespace, stage)? {
        return Ok(());
    }
    let why = format!(
        "user {:?} may not {what} Promotions to Stage {stage:?}: grant the verb promote on it",
        user.name
    );
    Err(request.deny(Denial::forbidden(request.group, "promotions", request.object_name(), &why)))
}
