//! What is sent to a registry with a request.

use std::sync::Mutex;

use bytes::Bytes;
use ferry_net::Payload;
use tokio::sync::mpsc;

/// What is sent after the headers.
#[derive(Debug)]
pub enum Body {
    /// This, as often as it is asked for.
    Bytes(Vec<u8>),
    /// What comes through a channel, which is so once.
    Coming(Mutex<Option<mpsc::Receiver<Bytes>>>),
}

impl Default for Body {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

impl Body {
    /// Of what comes through a channel.
    pub fn coming(pieces: mpsc::Receiver<Bytes>) -> Self {
        Self::Coming(Mutex::new(Some(pieces)))
    }

    /// What is to be sent. What has come and gone ends at once, so that a request that promised more breaks off.
    pub fn payload(&self) -> Payload {
        match self {
            Self::Bytes(bytes) => bytes.clone().into(),
            Self::Coming(pieces) => {
                let pieces = pieces.lock().ok().and_then(|mut pieces| pieces.take());
                pieces.unwrap_or_else(|| mpsc::channel(1).1).into()
            }
        }
    }
}
