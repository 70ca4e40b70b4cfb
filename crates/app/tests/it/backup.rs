//! A copy taken while Ferry works, put back, and used by another Ferry.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::json;

use crate::process::{Ferry, client_of, ferry};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_backed_up_is_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let (data, copy, other) =
        (directory.path().join("data"), directory.path().join("copy.db"), directory.path().join("other"));
    let at_work = Ferry::alone(&data).await;
    let api: Api<ConfigMap> = Api::namespaced(client_of(&data).await, "default");
    let object: ConfigMap =
        serde_json::from_value(json!({"metadata": {"name": "kept"}, "data": {"a": "1"}})).unwrap();
    let made = api.create(&PostParams::default(), &object).await.unwrap();

    let (data_text, copy_text) = (data.to_str().unwrap(), copy.to_str().unwrap());
    let backup = ferry(&["backup", copy_text, "--data-dir", data_text]).await;
    assert_eq!(backup.code, Some(0), "{}", backup.err);
    let again = ferry(&["backup", copy_text, "--data-dir", data_text]).await;
    assert!(again.code == Some(1) && again.err.contains("is there already"), "{}", again.err);
    api.delete("kept", &DeleteParams::default()).await.unwrap();
    let over = ferry(&["restore", copy_text, "--data-dir", data_text]).await;
    assert!(over.code == Some(1) && over.err.contains("is there already"), "{}", over.err);

    let restored = ferry(&["restore", copy_text, "--data-dir", other.to_str().unwrap()]).await;
    assert_eq!(restored.code, Some(0), "{}", restored.err);
    let second = Ferry::alone(&other).await;
    let api: Api<ConfigMap> = Api::namespaced(client_of(&other).await, "default");
    assert_eq!(api.get("kept").await.unwrap(), made);
    drop((at_work, second));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_named_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let at_work = Ferry::alone(&data).await;
    at_work.kill().await;
    for side in ["-wal", "-shm"] {
        let _none = std::fs::remove_file(data.join(format!("ferry.db{side}")));
    }
    std::fs::write(data.join("ferry.db"), vec![7; 10_000]).unwrap();
    let ended = ferry(&["up", "--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]).await;
    assert!(ended.code == Some(1) && ended.err.contains("is damaged"), "{}", ended.err);
    assert!(ended.err.contains("ferry restore"), "{}", ended.err);
}
