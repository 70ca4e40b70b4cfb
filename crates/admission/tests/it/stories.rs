//! What users meet, told in a few objects.

use ferry_admission::User;
use serde_json::{Value, json};

use crate::cluster::{Cluster, user};

const PROJECT: &str = "shop";

fn ours(kind: &str, name: &str, rest: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "kargo.akuity.io/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": PROJECT},
    });
    for (field, value) in rest.as_object().unwrap() {
        object[field] = value.clone();
    }
    object
}

fn stage(name: &str, sources: &Value) -> Value {
    let requests = json!([{"origin": {"kind": "Warehouse", "name": "main"}, "sources": sources}]);
    let template = json!({"spec": {"steps": [{"uses": "fail"}]}});
    ours("Stage", name, &json!({"spec": {"requestedFreight": requests, "promotionTemplate": template}}))
}

fn freight(commit: &str) -> Value {
    let commits = json!([{"repoURL": "https://git.example/shop", "id": commit}]);
    let origin = json!({"kind": "Warehouse", "name": "main"});
    let at = format!("2026-05-0{}T00:00:00Z", commit.len());
    ours("Freight", "any", &json!({"commits": commits, "origin": origin, "discoveredAt": at}))
}

fn promotion(stage: &str, freight: &Value) -> Value {
    ours("Promotion", "any", &json!({"spec": {"stage": stage, "freight": freight["metadata"]["name"]}}))
}

/// A Project with a Warehouse, Stage `test` and two pieces of Freight, the older first.
fn shop() -> (Cluster, Value, Value) {
    let mut cluster = Cluster::new("2026-06-01T00:00:00Z".parse().unwrap());
    let admin = user(None);
    let subscriptions = json!([{"git": {"repoURL": "https://git.example/shop.git"}}]);
    let mut project = ours("Project", PROJECT, &json!({}));
    project["metadata"].as_object_mut().unwrap().remove("namespace");
    for object in [
        project,
        ours("Warehouse", "main", &json!({"spec": {"subscriptions": subscriptions}})),
        stage("test", &json!({"direct": true})),
    ] {
        cluster.create(&object, &admin, false).unwrap();
    }
    let older = cluster.create(&freight("a"), &admin, false).unwrap();
    let newer = cluster.create(&freight("bb"), &admin, false).unwrap();
    (cluster, older, newer)
}

fn annotation(object: &Value, key: &str) -> Value {
    object["metadata"]["annotations"][format!("kargo.akuity.io/{key}")].clone()
}

#[test]
fn fm_18_whoever_makes_a_promotion_is_recorded() {
    let (mut cluster, older, _) = shop();
    let by = |cluster: &mut Cluster, user: &User, claimed: Option<&str>| {
        let mut promotion = promotion("test", &older);
        if let Some(actor) = claimed {
            promotion["metadata"]["annotations"] = json!({"kargo.akuity.io/create-actor": actor});
        }
        annotation(&cluster.create(&promotion, user, false).unwrap(), "create-actor")
    };
    let api = user(Some("system:serviceaccount:kargo:kargo-api"));
    let robot = User { name: "system:serviceaccount:ci:robot".into(), ..user(None) };
    assert_eq!(by(&mut cluster, &user(None), Some("admin")), "kubernetes:admin");
    assert_eq!(by(&mut cluster, &robot, None), "kubernetes:system:serviceaccount:ci:robot");
    assert_eq!(by(&mut cluster, &api, Some("email:ada@example.org")), "email:ada@example.org");
    assert_eq!(by(&mut cluster, &api, None), Value::Null);
}

#[test]
fn fm_10_an_older_choice_of_a_person_is_marked_to_be_held() {
    let (mut cluster, older, newer) = shop();
    let policies = json!({"spec": {"promotionPolicies": [{"stage": "test", "autoPromotionEnabled": true}]}});
    cluster.create(&ours("ProjectConfig", PROJECT, &policies), &user(None), false).unwrap();
    let of = |cluster: &mut Cluster, freight: &Value| {
        let made = cluster.create(&promotion("test", freight), &user(None), false).unwrap();
        (annotation(&made, "auto-promotion-hold"), annotation(&made, "auto-promotion-resume"))
    };
    assert_eq!(of(&mut cluster, &older), (json!("Warehouse/main"), Value::Null));
    assert_eq!(of(&mut cluster, &newer), (Value::Null, json!("Warehouse/main")));
}

#[test]
fn an_origin_stands_for_what_auto_promotion_would_take() {
    let (mut cluster, _, newer) = shop();
    let mut asked = promotion("test", &Value::Null);
    asked["spec"] = json!({"stage": "test", "origin": {"kind": "Warehouse", "name": "main"}});
    let made = cluster.create(&asked, &user(None), false).unwrap();
    assert_eq!(made["spec"]["freight"], newer["metadata"]["name"]);
    assert_eq!(made["spec"].get("origin"), None);
}

