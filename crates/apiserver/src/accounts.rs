//! Every namespace has a ServiceAccount `default`: made with the namespace, and again when somebody deletes it.

use ferry_store::{Key, Scope, Start, WriteError};
use serde_json::json;

use crate::kinds::NAMESPACES;
use crate::tokens::ACCOUNTS;
use crate::{Server, meta};

const NAME: &str = "default";

/// Keeps them there, for ever.
pub(crate) async fn keep(server: &Server) {
    loop {
        let namespaces = server.store().subscribe(Scope::all(NAMESPACES), Start::Now);
        let accounts = server.store().subscribe(Scope::all(ACCOUNTS), Start::Now);
        let (Ok(mut namespaces), Ok(mut accounts)) = (namespaces, accounts) else {
            return std::future::pending().await;
        };
        for namespace in std::mem::take(&mut namespaces.initial) {
            ensure(server, &namespace.key.name).await;
        }
        drop(std::mem::take(&mut accounts.initial));
        // Ends when a watch was too slow: start over.
        loop {
            let name = tokio::select! {
                event = namespaces.next() => match event {
                    Some(event) if event.previous.is_none() => event.object.key.name.clone(),
                    Some(_) => continue,
                    None => break,
                },
                event = accounts.next() => match event {
                    Some(event) if event.deleted && event.object.key.name == NAME => {
                        event.object.key.namespace.clone()
                    }
                    Some(_) => continue,
                    None => break,
                },
            };
            ensure(server, &name).await;
        }
        if server.store().is_closed() {
            return std::future::pending().await;
        }
        tokio::task::yield_now().await;
    }
}

async fn ensure(server: &Server, namespace: &str) {
    let home = server.store().get(&Key::new(NAMESPACES, "", namespace));
    let Some(home) = home.filter(|home| !meta::is_terminating(&home.value())) else { return };
    let key = Key::new(ACCOUNTS, namespace, NAME);
    if server.store().get(&key).is_some() {
        return;
    }
    let Some(resource) = server.catalog().at(ACCOUNTS).cloned() else { return };
    let mut object = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME}});
    meta::begin(&mut object, &resource, Some(namespace));
    let guard = ferry_store::Guard { key: home.key.clone(), version: home.version };
    match server.store().create(key, object, vec![guard]).await {
        Ok(_) | Err(WriteError::Exists(_)) => {}
        // The namespace changed meanwhile: look again.
        Err(WriteError::Guard(_)) => Box::pin(ensure(server, namespace)).await,
        Err(error) => tracing::warn!(%error, namespace, "cannot make the default service account"),
    }
}
