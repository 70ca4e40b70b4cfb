//! The rules of a sound schema: their types, whether they may read the past, and whether they would take too long.

use super::{
    cost,
    report::Report,
    types::{self, Kind, Scope},
};
use crate::schema::{
    CauseReason,
    node::{Additional, List, MapKind, Node},
    path::Path,
    rules::Rule,
};

pub(super) fn check(node: &Node, root: Path<'_>, report: &mut Report) {
    let mut walk = Walk { report, too_costly: Vec::new() };
    walk.node(node, root, Place { outermost: true, certain: true, instances: 1 });
    if walk.too_costly.is_empty() {
        return;
    }
    let costly = std::mem::take(&mut walk.too_costly);
    for field in costly {
        report.forbidden(
            field,
            "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema",
        );
    }
    report.forbidden(root, "estimated cost of all x-kubernetes-validations exceeds the budget; bound lists, maps and texts with maxItems, maxProperties and maxLength");
}

struct Walk<'r> {
    report: &'r mut Report,
    too_costly: Vec<String>,
}

#[derive(Clone, Copy)]
struct Place {
    outermost: bool,
    /// Whether an old value can be told for this place.
    certain: bool,
    /// How often the place can occur in one object.
    instances: u64,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node, at: Path<'_>, place: Place) {
        if !node.below.rules {
            return;
        }
        let list = at.child("x-kubernetes-validations");
        for (index, rule) in node.rules.iter().enumerate() {
            self.rule(node, rule, list.index(index), place);
        }
        let inside =
            Place { outermost: false, certain: place.certain && node.map == MapKind::Granular, ..place };
        for (name, property) in &node.properties {
            self.node(property, at.child("properties").key(name), inside);
        }
        if let Additional::Schema(entry) = &node.additional {
            let instances = cost::instances(place.instances, cost::entries(node, entry), entry);
            self.node(entry, at.child("additionalProperties"), Place { instances, ..inside });
        }
        if let Some(items) = &node.items {
            let instances = cost::instances(place.instances, cost::elements(node, items), items);
            let certain = place.certain && matches!(node.list, List::Map(_));
            self.node(items, at.child("items"), Place { outermost: false, certain, instances });
        }
    }

    fn rule(&mut self, node: &Node, rule: &Rule, at: Path<'_>, place: Place) {
        let scope = Scope::new(node, place.outermost, rule.optional_old);
        let field = at.child("rule");
        match types::infer(&rule.expression, &scope) {
            Ok(typed) => {
                if !matches!(typed.kind, Kind::Bool | Kind::Any) {
                    self.report.add(
                        CauseReason::Invalid,
                        field,
                        format!("{:?}: cel expression must evaluate to a bool", rule.text),
                    );
                }
                if cost::is_too_much(typed.cost, place.instances) {
                    self.report.forbidden(field, "estimated rule cost exceeds budget by factor of more than 100x; bound lists, maps and texts with maxItems, maxProperties and maxLength");
                    self.too_costly.push(field.to_string());
                }
            }
            Err(why) => self.report.add(
                CauseReason::Invalid,
                field,
                format!("{:?}: compilation failed: {why}", rule.text),
            ),
        }
        if let Some(expression) = &rule.message_expression {
            let field = at.child("messageExpression");
            match types::infer(expression, &scope) {
                Ok(typed) if matches!(typed.kind, Kind::Text | Kind::Any) => {}
                Ok(_) => self.report.add(
                    CauseReason::Invalid,
                    field,
                    "messageExpression must evaluate to a string",
                ),
                Err(why) => self.report.add(
                    CauseReason::Invalid,
                    field,
                    format!("messageExpression compilation failed: {why}"),
                ),
            }
        }
        if rule.reads_old && !place.certain {
            self.report.add(
                CauseReason::Invalid,
                field,
                "oldSelf cannot be used in lists that are no maps, nor in atomic maps",
            );
        }
        if rule.optional_old && !rule.reads_old {
            self.report.invalid(
                at.child("optionalOldSelf"),
                &true.into(),
                "may not be set if oldSelf is not used in rule",
            );
        }
    }
}
