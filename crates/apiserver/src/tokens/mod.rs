//! Tokens of ServiceAccounts: asked for, signed, limited in time and to an audience, and worth nothing once the
//! account or what they are bound to is gone.

mod jws;
mod request;
mod verify;

pub use jws::{Error as KeyError, SigningKey};
pub(crate) use request::{answer, is_about};
pub(crate) use verify::{ACCOUNTS, identify};

/// Who issues them, and the audience of those that name none: what a real server is called by default.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc";
/// Begins the name of every ServiceAccount's user.
pub(crate) const USER: &str = "system:serviceaccount:";
