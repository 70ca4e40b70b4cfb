//! `ferry get`, `ferry promote`, `ferry crds` and `ferry demo` as processes.

use kube::ResourceExt as _;

use crate::journey::three_stages;
use crate::process::{Ended, ferry};
use crate::world::World;

async fn on(world: &World, arguments: &[&str]) -> Ended {
    let kubeconfig = world.alone.kubeconfig().to_str().unwrap();
    ferry(&[arguments, &["--kubeconfig", kubeconfig]].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn getting_and_promoting_from_the_command_line() {
    let world = World::start().await;
    let freight = world.freight_with(&three_stages(&world).await).await;
    let (id, alias) = (freight.name_any(), freight.alias.clone().unwrap());

    let said = on(&world, &["get", "freight", "-p", "demo"]).await.out;
    assert!(said.starts_with("NAME") && said.contains(&id) && said.contains("Warehouse/app"), "{said}");
    let said = on(&world, &["get", "freight", "-p", "demo", "--alias", &alias, "-o", "name"]).await.out;
    assert_eq!(said, format!("freight.kargo.akuity.io/{id}\n"));
    let said = on(&world, &["get", "stages", "-p", "demo", "--no-headers"]).await.out;
    let names: Vec<_> = said.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(names, ["prod", "test", "uat"]);
    let said = on(&world, &["get", "projects", "demo", "-o", "json"]).await.out;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&said).unwrap()["kind"], "Project");

    let to_test = ["promote", "-p", "demo", "--stage", "test", "--freight-alias", &alias, "--wait"];
    let ended = on(&world, &to_test).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("promotion created") && ended.out.contains("Succeeded"), "{}", ended.out);
    world.stage("test", crate::world::is_healthy).await;
    let verified = |freight: &ferry_api::Freight| {
        freight.status.as_ref().is_some_and(|status| status.verified_in.contains_key("test"))
    };
    ferry_testkit::until(&world.api("demo"), &id, verified).await.unwrap();
    let further = ["promote", "-p", "demo", "--downstream-from", "test", "--freight", &id, "--wait"];
    let ended = on(&world, &further).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("/uat."), "{}", ended.out);
    let said = on(&world, &["get", "promos", "-p", "demo", "--stage", "uat"]).await.out;
    assert!(said.lines().count() == 2 && said.contains("Succeeded"), "{said}");
    let _directory = world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_named_with_what_is() {
    let world = World::start().await;
    let freight = world.freight_with(&three_stages(&world).await).await;
    let (id, alias) = (freight.name_any(), freight.alias.clone().unwrap());
    let promote = |more: &[&'static str]| [&["promote", "-p", "demo"], more].concat();
    let cases: Vec<(Vec<&str>, i32, Vec<&str>)> = vec![
        (vec!["get", "stages", "-p", "nobody"], 1, vec!["Project \"nobody\" not found", "demo"]),
        (vec!["get", "stages"], 1, vec!["--project"]),
        (
            vec!["get", "stages", "absent", "-p", "demo"],
            1,
            vec!["Stage \"absent\" not found", "prod, test, uat"],
        ),
        (
            promote(&["--stage", "absent", "--warehouse", "app"]),
            1,
            vec!["Stage \"absent\"", "prod, test, uat"],
        ),
        (promote(&["--stage", "test", "--freight", "absent"]), 1, vec!["Freight \"absent\"", &alias]),
        (
            promote(&["--stage", "test", "--warehouse", "absent"]),
            1,
            vec!["\"absent\"", "asks for that of app"],
        ),
        (promote(&["--stage", "test"]), 2, vec!["--freight"]),
        (promote(&["--warehouse", "app"]), 2, vec!["--stage"]),
        (promote(&["--abort"]), 2, vec!["--name"]),
        (promote(&["--abort", "--name", "absent"]), 1, vec!["Promotion \"absent\" not found"]),
        (promote(&["--downstream-from", "prod", "--warehouse", "app"]), 1, vec!["from Stage prod"]),
    ];
    for (arguments, code, words) in cases {
        let ended = on(&world, &arguments).await;
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.err);
        assert!(words.iter().all(|word| ended.err.contains(word)), "{arguments:?}: {}", ended.err);
    }
    let ended = on(&world, &["promote", "-p", "demo", "--stage", "prod", "--freight", &id]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("must be verified in uat"), "{}", ended.err);
    let _directory = world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_with_a_table() {
    let ended = ferry(&["demo", "--exit"]).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    for words in ["Application revision", "test", "uat", "prod", "refused, as it must be"] {
        assert!(ended.out.contains(words), "{}", ended.out);
    }
    assert!(ended.err.is_empty(), "{}", ended.err);
}
