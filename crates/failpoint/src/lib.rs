//! Named places at which a test can kill the process, as `kill -9` from outside would.
//!
//! [`point!`] names a place. It is nothing at all, not even a look, unless the feature `armed` is on, which only a
//! test that runs the binary asks for (`cargo xtask tidy` sees to it). Then two environment variables decide:
//!
//! - `FERRY_FAILPOINT=NAME:N`: the process kills itself when it passes `NAME` for the Nth time (from 1).
//! - `FERRY_FAILPOINT_TRACE=FILE`: each passage is a line in the file.

/// Whether places are more than names.
pub const ARMED: bool = cfg!(feature = "armed");

/// A place: a name, with arguments as in `format!`.
#[macro_export]
macro_rules! point {
    ($($name:tt)+) => {
        if $crate::ARMED {
            $crate::pass(&::std::format!($($name)+));
        }
    };
}

/// Whether a test broke the rule of this name on purpose, to see that it is missed. Always false in a release.
#[macro_export]
macro_rules! broken {
    ($name:literal) => {
        $crate::ARMED && $crate::is_broken($name)
    };
}

/// What [`broken!`] calls.
#[cfg(not(feature = "armed"))]
pub const fn is_broken(_name: &str) -> bool {
    false
}

#[cfg(feature = "armed")]
pub use broken::{break_rule, is_broken};

/// Rules that are broken on purpose: one at a time, in the thread that asks for it.
#[cfg(feature = "armed")]
mod broken {
    use std::cell::Cell;

    thread_local! {
        static BROKEN: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    /// Breaks the rule of this name in this thread, and keeps all others.
    pub fn break_rule(name: Option<&'static str>) {
        BROKEN.set(name);
    }

    /// What [`broken!`](crate::broken) calls.
    pub fn is_broken(name: &str) -> bool {
        BROKEN.get() == Some(name)
    }
}

/// What [`point!`] calls.
#[cfg(not(feature = "armed"))]
pub const fn pass(_name: &str) {}

/// What [`point!`] calls.
#[cfg(feature = "armed")]
pub fn pass(name: &str) {
    armed::pass(name);
}

#[cfg(feature = "armed")]
mod armed {
    use std::fs::{File, OpenOptions};
    use std::io::Write as _;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    /// What the environment asks for.
    struct Plan {
        /// Where to die, and after how many more passages.
        deadly: Option<(String, AtomicU64)>,
        trace: Option<File>,
    }

    static PLAN: LazyLock<Plan> = LazyLock::new(|| {
        let deadly = std::env::var("FERRY_FAILPOINT").ok().and_then(|text| {
            let (name, count) = text.rsplit_once(':')?;
            Some((name.to_owned(), AtomicU64::new(count.parse().ok()?)))
        });
        let trace = std::env::var_os("FERRY_FAILPOINT_TRACE")
            .and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
        Plan { deadly, trace }
    });

    pub(super) fn pass(name: &str) {
        let plan = &*PLAN;
        if let Some(mut trace) = plan.trace.as_ref() {
            // One write a line: lines of several threads do not mix.
            let _traced = trace.write_all(format!("{name}\n").as_bytes());
        }
        if let Some((deadly, left)) = &plan.deadly
            && deadly == name
            && left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            let _dead = kill(Pid::this(), Signal::SIGKILL);
            // The signal comes before anything else happens here.
            loop {
                std::thread::park();
            }
        }
    }
}
