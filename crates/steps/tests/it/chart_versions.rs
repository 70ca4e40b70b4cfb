//! Which version of a dependency is taken, where `Chart.yaml` lets it have several: the real helm says.

use std::collections::BTreeSet;
use std::sync::Arc;

use ferry_artifact::semver::{Constraint, Version};
use ferry_exec::{Limits, Programs};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::charts::{CHART, body, desk, package, update};
use crate::http::Server;
use crate::programs::child;
use crate::registry::Registry;

/// What a repository says that there is.
fn index(versions: &[&str]) -> Value {
    let release = |version: &&str| json!({"version": version, "urls": [format!("sub-{version}.tgz")]});
    let mut releases: Vec<_> = versions.iter().map(release).collect();
    releases.push(json!({"version": "99.0.0", "urls": []}));
    json!({"status": 200, "body": json!({"apiVersion": "v1", "entries": {"sub": releases}}).to_string()})
}

/// The package that there is after an update.
fn taken(bench: &Bench) -> String {
    let mut packages = std::fs::read_dir(bench.work().join("c/charts")).unwrap();
    let package = packages.next().unwrap().unwrap().file_name().into_string().unwrap();
    assert!(packages.next().is_none());
    package
}

#[test]
fn a_range_is_helms_to_choose() {
    let versions = [
        "1.2.0",
        "1.10.0",
        "v1.11.0",
        "2.0.0-rc.1",
        "2.0.0-rc.2",
        "1.9.1+build.7",
        "no",
        "0.3.0",
        "0.2.9",
        "3.1.0+b",
        "3.1.0+a",
        "3.1.0",
        "v3.1.0",
    ];
    for (wanted, taken) in [
        ("^1.0.0", Some("v1.11.0")),
        ("~1.9", Some("1.9.1+build.7")),
        ("1.10.0", Some("1.10.0")),
        ("1.11.0", Some("v1.11.0")),
        (">=2.0.0-0 <3", Some("2.0.0-rc.2")),
        (">=4", None),
        ("<3", Some("v1.11.0")),
        ("^0.2", Some("0.2.9")),
        ("0.x || >1.2 <1.10", Some("1.9.1+build.7")),
        ("> 99", None),
        // Of those that are equally new, the first: every time.
        ("~3", Some("3.1.0+b")),
        ("~3.1.0", Some("3.1.0+b")),
        ("3.x", Some("3.1.0+b")),
    ] {
        let package = taken.map(|version| package("sub", version)).unwrap_or_default();
        let server = Server::answering(&[index(&versions), body(&package)]);
        let Some(bench) = desk(&json!([{"name": "sub", "version": wanted, "repository": server.url}])) else {
            return;
        };
        match (taken, update(&bench, &json!(null))) {
            (Some(taken), Ok(_)) => assert_eq!(self::taken(&bench), format!("sub-{taken}.tgz"), "{wanted}"),
            (None, Err(error)) => {
                let why = format!("has no version of sub that is {wanted:?}");
                assert!(error.to_string().contains(&why), "{error}");
            }
            (_, other) => panic!("{wanted}: {other:?}"),
        }
    }
}

/// Warehouses choose charts by the rules of our own; there must be no difference.
#[test]
fn helm_chooses_as_warehouses_do() {
    let mut numbers = (1_u64..).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23));
    let mut below = |most: u64| numbers.next().unwrap() % most;
    let Some(bench) = desk(&json!([])) else { return };
    let programs = bench.services.get::<Programs>().unwrap();
    for _ in 0..12 {
        let mut one = || {
            let (major, minor, patch) = (below(3), below(4), below(3));
            let pre = ["", "", "", "-rc.1", "-rc.10", "-alpha"][usize::try_from(below(6)).unwrap()];
            format!("{major}.{minor}.{patch}{pre}")
        };
        let versions: BTreeSet<String> = (0..12).map(|_| one()).collect();
        let (a, b) = (one(), one());
        for wanted in
            [format!("^{a}"), format!("~{a}"), format!(">{a} <={b}"), format!("!={a}, <{b} || ={a}")]
        {
            let constraint = Constraint::parse(&wanted).unwrap();
            let mut ours: Vec<_> = versions.iter().map(|version| Version::parse(version).unwrap()).collect();
            ours.retain(|version| constraint.matches(version));
            ours.sort_by(Version::newest_first);
            let offered = versions.iter().map(String::as_str).collect();
            let helms = bench.runtime.block_on(ferry_helm::newest(&programs, &offered, &wanted)).unwrap();
            assert_eq!(helms.as_deref(), ours.first().map(Version::original), "{wanted} of {versions:?}");
        }
    }
}

#[test]
fn a_tag_that_is_said_exactly_is_taken() {
    let Some(registry) = Registry::open() else { return };
    let repository = format!("oci://{}/charts", registry.host);
    for (wanted, taken) in [("v1.2", "v1.2"), ("1.2", "1.2.7"), ("1.2.0", "1.2.0"), ("1.x", "1.3.0")] {
        let wanted = json!([{"name": "sub", "version": wanted, "repository": repository}]);
        let Some(bench) = desk(&wanted) else { return };
        bench.runtime.block_on(async {
            for (tag, version) in
                [("1.2.0", "1.2.0"), ("v1.2", "1.2.0"), ("1.2.7", "1.2.7"), ("1.3.0", "1.3.0")]
            {
                registry.image("charts/sub", tag, &[(CHART, &package("sub", version))]).await;
            }
        });
        update(&bench, &json!(null)).unwrap();
        assert_eq!(self::taken(&bench), format!("sub-{taken}.tgz"));
    }
}

#[test]
fn without_helm_a_range_is_refused_and_a_version_is_not() {
    for (wanted, refused) in [("^1.0.0", true), ("1.0.0", false)] {
        let server = Server::answering(&[index(&["1.0.0", "1.1.0"]), body(&package("sub", "1.0.0"))]);
        let Some(mut bench) = desk(&json!([{"name": "sub", "version": wanted, "repository": server.url}]))
        else {
            return;
        };
        let scratch = bench.directory.path().join("elsewhere");
        let programs = Programs::new(vec![child().into()], scratch, Limits::default());
        bench.services = bench.services.clone().with(Arc::new(programs.with("helm", "/nowhere/helm".into())));
        match update(&bench, &json!(null)) {
            Err(error) if refused => {
                let why = "dependency sub: helm is needed and not found; install it on the PATH";
                assert!(error.to_string().starts_with(why), "{error}");
                assert_eq!(server.seen().len(), 1);
            }
            Ok(_) if !refused => assert_eq!(taken(&bench), "sub-1.0.0.tgz"),
            other => panic!("{other:?}"),
        }
    }
}
