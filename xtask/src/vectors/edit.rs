//! Taking texts out of one line of JSON. Everything else keeps its bytes: order of members, form of numbers.

use anyhow::Context as _;
use indexmap::IndexMap;
use serde_json::value::RawValue;

/// A place in a line and what becomes of the text there.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// Members from the line's root, separated by spaces; `*` is any one member or element, `**` any number of them.
    pub at: &'static str,
    /// What becomes of it.
    pub how: How,
}

/// What becomes of a text.
#[derive(Debug, Clone, Copy)]
pub enum How {
    /// It becomes `true`: there was an error. A leading `(Errored)` or `terminal (Failed)` is a value and stays.
    Truth,
    /// It goes.
    Drop,
    /// It goes where the member beside it has one of these values.
    DropBeside(&'static str, &'static [&'static str]),
}

/// One line without those texts.
pub fn edit(line: &str, texts: &[Text]) -> anyhow::Result<String> {
    if texts.is_empty() {
        return Ok(line.to_owned());
    }
    let mut node = Node::parse(line)?;
    for text in texts {
        let at: Vec<&str> = text.at.split(' ').collect();
        strip(&mut node, &at, text.how);
    }
    let mut kept = String::with_capacity(line.len());
    node.write(&mut kept)?;
    Ok(kept)
}

enum Node {
    Object(IndexMap<String, Node>),
    List(Vec<Node>),
    Leaf(String),
}

impl Node {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let parsed = |raw: Box<RawValue>| Self::parse(raw.get());
        Ok(match text.trim_start().chars().next() {
            Some('{') => {
                let members: IndexMap<String, Box<RawValue>> =
                    serde_json::from_str(text).context("not JSON")?;
                let members = members.into_iter().map(|(key, raw)| Ok((key, parsed(raw)?)));
                Self::Object(members.collect::<anyhow::Result<_>>()?)
            }
            Some('[') => {
                let elements: Vec<Box<RawValue>> = serde_json::from_str(text).context("not JSON")?;
                Self::List(elements.into_iter().map(parsed).collect::<anyhow::Result<_>>()?)
            }
            _ => Self::Leaf(serde_json::from_str::<&RawValue>(text).context("not JSON")?.get().to_owned()),
        })
    }

    fn write(&self, to: &mut String) -> anyhow::Result<()> {
        match self {
            Self::Leaf(text) => to.push_str(text),
            Self::List(elements) => {
                to.push('[');
                for (i, element) in elements.iter().enumerate() {
                    to.push_str(if i == 0 { "" } else { ", " });
                    element.write(to)?;
                }
                to.push(']');
            }
            Self::Object(members) => {
                to.push('{');
                for (i, (key, member)) in members.iter().enumerate() {
                    to.push_str(if i == 0 { "" } else { ", " });
                    to.push_str(&serde_json::to_string(key)?);
                    to.push_str(": ");
                    member.write(to)?;
                }
                to.push('}');
            }
        }
        Ok(())
    }

    fn text(&self) -> Option<String> {
        match self {
            Self::Leaf(raw) => serde_json::from_str(raw).ok(),
            _ => None,
        }
    }
}

fn strip(node: &mut Node, at: &[&str], how: How) {
    let Some((&head, rest)) = at.split_first() else { return };
    if head == "**" {
        strip(node, rest, how);
    }
    let below = if head == "**" { at } else { rest };
    match node {
        Node::List(elements) if head.starts_with('*') => {
            for element in elements {
                strip(element, below, how);
            }
        }
        Node::Leaf(_) | Node::List(_) => {}
        Node::Object(members) if below.is_empty() => end(members, head, how),
        Node::Object(members) if head.starts_with('*') => {
            for member in members.values_mut() {
                strip(member, below, how);
            }
        }
        Node::Object(members) => {
            if let Some(member) = members.get_mut(head) {
                strip(member, below, how);
            }
        }
    }
}

/// What a rule does at the end of its path.
fn end(members: &mut IndexMap<String, Node>, key: &str, how: How) {
    let goes = match how {
        How::Drop => true,
        How::DropBeside(beside, values) => {
            let value = members.get(beside).and_then(Node::text);
            value.is_some_and(|value| values.contains(&value.as_str()))
        }
        How::Truth => false,
    };
    if goes {
        members.shift_remove(key);
    } else if let (How::Truth, Some(member)) = (how, members.get_mut(key)) {
        truth(member);
    }
}

fn truth(member: &mut Node) {
    let Some(text) = member.text().filter(|text| !text.is_empty()) else { return };
    let status = text.starts_with('(') || text.starts_with("terminal (");
    let kept = text.find(')').filter(|_| status).and_then(|end| serde_json::to_string(&text[..=end]).ok());
    *member = Node::Leaf(kept.unwrap_or_else(|| "true".to_owned()));
}

#[cfg(test)]
mod tests {
    use super::{How, Text, edit};

    #[test]
    fn only_the_named_texts_change() {
        let truth = Text { at: "error", how: How::Truth };
        let deep = Text { at: "want ** conditions * message", how: How::Drop };
        let failed = Text { at: "want * message", how: How::DropBeside("phase", &["Failed"]) };
        for (text, line, kept) in [
            (
                truth,
                r#"{"b": 1e0, "error": "no such", "a": "ż\n"}"#,
                r#"{"b": 1e0, "error": true, "a": "ż\n"}"#,
            ),
            (truth, r#"{"error": "terminal (Failed) why"}"#, r#"{"error": "terminal (Failed)"}"#),
            (truth, r#"{"error": "(Errored) (x)"}"#, r#"{"error": "(Errored)"}"#),
            (truth, r#"{"want": {"error": "x"}}"#, r#"{"want": {"error": "x"}}"#),
            (
                deep,
                r#"{"want": {"status": {"conditions": [{"message": "x", "type": "Ready"}]}, "message": 1}}"#,
                r#"{"want": {"status": {"conditions": [{"type": "Ready"}]}, "message": 1}}"#,
            ),
            (
                failed,
                r#"{"want": [{"phase": "Failed", "message": "x"}, {"phase": "Running", "message": "y"}]}"#,
                r#"{"want": [{"phase": "Failed"}, {"phase": "Running", "message": "y"}]}"#,
            ),
        ] {
            assert_eq!(edit(line, &[text]).unwrap(), kept);
        }
    }
}
