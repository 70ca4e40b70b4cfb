//! A pointer: the small text that Git keeps in the place of a large file.

/// All pointers are shorter.
const TOO_LONG: usize = 1024;

/// What the first line may say: the format's name today, and two from before it had one.
const VERSIONS: [&str; 3] =
    ["https://git-lfs.github.com/spec/v1", "https://hawser.github.com/spec/v1", "http://git-media.io/v/2"];

/// The content of a large file, by what it hashes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer {
    oid: String,
    size: u64,
}

impl Pointer {
    /// Reads what Git keeps in the place of a file, as strictly as `git-lfs`. None: it is no pointer but a file as it is.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= TOO_LONG {
            return None;
        }
        let mut lines = std::str::from_utf8(text).ok()?.trim().lines();
        let version = lines.next()?.strip_prefix("version ")?;
        if !VERSIONS.contains(&version) {
            return None;
        }
        let mut lines = lines.skip_while(|line| line.starts_with("ext-"));
        let oid = lines.next()?.strip_prefix("oid sha256:")?;
        let size = lines.next()?.strip_prefix("size ")?;
        lines.next().is_none().then(|| Self::new(oid, size.parse().ok()?)).flatten()
    }

    /// A content with this SHA-256 in hexadecimal digits, and of this many bytes.
    pub fn new(oid: &str, size: u64) -> Option<Self> {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (oid.len() == 64 && oid.bytes().all(digit)).then(|| Self { oid: oid.to_owned(), size })
    }

    /// The SHA-256, in hexadecimal digits.
    pub fn oid(&self) -> &str {
        &self.oid
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether there is nothing to bring or to send.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OID: &str = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";

    #[test]
    fn what_git_lfs_writes_is_a_pointer() {
        let new = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n");
        let extended = new.replace("\noid", &format!("\next-0-x sha256:{OID}\noid"));
        for text in [&new, &extended, new.trim_end(), &new.replace('\n', "\r\n"), &format!("\n{new}\n")] {
            assert_eq!(Pointer::parse(text.as_bytes()), Pointer::new(OID, 12345), "{text}");
        }
    }

    #[test]
    fn anything_else_is_a_file() {
        let good = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n");
        for text in [
            String::new(),
            good.replace("spec/v1", "spec/v9"),
            good.replace("sha256", "md5"),
            good.replace(OID, &OID[1..]),
            good.replace(OID, &format!("../../{}", &OID[6..])),
            good.replace(OID, &OID.to_uppercase()),
            good.replace("12345", "-1"),
            good.replace("12345", "99999999999999999999"),
            good.replace("size 12345\n", ""),
            format!("version {}\nsize 1\noid sha256:{OID}\n", VERSIONS[0]),
            format!("{good}{}", "x y\n".repeat(300)),
            good + "line\n",
        ] {
            assert_eq!(Pointer::parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Pointer::parse(&bytes), None);
        }
    }
}
