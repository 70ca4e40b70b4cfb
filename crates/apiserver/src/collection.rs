//! The token with which a client asks for the next page of a list.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::Status;

/// Where a page starts: the list's version and the key after which it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Continue {
    #[serde(rename = "v", default)]
    format: String,
    /// The list's version; `-1`: whatever is there now.
    #[serde(rename = "rv", default)]
    pub(crate) version: i64,
    /// `NAMESPACE/NAME` or `NAME`, and a NUL.
    #[serde(default)]
    start: String,
}

const FORMAT: &str = "meta.k8s.io/v1";

impl Continue {
    pub(crate) fn after(version: i64, key: &str) -> Self {
        Self { format: FORMAT.into(), version, start: format!("{key}\0") }
    }

    pub(crate) fn encode(&self) -> String {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(crate) fn decode(text: &str) -> Result<Self, Status> {
        let bad = |why: &str| {
            Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
        };
        let bytes =
            URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| bad("illegal base64 data"))?;
        let token: Self =
            serde_json::from_slice(&bytes).map_err(|_| bad("it is not a token of this server"))?;
        if token.format != FORMAT {
            return Err(bad(&format!("server does not recognize this encoded version {}", token.format)));
        }
        if token.start.is_empty() || token.start.contains("..") {
            return Err(bad("it has no start key"));
        }
        if token.version == 0 {
            return Err(bad("it has no version"));
        }
        Ok(token)
    }

    /// Whether an object with this key belongs to the pages that follow.
    pub(crate) fn admits(&self, key: &str) -> bool {
        key >= self.start.as_str()
    }
}
