//! Our CRDs promise what the committed facts say (made by `cargo xtask crd-facts`), and what is listed here.

use std::collections::BTreeSet;

use ferry_api::{crds, facts};

const FACTS: &str = include_str!("../data/crd-facts.txt");

/// A difference: which facts (kind, beginning of the path), and why.
struct Difference {
    kind: &'static str,
    path: &'static str,
    #[expect(dead_code, reason = "for the reader")]
    reason: &'static str,
}

/// What ours have more. Nothing of theirs is missing in ours.
const MORE: &[Difference] = &[
    Difference {
        kind: "promotions",
        path: ".status.ledger",
        reason: "design §4: what was about to happen outside, and what did",
    },
    Difference {
        kind: "promotions",
        path: ".status.waiting",
        reason: "design §5: on what it waits, since when and until when",
    },
    Difference {
        kind: "promotions",
        path: ".status.supersededBy",
        reason: "queue policies: for which newer one it was discarded",
    },
    Difference { kind: "stages", path: ".spec.queuePolicy", reason: "queue policies: fifo and latestOnly" },
    Difference { kind: "stages", path: ".status.waiting", reason: "design §5" },
    Difference { kind: "warehouses", path: ".status.waiting", reason: "design §5" },
];

fn is_listed(fact: &str) -> bool {
    MORE.iter().any(|more| {
        let path = fact.strip_prefix(more.kind).and_then(|rest| rest.strip_prefix(' '));
        let rest = path.and_then(|path| path.strip_prefix(more.path));
        rest.is_some_and(|rest| rest.starts_with([' ', '.', '[', '{']))
    })
}

#[test]
fn crds_promise_the_recorded_facts() {
    let theirs: BTreeSet<&str> = FACTS.lines().collect();
    let ours: Vec<String> = crds::crds().iter().flat_map(facts::facts).collect();
    let ours: BTreeSet<&str> = ours.iter().map(String::as_str).collect();
    let missing: Vec<_> = theirs.difference(&ours).collect();
    let more: Vec<_> = ours.difference(&theirs).filter(|fact| !is_listed(fact)).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing: {missing:#?}\nmore: {more:#?}");
    for difference in MORE {
        assert!(
            ours.iter().any(|fact| fact.starts_with(&format!("{} {}", difference.kind, difference.path))),
            "{} {} is no difference any more",
            difference.kind,
            difference.path
        );
    }
}

#[test]
fn schemas_are_structural() {
    for crd in crds::crds() {
        let text = crd.to_string();
        for word in ["$ref", "$schema", "nullable", "anyOf", "oneOf", "title\":\"", "\"null\"", "x-default"] {
            assert!(!text.contains(word), "{}: {word}", crd["metadata"]["name"]);
        }
    }
}

#[test]
fn yaml_reads_back_as_the_same_crds() {
    let text = crds::yaml().unwrap();
    let documents: Vec<serde_json::Value> =
        text.split("---\n").skip(1).map(|document| serde_saphyr::from_str(document).unwrap()).collect();
    assert_eq!(documents, crds::crds());
}
