//! The config file: YAML, its keys are the flags' names; a key that is not known is refused.

use std::path::Path;

use super::Flags;
use crate::Misuse;

/// Reads and checks a config file.
pub(super) fn read(path: &Path) -> anyhow::Result<Flags> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Misuse(format!("cannot read the config file {}: {error}", path.display())))?;
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Flags::default());
    }
    let flags = serde_saphyr::from_str(&text)
        .map_err(|error| Misuse(format!("config file {}: {error}", path.display())))?;
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> anyhow::Result<Flags> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path())
    }

    #[test]
    fn keys_are_the_flags_names() {
        let flags =
            written("data-dir: /d\nlisten: 127.0.0.1:0\nstandin: true\nhost: [a, b]\nlog-format: json\n")
                .unwrap();
        assert_eq!(flags.data_dir.unwrap().to_str(), Some("/d"));
        assert_eq!(flags.listen.unwrap().port(), 0);
        assert_eq!((flags.standin, flags.hosts.len()), (Some(true), 2));
    }

    #[test]
    fn a_key_that_is_not_known_is_named() {
        let error = written("data-dri: /d\n").unwrap_err().to_string();
        assert!(error.contains("data-dri"), "{error}");
        assert!(written("config: /other\n").is_err(), "a config file names no other");
    }

    #[test]
    fn a_file_of_comments_says_nothing() {
        assert!(written("# nothing\n\n").unwrap().data_dir.is_none());
        assert!(read(Path::new("/does/not/exist")).unwrap_err().is::<Misuse>());
    }
}
