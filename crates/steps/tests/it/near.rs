//! Inputs near those that were recorded: what the reference says of them, and no recording shows.

use ferry_artifact::egress::Egress;
use ferry_engine::{Outcome, StepError, StepResult};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use crate::bench::{Bench, put};
use crate::http::{Server, bench};

const JSON: &str = r#"{"id":7}"#;

/// What becomes of a request that is answered so.
fn asked(config: &Value, answer: &Value) -> StepResult {
    let server = Server::answering(std::slice::from_ref(answer));
    let mut config = config.clone();
    config["url"] = json!(server.url);
    bench(Egress::default().with_loopback()).run("http", config)
}

fn answer(status: u16, kind: &str, body: &str) -> Value {
    let headers = if kind.is_empty() { json!([]) } else { json!([["Content-Type", kind]]) };
    json!({"status": status, "headers": headers, "body": body})
}

/// In one word, with the status of Kargo's that it is.
fn word(result: &StepResult) -> &'static str {
    match result {
        Ok(Outcome::Succeeded(_)) => "Succeeded",
        Ok(_) => "Running",
        Err(StepError::Failed(_)) => "Failed for good",
        Err(StepError::Refused(_)) => "Failed",
        Err(StepError::Fatal(_)) => "Errored for good",
        Err(_) => "Errored",
    }
}

#[test]
fn what_is_neither_success_nor_failure_is_asked_again() {
    for (config, status, becomes) in [
        (json!({"failureExpression": "response.body.id == 8"}), 200, "Running"),
        (json!({"failureExpression": "response.body.id == 8"}), 500, "Running"),
        (json!({"failureExpression": "response.body.id == 7"}), 200, "Failed for good"),
        (json!({"successExpression": "response.body.id == 8"}), 200, "Running"),
        (
            json!({"successExpression": "response.body.id == 7", "failureExpression": "false"}),
            500,
            "Succeeded",
        ),
        (json!({"successExpression": "true", "failureExpression": "true"}), 200, "Failed for good"),
        // What success says is looked at in any case.
        (json!({"successExpression": "response.body.q.z", "failureExpression": "true"}), 200, "Errored"),
        (json!({"successExpression": "response.(", "failureExpression": "true"}), 200, "Errored for good"),
        // What can be known without an answer will not be another one the next time.
        (json!({"successExpression": "1 + 'a'"}), 200, "Errored for good"),
        (json!({"failureExpression": "true", "errorExpression": "1 + 'a'"}), 200, "Errored for good"),
    ] {
        let result = asked(&config, &answer(status, "application/json", JSON));
        assert_eq!(word(&result), becomes, "{config}: {result:?}");
    }
}

#[test]
fn a_body_of_no_known_type_need_not_be_json() {
    for (kind, body, becomes) in [
        ("", "hello", json!({})),
        ("", JSON, json!({"id": 7})),
        ("no type at all", "hello", json!({})),
        ("text/plain", "", json!({})),
        ("text/plain", "hello", json!("hello")),
    ] {
        let outputs = json!({"outputs": [{"name": "body", "fromExpression": "response.body"}]});
        let Ok(Outcome::Succeeded(output)) = asked(&outputs, &answer(200, kind, body)) else {
            panic!("{kind:?} {body:?}");
        };
        assert_eq!(output.values.unwrap()["body"], becomes, "{kind:?} {body:?}");
    }
}

#[test]
fn what_is_no_url_is_not_tried_again() {
    let bench = bench(Egress::default().with_loopback());
    for (url, becomes) in [
        ("::nope", "Errored for good"),
        ("http://[::1", "Errored for good"),
        ("http://h/%zz", "Errored for good"),
        ("example.test/x", "Errored"),
        ("gopher://h/", "Errored"),
    ] {
        for (kind, config) in
            [("http", json!({"url": url})), ("http-download", json!({"url": url, "outPath": "o"}))]
        {
            let result = bench.run(kind, config);
            assert_eq!(word(&result), becomes, "{kind} {url}: {result:?}");
        }
    }
}

