//! Whatever stands in an object of a user: an error or a value, never a crash, and soon.

use ferry_expr::{Map, Value, evaluate, evaluate_json_text, evaluate_template};
use proptest::prelude::*;
use serde_json::json;

use crate::vectors_expr_templates::functions;

pub fn env() -> Map {
    let env = json!({"n": 7, "s": "text", "l": [1, "a", null, [2]], "m": {"a": {"b": 1}}, "nul": null});
    Map::from_json(env.as_object().unwrap())
}

/// Runs on half the stack of a worker thread, also in a build without optimisation.
pub fn on_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(1024 * 1024).spawn(run).unwrap().join().unwrap();
}

fn fails(expression: &str) -> String {
    evaluate(expression, &env(), &functions()).unwrap_err().to_string()
}

#[test]
fn the_deepest_expression_that_is_accepted_fits_the_stack() {
    on_small_stack(|| {
        for (open, middle, close) in [
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("{a: ", "1", "}"),
            ("not ", "true", ""),
            ("-", "1", ""),
            ("map(l, ", "#", ")"),
            ("upper(", "s", ")"),
            ("1 + (", "1", ")"),
            ("true ? ", "1", " : 2"),
            ("if true { ", "1", " } else { 2 }"),
            ("let a = ", "1", "; 1"),
            ("m?.[", "s", "]"),
            ("l[", "0", ":]"),
            ("", "1", " ?? (2)"),
            ("nul?.x(", "1", ")"),
        ] {
            for depth in [10, 60, 74, 75, 100, 140, 48, 49, 50, 51, 97, 98, 99, 101, 400, 100_000] {
                let expression = format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
                let _ = evaluate(&expression, &env(), &functions());
            }
        }
        let names: Vec<String> = (0..400).map(|i| format!("let a{i} = {i}; ")).collect();
        let _ = evaluate(&format!("{}1", names.concat()), &env(), &functions());
        let pipes = " | map(#)".repeat(400);
        let _ = evaluate(&format!("l{pipes}"), &env(), &functions());
        assert!(evaluate(&format!("1{}", " + 1".repeat(2_000)), &env(), &functions()).is_ok());
    });
}

proptest! {
    /// Quotes, newlines, delimiters: what is quoted comes back as it was, and what an expression gives is not
    /// looked through for further templates.
    #[test]
    fn fm_58_what_is_quoted_round_trips(text in text_with_delimiters()) {
        let env = Map::from_json(json!({"x": text, "o": {"k": [text]}}).as_object().unwrap());
        let of = |template: &str| evaluate_template(template, &env, &functions()).unwrap().to_json().unwrap();
        let as_json = of("${{ asJSON(o) }}");
        let back: serde_json::Value = serde_json::from_str(as_json.as_str().unwrap()).unwrap();
        prop_assert_eq!(back, json!({"k": [text]}));
        let document = evaluate_json_text(r#"{"a": "${{ quote(x) }}", "b": "<${{ x }}>"}"#, &env, &functions()).unwrap();
        prop_assert_eq!(&document["b"], &json!(format!("<{text}>")), "never scanned again");
        let quoted = document["a"].as_str().unwrap();
        prop_assert_eq!(evaluate(&format!("\"{quoted}\""), &env, &functions()).unwrap().to_json().unwrap(), json!(text));
    }
}

/// Texts in which what matters to templates is frequent.
fn text_with_delimiters() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "${{", "}}", "${%", "%}", "\"", "'", "\n", "\\", "{", "x", "é", " 1 ", "\t",
    ]);
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

#[test]
fn a_deep_value_is_refused() {
    on_small_stack(|| {
        assert!(fails("reduce(1..100000, [#acc], 1)").contains("levels deep"));
        assert!(fails("reduce(1..100000, ({a: #acc}), 1)").contains("levels deep"));
        assert!(fails("reduce(1..100000, toPairs({a: #acc}), 1)").contains("levels deep"));
        assert!(fails("reduce(1..100000, groupBy([#acc], 1), 1)").contains("levels deep"));
        let text = format!("${{{{ fromJSON(repeat('[', 100000)) }}}}{}", "[".repeat(100_000));
        assert!(evaluate_template(&text, &env(), &functions()).is_err());
        let brackets = format!("${{{{ '[' }}}}{}", "[".repeat(100_000));
        assert!(evaluate_template(&brackets, &env(), &functions()).is_ok());
    });
}

