//! Why contents did not come or go. Servers are named without what may be a secret.

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server could not be reached, or broke off.
    #[error("{server} cannot be reached: {why}")]
    Unreachable {
        /// Scheme, host and port.
        server: String,
        /// Why.
        why: String,
    },
    /// It wants to know who we are, or knows and does not let us.
    #[error("{server} refuses it ({status}): check the credential of the repository")]
    Denied {
        /// Scheme, host and port.
        server: String,
        /// How it said so.
        status: u16,
    },
    /// It answered something else.
    #[error("{server} answered {status}{said}")]
    Status {
        /// Scheme, host and port.
        server: String,
        /// The status.
        status: u16,
        /// What it said, after a colon.
        said: String,
    },
    /// The answer is none.
    #[error("{server}: {why}")]
    Wrong {
        /// Scheme, host and port.
        server: String,
        /// What is wrong with it.
        why: String,
    },
    /// One content.
    #[error("object {oid}: {why}")]
    Object {
        /// Its SHA-256.
        oid: String,
        /// What is wrong with it.
        why: String,
        /// Whether it may come or go if the server is asked anew where.
        again: bool,
    },
    /// All of it took too long.
    #[error("{server} did not do it within {seconds} s")]
    Late {
        /// Scheme, host and port.
        server: String,
        /// How long it had.
        seconds: u64,
    },
}
