//! Validation rules (`x-kubernetes-validations`): compiled once with their schema, evaluated where the schema has
//! them. A rule that reads `oldSelf` is only evaluated where the old value is certain.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use kube_cel::{
    KubeCelExt,
    cel::{Context, ExecutionError, IdedExpr, Value as Cel, objects::OptionalValue, parser::Parser},
};
use serde_json::Value;

use super::{Cause, CauseReason, cel, correlate, node::Node, path::Path};

/// A compiled validation rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) text: String,
    pub(crate) expression: IdedExpr,
    pub(crate) message: String,
    pub(crate) message_expression: Option<IdedExpr>,
    reason: CauseReason,
    field_path: Option<String>,
    pub(crate) reads_old: bool,
    pub(crate) optional_old: bool,
}

impl Rule {
    /// Compiles a rule of a schema; one that does not parse is reported and left out.
    pub(crate) fn compile(rule: &Value, at: Path<'_>, causes: &mut Vec<Cause>) -> Option<Self> {
        let text = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or_default().trim();
        let mut parse_at = |name: &str| match parse(text(name)) {
            Ok(expression) => Some(expression),
            Err(why) => {
                causes.push(Cause::new(
                    CauseReason::Invalid,
                    at.child(name),
                    format!("{rule}: compilation failed: {why}"),
                ));
                None
            }
        };
        if text("rule").is_empty() {
            causes.push(Cause::new(CauseReason::Required, at.child("rule"), "rule is not specified"));
            return None;
        }
        let expression = parse_at("rule")?;
        let message_expression =
            if text("messageExpression").is_empty() { None } else { Some(parse_at("messageExpression")?) };
        Some(Self {
            message: match text("message") {
                "" => format!("failed rule: {}", text("rule")),
                message => message.to_owned(),
            },
            reads_old: expression.references().has_variable("oldSelf"),
            text: text("rule").to_owned(),
            expression,
            message_expression,
            reason: match text("reason") {
                "FieldValueRequired" => CauseReason::Required,
                "FieldValueForbidden" => CauseReason::Forbidden,
                "FieldValueDuplicate" => CauseReason::Duplicate,
                _ => CauseReason::Invalid,
            },
            field_path: Some(text("fieldPath").to_owned()).filter(|path| !path.is_empty()),
            optional_old: rule.get("optionalOldSelf").and_then(Value::as_bool).unwrap_or_default(),
        })
    }
}

/// Parses an expression; the error says what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<IdedExpr, String> {
    guarded(|| Parser::new().enable_optional_syntax(true).parse(text)).map_or_else(
        || Err("the expression cannot be parsed".to_owned()),
        |parsed| parsed.map_err(|errors| errors.to_string()),
    )
}

/// The CEL crate is written by others: a panic of it must fail one rule, not the server.
fn guarded<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

thread_local! {
    static BASE: Context<'static> = Context::default().with_all();
}

/// A conversion that the values of some formats take.
#[derive(Clone, Copy)]
pub(crate) enum Conversion {
    Timestamp,
    Duration,
}

thread_local! {
    static CONVERSIONS: [Option<IdedExpr>; 2] = [parse("timestamp(self)").ok(), parse("duration(self)").ok()];
}

/// Converts a text; `None` where it cannot be.
pub(crate) fn convert(conversion: Conversion, text: Cel) -> Option<Cel> {
    CONVERSIONS.with(|[timestamp, duration]| {
        let expression = match conversion {
            Conversion::Timestamp => timestamp,
            Conversion::Duration => duration,
        };
        BASE.with(|base| {
            let mut context = base.new_inner_scope();
            context.add_variable_from_value("self", text);
            resolve(expression.as_ref()?, &context).ok()
        })
    })
}

