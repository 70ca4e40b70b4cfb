//! OpenAPI documents, one a group version (v3) or one of all (v2): as much as `kubectl` needs to apply, create, explain and diff, made from
//! the schemas of definitions and, for built-in kinds, from their types.

mod builtin;
mod document;
mod operations;
mod v2;
mod wire;

pub(crate) use builtin::documentation;
pub use builtin::inlined as builtin_schema;
pub use document::{Resource, hash, v3_document, v3_index};
pub use v2::v2_document;
pub use wire::v2_wire;
