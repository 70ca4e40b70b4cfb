//! How objects are printed: as a table, as names, as JSON or YAML.

use std::io::{ErrorKind, Write as _};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde_json::{Value, json};

/// The forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// The objects as JSON
    Json,
    /// The objects as YAML
    Yaml,
    /// KIND.GROUP/NAME
    Name,
    /// A table with all columns
    Wide,
}

/// Writes to standard output; whoever reads may have enough.
pub(crate) fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// `kind.group/name` of an object.
pub(crate) fn name_of(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let kind = text("/kind").to_lowercase();
    let group = text("/apiVersion").split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
    format!("{kind}{group}/{}", text("/metadata/name"))
}

/// Objects as JSON or YAML: one as itself where `is_single`, else a List.
pub(crate) fn document(objects: &[Value], is_single: bool, is_yaml: bool) -> Result<String> {
    let mut objects = objects.to_vec();
    for object in &mut objects {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
    }
    let whole = match objects.as_slice() {
        [one] if is_single => one.clone(),
        many => {
            json!({"apiVersion": "v1", "items": many, "kind": "List", "metadata": {"resourceVersion": ""}})
        }
    };
    Ok(if is_yaml {
        serde_saphyr::to_string(&whole)?
    } else {
        format!("{}\n", serde_json::to_string_pretty(&whole)?)
    })
}

/// A table as `kubectl` prints it: columns as wide as needed, three spaces between them.
pub(crate) fn table(headers: Option<&[&str]>, rows: &[Vec<String>]) -> String {
    let headers =
        headers.map(|headers| headers.iter().map(|header| (*header).to_owned()).collect::<Vec<_>>());
    let lines: Vec<&Vec<String>> = headers.iter().chain(rows).collect();
    let columns = lines.iter().map(|line| line.len()).max().unwrap_or_default();
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("   ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows =
            vec![vec!["a".into(), String::new(), "x".into()], vec!["long".into(), "b".into(), "y".into()]];
        assert_eq!(table(Some(&["NAME", "S", "AGE"]), &rows), "NAME   S   AGE\na          x\nlong   b   y\n");
        assert_eq!(table(None, &rows), "a          x\nlong   b   y\n");
    }

    #[test]
    fn one_object_stands_alone_and_several_are_a_list() {
        let stage = json!({"apiVersion": "kargo.akuity.io/v1alpha1", "kind": "Stage", "metadata": {"name": "a", "managedFields": []}});
        assert_eq!(name_of(&stage), "stage.kargo.akuity.io/a");
        let one = document(std::slice::from_ref(&stage), true, false).unwrap();
        assert!(one.contains("\"kind\": \"Stage\"") && !one.contains("managedFields"));
        assert!(document(&[stage], false, true).unwrap().contains("kind: List"));
    }
}
