//! Anything at all as expression, template and document: a value or an error with its place, never a panic, and on half
//! the stack that a thread of the engine has. The lexer's target stands beside it, in `src/syntax/lexer.rs`.

use std::path::Path;

use ferry_expr::{Error, Expression, Stop, Template, evaluate, evaluate_json_text, evaluate_template};
use ferry_fuzz::Corpus;
use serde_json::{Value, json};

use crate::hostile::{env, on_small_stack};
use crate::vectors_expr_templates::functions;

const WORDS: &[&str] = &[
    "${{",
    "}}",
    "${%",
    "%}",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "#",
    ".",
    "?.",
    "??",
    "..",
    "|",
    "let a = ",
    ";",
    ":",
    "if ",
    " else ",
    "map(",
    "filter(",
    "reduce(",
    "1e999",
    "-9223372036854775808",
    "'",
    "\"",
    "`",
    "\\u0000",
    "//",
    "/*",
    " matches ",
    " in ",
    "not ",
    "**",
    "$env",
    "s",
    "l",
    "m",
    "nul",
    "é",
    "\u{0}",
    "\n",
];

fn inputs(target: &str) -> impl Iterator<Item = String> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/corpus/{target}.txt"));
    let inputs = Corpus::read(&corpus, WORDS).and(recorded(target == "template")).inputs();
    inputs.map(|input| String::from_utf8_lossy(&input).into_owned())
}

/// The templates that were recorded, or what stands between their delimiters.
fn recorded(whole: bool) -> impl Iterator<Item = Vec<u8>> {
    let cases = ferry_vectors::read("kargo/expr-templates").unwrap_or_default().into_iter();
    let templates = cases.filter_map(|case| case.input["template"].as_str().map(ToOwned::to_owned));
    templates
        .map(move |text| if whole { text } else { text.replace("${{", "").replace("}}", "") }.into_bytes())
}

/// An error's place is in the text.
fn in_the_text(error: &Error, text: &str) {
    if let Some(place) = error.place() {
        assert!(place.offset <= text.len() && place.line >= 1, "{error}: {place:?} of {text:?}");
    }
    assert!(!error.to_string().is_empty());
}

#[test]
fn fuzz_parser() {
    on_small_stack(|| {
        for text in inputs("parser") {
            match Expression::parse(&text) {
                Ok(expression) => {
                    let _ = expression.check(&functions());
                    let _ = expression.references();
                }
                Err(error) => in_the_text(&error, &text),
            }
        }
    });
}

#[test]
fn fuzz_evaluator() {
    on_small_stack(|| {
        for text in inputs("evaluator") {
            match evaluate(&text, &env(), &functions()) {
                Ok(value) => drop(value.to_json()),
                Err(Stop::Failed(error)) => in_the_text(&error, &text),
                Err(need) => unreachable!("{need:?}: nothing is to be looked up"),
            }
        }
    });
}

#[test]
fn fuzz_template() {
    on_small_stack(|| {
        for text in inputs("template") {
            if let Err(error) = Template::parse(&text) {
                assert!(!error.to_string().is_empty());
            }
            let value = evaluate_template(&text, &env(), &functions());
            if !text.contains("${{") && !text.contains("${%") {
                let value = value.unwrap_or_else(|e| unreachable!("{text:?}: {e}"));
                assert_eq!(value.to_json().unwrap(), Value::String(text.clone()), "no template, no change");
            }
            let document = json!({ "a": [text, {"b": text}] }).to_string();
            for document in [&text, &document] {
                let _ = evaluate_json_text(document, &env(), &functions());
            }
        }
    });
}
