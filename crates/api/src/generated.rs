//! Names that we make: of Promotions, of AnalysisRuns, and of what is too long for a name or a label.
//!
//! A Promotion's name holds a ULID, so that names sort as the Promotions of a Stage were made: the queue relies on it.

use sha2::{Digest, Sha256};

/// Bytes that a resource's name may have.
pub const NAME_LIMIT_BYTES: usize = 253;
/// Bytes that a label's value may have.
pub const LABEL_LIMIT_BYTES: usize = 63;

const SHORT_HASH: usize = 8;
const FREIGHT_PREFIX: usize = 7;

/// A Promotion's name, `<stage>.<ulid>.<first 7 of the Freight>` in lower case; empty without a Stage or Freight.
pub fn promotion_name(stage: &str, ulid: &str, freight: &str) -> String {
    if stage.is_empty() || freight.is_empty() {
        return String::new();
    }
    three_parts(stage, ulid, cut(freight, FREIGHT_PREFIX), FREIGHT_PREFIX)
}

/// The name of a Promotion to one Target of a Stage.
pub fn target_promotion_name(stage: &str, target: &str, ulid: &str, freight: &str) -> String {
    if stage.is_empty() || target.is_empty() {
        return String::new();
    }
    promotion_name(&format!("{stage}.{target}"), ulid, freight)
}

/// An AnalysisRun's name, `<stage>.<ulid>.<collection id>` in lower case.
pub fn analysis_run_name(stage: &str, ulid: &str, collection_id: &str) -> String {
    three_parts(stage, ulid, collection_id, collection_id.len())
}

fn three_parts(stage: &str, ulid: &str, last: &str, last_len: usize) -> String {
    let room = NAME_LIMIT_BYTES.saturating_sub(2 + ulid.len() + last_len);
    let stage = if stage.len() > room { cut(stage, room).trim_end_matches(['.', '-']) } else { stage };
    format!("{stage}.{ulid}.{last}").to_lowercase()
}

/// The longest beginning of a text that fits and does not cut a character.
fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// A text as a resource's name: kept up to 253 bytes, else cut, with `-` and 8 hex digits of its SHA-256.
pub fn shorten_resource_name(text: &str) -> String {
    hash_shorten(text, NAME_LIMIT_BYTES, "-", SHORT_HASH).unwrap_or_default()
}

/// A text as a label's value: kept up to 63 bytes, else cut, with `-` and 8 hex digits of its SHA-256.
pub fn shorten_label_value(text: &str) -> String {
    hash_shorten(text, LABEL_LIMIT_BYTES, "-", SHORT_HASH).unwrap_or_default()
}

/// A text of at most `limit` bytes: kept where it fits, else cut, with the separator and that many hex digits of its
/// SHA-256. Without a separator it is `-`, without a length 8. `None` where the digits alone do not fit.
///
/// A character that is cut through becomes one U+FFFD for each byte left of it.
pub fn hash_shorten(text: &str, limit: usize, separator: &str, digits: usize) -> Option<String> {
    let separator = if separator.is_empty() { "-" } else { separator };
    let digits = if digits == 0 { SHORT_HASH } else { digits };
    if text.len() <= limit {
        return Some(text.to_owned());
    }
    let digest = hex::encode(Sha256::digest(text.as_bytes()));
    let digest = digest.get(..digits).filter(|_| digits <= limit)?;
    let room = limit - digits;
    if room <= separator.len() {
        return Some(digest.to_owned());
    }
    let room = room - separator.len();
    let head = cut(text, room);
    let broken = "\u{FFFD}".repeat(room - head.len());
    let head = format!("{head}{broken}");
    Some(format!("{}{separator}{digest}", head.trim_end_matches(|c| separator.contains(c))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ULID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    #[test]
    fn promotion_names_fit_and_are_lower_case() {
        assert_eq!(promotion_name("uat", ULID, "ABCDEFGHI"), "uat.01arz3ndektsv4rrffq69g5fav.abcdefg");
        assert_eq!(promotion_name(&"s".repeat(300), ULID, "abcdefghi").len(), NAME_LIMIT_BYTES);
        assert_eq!(promotion_name("", ULID, "abc"), "");
        assert_eq!(promotion_name("uat", ULID, ""), "");
        assert_eq!(
            target_promotion_name("uat", "eu", ULID, "abcdefghi"),
            "uat.eu.01arz3ndektsv4rrffq69g5fav.abcdefg"
        );
        assert_eq!(target_promotion_name("uat", "", ULID, "abcdefghi"), "");
    }

    #[test]
    fn analysis_run_names_fit() {
        let collection = "c".repeat(40);
        assert_eq!(
            analysis_run_name("uat", ULID, &collection),
            format!("uat.{}.{collection}", ULID.to_lowercase())
        );
        assert_eq!(analysis_run_name(&"s".repeat(300), ULID, &collection).len(), NAME_LIMIT_BYTES);
    }

    proptest! {
        #[test]
        fn shortened_texts_fit_and_differ(text in "[a-z.-]{0,300}", other in "[a-z.-]{0,300}") {
            let short = shorten_label_value(&text);
            prop_assert!(short.len() <= LABEL_LIMIT_BYTES);
            if text != other {
                prop_assert_ne!(short, shorten_label_value(&other));
            }
        }

        #[test]
        fn any_text_and_any_limit_is_fine(text in ".{0,80}", limit in 0usize..90, separator in ".{0,3}", digits in 0usize..70) {
            let _ = hash_shorten(&text, limit, &separator, digits);
            let _ = promotion_name(&text, ULID, &separator);
        }
    }
}
