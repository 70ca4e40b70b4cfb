//! No input is too odd: whatever is sent and whatever is stored, there is an answer, and defaults are set once.

use ferry_admission::{
    Answer, Context, Lookup, Operation, Outcome, ROUNDS, Request, Snapshot, User, mutate, validate,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const KINDS: [&str; 11] = [
    "ClusterConfig",
    "ClusterPromotionTask",
    "Freight",
    "Project",
    "ProjectConfig",
    "Promotion",
    "PromotionRequest",
    "PromotionTask",
    "Stage",
    "Target",
    "Warehouse",
];

/// Words that mean something somewhere.
const WORDS: &str = "metadata|name|namespace|labels|annotations|spec|status|subscriptions|git|image|chart|repoURL|\
    discoveryLimit|strictSemvers|interval|shard|origin|kind|Warehouse|commits|alias|stage|freight|steps|task|uses|as|\
    vars|value|promotionTemplate|requestedFreight|sources|direct|stages|retry|timeout|kargo.akuity.io/abort|\
    kargo.akuity.io/reverify|promotionPolicies|stageSelector|webhookReceivers|generic|ownerReferences|5m|regex:[|";

fn word() -> impl Strategy<Value = String> {
    let words: Vec<String> = WORDS.split('|').map(|word| word.trim().to_owned()).collect();
    prop_oneof![4 => prop::sample::select(words), 1 => ".{0,6}"]
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    prop::collection::vec((word(), anything()), 0..6).prop_map(|pairs| {
        let mut map: Map<String, Value> = pairs.into_iter().collect();
        map.entry("metadata").or_insert(json!({"name": "x", "namespace": "p"}));
        Value::Object(map)
    })
}

fn ask(
    review: fn(&Request<'_>, &Snapshot) -> Outcome,
    operation: Operation,
    kind: &str,
    object: &Value,
    stored: &Value,
) -> Outcome {
    let user = User { name: "ada".into(), ..User::default() };
    let now = "2026-06-01T00:00:00Z".parse().unwrap();
    let request = Request {
        operation,
        group: "kargo.akuity.io",
        kind,
        subresource: "",
        namespace: "p",
        name: "x",
        object: (operation != Operation::Delete).then_some(object),
        old: (operation != Operation::Create).then_some(stored),
        user: &user,
        dry_run: false,
        context: Context { now, ulid: "01ARZ3NDEKTSV4RRFFQ69G5FAV", entropy: 1, known_steps: &["http"] },
    };
    let mut known = Snapshot::default();
    for _ in 0..ROUNDS {
        let Outcome::Need(lookups) = review(&request, &known) else { break };
        for lookup in lookups {
            let answer = match &lookup {
                Lookup::Object { .. } => Answer::Object(Some(stored.to_string())),
                Lookup::List { .. } => Answer::List(Vec::new()),
                Lookup::Access { .. } => Answer::Access(true),
            };
            known.insert(lookup, answer);
        }
    }
    review(&request, &known)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn there_is_always_an_answer(object in object(), stored in object()) {
        for kind in KINDS {
            for operation in [Operation::Create, Operation::Update, Operation::Delete] {
                for review in [mutate, validate] {
                    prop_assert!(!matches!(ask(review, operation, kind, &object, &stored), Outcome::Need(_)));
                }
            }
        }
    }

    #[test]
    fn defaults_are_set_once(object in object()) {
        for kind in ["Stage", "Warehouse"] {
            let set = |object: &Value| match ask(mutate, Operation::Create, kind, object, &Value::Null) {
                Outcome::Allowed(allowed) => allowed.object,
                _ => None,
            };
            let once = set(&object).unwrap();
            // A second time the shard and times may be mirrored again, but nothing is new.
            prop_assert_eq!(set(&once).unwrap(), once);
        }
    }
}
