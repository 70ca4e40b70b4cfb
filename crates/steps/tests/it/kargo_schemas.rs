//! Kargo's schemas and ours accept and refuse the same configs. Kargo's are not part of the repository: where they are
//! not beside it, there is nothing to compare with.

use std::path::{Path, PathBuf};

use ferry_engine::StepDef;
use ferry_steps::BUILTIN;
use jsonschema::{Registry, Validator};
use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Map, Value, json};

/// How many configs are made for each step.
const CONFIGS: usize = 3000;

/// Where the schemas are, if they are.
fn schemas() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/kargo/step-schemas");
    place.is_dir().then_some(place)
}

/// A schema as Kargo has it, and what its references lead to.
struct Theirs {
    schema: Value,
    common: Vec<(String, Value)>,
}

impl Theirs {
    fn read(place: &Path, kind: &str) -> Self {
        let read = |name: &str| -> Value {
            serde_json::from_str(&std::fs::read_to_string(place.join(name)).unwrap()).unwrap()
        };
        let common = ["common.json", "argocd-common.json"].map(|name| (name.to_owned(), read(name)));
        Self { schema: read(&format!("{kind}-config.json")), common: common.into() }
    }

    /// What a reference leads to.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let Some(reference) = schema["$ref"].as_str() else { return schema };
        let (file, pointer) = reference.split_once('#').unwrap();
        let file = file.trim_start_matches("./");
        let document =
            self.common.iter().find(|(name, _)| name == file).map_or(&self.schema, |(_, schema)| schema);
        self.resolved(document.pointer(pointer).unwrap_or_else(|| panic!("{reference}")))
    }

    fn validator(&self) -> Validator {
        let mut registry = Registry::new();
        for (name, schema) in &self.common {
            registry = registry.add(format!("json-schema:///{name}"), schema.clone()).unwrap();
        }
        let registry = registry.prepare().unwrap();
        let mut schema = self.schema.clone();
        schema["$id"] = json!("json-schema:///this.json");
        jsonschema::options()
            .should_validate_formats(true)
            .with_registry(&registry)
            .with_base_uri("json-schema:///this.json")
            .build(&schema)
            .unwrap()
    }
}

/// Makes configs by a schema; most are right but for one thing.
struct Maker<'a> {
    theirs: &'a Theirs,
    chance: TestRng,
}

impl Maker<'_> {
    fn choose(&mut self, of: usize) -> usize {
        usize::try_from(self.chance.next_u32()).unwrap() % of
    }

    fn pick<'v>(&mut self, from: &[&'v str]) -> &'v str {
        from[self.choose(from.len())]
    }

    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        let schema = self.theirs.resolved(schema).clone();
        if self.choose(40) == 0 {
            return self.anything();
        }
        if let Some(one) = schema.get("const") {
            return one.clone();
        }
        if let Some(all) = schema["enum"].as_array() {
            return all[self.choose(all.len())].clone();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds[self.choose(kinds.len())].as_str().unwrap_or_default().to_owned(),
            kind => kind
                .as_str()
                .unwrap_or(if schema["properties"].is_object() { "object" } else { "any" })
                .to_owned(),
        };
        match kind.as_str() {
            "string" => json!(self.text(&schema)),
            "boolean" => json!(self.choose(2) == 0),
            "integer" | "number" => json!([0, 1, 2, 5, -1][self.choose(5)]),
            "array" => {
                let length = self.choose(3);
                (0..length).map(|_| self.value(&schema["items"], depth + 1)).collect()
            }
            "object" => self.object(&schema, depth),
            _ => self.anything(),
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let mut object = Map::new();
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().cloned().collect();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let wanted =
                if required.contains(&json!(name)) { self.choose(25) != 0 } else { self.choose(3) == 0 };
            if wanted && depth < 6 {
                object.insert(name.clone(), self.value(property, depth));
            }
        }
        if schema["additionalProperties"].is_object() {
            for _ in 0..self.choose(3) {
                let value = self.value(&schema["additionalProperties"], depth + 1);
                object.insert(self.pick(&["x", "y.z", "index:w"]).to_owned(), value);
            }
        }
        if self.choose(30) == 0 {
            object.insert("unknownField".to_owned(), self.anything());
        }
        Value::Object(object)
    }

    /// Texts that no rule but that of the schema has something against.
    fn text(&mut self, schema: &Value) -> String {
        let pattern = schema["pattern"].as_str().unwrap_or_default();
        let candidates: &[&str] = if pattern.contains("ns|us") {
            &["5s", "1h30m", "", "x"]
        } else if pattern.contains("oci://") {
            &["reg.test/a:1", "oci://reg.test/a/b:v1", "reg.test/a", "", "a b:1"]
        } else if pattern.contains("https?") {
            &["http://proxy.test", "https://p.test:1", "proxy", ""]
        } else if schema["format"] == "email" {
            &["a@example.test"]
        } else if schema["format"] == "uri" {
            &["https://example.test/a"]
        } else if !pattern.is_empty() {
            &["GET", "POST", "0644", "application/json", "a", "", "9999"]
        } else {
            &["a", "b/c", "v1", "a", ""]
        };
        self.pick(candidates).to_owned()
    }

    fn anything(&mut self) -> Value {
        [
            json!(null),
            json!(""),
            json!("x"),
            json!(0),
            json!(1.5),
            json!(true),
            json!([]),
            json!({}),
            json!(["x"]),
        ][self.choose(9)]
        .clone()
    }
}

/// Where ours asks for more than Kargo's: the step, a word of what it says, and why.
const STRICTER: &[(&str, &str, &str)] =
    &[("git-clone", "is used twice", "steps, git-clone: a name that is given twice fails the step for good")];

fn accepted(def: &StepDef, config: &Value) -> Result<(), String> {
    def.prepare(config.clone()).map(|_| ()).map_err(|e| e.to_string())
}

#[test]
fn kargo_s_schemas_and_ours_accept_the_same() {
    let Some(place) = schemas() else { return };
    let mut different = Vec::new();
    for def in BUILTIN {
        let theirs = Theirs::read(&place, def.kind);
        let validator = theirs.validator();
        let ours = jsonschema::options().should_validate_formats(true).build(&def.schema()).unwrap();
        let seed = [7; 32];
        let mut maker = Maker { theirs: &theirs, chance: TestRng::from_seed(RngAlgorithm::ChaCha, &seed) };
        let (mut good, mut made) = (0, 0);
        for _ in 0..CONFIGS {
            let config = maker.value(&theirs.schema, 0);
            if !config.is_object() {
                continue;
            }
            made += 1;
            let said = accepted(def, &config);
            let wanted = validator.is_valid(&config);
            good += usize::from(wanted);
            let of_schema = ours.is_valid(&config);
            let stricter = STRICTER.iter().any(|(kind, word, _)| {
                *kind == def.kind && wanted && said.as_ref().is_err_and(|said| said.contains(word))
            });
            if !stricter && (said.is_ok() != wanted || of_schema != wanted) {
                different.push(format!(
                    "{}: Kargo's {wanted}, our schema {of_schema}, ours {said:?}: {config}",
                    def.kind
                ));
            }
        }
        // Neither all right nor all wrong, or nothing was compared.
        assert!(good > 8 && good < made, "{}: {good} of {made}", def.kind);
    }
    let few: Vec<_> = different.iter().take(40000).cloned().collect();
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), few.join("\n"));
}
