//! The compiled schema of one version of a custom resource: built when its definition changes, used by every request.

use serde_json::Value;

use super::{
    Cause, CauseReason, defaults,
    depth::{MAX_DEPTH, within},
    node::Node,
    number,
    path::Path,
    prune, rules, validate,
};

/// A compiled `openAPIV3Schema`.
#[derive(Debug)]
pub struct Structural {
    root: Node,
    keep_unknown: bool,
}

impl Structural {
    /// Compiles a schema. With `preserve_unknown_fields` (of the definition's spec) nothing is ever pruned.
    pub fn compile(openapi_v3_schema: &Value, preserve_unknown_fields: bool) -> Result<Self, Vec<Cause>> {
        let mut causes = Vec::new();
        let at = Path::Root.child("openAPIV3Schema");
        let root = Node::compile(openapi_v3_schema, at, 0, &mut causes);
        if causes.is_empty() { Ok(Self { root, keep_unknown: preserve_unknown_fields }) } else { Err(causes) }
    }

    /// [`Structural::prune`] and the defaults in one; without `drop_nulls` the client must hear of its nulls.
    pub(crate) fn tidy(&self, object: &mut Value, drop_nulls: bool) -> Vec<String> {
        if !within(object, MAX_DEPTH) {
            return Vec::new();
        }
        let unknown = if self.keep_unknown { Vec::new() } else { prune::prune(&self.root, object) };
        number::whole_numbers(object);
        if drop_nulls {
            defaults::apply(&self.root, object);
        } else {
            defaults::fill_in(&self.root, object);
        }
        unknown
    }

    /// Drops what the schema does not know and returns the paths of what was dropped (`spec.slots[0].colour`).
    pub fn prune(&self, object: &mut Value) -> Vec<String> {
        if self.keep_unknown || !within(object, MAX_DEPTH) {
            return Vec::new();
        }
        prune::prune(&self.root, object)
    }

    /// Fills in defaults. Nulls that the schema does not allow become the default, or go where there is none; whole
    /// doubles become integers.
    pub fn apply_defaults(&self, object: &mut Value) {
        if within(object, MAX_DEPTH) {
            number::whole_numbers(object);
            defaults::apply(&self.root, object);
        }
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    /// Everything that is wrong with an object; with `old`, what the update left as it was is forgiven.
    pub fn validate(&self, new: &Value, old: Option<&Value>) -> Vec<Cause> {
        if !within(new, MAX_DEPTH) {
            let detail = format!("the object is nested deeper than {MAX_DEPTH} levels");
            return vec![Cause::new(CauseReason::Invalid, Cause::NOWHERE, detail)];
        }
        let mut causes = validate::check(&self.root, new, old);
        if !self.root.below.rules {
            return causes;
        }
        if causes.iter().any(|cause| cause.reason.blocks_rules()) {
            let detail = "null: the validation rules were not evaluated because the object is invalid; correct the other errors first";
            causes.push(Cause::new(CauseReason::Invalid, Cause::NOWHERE, detail));
        } else {
            causes.extend(rules::check(&self.root, new, old));
        }
        causes
    }
}

#[cfg(test)]
mod tests;
