//! Names for people: an adjective and a noun, such as no other Freight has.

use ferry_api::Freight;
use ferry_api::names::label;

use crate::lookup::{Lookup, Resource, Snapshot};
use crate::outcome::Reviewed;

const WORDS: &str = include_str!("../data/alias-words.txt");
/// Aliases that are looked up at once.
const BATCH: u64 = 4;
/// Batches before a number is added, which makes the next try all but certain.
const PLAIN_BATCHES: u64 = 3;

/// An alias that no Freight bears, in any Namespace.
pub(crate) fn unused(entropy: u64, known: &Snapshot) -> Reviewed<String> {
    for batch in 0.. {
        let aliases: Vec<String> = (0..BATCH).map(|i| alias(entropy, batch * BATCH + i)).collect();
        known.ensure(aliases.iter().map(|alias| Lookup::List {
            resource: Resource::Freight,
            namespace: String::new(),
            label: Some((label::ALIAS.to_owned(), alias.clone())),
        }))?;
        for alias in aliases {
            if known.list::<Freight>(Resource::Freight, "", Some((label::ALIAS, &alias)))?.is_empty() {
                return Ok(alias);
            }
        }
    }
    Ok(String::new())
}

/// The n-th alias that the entropy gives.
fn alias(entropy: u64, n: u64) -> String {
    let random = mix(entropy.wrapping_add(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    let (adjectives, nouns) = words();
    let plain = format!("{}-{}", pick(&adjectives, random >> 32), pick(&nouns, random & 0xFFFF_FFFF));
    if n < PLAIN_BATCHES * BATCH { plain } else { format!("{plain}-{}", mix(random) % 1_000_000) }
}

fn pick<'a>(words: &[&'a str], random: u64) -> &'a str {
    let count = u64::try_from(words.len()).unwrap_or(1).max(1);
    usize::try_from(random % count).ok().and_then(|index| words.get(index)).copied().unwrap_or("plain")
}

/// The file has two paragraphs: adjectives, then nouns.
fn words() -> (Vec<&'static str>, Vec<&'static str>) {
    let (adjectives, nouns) = WORDS.split_once("\n\n").unwrap_or((WORDS, WORDS));
    (adjectives.split_whitespace().collect(), nouns.split_whitespace().collect())
}

/// One step of SplitMix64: neighbouring numbers become far ones.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::lookup::Answer;
    use crate::outcome::Stop;

    #[test]
    fn there_are_enough_words_of_a_label() {
        let (adjectives, nouns) = words();
        for words in [&adjectives, &nouns] {
            assert!(words.len() >= 200);
            assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len(), "a word is there twice");
            assert!(words.iter().all(|word| word.len() < 20 && word.bytes().all(|b| b.is_ascii_lowercase())));
        }
    }

    #[test]
    fn a_free_alias_is_found_where_most_are_taken() {
        let mut known = Snapshot::default();
        let mut rounds = 0;
        let found = loop {
            match unused(7, &known) {
                Ok(alias) => break alias,
                Err(Stop::Need(lookups)) => {
                    rounds += 1;
                    for lookup in lookups {
                        let Lookup::List { label: Some((_, alias)), .. } = &lookup else {
                            panic!("{lookup:?}")
                        };
                        let taken = alias.matches('-').count() < 2;
                        let freight = json!({"metadata": {}, "origin": {"kind": "Warehouse", "name": "w"}});
                        known.insert(lookup, Answer::List(if taken { vec![freight] } else { Vec::new() }));
                    }
                }
                Err(Stop::Denied(denial)) => panic!("{denial}"),
            }
        };
        assert_eq!(found.matches('-').count(), 2, "{found}");
        assert!(rounds < crate::ROUNDS);
    }
}
