//! kargo/ids: ids, names and orders, byte for byte.

use std::collections::BTreeMap;

use ferry_api::freight::{Freight, FreightCollection, FreightOrigin, FreightReference};
use ferry_api::generated::{hash_shorten, promotion_name, shorten_label_value, shorten_resource_name};
use ferry_api::order::{compare_phases, compare_promotions};
use ferry_api::{Promotion, PromotionPhase, history};
use ferry_vectors::{Answer, Case, Rule};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const ULID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

const RULES: &[Rule] = &[
    Rule {
        name: "unknown origin kind",
        reason: "the CRD's enum knows Warehouse alone, so our type cannot hold another kind",
        applies: |case| has_other_kind(&case.input),
        instead: |_, answer| answer.is_err(),
    },
    Rule {
        name: "unknown phase",
        reason: "design §7: phases are enums; nobody writes another",
        applies: |case| {
            case.input.to_string().contains("\"Weird\"") || !phases(&case.input).iter().all(|p| known(p))
        },
        instead: |_, answer| answer.is_err(),
    },
    Rule {
        name: "more digits than the hash has",
        reason: "the real code panics; ours says that it does not fit",
        applies: |case| case.input["hashLen"].as_i64().is_some_and(|n| n > 64),
        instead: |_, answer| matches!(answer, Ok(value) if value["ok"] == false),
    },
];

fn has_other_kind(input: &Value) -> bool {
    match input {
        Value::Object(map) => map.iter().any(|(key, value)| {
            (key == "origin" && value.get("kind").is_some_and(|kind| kind != "Warehouse"))
                || has_other_kind(value)
        }),
        Value::Array(items) => items.iter().any(has_other_kind),
        _ => false,
    }
}

fn phases(input: &Value) -> Vec<String> {
    let single = ["a", "b", "phase"].iter().filter_map(|key| input[key].as_str());
    let listed =
        input["promotions"].as_array().into_iter().flatten().filter_map(|p| p["status"]["phase"].as_str());
    single.chain(listed).map(str::to_owned).collect()
}

fn known(phase: &str) -> bool {
    phase.is_empty() || serde_json::from_value::<PromotionPhase>(json!(phase)).is_ok()
}

#[test]
fn vectors_ids() {
    ferry_vectors::replay("kargo/ids", RULES, answer);
}

fn read<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|e| e.to_string())
}

fn phase(value: &Value) -> Result<Option<PromotionPhase>, String> {
    if value == "" { Ok(None) } else { read(value).map(Some) }
}

fn answer(case: &Case) -> Option<Answer> {
    let input = &case.input;
    let text = || input["text"].as_str().unwrap_or_default().to_owned();
    Some(match input["fn"].as_str()? {
        "freightID" => freight_id(&input["freight"]),
        "collectionID" => collection(&input["freight"]),
        "originString" => read::<FreightOrigin>(&input["origin"]).map(|origin| json!(origin.to_string())),
        "parseOrigin" => text().parse::<FreightOrigin>().map(|o| json!(o)).map_err(|e| e.to_string()),
        "promotionNameShape" => Ok(name_shape(input)),
        "shortenResourceName" => Ok(json!(shorten_resource_name(&text()))),
        "shortenLabelValue" => Ok(json!(shorten_label_value(&text()))),
        "hashShorten" => Ok(shortened(input, &text())),
        "sortPromotions" => sorted(&input["promotions"]),
        "comparePhases" => compared(input),
        "phaseIsTerminal" => {
            phase(&input["phase"]).map(|p| json!(p.is_some_and(PromotionPhase::is_terminal)))
        }
        "historyRecord" => Ok(recorded(&input["ids"])),
        _ => return None,
    })
}

fn freight_id(input: &Value) -> Answer {
    let mut freight = input.clone();
    freight["metadata"] = json!({});
    read::<Freight>(&freight).map(|freight| json!(freight.id()))
}

fn collection(input: &Value) -> Answer {
    let references: Vec<FreightReference> = read(input)?;
    let collection = FreightCollection::of(references);
    let order: Vec<&str> = collection.references().map(|r| r.name.as_str()).collect();
    Ok(json!({"id": collection.id, "order": order}))
}

fn name_shape(input: &Value) -> Value {
    let name = promotion_name(input["stage"].as_str().unwrap(), ULID, input["freight"].as_str().unwrap());
    let (head, suffix) = name.rsplit_once('.').unwrap_or(("", ""));
    let (prefix, ulid) = head.rsplit_once('.').unwrap_or(("", ""));
    let lower = name == name.to_lowercase();
    json!({"length": name.len(), "lower": lower, "prefix": prefix, "suffix": suffix, "ulidLength": ulid.len()})
}

fn shortened(input: &Value, text: &str) -> Value {
    let size = |key: &str| usize::try_from(input[key].as_i64().unwrap_or_default()).ok();
    let separator = input["sep"].as_str().unwrap_or_default();
    let short = size("maxLen").zip(size("hashLen")).and_then(|(l, n)| hash_shorten(text, l, separator, n));
    json!({"ok": short.is_some(), "text": short.unwrap_or_else(|| text.to_owned())})
}

fn sorted(input: &Value) -> Answer {
    let mut promotions: Vec<Promotion> = Vec::new();
    for item in input.as_array().unwrap() {
        let mut item = item.clone();
        item["spec"] = json!({"stage": "uat"});
        if item["status"]["phase"] == "" {
            item["status"] = json!({});
        }
        promotions.push(read(&item)?);
    }
    promotions.sort_by(compare_promotions);
    Ok(json!(promotions.iter().map(|p| p.metadata.name.clone().unwrap_or_default()).collect::<Vec<_>>()))
}

fn compared(input: &Value) -> Answer {
    Ok(json!(compare_phases(phase(&input["a"])?, phase(&input["b"])?) as i8))
}

fn recorded(ids: &Value) -> Value {
    let mut all = Vec::new();
    for id in ids.as_array().unwrap() {
        let collection = FreightCollection {
            id: id.as_str().unwrap().to_owned(),
            items: BTreeMap::new(),
            ..Default::default()
        };
        history::record(&mut all, collection);
    }
    json!(all.iter().map(|collection| collection.id.as_str()).collect::<Vec<_>>())
}
