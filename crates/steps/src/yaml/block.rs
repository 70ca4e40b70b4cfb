//! The text of a block scalar (`|` and `>`) at the end of a file that ends without a newline.

use granit_parser::ScalarStyle;

/// Whether lines of their own follow the sign that begins such a scalar.
pub(super) fn is_block(style: ScalarStyle) -> bool {
    matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
}

/// What a scalar says that ends at that byte of the source. The parser ends the last line of a block scalar with a
/// newline also where the source does not.
pub(super) fn text<'a>(source: &str, end: usize, style: ScalarStyle, text: &'a str) -> &'a str {
    if !is_block(style) || end < source.len() || source.ends_with(['\n', '\r']) {
        return text;
    }
    match text.strip_suffix('\n') {
        Some(rest) if last_line_is_said(source, rest) => rest,
        _ => text,
    }
}

/// Whether the last line of the source is more than the indent of the scalar that ends there.
fn last_line_is_said(source: &str, text: &str) -> bool {
    let last = source.rsplit('\n').next().unwrap_or_default();
    if !is_blank(last) {
        return true;
    }
    let (Some(written), Some(said)) = (last_words(source), last_words(text)) else { return true };
    let indent = match written.strip_suffix(said) {
        Some(indent) => indent.len(),
        // Lines that are folded say several lines in one.
        None => written.len() - written.trim_start_matches(' ').len(),
    };
    last.len() > indent
}

fn last_words(text: &str) -> Option<&str> {
    text.rsplit('\n').map(str::trim_end).find(|line| !is_blank(line))
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}
