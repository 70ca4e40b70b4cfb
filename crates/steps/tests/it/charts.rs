//! Dependencies of charts, from where charts come from.

use std::sync::Arc;

use ferry_artifact::egress::Egress;
use ferry_engine::{Outcome, StepResult};
use ferry_net::Http;
use ferry_oci::digest_of;
use serde_json::{Value, json};

use crate::bench::{Bench, put, secret};
use crate::http::Server;
use crate::programs::with_programs;
use crate::registry::Registry;

const UMBRELLA: &str = "apiVersion: v2\nname: shop\nversion: 0.1.0\n";
pub const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// A bench with a chart that has these dependencies.
pub fn desk(dependencies: &Value) -> Option<Bench> {
    let mut bench = Bench::new();
    bench.services = bench.services.clone().with(Arc::new(Http::new(Egress::default().with_loopback())));
    with_programs(&mut bench)?;
    let text = format!("{UMBRELLA}# ours\ndependencies: {dependencies} # these\n");
    put(&bench.work().join("c/Chart.yaml"), &json!(text));
    put(&bench.work().join("c/templates/t.yaml"), &json!("kind: Outer\n"));
    Some(bench)
}

pub fn update(bench: &Bench, charts: &Value) -> StepResult {
    let mut config = json!({"path": "c"});
    if !charts.is_null() {
        config["charts"] = charts.clone();
    }
    bench.run_in("helm-update-chart", config, |ctx| "demo".clone_into(&mut ctx.project))
}

fn message(result: StepResult) -> Option<String> {
    match result.unwrap() {
        Outcome::Succeeded(output) => {
            output.values.map(|values| values["commitMessage"].as_str().unwrap().to_owned())
        }
        other => panic!("{other:?}"),
    }
}

fn read(bench: &Bench, path: &str) -> String {
    std::fs::read_to_string(bench.work().join(path)).unwrap()
}

/// A package of a chart with one template.
pub fn package(name: &str, version: &str) -> Vec<u8> {
    let mut archive =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()));
    let about = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    for (path, text) in [("Chart.yaml", about.as_str()), ("templates/t.yaml", "kind: Inner\n")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len().try_into().unwrap());
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("{name}/{path}"), text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn index(releases: &[(&str, &str)]) -> Value {
    let releases: Vec<_> = releases
        .iter()
        .map(|(version, digest)| json!({"version": version, "urls": [format!("charts/sub-{version}.tgz")], "digest": digest}))
        .collect();
    json!({"status": 200, "body": json!({"apiVersion": "v1", "entries": {"sub": releases}}).to_string()})
}

pub fn body(bytes: &[u8]) -> Value {
    use base64::Engine as _;
    json!({"status": 200, "body": {"base64": base64::engine::general_purpose::STANDARD.encode(bytes)}})
}

#[test]
fn from_an_index() {
    let package = package("sub", "1.3.0");
    let digest = digest_of(&package);
    let releases =
        index(&[("1.2.0", "00"), ("1.3.0", digest.trim_start_matches("sha256:")), ("2.0.0", "00")]);
    let server = Server::answering(&[
        releases.clone(),
        body(&package),
        releases.clone(),
        body(&package),
        releases,
        body(b"other"),
    ]);
    let repository = format!("{}/repo", server.url);
    let Some(bench) = desk(&json!([{"name": "sub", "version": "^1.0.0", "repository": repository}])) else {
        return;
    };
    std::fs::create_dir(bench.work().join("c/charts")).unwrap();
    std::fs::write(bench.work().join("c/charts/sub-1.0.0.tgz"), self::package("sub", "1.0.0")).unwrap();
    assert_eq!(
        message(update(&bench, &json!(null))).unwrap(),
        "Updated chart dependencies for c\n\n- sub: 1.3.0"
    );
    let seen: Vec<_> = server.seen().iter().map(|asked| asked["path"].clone()).collect();
    assert_eq!(seen, ["/repo/index.yaml", "/repo/charts/sub-1.3.0.tgz"]);
    assert_eq!(std::fs::read(bench.work().join("c/charts/sub-1.3.0.tgz")).unwrap(), package);
    assert!(!bench.work().join("c/charts/sub-1.0.0.tgz").exists());
    let lock = read(&bench, "c/Chart.lock");
    assert!(
        lock.contains("version: 1.3.0\ndigest: sha256:") && lock.contains("generated: \"1970-"),
        "{lock}"
    );
    // The same again changes nothing, and the chart is one that helm understands.
    put(&bench.work().join("c/Chart.lock"), &json!(lock.replace("1970-", "1971-")));
    assert_eq!(message(update(&bench, &json!(null))), None);
    assert!(read(&bench, "c/Chart.lock").contains("1971-"));
    bench.run("helm-template", json!({"path": "c", "releaseName": "r", "outPath": "o.yaml"})).unwrap();
    assert!(read(&bench, "o.yaml").contains("kind: Inner"));
    // What comes is what the index says.
    let other = update(&bench, &json!(null)).unwrap_err().to_string();
    assert!(other.contains("another digest"), "{other}");
}