fn resolve(expression: &IdedExpr, context: &Context<'_>) -> Result<Cel, String> {
    match guarded(|| Cel::resolve(expression, context)) {
        Some(Ok(value)) => Ok(value),
        Some(Err(ExecutionError::NoSuchKey(key))) => Err(format!("no such key: {key}")),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("the expression cannot be evaluated".to_owned()),
    }
}

/// Evaluates all rules of `node` and below.
pub(super) fn check(node: &Node, value: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    if node.below.rules {
        BASE.with(|base| walk(base, node, value, old, Path::Root, &mut causes));
    }
    causes
}

fn walk(
    base: &Context<'_>,
    node: &Node,
    value: &Value,
    old: Option<&Value>,
    at: Path<'_>,
    causes: &mut Vec<Cause>,
) {
    if !node.below.rules || value.is_null() {
        return;
    }
    if !node.rules.is_empty() {
        here(base, node, value, old, at, causes);
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let before = correlate::member(node, old, name);
                if let Some(property) = node.properties.get(name) {
                    walk(base, property, member, before, at.child(name), causes);
                } else if let Some(entry) = node.entry(name) {
                    walk(base, entry, member, before, at.key(name), causes);
                }
            }
        }
        Value::Array(items) => {
            let Some(element) = &node.items else { return };
            for (index, item) in items.iter().enumerate() {
                walk(base, element, item, correlate::element(node, old, item), at.index(index), causes);
            }
        }
        _ => {}
    }
}

fn here(
    base: &Context<'_>,
    node: &Node,
    value: &Value,
    old: Option<&Value>,
    at: Path<'_>,
    causes: &mut Vec<Cause>,
) {
    let unchanged = old == Some(value);
    let mut context = base.new_inner_scope();
    context.add_variable_from_value("self", cel::value(Some(node), value));
    let before = old.map(|old| cel::value(Some(node), old));
    for rule in &node.rules {
        let mut scope = context.new_inner_scope();
        match (&before, rule.optional_old) {
            (old, true) => {
                let optional = old.clone().map_or_else(OptionalValue::none, OptionalValue::of);
                scope.add_variable_from_value("oldSelf", Cel::Opaque(Arc::new(optional)));
            }
            (Some(old), false) => scope.add_variable_from_value("oldSelf", old.clone()),
            (None, false) if rule.reads_old => continue,
            (None, false) => {}
        }
        // What an update leaves as it was is not held against it, unless the rule is about the change.
        if unchanged && !rule.reads_old {
            continue;
        }
        evaluate(rule, &scope, at, causes);
    }
}

fn evaluate(rule: &Rule, scope: &Context<'_>, at: Path<'_>, causes: &mut Vec<Cause>) {
    let (reason, detail) = match resolve(&rule.expression, scope) {
        Ok(Cel::Bool(true)) => return,
        Ok(Cel::Bool(false)) => (rule.reason, message(rule, scope)),
        Ok(_) => (CauseReason::Invalid, format!("the rule is no yes or no: {}", rule.text)),
        Err(why) => (CauseReason::Invalid, format!("{why} evaluating rule: {}", rule.message)),
    };
    causes.push(Cause::new(reason, field(rule, at), detail));
}

fn message(rule: &Rule, scope: &Context<'_>) -> String {
    let dynamic = rule.message_expression.as_ref().and_then(|expression| resolve(expression, scope).ok());
    match dynamic {
        Some(Cel::String(text)) if !text.trim().is_empty() && !text.contains('\n') => text.trim().to_owned(),
        _ => rule.message.clone(),
    }
}

/// The field a failed rule names: where it stands, and the way of its `fieldPath` from there.
fn field(rule: &Rule, at: Path<'_>) -> String {
    let Some(path) = &rule.field_path else { return at.to_string() };
    let path = path.replace("['", "[").replace("']", "]");
    match (at, path.strip_prefix('.')) {
        (Path::Root, Some(rest)) => rest.to_owned(),
        (Path::Root, None) => path,
        _ => format!("{at}{path}"),
    }
}
