//! Which recordings are brought in, and which of their texts are only informative.

use super::edit::{How, Text};

/// A file of the recordings.
pub struct Recording {
    /// Its path, there and here.
    pub path: &'static str,
    /// Texts of other programs that nobody compares.
    pub texts: &'static [Text],
}

const fn truth(at: &'static str) -> Text {
    Text { at, how: How::Truth }
}
const fn gone(at: &'static str) -> Text {
    Text { at, how: How::Drop }
}
const fn gone_beside(at: &'static str, beside: &'static str, values: &'static [&'static str]) -> Text {
    Text { at, how: How::DropBeside(beside, values) }
}
const fn from(path: &'static str, texts: &'static [Text]) -> Recording {
    Recording { path, texts }
}

const BAD: &[&str] = &["Aborted", "Error", "Errored", "Failed", "SyncFailed"];

/// A line whose answer is an error.
const REFUSED: &[Text] = &[truth("error")];
/// Steps run one by one.
const STEPS: &[Text] = &[
    truth("want error"),
    truth("want contextError"),
    truth("want steps * error"),
    truth("want steps * contextError"),
    gone_beside("want message", "status", BAD),
    gone_beside("want steps * message", "status", BAD),
];
/// Requests to an API server and calls of kubectl.
const API: &[Text] = &[
    gone_beside("steps ** body message", "status", &["Failure"]),
    gone("steps ** body details causes * message"),
    gone_beside("steps ** events * object message", "status", &["Failure"]),
    gone("steps ** select /message"),
    gone("steps ** result stderr"),
];

/// Everything that is brought in.
pub const FILES: &[Recording] = &[
    from("kargo/argocd-health.jsonl", &[]),
    from(
        "kargo/argocd-update.jsonl",
        &[
            truth("want decisions * reason"),
            truth("want decisions * desiredSourcesError"),
            truth("want result error"),
        ],
    ),
    from("kargo/argocd-wait.jsonl", &[truth("want result error")]),
    from("kargo/authorized-stage.jsonl", REFUSED),
    from(
        "kargo/auto-promotion.jsonl",
        &[
            truth("want policyError"),
            truth("want autoPromoteError"),
            gone("want syncPromotions conditions * message"),
        ],
    ),
    from("kargo/config-schema.jsonl", REFUSED),
    from("kargo/expr-functions.jsonl", REFUSED),
    from("kargo/expr-templates.jsonl", REFUSED),
    from("kargo/freight-availability.jsonl", &[truth("want listError"), truth("want listPanic")]),
    from("kargo/ids.jsonl", REFUSED),
    from("kargo/json-update.jsonl", REFUSED),
    from("kargo/key-paths.jsonl", REFUSED),
    from(
        "kargo/orchestrator.jsonl",
        &[
            truth("want calls * error"),
            truth("want calls * panic"),
            gone_beside("want calls * message", "phase", BAD),
            gone_beside("want calls * stepExecutionMetadata * message", "status", BAD),
        ],
    ),
    from("kargo/patterns.jsonl", REFUSED),
    from("kargo/selection.jsonl", REFUSED),
    from("kargo/semver.jsonl", REFUSED),
    from("kargo/stage-health.jsonl", &[gone("want conditions * message")]),
    from("kargo/steps-control.jsonl", STEPS),
    from("kargo/steps-git.jsonl", STEPS),
    from("kargo/steps-http.jsonl", STEPS),
    from("kargo/steps-local.jsonl", STEPS),
    from("kargo/task-inflation.jsonl", REFUSED),
    from("kargo/toml-update.jsonl", REFUSED),
    from("kargo/urls.jsonl", REFUSED),
    from("kargo/yaml-merge.jsonl", REFUSED),
    from("kargo/yaml-update.jsonl", REFUSED),
    from("kargo-live/admission.jsonl", &[gone("error message"), gone("error causes * message")]),
    from("kargo-live/kubectl.jsonl", &[gone("want stderr")]),
    from(
        "kargo-live/lifecycle.jsonl",
        &[
            gone("want ** conditions * message"),
            gone("want ** stepExecutionMetadata * message"),
            gone("want ** verificationHistory * message"),
            gone_beside("want ** status message", "phase", BAD),
            gone_beside("want ** events * message", "reason", &["PromotionErrored", "PromotionFailed"]),
        ],
    ),
    from("apiserver/crds.json", &[]),
    from("apiserver/apply.jsonl", API),
    from("apiserver/builtins.jsonl", API),
    from("apiserver/crd.jsonl", API),
    from("apiserver/crud.jsonl", API),
    from("apiserver/delete.jsonl", API),
    from("apiserver/discovery.jsonl", API),
    from("apiserver/errors.jsonl", API),
    from("apiserver/kubectl.jsonl", API),
    from("apiserver/list.jsonl", API),
    from("apiserver/patch.jsonl", API),
    from("apiserver/watch.jsonl", API),
    from(
        "argocd/transitions.jsonl",
        &[
            gone("want ** conditions * message"),
            gone_beside("want ** operationState message", "phase", BAD),
            gone_beside("want ** syncResult resources * message", "status", BAD),
        ],
    ),
];
