//! The Kubernetes wire protocol over the store: discovery, CRUD, patches, watch. Knows no promotion word.
//!
//! [`Server`] makes `axum` routers: one that has an identity already (for an in-process client) and one that asks
//! for credentials (for sockets). What is written goes decode → mutate → default, prune → validate → store.

mod accept;
mod accounts;
pub mod admission;
pub mod authentication;
pub mod authorization;
mod background;
mod catalog;
mod collection;
mod definitions;
mod discovery;
mod documents;
mod events;
mod fairness;
mod handler;
mod health;
pub mod identity;
mod kinds;
mod meta;
mod names;
mod namespaces;
pub mod openapi;
mod options;
mod owners;
mod ownership;
pub mod patch;
mod path;
mod resource;
mod respond;
mod reviews;
mod roles;
pub mod schema;
mod schemaless;
pub mod selector;
mod serve;
mod server;
pub mod status;
pub mod table;
mod tls;
mod tokens;
mod verbs;

pub use admission::Admission;
pub use authentication::{Authenticator, StaticTokens};
pub use authorization::{Authorizer, MastersOnly};
pub use fairness::Seats;
pub use identity::Identity;
pub use roles::Roles;
pub use schemaless::Schemaless;
pub use serve::{Limits, kubeconfig, serve};
pub use server::{Options, Server};
pub use status::Status;
pub use tls::{Certificates, Error as TlsError};
pub use tokens::{KeyError, SigningKey};
