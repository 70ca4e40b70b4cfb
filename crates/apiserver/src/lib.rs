//! The Kubernetes wire protocol over the store: discovery, CRUD, patches, watch. Knows no promotion word.

pub mod patch;
pub mod schema;
pub mod selector;
pub mod table;
