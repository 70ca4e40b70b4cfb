//! Globs with `**`: `*` and `?` stay in a segment, `**` as a whole segment crosses any number of them, `[…]`
//! classes, `{a,b}` alternatives, `\` escapes. Quirks that users rely on are kept (vectors `kargo/patterns`).

mod parse;

use super::Error;

/// A glob, read once.
#[derive(Debug, Clone)]
pub struct Glob {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Char(char),
    AnyChar,
    Star,
    Class { negated: bool, ranges: Vec<(char, char)> },
    Alternatives(Vec<Vec<Token>>),
}

/// Where matching goes on when it fails: after a star, with one more character taken by it.
#[derive(Clone, Copy, Default)]
struct Retry {
    star: Option<(usize, usize)>,
    doublestar: Option<(usize, usize)>,
}

impl Glob {
    /// Reads a glob.
    pub fn parse(pattern: &str) -> Result<Self, Error> {
        match parse::tokens(pattern) {
            Ok(tokens) => Ok(Self { tokens }),
            Err(problem) => Err(Error::Glob { pattern: pattern.to_owned(), problem }),
        }
    }

    /// Whether the whole text fits.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let tokens: Vec<&Token> = self.tokens.iter().collect();
        matches_from(&tokens, 0, &text, 0, Retry::default())
    }
}

/// Matches `tokens[at..]` with `text[pos..]`; what is before `at` was matched and may be gone back to.
/// Recursion only replaces alternatives by what is in them; `parse` bounds how many there are.
fn matches_from(tokens: &[&Token], mut at: usize, text: &[char], mut pos: usize, mut retry: Retry) -> bool {
    let mut segment_start = true;
    while let Some(&char) = text.get(pos) {
        let fits = match tokens.get(at) {
            None => false,
            Some(Token::Star) => {
                let double = matches!(tokens.get(at + 1), Some(Token::Star));
                at += if double { 2 } else { 1 };
                if double && segment_start {
                    if at >= tokens.len() {
                        return true;
                    }
                    if tokens.get(at) == Some(&&Token::Char('/')) {
                        at += 1;
                        retry = Retry { star: None, doublestar: Some((at, pos)) };
                        continue;
                    }
                }
                segment_start = false;
                retry.star = Some((at, pos));
                continue;
            }
            Some(Token::Alternatives(list)) => {
                return list.iter().any(|inside| {
                    let before = tokens.iter().take(at).copied();
                    let after = tokens.iter().skip(at + 1).copied();
                    let tokens: Vec<&Token> = before.chain(inside).chain(after).collect();
                    matches_from(&tokens, at, text, pos, retry)
                });
            }
            Some(token) => token.takes(char),
        };
        if fits {
            segment_start = tokens.get(at) == Some(&&Token::Char('/'));
            at += 1;
            pos += 1;
            continue;
        }
        match retry.next(text) {
            Some((again_at, again_pos, starts)) => (at, pos, segment_start) = (again_at, again_pos, starts),
            None => return false,
        }
    }
    fits_nothing(tokens.get(at..).unwrap_or_default())
}

impl Retry {
    /// The star takes one more character of its segment, else the doublestar one more segment.
    fn next(&mut self, text: &[char]) -> Option<(usize, usize, bool)> {
        if let Some((at, pos)) = self.star
            && text.get(pos).is_some_and(|c| *c != '/')
        {
            self.star = Some((at, pos + 1));
            return Some((at, pos + 1, false));
        }
        let (at, pos) = self.doublestar?;
        let slash = text.get(pos..)?.iter().position(|c| *c == '/')?;
        self.doublestar = Some((at, pos + slash + 1));
        Some((at, pos + slash + 1, true))
    }
}

impl Token {
    fn takes(&self, char: char) -> bool {
        match self {
            Self::Char(c) => *c == char,
            Self::AnyChar => char != '/',
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&char)) != *negated
            }
            Self::Star | Self::Alternatives(_) => false,
        }
    }
}

/// Whether the rest of a glob fits the end of the text: `*`, `**`, and `**` with a `/` on one or both sides.
fn fits_nothing(rest: &[&Token]) -> bool {
    const SLASH: Token = Token::Char('/');
    match rest {
        [] | [Token::Star] | [Token::Star, Token::Star] => true,
        [a, Token::Star, Token::Star] | [Token::Star, Token::Star, a] => **a == SLASH,
        [a, Token::Star, Token::Star, b] => **a == SLASH && **b == SLASH,
        [Token::Alternatives(list), after @ ..] => list.iter().any(|inside| {
            let rest: Vec<&Token> = inside.iter().chain(after.iter().copied()).collect();
            fits_nothing(&rest)
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_and_segments() {
        for (pattern, text, fits) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "x/a.yaml", false),
            ("**/*.yaml", "x/y/a.yaml", true),
            ("apps/**", "apps", true),
            ("apps/**", "apps/x/y", true),
            ("a**", "ab/c", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("{apps,libs}/**/*.{yaml,yml}", "libs/x/a.yml", true),
            ("{a,{b,c}}d", "cd", true),
            ("[!a-c]x", "dx", true),
            ("[!a-c]x", "bx", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("ż?", "żó", true),
        ] {
            assert_eq!(Glob::parse(pattern).unwrap().matches(text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn malformed_globs_are_refused_when_read() {
        for pattern in ["[", "[]", "[]a]", "[!", "{a", "a}", "a\\", "[a\\"] {
            assert!(Glob::parse(pattern).is_err(), "{pattern}");
        }
        assert!(Glob::parse(&"{a,b}".repeat(30)).is_err(), "too many alternatives");
        assert!(Glob::parse(&"{".repeat(10_000)).is_err());
    }

    proptest! {
        #[test]
        fn matching_ends_and_a_plain_name_matches_itself(
            pattern in "[a*?/{},\\[\\]!\\\\-]{0,14}", text in "[a/b,-]{0,20}", name in "[a-z/.]{0,12}",
        ) {
            if let Ok(glob) = Glob::parse(&pattern) {
                let _ = glob.matches(&text);
            }
            prop_assert!(Glob::parse(&name).unwrap().matches(&name));
        }
    }
}
