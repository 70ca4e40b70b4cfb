//! Tables (`meta.k8s.io/v1 Table`): the columns `kubectl get` shows, for custom resources by their definition, for
//! built-in kinds from a list here.

mod age;
mod builtin;
mod columns;
mod jsonpath;

pub use columns::Columns;