#[test]
fn from_a_registry() {
    let Some(registry) = Registry::open() else { return };
    let repository = format!("oci://{}/charts", registry.host);
    let Some(bench) = desk(&json!([{"name": "sub", "version": "~1.2", "repository": repository}])) else {
        return;
    };
    bench.runtime.block_on(async {
        for version in ["1.2.0", "1.2.3_build.1", "1.3.0", "v1.2.9"] {
            let package = package("sub", &version.replace('_', "+"));
            registry.image("charts/sub", version, &[(CHART, &package)]).await;
        }
    });
    let updated = message(update(&bench, &json!(null))).unwrap();
    assert!(updated.ends_with("- sub: 1.2.3+build.1"), "{updated}");
    assert!(bench.work().join("c/charts/sub-1.2.3+build.1.tgz").exists());
    let charts = json!([{"name": "sub", "repository": repository, "version": "1.3.0"}]);
    assert!(message(update(&bench, &charts)).unwrap().ends_with("- sub: 1.2.3+build.1 -> 1.3.0"));
    // All that is not the version stays.
    let about = read(&bench, "c/Chart.yaml");
    let expected = json!([{"name": "sub", "version": "1.3.0", "repository": repository}]);
    assert_eq!(about, format!("{UMBRELLA}# ours\ndependencies: {expected} # these\n"));
    let missing = json!([{"name": "sub", "repository": repository, "version": "9.0.0"}]);
    let missing = update(&bench, &missing).unwrap_err().to_string();
    assert!(missing.contains("charts/sub:9.0.0 does not exist"), "{missing}");
    assert_eq!(read(&bench, "c/Chart.yaml"), about);
    let unknown = json!([{"name": "sub", "repository": "oci://elsewhere.test", "version": "1.3.0"}]);
    let unknown = update(&bench, &unknown).unwrap_err().to_string();
    assert!(unknown.contains("has no dependency sub from oci://elsewhere.test"), "{unknown}");
}