#[test]
fn large_work_ends() {
    for expression in [
        "reduce(1..100, [#acc, #acc], 1) == 1",
        "let s = repeat('a', 999999); s contains repeat('a', 499999) + 'b' ? 1 : nope()",
        "1..10000000000",
        "map(1..999999, map(1..999999, #))",
        "all(1..999999, all(1..999999, # > 0))",
        "repeat('x', 999999999)",
        "repeat(repeat('x', 900), 900000)",
        "reduce(1..100, #acc + #acc, 'xxxxxxxxxxxxxxxxxxxx')",
        "sum(map(1..999999, #)) + len(uniq(1..999999))",
        "flatten(map(1..1000, map(1..1000, 1..1000)))",
        "toJSON(map(1..999999, repeat('x', 900000)))",
        "replace(repeat('a', 100000), '', repeat('b', 100000))",
        "fromPairs(map(1..999999, [#, #]))",
        "groupBy(1..999999, #)",
        "map(1..999999, s matches '(a|b)' + string(#))",
    ] {
        assert!(evaluate(expression, &env(), &functions()).is_err(), "{expression}");
    }
}

#[test]
fn a_message_shows_the_place() {
    assert_eq!(
        fails("vars.image.tag"),
        "there is no image in nil: write `?.` where it may be missing (1:6)\n | vars.image.tag\n | .....^"
    );
    assert_eq!(fails("1 +\n  'a'"), "`+` does not take an int and a string (1:3)\n | 1 +\n | ..^");
    assert_eq!(fails("nope(1)"), "there is no function `nope` here (1:1)\n | nope(1)\n | ^");
    assert_eq!(
        fails("n % 2"),
        "`%` takes whole numbers: write int(x) % 2, numbers from outside are floats (1:3)\n | n % 2\n | ..^"
    );
}

#[test]
fn floats_never_break_sorting() {
    let sorted = evaluate("sort([2, float('NaN'), 1, float('-Inf')])", &env(), &functions()).unwrap();
    assert!(matches!(sorted, Value::List(list) if list.items().len() == 4));
}

fn fragments() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "1",
        "2.5",
        "'a'",
        "n",
        "s",
        "l",
        "m",
        "nul",
        "#",
        ".a",
        "#acc",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        ";",
        "?",
        "??",
        "?.",
        ".",
        "..",
        "+",
        "-",
        "*",
        "/",
        "%",
        "**",
        "==",
        "<",
        "in",
        "not",
        "and",
        "or",
        "matches",
        "contains",
        "let x =",
        "if",
        "else",
        "|",
        "map(",
        "filter(",
        "reduce(",
        "sortBy(",
        "groupBy(",
        "sum(",
        "split(",
        "len(",
        "date(",
        "duration('1h')",
        "toJSON(",
        "semverParse('1.2.3')",
        ".IncMajor()",
        "b'x'",
        "$env",
        "[0]",
        "[1:]",
        "asc",
    ]);
    prop::collection::vec(words, 0..14).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,60}") {
        let _ = evaluate(&text, &env(), &functions());
        let _ = evaluate_template(&format!("${{{{{text}}}}}"), &env(), &functions());
    }

    #[test]
    fn arbitrary_fragments_never_panic(text in fragments()) {
        let _ = evaluate(&text, &env(), &functions());
    }

    #[test]
    fn dates_and_durations_never_panic(text in "[-+0-9a-zA-Z:. ]{0,30}", layout in "[-_0-9a-zA-Z:. ]{0,30}") {
        let env = Map::new().with("t", text.as_str()).with("l", layout.as_str());
        for expression in [
            "date(t)", "date(t, l)", "date(t, l, t)", "duration(t)", "date('2024-03-05T10:20:30.5+02:00').Format(l)",
            "timezone(t)", "float(t)", "int(t)", "fromBase64(t)", "fromJSON(t)", "semverParse(t)", "t matches l",
        ] {
            let _ = evaluate(expression, &env, &functions());
        }
        for expression in ["asYAML(t)", "asYAML({(t): l})", "quote(t)", "t"] {
            let _ = evaluate_template(&format!("${{{{ {expression} }}}}"), &env, &functions());
        }
    }
}

/// What a fuzz target found: each pipe into a predicate is a level, and takes more of the stack than most.
#[test]
fn the_longest_row_of_pipes_that_is_accepted_fits_the_stack() {
    on_small_stack(|| {
        for (start, pipe) in [
            ("[sortBy(sortBy(l, .name), .age)", " | map(.nameage)"),
            ("[l", " | filter(# != 1)"),
            ("[l", " | groupBy(#) | keys()"),
            ("[l", " | reduce(#acc + [#], [])"),
            ("[l", " | sortBy(#) | reverse() | concat(l)"),
        ] {
            for count in [1, 10, 40, 46, 47, 48, 49, 50, 51, 97, 98, 99, 100, 101, 110] {
                let _ = evaluate(&format!("{start}{}]", pipe.repeat(count)), &env(), &functions());
            }
        }
    });
}
