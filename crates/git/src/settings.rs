//! What is chosen once per process: identity, deadlines, retries, which `git`.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferry_artifact::egress::Egress;

use crate::Error;

/// Who makes a commit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
}

impl Identity {
    /// An identity. What would break a commit's header is left out or refused when it is used, as Git does.
    pub fn new(name: impl Into<String>, email: impl Into<String>) -> Self {
        Self { name: name.into(), email: email.into() }
    }

    /// As it stands in a commit: without white space and punctuation around, and without what ends a part.
    pub(crate) fn checked(&self) -> Result<Self, Error> {
        let around = |c: char| c <= ' ' || ".,:;<>\"\\'".contains(c);
        let clean = |text: &str| text.trim_matches(around).replace(['\n', '<', '>'], "");
        let clean = Self::new(clean(&self.name), clean(&self.email));
        let bad = |text: &str| text.is_empty() || text.contains(char::is_control);
        if bad(&clean.name) || bad(&clean.email) {
            return Err(Error::InvalidIdentity(format!("{} <{}>", self.name, self.email)));
        }
        Ok(clean)
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} <{}>", self.name, self.email)
    }
}

/// How long to wait between attempts to push: `first`, each time `factor` longer, at most `cap`; up to `jitter` (a
/// share of it) is added at random.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// After the first attempt.
    pub first: Duration,
    /// By how much it grows.
    pub factor: f64,
    /// The share that chance may add.
    pub jitter: f64,
    /// The longest.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), factor: 1.5, jitter: 0.5, cap: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// The pause after attempt `attempt` (from 1). `chance` is between 0 and 1.
    pub(crate) fn after(&self, attempt: u32, chance: f64) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1).min(64)).unwrap_or(64);
        let plain = (self.first.as_secs_f64() * self.factor.powi(exponent)).min(self.cap.as_secs_f64());
        let jittered = plain * (1.0 + self.jitter * chance);
        Duration::try_from_secs_f64(jittered.min(self.cap.as_secs_f64())).unwrap_or(self.cap)
    }
}

/// Settings of the whole service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program, 2.39 or later.
    pub program: PathBuf,
    /// Where `git` finds its helpers and `ssh` (`PATH`).
    pub search_path: OsString,
    /// Who commits where nobody else is named.
    pub identity: Identity,
    /// Whether credentials may be sent over `http://` (anybody on the way can read them).
    pub allow_credentials_over_http: bool,
    /// The longest a fetch may take.
    pub fetch_deadline: Duration,
    /// The longest a listing of remote refs may take.
    pub list_deadline: Duration,
    /// The longest one attempt to push may take.
    pub push_deadline: Duration,
    /// The longest anything without the network may take.
    pub local_deadline: Duration,
    /// A transfer of no byte at all for so long is given up.
    pub stall: Duration,
    /// Pauses between attempts to push.
    pub backoff: Backoff,
    /// How long pushes that go out together wait for one of them; it then goes on alone, after them.
    /// Doubled each time the same one is slow again.
    pub patience: Duration,
    /// The most that is kept of what a command prints.
    pub output_limit: usize,
    /// `git-lfs`, where large files are to be brought in place of their pointers. Must stand as a whole path.
    pub lfs: Option<PathBuf>,
    /// The most bytes of large files that one checkout may bring.
    pub lfs_limit: u64,
    /// Which servers may be reached; all where nobody says.
    pub egress: Option<Egress>,
    /// Further environment of every `git`: proxies, certificate bundles. Nothing else is inherited.
    pub environment: Vec<(OsString, OsString)>,
}

/// What of our own environment `git` gets: how to reach and trust servers.
const INHERITED: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "TMPDIR",
];

impl Settings {
    /// The program by its whole path, where the search path has it. A process whose environment has a search path of
    /// its own is started the fast way, without a copy of our address space, only if nothing is left to be searched.
    pub fn found_program(&self) -> PathBuf {
        if self.program.components().count() != 1 {
            return self.program.clone();
        }
        self.find(&self.program).unwrap_or_else(|| self.program.clone())
    }

    /// With `git-lfs`, where the search path has it.
    #[must_use]
    pub fn with_found_lfs(mut self) -> Self {
        // What is started in a work tree must not be looked for there.
        self.lfs = self.find(Path::new("git-lfs")).and_then(|found| std::path::absolute(found).ok());
        self
    }

    fn find(&self, program: &Path) -> Option<PathBuf> {
        let can_run = |path: &PathBuf| {
            let metadata = std::fs::metadata(path);
            metadata.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        };
        std::env::split_paths(&self.search_path).map(|place| place.join(program)).find(can_run)
    }
}

impl Default for Settings {
    fn default() -> Self {
        let inherited = |name: &&str| std::env::var_os(name).map(|value| (OsString::from(name), value));
        Self {
            program: PathBuf::from("git"),
            search_path: std::env::var_os("PATH")
                .unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin")),
            identity: Identity::new("Kargo", "no-reply@kargo.io"),
            allow_credentials_over_http: false,
            fetch_deadline: Duration::from_mins(10),
            list_deadline: Duration::from_mins(1),
            push_deadline: Duration::from_mins(5),
            local_deadline: Duration::from_mins(5),
            stall: Duration::from_mins(1),
            backoff: Backoff::default(),
            patience: Duration::from_secs(10),
            output_limit: 64 << 20,
            lfs: None,
            lfs_limit: 1 << 30,
            egress: None,
            environment: INHERITED.iter().filter_map(inherited).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_where_it_can_be_run() {
        let place = tempfile::tempdir().unwrap();
        let search_path = std::env::join_paths([place.path().join("a"), place.path().join("b")]).unwrap();
        for directory in ["a", "b"] {
            std::fs::create_dir(place.path().join(directory)).unwrap();
            std::fs::write(place.path().join(directory).join("git"), "").unwrap();
        }
        let settings = Settings { search_path, ..Settings::default() };
        assert_eq!(settings.found_program(), PathBuf::from("git"), "none of them can be run");
        let program = place.path().join("b/git");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(settings.found_program(), program);
        let named = Settings { program: "./git".into(), ..settings };
        assert_eq!(named.found_program(), PathBuf::from("./git"));
    }

    #[test]
    fn pauses_grow_to_the_cap() {
        let backoff = Backoff::default();
        assert_eq!(backoff.after(1, 0.0), Duration::from_secs(1));
        assert_eq!(backoff.after(2, 0.0), Duration::from_millis(1500));
        assert_eq!(backoff.after(2, 1.0), Duration::from_millis(2250));
        assert_eq!(backoff.after(u32::MAX, 1.0), Duration::from_secs(30));
    }

    #[test]
    fn identities_that_break_headers_are_refused() {
        for (name, email) in
            [("", "a@b"), ("a", ""), ("a\rb", "a@b"), ("a", " > "), ("...", "a@b"), ("a", "b\0b")]
        {
            assert!(Identity::new(name, email).checked().is_err(), "{name:?} {email:?}");
        }
    }

    #[test]
    fn identities_are_put_in_order_as_git_does() {
        for (name, stands) in [
            ("Ferry Bot", "Ferry Bot"),
            ("Bob Jr.", "Bob Jr"),
            ("\"Bob\", ", "Bob"),
            ("  Bob  ", "Bob"),
            ("Bob <x>", "Bob x"),
            ("a\nb", "ab"),
        ] {
            let checked = Identity::new(name, " <bob@example.test> ").checked().unwrap();
            assert_eq!((checked.name.as_str(), checked.email.as_str()), (stands, "bob@example.test"));
        }
    }
}