#[test]
fn who_may_not_promote_is_told_what_to_grant() {
    let (mut cluster, older, _) = shop();
    let denial = cluster.create(&promotion("test", &older), &user(Some("bob")), false).unwrap_err();
    assert_eq!((denial.code, denial.reason), (403, "Forbidden"));
    assert!(denial.message.contains("grant the verb promote"), "{denial}");
}

#[test]
fn freight_that_a_stage_has_cannot_be_deleted() {
    let (mut cluster, older, newer) = shop();
    let item = json!({"name": older["metadata"]["name"], "origin": older["origin"]});
    let history = json!([{"id": "1", "items": {"Warehouse/main": item}}]);
    let stage = cluster.find("Stage", PROJECT, "test").unwrap().clone();
    cluster.patch(&stage, &json!({"status": {"freightHistory": history}}), "status", &user(None)).unwrap();
    let denial = cluster.delete(&older, &user(None)).unwrap_err();
    assert_eq!(denial.code, 403);
    assert!(denial.message.contains("\"test\""), "{denial}");
    cluster.delete(&newer, &user(None)).unwrap();
}

#[test]
fn a_promotion_whose_stage_is_gone_can_still_lose_its_finalizer() {
    let (mut cluster, older, _) = shop();
    let mut made = cluster.create(&promotion("test", &older), &user(None), false).unwrap();
    let stage = cluster.find("Stage", PROJECT, "test").unwrap().clone();
    cluster.delete(&stage, &user(None)).unwrap();
    made["metadata"]["finalizers"] = json!([]);
    assert_eq!(cluster.update(&made, "", &user(None)).unwrap_err().causes[0].field, "spec.stage");
    made["metadata"]["deletionTimestamp"] = "2026-06-01T00:00:00Z".into();
    cluster.update(&made, "", &user(None)).unwrap();
}

#[test]
fn a_dry_run_makes_no_namespace() {
    let mut cluster = Cluster::new("2026-06-01T00:00:00Z".parse().unwrap());
    let project = json!({
        "apiVersion": "kargo.akuity.io/v1alpha1", "kind": "Project", "metadata": {"name": PROJECT},
    });
    cluster.create(&project, &user(None), true).unwrap();
    assert!(cluster.find("Namespace", "", PROJECT).is_none());
    cluster.create(&project, &user(None), false).unwrap();
    let namespace = cluster.find("Namespace", "", PROJECT).unwrap();
    assert_eq!(namespace["metadata"]["labels"]["kargo.akuity.io/project"], "true");
}

#[test]
fn an_expression_that_is_none_is_refused_where_it_is_new() {
    let (mut cluster, ..) = shop();
    let mut warehouse = cluster.find("Warehouse", PROJECT, "main").unwrap().clone();
    warehouse["spec"]["freightCreationCriteria"] = json!({"expression": "1 +"});
    warehouse["spec"]["subscriptions"][0]["git"]["expressionFilter"] = "subject contains".into();
    let denial = cluster.update(&warehouse, "", &user(None)).unwrap_err();
    let fields: Vec<&str> = denial.causes.iter().map(|cause| cause.field.as_str()).collect();
    assert_eq!(
        fields,
        ["spec.freightCreationCriteria.expression", "spec.subscriptions[0].git.expressionFilter"]
    );

    // It stands already, from before anybody looked.
    cluster.objects.retain(|object| object["kind"] != "Warehouse");
    cluster.objects.push(warehouse.clone());
    warehouse["spec"]["interval"] = "7m0s".into();
    cluster.update(&warehouse, "", &user(None)).unwrap();
}

#[test]
fn what_will_fail_later_is_warned_of_at_once() {
    let (mut cluster, ..) = shop();
    let mut odd = stage("uat", &json!({"direct": true}));
    odd["spec"]["vars"] = json!([{"name": "a", "value": "${{ 1 + }}"}]);
    odd["spec"]["promotionTemplate"]["spec"]["steps"] = json!([
        {"uses": "fly", "config": {"to": ["the", "${{ moon"]}},
        {"uses": "fail", "if": "${{ true }}", "config": {"message": "plain"}},
    ]);
    cluster.create(&odd, &user(None), false).unwrap();
    let fields: Vec<&str> =
        cluster.warnings.iter().map(|warning| warning.split_once(": ").unwrap().0).collect();
    assert_eq!(
        fields,
        [
            "spec.promotionTemplate.spec.steps[0].uses",
            "spec.promotionTemplate.spec.steps[0].config.to[1]",
            "spec.vars[0].value",
        ]
    );
}
