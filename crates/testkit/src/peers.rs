//! Peers that misbehave.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A server that accepts connections and never says a word.
#[derive(Debug)]
pub struct Silent {
    address: SocketAddr,
    accepted: watch::Receiver<usize>,
    accepting: JoinHandle<()>,
}

impl Silent {
    /// Listens on a free port of 127.0.0.1.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (count, accepted) = watch::channel(0);
        let accepting = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.push(stream);
                count.send_replace(open.len());
            }
        });
        Ok(Self { address, accepted, accepting })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns when somebody has connected.
    pub async fn until_called(&mut self) -> Result<()> {
        self.accepted.wait_for(|count| *count > 0).await?;
        Ok(())
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
