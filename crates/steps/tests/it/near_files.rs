//! Inputs of the steps that work with files near those that were recorded: patterns of `delete`, links of `untar`.

use std::path::Path;

use serde_json::json;

use crate::bench::Bench;

fn there(bench: &Bench) -> Vec<String> {
    bench.files().into_keys().collect()
}

#[test]
fn a_pattern_never_means_the_work_directory_itself() {
    let files = json!({".x": "x", "a": "a", "b/c": "c", "ln": {"link": "b"}});
    for (pattern, left) in [
        ("*", &[] as &[&str]),
        ("./*", &[]),
        ("{*,x}", &[]),
        ("{a,}", &[".x", "b/c", "ln"]),
        ("?", &[".x", "ln"]),
        ("**/*", &[]),
        ("b/**", &[".x", "a", "ln"]),
    ] {
        let bench = Bench::with(&files);
        let config = json!({"path": pattern, "pathsAreGlobs": true, "strict": true});
        bench.run("delete", config).unwrap();
        assert_eq!(there(&bench), left, "{pattern}");
    }
    // But for the one that is nothing else.
    for pattern in ["**", "./**", "**/**"] {
        let bench = Bench::with(&files);
        let refused = bench.run("delete", json!({"path": pattern, "pathsAreGlobs": true}));
        assert!(refused.is_err(), "{pattern}");
        assert_eq!(there(&bench).len(), 4, "{pattern}");
    }
}

#[test]
fn a_pattern_with_a_slash_at_its_end_is_for_directories() {
    let files = json!({"a": "a", "b/c": "c", "b/d/e": "e", "ln": {"link": "b"}, "la": {"link": "a"}});
    for (pattern, left) in [
        ("*/", &["a", "la"] as &[&str]),
        ("b/", &["a", "la", "ln"]),
        ("b/*/", &["a", "b/c", "la", "ln"]),
        ("a/", &["a", "b/c", "b/d/e", "la", "ln"]),
    ] {
        let bench = Bench::with(&files);
        bench.run("delete", json!({"path": pattern, "pathsAreGlobs": true})).unwrap();
        assert_eq!(there(&bench), left, "{pattern}");
    }
}

#[test]
fn untar_keeps_links_that_stay_below() {
    let bench = Bench::with(&json!({"here": "x"}));
    let targets = ["d", "d/", "d/./a", "d//a", ".", "./d", "..", "d/..", "../x", "/etc", "d\\a", "d/../../x"];
    let mut archive = tar::Builder::new(Vec::new());
    for (number, target) in targets.iter().enumerate() {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        header.set_link_name_literal(target).unwrap();
        header.set_path(format!("l{number:02}")).unwrap();
        header.set_cksum();
        archive.append(&header, std::io::empty()).unwrap();
    }
    std::fs::write(bench.work().join("a.tar"), archive.into_inner().unwrap()).unwrap();
    bench.run("untar", json!({"inPath": "a.tar", "outPath": "o"})).unwrap();
    for (number, target) in targets.iter().enumerate() {
        let kept = std::fs::read_link(bench.work().join(format!("o/l{number:02}"))).ok();
        let stays = number < 5;
        assert_eq!(kept.as_deref(), stays.then_some(Path::new(target)), "{target}");
    }
}

#[test]
fn what_is_left_out_is_read_as_git_does() {
    let files = json!({"src/a.txt": "", "src/b.md": "", "src/x{1}": "", "src/{": "", "src/c,d": ""});
    let all = ["a.txt", "b.md", "c,d", "x{1}", "{"];
    for (pattern, left_out) in [
        ("*.{txt,md}", &[] as &[&str]),
        ("x{1}", &["x{1}"]),
        ("x\\{1\\}", &["x{1}"]),
        ("{", &["{"]),
        ("[ab].*", &["a.txt", "b.md"]),
        ("[{]", &["{"]),
        ("?", &["{"]),
        // What is no pattern fits nothing, and the others count.
        ("foo\\\n*.md", &["b.md"]),
        ("[a\n*.md", &["b.md"]),
    ] {
        let bench = Bench::with(&files);
        bench.run("copy", json!({"inPath": "src", "outPath": "dst", "ignore": pattern})).unwrap();
        let copied: Vec<_> =
            all.into_iter().filter(|name| bench.work().join("dst").join(name).exists()).collect();
        let wanted: Vec<_> = all.into_iter().filter(|name| !left_out.contains(name)).collect();
        assert_eq!(copied, wanted, "{pattern}");
    }
}