#[test]
fn a_write_that_is_redirected_becomes_a_read() {
    for (method, status, repeated) in [
        ("PUT", 302, "GET"),
        ("PATCH", 301, "GET"),
        ("DELETE", 302, "GET"),
        ("POST", 303, "GET"),
        ("HEAD", 302, "HEAD"),
        ("GET", 302, "GET"),
        ("GET", 303, "GET"),
        ("PUT", 307, "PUT"),
    ] {
        let there = json!({"status": status, "headers": [["Location", "/after"]]});
        let server = Server::answering(&[there, answer(200, "", "")]);
        let config = json!({"url": server.url, "method": method, "body": "payload"});
        bench(Egress::default().with_loopback()).run("http", config).unwrap();
        let after = &server.seen()[1];
        assert_eq!(after["method"], repeated, "{method} {status}");
        let body = if status == 307 { "payload" } else { "" };
        assert_eq!(after["body"], body, "{method} {status}");
    }
}

#[test]
fn a_query_is_written_as_go_writes_it() {
    let server = Server::answering(&[answer(200, "", "")]);
    let config = json!({"url": server.url, "queryParams": [{"name": "q", "value": "a~b*c d/é"}]});
    bench(Egress::default().with_loopback()).run("http", config).unwrap();
    assert_eq!(server.seen()[0]["rawQuery"], "q=a~b%2Ac+d%2F%C3%A9");
}

/// An archive of these entries: name, kind, mode, text or target.
fn archive(bench: &Bench, entries: &[(&str, EntryType, u32, &str)]) {
    let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, kind, mode, text) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        // As hostile programs write names.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        let link = *kind == EntryType::Symlink;
        if link {
            header.set_link_name(text).unwrap();
        }
        let text = if link { "" } else { text };
        header.set_size(text.len().try_into().unwrap());
        header.set_cksum();
        archive.append(&header, text.as_bytes()).unwrap();
    }
    let archive = archive.into_inner().unwrap().finish().unwrap();
    std::fs::write(bench.work().join("a.tgz"), archive).unwrap();
}

fn mode(bench: &Bench, path: &str) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    bench.work().join(path).metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn untar_gives_modes_that_let_nobody_else_write() {
    let bench = Bench::with(&json!({"here": "x"}));
    let file = |name, mode| (name, EntryType::Regular, mode, "x");
    archive(&bench, &[file("a", 0o666), file("b", 0o777), file("c", 0o600), file("d/e", 0o664)]);
    bench.run("untar", json!({"inPath": "a.tgz", "outPath": "n/m/o"})).unwrap();
    let modes: Vec<_> = ["n", "n/m", "n/m/o", "n/m/o/d", "n/m/o/a", "n/m/o/b", "n/m/o/c", "n/m/o/d/e"]
        .map(|path| mode(&bench, path))
        .into();
    assert_eq!(modes, [0o750, 0o750, 0o700, 0o750, 0o644, 0o755, 0o600, 0o644]);
}

#[test]
fn untar_cuts_names_before_it_judges_them() {
    let bench = Bench::with(&json!({"here": "x"}));
    let file = |name, text| (name, EntryType::Regular, 0o644, text);
    archive(
        &bench,
        &[
            file("/abs/a", "1"),
            file("../evil", "2"),
            file("x/../../up", "3"),
            file("x//abs", "4"),
            file("x/b", "5"),
        ],
    );
    let strip = json!({"inPath": "a.tgz", "outPath": "o", "stripComponents": 1});
    bench.run("untar", strip).unwrap();
    assert_eq!(std::fs::read_to_string(bench.work().join("o/abs/a")).unwrap(), "1");
    assert_eq!(std::fs::read_to_string(bench.work().join("o/evil")).unwrap(), "2");
    assert_eq!(std::fs::read_to_string(bench.work().join("o/b")).unwrap(), "5");
    assert!(!bench.work().join("o/up").exists() && !bench.work().join("up").exists());
    // Whatever is beyond all parts.
    let strip = json!({"inPath": "a.tgz", "outPath": "p", "stripComponents": 9_007_199_254_740_992_u64});
    bench.run("untar", strip).unwrap();
    assert_eq!(std::fs::read_dir(bench.work().join("p")).unwrap().count(), 0);
}

