//! Whether a path lies in a base directory: lexically, `..` as a whole segment leads out, `a..b` is a name.

/// Whether `path` is `dir` or below it.
pub(super) fn contains(dir: &str, path: &str) -> bool {
    if dir.starts_with('/') != path.starts_with('/') {
        return false;
    }
    let (dir, path) = (segments(dir), segments(path));
    path.starts_with(&dir) && path.get(dir.len()..).is_some_and(|rest| !rest.contains(&".."))
}

/// The segments of the shortest spelling; a relative one may begin with `..`.
fn segments(path: &str) -> Vec<&str> {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            ".." if path.starts_with('/') => {}
            segment => kept.push(segment),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn only_whole_segments_count() {
        for (dir, path, inside) in [
            ("apps", "apps/x", true),
            ("apps", "apps", true),
            ("apps", "apps2/x", false),
            ("apps", "apps/../x", false),
            ("apps", "apps/a..b", true),
            (".", "..a", true),
            (".", "../a", false),
            ("..", "../a", true),
            ("..", "a", false),
            ("/", "/a", true),
            ("/", "a", false),
            ("", "", true),
        ] {
            assert_eq!(contains(dir, path), inside, "{dir} {path}");
        }
    }
}
