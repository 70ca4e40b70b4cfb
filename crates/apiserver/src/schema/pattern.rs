//! Regular expressions as Go understands them, turned into the dialect of our engine: `\d`, `\w` and `\s` are ASCII,
//! and in a class `[`, `&&`, `--` and `~~` mean themselves.

use regex::{Regex, RegexBuilder};

const MAX_COMPILED_BYTES: usize = 4 << 20;

/// A pattern and the text it came from.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern; the error says what is wrong with it.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        RegexBuilder::new(&translate(text))
            .size_limit(MAX_COMPILED_BYTES)
            .build()
            .map(|regex| Self { text: text.to_owned(), regex })
            .map_err(|error| error.to_string().lines().last().unwrap_or_default().trim().to_owned())
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut class = Class::Outside;
    while let Some(char) = chars.next() {
        match (char, class) {
            ('\\', _) => {
                let Some(escaped) = chars.next() else {
                    out.push('\\');
                    break;
                };
                escape(&mut out, escaped, class != Class::Outside);
                class = class.after();
            }
            ('[', Class::Outside) => {
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                class = Class::Start;
            }
            ('[', _) if chars.peek() == Some(&':') => {
                out.push('[');
                for inner in chars.by_ref() {
                    out.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
                class = Class::Inside;
            }
            (']', Class::Inside) => {
                out.push(']');
                class = Class::Outside;
            }
            ('[' | ']' | '&' | '~', Class::Start | Class::Inside) => {
                out.push('\\');
                out.push(char);
                class = Class::Inside;
            }
            _ => {
                out.push(char);
                class = class.after();
            }
        }
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Outside,
    /// Just after the opening bracket, where a `]` is an ordinary character.
    Start,
    Inside,
}

impl Class {
    fn after(self) -> Self {
        if self == Self::Start { Self::Inside } else { self }
    }
}

fn escape(out: &mut String, escaped: char, in_class: bool) {
    let (set, negated) = match escaped {
        'd' => ("0-9", false),
        'D' => ("0-9", true),
        'w' => ("0-9A-Za-z_", false),
        'W' => ("0-9A-Za-z_", true),
        's' => ("\\t\\n\\x0c\\r ", false),
        'S' => ("\\t\\n\\x0c\\r ", true),
        'b' if !in_class => return out.push_str("(?-u:\\b)"),
        'B' if !in_class => return out.push_str("(?-u:\\B)"),
        other => {
            out.push('\\');
            out.push(other);
            return;
        }
    };
    match (in_class, negated) {
        (true, false) => out.push_str(set),
        (_, true) => {
            out.push_str("[^");
            out.push_str(set);
            out.push(']');
        }
        (false, false) => {
            out.push('[');
            out.push_str(set);
            out.push(']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn classes_are_those_of_go() {
        let cases = [
            (r"^\d+$", "12", true),
            (r"^\d+$", "٣", false),
            (r"^[\w-]+$", "a-b_1", true),
            (r"^[\w-]+$", "ż", false),
            (r"^[^\s]+$", "a b", false),
            (r"^[]a]+$", "a]", true),
            (r"^[[a]+$", "[a", true),
            (r"^[a&&b]+$", "&", true),
            (r"^[[:alpha:]]+$", "ab", true),
            (r"^[\D]+$", "ab", true),
            (r"^x.*y$", "x\ny", false),
            (r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", "a-b.c", true),
            (r"([0-9]+(\.[0-9]+)?(s|m|h))+", "about 5s", true),
            (r"^.$", "ż", true),
        ];
        for (pattern, text, want) in cases {
            assert_eq!(Pattern::compile(pattern).unwrap().matches(text), want, "{pattern} on {text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for pattern in ["(", "a{2,1}", "[a", "(?=a)", "\\1", "*a"] {
            assert!(Pattern::compile(pattern).is_err(), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[\\\\\\[\\]^a-c(){}&~:dws|*+?-]{0,24}") {
            drop(Pattern::compile(&text));
        }
    }
}