#[test]
fn untar_replaces_a_directory_and_nothing_else() {
    let bench = Bench::with(&json!({"o": "file"}));
    let entries = [("a", EntryType::Regular, 0o644, "1"), ("a", EntryType::Symlink, 0o777, "b")];
    archive(&bench, &entries);
    let config = json!({"inPath": "a.tgz", "outPath": "o"});
    let said = bench.run("untar", config).unwrap_err().to_string();
    assert_eq!(said, "outPath: \"o\" is there and is no directory");
    assert_eq!(std::fs::read_to_string(bench.work().join("o")).unwrap(), "file");
    // Where a link comes after a file, the file stays.
    bench.run("untar", json!({"inPath": "a.tgz", "outPath": "p"})).unwrap();
    assert!(bench.work().join("p/a").symlink_metadata().unwrap().is_file());
}

#[test]
fn tar_leaves_out_a_single_file_too() {
    let bench = Bench::with(&json!({"src/a.txt": "a"}));
    let config = json!({"inPath": "src/a.txt", "outPath": "a.tar", "ignore": "*.txt"});
    bench.run("tar", config).unwrap();
    let archive = std::fs::read(bench.work().join("a.tar")).unwrap();
    assert_eq!(tar::Archive::new(archive.as_slice()).entries().unwrap().count(), 0);
}

#[test]
fn copy_takes_a_pattern_as_it_is_written() {
    let bench = Bench::with(&json!({"src/a.txt": "a", "src/b.txt": "b"}));
    bench.run("copy", json!({"inPath": "src", "outPath": "dst", "ignore": "  a.txt\nb.txt"})).unwrap();
    assert!(bench.work().join("dst/a.txt").exists() && !bench.work().join("dst/b.txt").exists());
}

#[test]
fn of_two_images_of_one_name_the_first_counts() {
    let bench = Bench::new();
    let text = "images:\n- name: m\n  newTag: \"1\"\n- name: m\n  newTag: \"2\"\n";
    put(&bench.work().join("k/kustomization.yaml"), &json!(text));
    let config = json!({"path": "k", "images": [{"image": "other", "tag": "3"}]});
    bench.run("kustomize-set-image", config).unwrap();
    let text = std::fs::read_to_string(bench.work().join("k/kustomization.yaml")).unwrap();
    assert!(text.contains("newTag: \"1\"") && !text.contains("newTag: \"2\""), "{text}");
}

#[test]
fn an_image_that_is_set_says_nothing_else() {
    let entry = "- name: m\n  newName: nn\n  newTag: \"1\"\n  tagSuffix: -x\n  other: 1\n";
    for (image, after) in [
        (json!({"image": "m", "tag": "2"}), "- name: m\n  newTag: \"2\"\n"),
        (json!({"image": "m", "tag": "*"}), "- name: m\n  newTag: \"1\"\n"),
        (
            json!({"image": "m", "digest": "sha256:00", "newName": "*"}),
            "- name: m\n  newName: nn\n  digest: sha256:00\n",
        ),
        (json!({"image": "l", "tag": "2"}), &format!("- name: l\n  newTag: \"2\"\n{entry}")),
    ] {
        let bench = Bench::with(&json!({"k/kustomization.yaml": format!("images:\n{entry}")}));
        bench.run("kustomize-set-image", json!({"path": "k", "images": [image]})).unwrap();
        let text = std::fs::read_to_string(bench.work().join("k/kustomization.yaml")).unwrap();
        assert_eq!(text, format!("images:\n{after}"), "{image}");
    }
}
