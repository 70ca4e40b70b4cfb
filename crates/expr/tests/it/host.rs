//! What a host adds: functions, objects with fields and methods, things it has to look up first.

use std::collections::BTreeMap;

use ferry_expr::{
    Call, Expression, Function, Functions, Interrupt, Kind, Lookup, Map, Record, Signature, Stop, Time,
    Value, Zone, evaluate, evaluate_template,
};
use jiff::Timestamp;

fn commit() -> Record {
    Record::new("example.Commit").with("ID", "id", Value::exact("1234567")).with("Tag", "tag", "").with(
        "CreatorDate",
        "creatorDate",
        Time::new(Timestamp::from_second(1_704_412_800).unwrap(), Zone::UTC),
    )
}

/// A host whose secrets are known only after they were fetched.
fn functions(secrets: &BTreeMap<String, String>) -> Functions {
    let secrets = secrets.clone();
    let mut functions =
        Functions::utility(Timestamp::UNIX_EPOCH).with("secret", &[Kind::String], Kind::Map, move |call| {
            match secrets.get(call.str(0)?) {
                Some(value) => Ok(Map::of_texts([("password", value.as_str())]).into()),
                None => call.need(Lookup::new("secret", call.str(0)?)),
            }
        });
    let one = Signature::new([Kind::String], Kind::Any);
    let two = Signature::new([Kind::String, Kind::Any], Kind::Any);
    functions.insert("commitFrom", Function::new([one, two], commit_from));
    functions
}

fn commit_from(call: &Call<'_>) -> Result<Value, Interrupt> {
    match call.str(0)? {
        "app" => Ok(Value::object(commit())),
        "broken" => Err("the repository is not subscribed".into()),
        _ => Ok(Value::Nil),
    }
}

fn value(expression: &str) -> Value {
    evaluate(expression, &Map::new(), &functions(&BTreeMap::new())).unwrap()
}

fn failure(expression: &str) -> String {
    evaluate(expression, &Map::new(), &functions(&BTreeMap::new())).unwrap_err().to_string()
}

#[test]
fn objects_have_fields_by_their_own_names_and_by_those_of_json() {
    assert_eq!(value("commitFrom('app').ID").as_str(), Some("1234567"));
    assert_eq!(value("commitFrom('app').CreatorDate.Year() == 2024").as_bool(), Some(true));
    assert_eq!(value("commitFrom('none')?.ID ?? 'none'").as_str(), Some("none"));
    assert_eq!(value("type(commitFrom('app'))").as_str(), Some("example.Commit"));
    assert_eq!(value("'ID' in commitFrom('app') and 'id' not in commitFrom('app')").as_bool(), Some(true));
    let json = value("commitFrom('app')").to_json().unwrap();
    assert_eq!(json.to_string(), r#"{"creatorDate":"2024-01-05T00:00:00Z","id":"1234567"}"#);
    // As text, fields keep their order; YAML has all of them.
    assert_eq!(
        value("toJSON(commitFrom('app'))").as_str(),
        Some("{\n  \"id\": \"1234567\",\n  \"creatorDate\": \"2024-01-05T00:00:00Z\"\n}")
    );
    let yaml =
        evaluate_template("${{ asYAML(commitFrom('app')) }}", &Map::new(), &functions(&BTreeMap::new()));
    assert_eq!(
        yaml.unwrap().as_str(),
        Some("id: \"1234567\"\ntag: \"\"\ncreatordate: 2024-01-05T00:00:00Z\n")
    );
    assert_eq!(
        value("string(commitFrom('app'))").as_str(),
        Some("&{1234567  2024-01-05 00:00:00 +0000 UTC}")
    );
}

#[test]
fn a_wrong_call_is_found_before_anything_is_evaluated() {
    let functions = functions(&BTreeMap::new());
    for expression in [
        "false ? commitFrom() : 1",
        "false ? commitFrom(1) : 1",
        "false ? commitFrom('a', nil, 'b') : 1",
        "false ? semverParse('1.0.0') < 1 : 1",
        "false ? 1 + 'a' : 1",
        "false ? 'a' matches '[' : 1",
        "let commitFrom = 1; 2",
    ] {
        assert!(Expression::parse(expression).unwrap().check(&functions).is_err(), "{expression}");
    }
    assert!(Expression::parse("unknown(1).x + commitFrom('b', nil).Y").unwrap().check(&functions).is_ok());
}

#[test]
fn a_failing_function_is_named_by_its_place() {
    let message = failure("1 == 1 and commitFrom('broken').ID == 'x'");
    assert!(message.starts_with("the repository is not subscribed (1:12)\n"), "{message}");
    assert!(failure("commitFrom('app').Nope").starts_with("there is no Nope in example.Commit (1:19)"));
}

#[test]
fn what_is_not_known_is_asked_for_one_after_another() {
    let expression =
        Expression::parse("secret('a').password + '-' + secret('b').password + secret('a').nope").unwrap();
    let mut secrets = BTreeMap::new();
    let mut asked = Vec::new();
    let result = loop {
        match expression.evaluate(&Map::new(), &functions(&secrets)) {
            Err(Stop::Need(lookup)) => {
                assert_eq!(lookup.kind, "secret");
                asked.push(lookup.name.clone());
                secrets.insert(lookup.name.clone(), format!("{}1", lookup.name));
            }
            other => break other.unwrap(),
        }
    };
    assert_eq!(asked, ["a", "b"]);
    // A missing key of a map of texts is an empty text.
    assert_eq!(result.as_str(), Some("a1-b1"));
}

#[test]
fn a_map_of_texts_that_is_not_there_counts_as_nil() {
    let env = Map::new().with("m", Map::no_texts());
    let evaluate = |text| evaluate(text, &env, &functions(&BTreeMap::new())).unwrap();
    assert_eq!(evaluate("m.x").as_str(), Some(""));
    assert_eq!(evaluate("m ?? 'none'").as_str(), Some("none"));
    assert_eq!(evaluate("toJSON(m)").as_str(), Some("null"));
}

#[test]
fn functions_of_the_host_hide_built_ins() {
    let functions =
        Functions::new(Timestamp::UNIX_EPOCH).with("len", &[Kind::Any], Kind::Int, |_| Ok(Value::Int(42)));
    let length = |expression| evaluate(expression, &Map::new(), &functions).unwrap();
    assert!(length("len('a')").equals(&Value::Int(42)));
    assert!(length("::len('a')").equals(&Value::Int(1)));
}

#[test]
fn a_variable_can_be_a_function() {
    let header = Function::new([], |call| Ok(format!("<{}>", call.str(0)?).into()));
    let env = Map::new().with("request", Map::new().with("header", header));
    let found = evaluate("request.header('X-Event')", &env, &functions(&BTreeMap::new())).unwrap();
    assert_eq!(found.as_str(), Some("<X-Event>"));
}

#[test]
fn without_variables_names_are_errors() {
    let functions = functions(&BTreeMap::new());
    let evaluate = |text| Expression::parse(text).unwrap().evaluate_without_variables(&functions);
    assert_eq!(evaluate("commitFrom('app').ID == '1234567'").unwrap().as_condition(), Some(true));
    assert_eq!(evaluate("'T'").unwrap().as_condition(), Some(true));
    assert_eq!(evaluate("nil").unwrap().as_condition(), None);
    assert!(evaluate("vars == nil").is_err());
}
