//! Putting a new value in the place of a scalar: which bytes go, which come.

use std::ops::Range;

use super::render::{self, New, Style};
use super::tree::Place;
use super::write::begins_with_empty_line;
use granit_parser::ScalarStyle;

/// Bytes that go, and the text that comes in their place.
pub(super) type Edit = (Range<usize>, String);

/// What gives a scalar a new value; none where there is no room for one.
pub(super) fn edits(text: &str, place: &Place, new: New<'_>) -> Option<Vec<Edit>> {
    match place.style {
        ScalarStyle::Literal | ScalarStyle::Folded => block(text, place, new),
        _ if place.start == place.end => empty(text, place, new),
        style => {
            let mut edits = without_tag(text, place);
            edits.push((place.start..place.end, new.inline(written(style), place.flow)));
            Some(edits)
        }
    }
}

/// Applies edits. Where one begins inside of another, what it takes away beyond it goes too.
pub(super) fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for (range, new) in edits {
        result.push_str(text.get(at..range.start).unwrap_or_default());
        result.push_str(&new);
        at = range.end.max(at);
    }
    result.push_str(text.get(at..).unwrap_or_default());
    result
}

fn written(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        _ => Style::Plain,
    }
}

/// A tag speaks of the old value: it goes, with the space after it.
fn without_tag(text: &str, place: &Place) -> Vec<Edit> {
    let Some((start, end)) = place.tag else { return Vec::new() };
    vec![(start..end + space(text, end), String::new())]
}

/// How many spaces and tabs there are after a place.
fn space(text: &str, at: usize) -> usize {
    text.get(at..).map_or(0, |rest| rest.len() - rest.trim_start_matches([' ', '\t']).len())
}

/// A place where nothing is written: the value comes after the colon, the dash, the anchor, or where the tag was.
fn empty(text: &str, place: &Place, new: New<'_>) -> Option<Vec<Edit>> {
    let new = new.inline(Style::Plain, place.flow);
    if let Some((start, end)) = place.tag {
        let anchor = place.start > end && place.anchored;
        if !anchor {
            return Some(vec![(start..end, new)]);
        }
    } else if place.of_map && !place.anchored {
        return behind_colon(text, place, &new);
    }
    let mut edits = without_tag(text, place);
    edits.push(apart(text, place.start, &new)?);
    Some(edits)
}

/// A map's value that is not written: behind its key's colon.
fn behind_colon(text: &str, place: &Place, new: &str) -> Option<Vec<Edit>> {
    let colon = place.start + space(text, place.start);
    if text.get(colon..)?.starts_with(':') {
        return Some(vec![apart(text, colon + 1, new)?]);
    }
    // In braces a key can stand alone.
    place.flow.then(|| vec![(place.start..place.start, format!(": {new}"))])
}

/// A value with a space on each side of it, where there is none yet.
fn apart(text: &str, at: usize, new: &str) -> Option<Edit> {
    let after = text.get(at..)?;
    let before = text.get(..at)?.ends_with([' ', '\t']);
    let after = after.is_empty() || after.starts_with(|c: char| c.is_whitespace() || ",]}".contains(c));
    Some((at..at, format!("{}{new}{}", if before { "" } else { " " }, if after { "" } else { " " })))
}

/// A block scalar: its header becomes the value, its lines go. What follows the header on its line stays.
fn block(text: &str, place: &Place, new: New<'_>) -> Option<Vec<Edit>> {
    let header = header(text, place)?;
    let line_end = text.get(header.end..)?.find('\n').map_or(text.len(), |at| header.end + at + 1);
    let keeps = text.get(header.clone())?.contains('+');
    let mut end = place.end.max(line_end);
    if !keeps {
        end = line_end + length_of_contents(text.get(line_end..end)?);
    }
    let mut edits = without_tag(text, place);
    let kept =
        |header: &str| header.contains('+') && begins_with_empty_line(text.get(end..).unwrap_or_default());
    let written = lines(text, new, header.clone(), line_end).filter(|(header, _)| !kept(header));
    if let Some((new_header, lines)) = written {
        edits.push((header, new_header));
        edits.push((line_end..end, lines));
    } else {
        edits.push((header, new.inline(Style::Plain, place.flow)));
        edits.push((line_end..end, String::new()));
    }
    Some(edits)
}

/// How long the lines of a block scalar are without the blank ones after it. A line with more spaces than the contents
/// are indented by is not blank.
fn length_of_contents(lines: &str) -> usize {
    let first = lines.lines().find(|line| !line.trim().is_empty());
    let indent = first.map_or(usize::MAX, |line| line.len() - line.trim_start_matches(' ').len());
    let blank = |line: &&str| {
        let text = line.trim_end_matches(['\n', '\r']);
        text.trim_start_matches(' ').is_empty() && text.len() <= indent
    };
    lines.len() - lines.split_inclusive('\n').rev().take_while(blank).map(str::len).sum::<usize>()
}

/// Where `|` or `>` with its signs is: after the colon or dash, an anchor, a tag, comments.
pub(super) fn header(text: &str, place: &Place) -> Option<Range<usize>> {
    let mut at = place.after;
    loop {
        let rest = text.get(at..)?;
        let word = rest.trim_start();
        at += rest.len() - word.len();
        let first = word.chars().next()?;
        let length = match first {
            '|' | '>' => {
                let signs =
                    word.get(1..)?.chars().take_while(|c| c.is_ascii_digit() || "+-".contains(*c)).count();
                return Some(at..at + 1 + signs);
            }
            '#' => word.find('\n')?,
            ':' | '-' | '?' => 1,
            _ => word.find(char::is_whitespace)?,
        };
        at += length;
        if at > place.start {
            return None;
        }
    }
}

/// A text in the place of a block scalar: written as lines again, where that says the same.
fn lines(text: &str, new: New<'_>, header: Range<usize>, line_end: usize) -> Option<(String, String)> {
    let folded = text.get(header)?.starts_with('>');
    let line = text.get(line_end..)?.split('\n').find(|line| !line.trim().is_empty())?;
    let indent = line.get(..line.len() - line.trim_start_matches(' ').len())?;
    let written = new.lines(folded)?;
    if indent.is_empty() || written.starts_with([' ', '\n', '\t']) {
        return None;
    }
    let newline = if text.get(..line_end)?.ends_with("\r\n") { "\r\n" } else { "\n" };
    render::block(written, folded, indent, indent.len(), newline)
}
