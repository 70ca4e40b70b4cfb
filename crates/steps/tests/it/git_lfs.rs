//! Large files of Git LFS on their way through the steps, with the real `git-lfs`.

use ferry_git::{PushPolicy, Settings};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::git_world::GitWorld;
use crate::programs::tool;

fn pointer(content: &str) -> String {
    let oid = hex::encode(Sha256::digest(content));
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {}\n", content.len())
}

#[test]
fn a_large_file_is_cloned_changed_and_pushed() {
    let Some(lfs) = tool("git-lfs") else { return };
    let mut world = GitWorld::with(PushPolicy::default(), Settings { lfs: Some(lfs), ..Settings::default() });
    let (old, new) = ("old model ".repeat(1000), "new model ".repeat(1000));
    world.add(
        "app",
        &json!([{"branch": "main", "message": "first", "files": {
            ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
            "k/model.bin": pointer(&old),
        }}]),
    );
    let contents = world.server.root().join("app.git/lfs");
    std::fs::create_dir(&contents).unwrap();
    std::fs::write(contents.join(hex::encode(Sha256::digest(&old))), &old).unwrap();
    let run = |kind: &str, config| world.bench.run(kind, config).unwrap();
    run("git-clone", json!({"repoURL": world.url("app"), "checkout": [{"branch": "main", "path": "src"}]}));
    let model = world.bench.work().join("src/k/model.bin");
    assert!(std::fs::read_to_string(&model).unwrap() == old, "the file itself, not its pointer");
    run("file-write", json!({"path": "new.bin", "contents": new}));
    run("copy", json!({"inPath": "new.bin", "outPath": "src/k/model.bin"}));
    run("git-commit", json!({"path": "src", "message": "a new model"}));
    run("git-push", json!({"path": "src"}));
    let main = &world.remote("app")["branches"]["main"];
    assert_eq!(main["tree"]["k/model.bin"], json!(pointer(&new)), "{main}");
    let sent = std::fs::read_to_string(contents.join(hex::encode(Sha256::digest(&new)))).unwrap();
    assert!(sent == new, "the server has what the pointer names");
}
