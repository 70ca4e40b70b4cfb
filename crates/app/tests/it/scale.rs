//! A large installation.

use ferry_api::{Freight, Promotion, Stage};
use ferry_testkit::{Crowd, until};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ListParams, PostParams};

use crate::process::{Ferry, client_of};

const CROWD: Crowd = Crowd { promotions: 10_000, freight: 5_000, stages: 1_000 };

/// How fast it is says `make bench` (`scale_list_promotions`): a second there, more where nothing is optimised.
#[tokio::test(flavor = "multi_thread")]
async fn fm_61_ten_thousand_promotions_are_listed_whole_in_bounded_memory() {
    let directory = tempfile::tempdir().unwrap();
    CROWD.write(directory.path()).await.unwrap();
    let ferry = Ferry::alone(directory.path()).await;
    let client = client_of(directory.path()).await;
    // The controllers know all of it: a Stage has its status.
    let stages: Api<Stage> = Api::namespaced(client.clone(), "crowd");
    until(&stages, "stage-0999", |stage| stage.status.is_some()).await.unwrap();
    let promotions: Api<Promotion> = Api::namespaced(client.clone(), "crowd");
    let freight: Api<Freight> = Api::namespaced(client.clone(), "crowd");
    let all = ListParams::default();
    for _ in 0..3 {
        assert_eq!(promotions.list_metadata(&all).await.unwrap().items.len(), CROWD.promotions);
        assert_eq!(promotions.list(&all).await.unwrap().items.len(), CROWD.promotions);
        assert_eq!(freight.list(&all).await.unwrap().items.len(), CROWD.freight);
        assert_eq!(stages.list(&all).await.unwrap().items.len(), CROWD.stages);
    }
    // Nobody is held up by it: what others want is answered meanwhile.
    let others: Api<ConfigMap> = Api::namespaced(client, "default");
    let lists = tokio::spawn(async move { while promotions.list(&ListParams::default()).await.is_ok() {} });
    for n in 0..50 {
        let mut object = ConfigMap::default();
        object.metadata.name = Some(format!("meanwhile-{n}"));
        others.create(&PostParams::default(), &object).await.unwrap();
    }
    assert!(!lists.is_finished(), "lists went on all the time");
    lists.abort();
    // Without the program itself, which is many times larger where nothing is optimised.
    let resident = ferry.anonymous();
    assert!(resident <= 250, "{resident} MiB");
    ferry.kill().await;
}
