//! What a cluster's controller manager does: orphans are collected, terminating namespaces emptied, old Events go.

use crate::{Server, accounts, definitions, events, namespaces, owners};

/// Starts the tasks; they end when the server is stopped.
pub(crate) fn start(server: &Server) {
    let stop = server.stopped().clone();
    let owned = server.clone();
    tokio::spawn(async move {
        definitions::settle(&owned).await;
        namespaces::make_default(&owned).await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = owners::collect(&owned) => {}
            () = namespaces::empty(&owned) => {}
            () = accounts::keep(&owned) => {}
            () = events::expire(&owned) => {}
        }
    });
}