#[test]
fn a_repository_that_is_busy_is_asked_again() {
    let package = package("sub", "1.0.0");
    let busy = |status: u16| json!({"status": status, "headers": [["Retry-After", "0"]], "body": "busy"});
    let releases = index(&[("1.0.0", "")]);
    let server = Server::answering(&[
        busy(429),
        busy(503),
        releases.clone(),
        busy(500),
        busy(502),
        busy(504),
        body(&package),
        releases,
        busy(503),
        busy(503),
        busy(503),
        busy(503),
        body(&package),
    ]);
    let wanted = json!([{"name": "sub", "version": "1.0.0", "repository": server.url}]);
    let Some(bench) = desk(&wanted) else { return };
    assert!(message(update(&bench, &json!(null))).unwrap().ends_with("- sub: 1.0.0"));
    assert_eq!(server.seen().len(), 7);
    let said = update(&bench, &json!(null)).unwrap_err().to_string();
    assert!(said.contains("answered 503"), "{said}");
    assert_eq!(server.seen().len(), 12);
    // Other answers are not asked for again.
    let server = Server::answering(&[busy(404), busy(404)]);
    let wanted = json!([{"name": "sub", "version": "1.0.0", "repository": server.url}]);
    let Some(bench) = desk(&wanted) else { return };
    update(&bench, &json!(null)).unwrap_err();
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn what_comes_is_the_chart_that_was_asked_for() {
    let page = b"<!DOCTYPE html><title>Log in</title>".as_slice();
    let whole = package("sub", "1.0.0");
    for (came, why) in [
        (page, "is no gzipped archive; it begins with \"<!DOCTYPE html>"),
        (&whole[..whole.len() / 2], "is an archive that cannot be read"),
        (&package("other", "1.0.0"), "is other 1.0.0"),
        (&package("sub", "1.0.1"), "is sub 1.0.1"),
    ] {
        let server = Server::answering(&[index(&[("1.0.0", "")]), body(came)]);
        let wanted = json!([{"name": "sub", "version": "1.0.0", "repository": server.url}]);
        let Some(bench) = desk(&wanted) else { return };
        let said = update(&bench, &json!(null)).unwrap_err().to_string();
        assert!(said.starts_with("dependency sub: ") && said.contains("what came as sub 1.0.0"), "{said}");
        assert!(said.contains(why), "{said}");
        assert!(!bench.work().join("c/charts").exists() && !bench.work().join("c/Chart.lock").exists());
    }
    let Some(registry) = Registry::open() else { return };
    let repository = format!("oci://{}/charts", registry.host);
    let bench = desk(&json!([{"name": "sub", "version": "1.0.0", "repository": repository}])).unwrap();
    bench.runtime.block_on(registry.image("charts/sub", "1.0.0", &[(CHART, b"{}")]));
    let said = update(&bench, &json!(null)).unwrap_err().to_string();
    assert!(said.contains("what came as sub 1.0.0 is no gzipped archive; it begins with \"{}\""), "{said}");
    assert!(!bench.work().join("c/charts").exists());
}

#[test]
fn what_is_locked_is_built() {
    let package = package("sub", "1.2.0");
    let releases = index(&[("1.2.0", ""), ("1.3.0", "")]);
    let server = Server::answering(&[releases.clone(), body(&package), releases, body(&package)]);
    let repository = server.url.clone();
    let wanted = json!([{"name": "sub", "version": "1.2.0", "repository": repository}]);
    let Some(bench) = desk(&wanted) else { return };
    let config = json!({"path": "c", "releaseName": "r", "outPath": "o.yaml", "buildDependencies": true});
    // Without a lock it is made.
    bench.run("helm-template", config.clone()).unwrap();
    assert!(read(&bench, "o.yaml").contains("kind: Inner"));
    let lock = read(&bench, "c/Chart.lock");
    std::fs::remove_dir_all(bench.work().join("c/charts")).unwrap();
    bench.run("helm-template", config.clone()).unwrap();
    assert!(bench.work().join("c/charts/sub-1.2.0.tgz").exists());
    assert_eq!(read(&bench, "c/Chart.lock"), lock);
    // One that does not fit is an error.
    let text = read(&bench, "c/Chart.yaml").replace("1.2.0", "1.3.0");
    put(&bench.work().join("c/Chart.yaml"), &json!(text));
    let unfit = bench.run("helm-template", config).unwrap_err().to_string();
    assert!(unfit.contains("Chart.lock does not fit Chart.yaml"), "{unfit}");
}

#[test]
fn a_packaged_chart_is_the_same_each_time() {
    let wanted = json!([{"name": "sub", "version": ">=0", "repository": "file://../sub"}]);
    let Some(bench) = desk(&wanted) else { return };
    put(&bench.work().join("sub/Chart.yaml"), &json!("apiVersion: v2\nname: sub\nversion: 0.2.0\n"));
    let package = || {
        update(&bench, &json!(null)).unwrap();
        std::fs::read(bench.work().join("c/charts/sub-0.2.0.tgz")).unwrap()
    };
    let first = package();
    std::thread::park_timeout(std::time::Duration::from_millis(1100));
    assert!(package() == first);
}

#[test]
fn a_credential_is_for_the_repository_alone() {
    let package = package("sub", "1.0.0");
    let elsewhere = Server::answering(&[body(&package)]);
    let releases =
        json!({"entries": {"sub": [{"version": "1.0.0", "urls": [format!("{}/sub.tgz", elsewhere.url)]}]}});
    let server = Server::answering(&[json!({"status": 200, "body": releases.to_string()})]);
    let wanted = json!([{"name": "sub", "version": "1.0.0", "repository": server.url}]);
    let Some(mut bench) = desk(&wanted) else { return };
    let data = json!({"repoURL": server.url, "username": "robot", "password": "s3cret"});
    bench.world.secrets = vec![secret("helm", "s", "demo", &data)];
    let config = json!({"path": "c"});
    bench
        .run_in("helm-update-chart", config, |ctx| {
            "demo".clone_into(&mut ctx.project);
            let mut settings = (*ctx.settings).clone();
            settings.credentials_over_http = true;
            ctx.settings = Arc::new(settings);
        })
        .unwrap();
    assert!(server.seen()[0]["headers"]["authorization"].is_array());
    assert!(elsewhere.seen()[0]["headers"]["authorization"].is_null());
}

#[test]
fn s10_dependencies_made_to_harm() {
    let outside = json!("apiVersion: v2\nname: outside\nversion: 1.0.0\n");
    for (wanted, why) in [
        (
            json!([{"name": "outside", "version": "1.0.0", "repository": "file://../../outside"}]),
            "leads out of the work directory",
        ),
        (
            json!([{"name": "outside", "version": "1.0.0", "repository": "file:///etc"}]),
            "leaves the work directory",
        ),
        (json!([{"name": "../x", "version": "1.0.0", "repository": "file://../in"}]), "no name of a chart"),
        (
            json!([{"name": "x", "version": "1.0.0", "repository": "file://../in"}]),
            "is the chart \"in\", not \"x\"",
        ),
        (json!([{"name": "in", "version": "[", "repository": "file://../in"}]), "cannot be \"[\""),
        (json!([{"name": "in", "version": "2", "repository": "file://../in"}]), "has version 1.0.0, not 2"),
        (
            json!([{"name": "x", "version": "1.0.0", "repository": "file://../x"}]),
            "file://../x: \"x\" does not exist",
        ),
        (
            json!([{"name": "c", "version": "1.0.0", "repository": "file://../c/templates"}]),
            "file://../c/templates cannot be packaged: helm: Error: Chart.yaml file is missing",
        ),
        (json!([{"name": "x", "version": "1.0.0", "repository": "@stable"}]), "write the repository's URL"),
        (
            json!([{"name": "x", "version": "1.0.0", "repository": "http://169.254.169.254/x"}]),
            "169.254.169.254",
        ),
        (json!([{"name": "x", "version": "1.0.0"}]), "is not in charts/"),
        (json!([{"name": "there", "version": "^2"}]), "charts/there has version 1.0.0, not ^2"),
        (
            json!([{"name": "empty", "version": "1"}]),
            "charts/empty: \"c/charts/empty/Chart.yaml\" does not exist",
        ),
        (json!({"a": 1}), "cannot be read"),
        (json!(vec![json!({"name": "in", "repository": "file://../in"}); 101]), "more than 100 dependencies"),
    ] {
        let Some(bench) = desk(&wanted) else { return };
        put(&bench.directory.path().join("outside/Chart.yaml"), &outside);
        put(&bench.work().join("in/Chart.yaml"), &json!("apiVersion: v2\nname: in\nversion: 1.0.0\n"));
        let there = json!("apiVersion: v2\nname: there\nversion: 1.0.0\n");
        put(&bench.work().join("c/charts/there/Chart.yaml"), &there);
        std::fs::create_dir(bench.work().join("c/charts/empty")).unwrap();
        let said = update(&bench, &json!(null)).unwrap_err().to_string();
        assert!(said.contains(why), "{wanted}: {said}");
        assert!(!said.contains(&*bench.directory.path().to_string_lossy()), "{said}");
        assert!(!bench.work().join("c/Chart.lock").exists());
    }
}
