//! Commit messages as `git commit -m` stores them: no white space at line ends, no empty lines around, no two
//! empty lines in a row, one line end at the end. Lines with `#` stay.

use crate::Error;

/// The message of a commit. One without text is refused.
pub(crate) fn clean(message: &str) -> Result<String, Error> {
    let clean = tidy(message);
    if clean.is_empty() { Err(Error::EmptyMessage) } else { Ok(clean) }
}

/// The message of a tag, which may have no text.
pub(crate) fn tidy(message: &str) -> String {
    let mut clean = String::with_capacity(message.len() + 1);
    let mut empty = false;
    for line in message.replace('\0', "").split('\n') {
        let line = line.trim_end_matches([' ', '\t', '\r', '\x0b', '\x0c']);
        if line.is_empty() {
            empty = !clean.is_empty();
            continue;
        }
        if empty {
            clean.push('\n');
            empty = false;
        }
        clean.push_str(line);
        clean.push('\n');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_stored_as_git_would() {
        for (given, stored) in [
            ("update", "update\n"),
            (
                "subject\n\nbody line 1\n- item\n\n\ntrailing\n\n",
                "subject\n\nbody line 1\n- item\n\ntrailing\n",
            ),
            ("\n\n  x \r\n# keep\n", "  x\n# keep\n"),
            ("--amend", "--amend\n"),
        ] {
            assert_eq!(clean(given).unwrap(), stored);
        }
        for empty in ["", "   ", "\n\t\n"] {
            assert_eq!(clean(empty), Err(Error::EmptyMessage));
        }
    }
}
