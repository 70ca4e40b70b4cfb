//! Recorded answers of a real API server, replayed against ours. Not compared: the words of
//! messages, and the order of `managedFields`.

mod compare;
mod places;
mod rules;
mod scenario;
mod terminal;
mod tokens;

use ferry_vectors::{Case, Verdict, replay_with};

use scenario::Scenario;

fn run(case: &Case) -> Verdict {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Scenario::play(&case.line))
}

fn report(file: &str) {
    replay_with(&format!("apiserver/{file}"), run);
}

macro_rules! files {
    ($($test:ident: $file:literal),* $(,)?) => {
        $(#[test] fn $test() { report($file); })*
    };
}

files! {
    vectors_crud: "crud",
    vectors_list: "list",
    vectors_watch: "watch",
    vectors_delete: "delete",
    vectors_discovery: "discovery",
    vectors_errors: "errors",
    vectors_crd: "crd",
    vectors_patch: "patch",
    vectors_builtins: "builtins",
    vectors_apply: "apply",
    vectors_kubectl: "kubectl",
}
