//! What a client's error says to a person who types commands.

use anyhow::anyhow;

/// The server's own words, or why it could not be asked.
pub(crate) fn told(error: kube::Error) -> anyhow::Error {
    match error {
        kube::Error::Api(status) => anyhow!("{}", status.message),
        other => anyhow::Error::new(other).context("the API server cannot be asked (is Ferry up?)"),
    }
}
