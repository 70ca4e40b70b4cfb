//! The child's side: this process confines itself and becomes a program.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::sys::resource::{Resource, setrlimit};

use crate::order::{Limits, Order};

/// The exit code of a child that could not become the program.
pub const NOT_BECOME: u8 = 125;

/// Why this process did not become the program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The order cannot be read.
    #[error("the order is not readable: {0}")]
    Order(#[from] serde_json::Error),
    /// Nothing to become.
    #[error("usage: exec-child ORDER PROGRAM [ARGUMENT]...")]
    Usage,
    /// A limit was refused.
    #[error("cannot limit {0}: {1}")]
    Limit(&'static str, nix::Error),
    /// The folder could not be made the only one.
    #[error("cannot be confined to its folder: {0}")]
    Folder(String),
    /// Who waits for it is gone.
    #[error("its parent is gone")]
    Orphan,
    /// The program does not start.
    #[error("{}: {}", .0.to_string_lossy(), .1)]
    Start(OsString, io::Error),
}

/// Confines this process and becomes the program: `arguments` are the order as JSON, the program, and its arguments.
/// Returns only where that failed. The process must have one thread.
pub fn become_program(arguments: impl IntoIterator<Item = OsString>) -> Error {
    let mut arguments = arguments.into_iter();
    let (Some(order), Some(program)) = (arguments.next(), arguments.next()) else { return Error::Usage };
    let order = match serde_json::from_str::<Order>(&order.to_string_lossy()) {
        Ok(order) => order,
        Err(e) => return e.into(),
    };
    if let Err(e) = confine(&order, &program) {
        return e;
    }
    let error = Command::new(&program).args(arguments).exec();
    Error::Start(program, error)
}

fn confine(order: &Order, program: &OsString) -> Result<(), Error> {
    // Threads are counted for the user as a whole, but anew in a namespace.
    let counts_anew = platform::without_network();
    limit(&order.limits, counts_anew)?;
    platform::dies_with(order.parent)?;
    platform::sees_only(order, program)
}

fn limit(limits: &Limits, counts_anew: bool) -> Result<(), Error> {
    let mut all = vec![
        ("cpu time", Resource::RLIMIT_CPU, limits.cpu.as_secs().max(1)),
        ("file size", Resource::RLIMIT_FSIZE, limits.file_size),
        ("core files", Resource::RLIMIT_CORE, 0),
        // Address space that is only reserved costs nothing, and runtimes reserve much of it.
        ("address space", Resource::RLIMIT_AS, limits.memory.saturating_mul(8)),
        ("memory", Resource::RLIMIT_DATA, limits.memory),
    ];
    if counts_anew {
        all.push(("processes", Resource::RLIMIT_NPROC, limits.processes));
    }
    for (what, resource, most) in all {
        setrlimit(resource, most, most).map_err(|e| Error::Limit(what, e))?;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
mod platform {
    use std::ffi::OsString;
    use std::path::Path;

    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
        RulesetCreatedAttr as _, Scope, path_beneath_rules,
    };
    use nix::sched::{CloneFlags, unshare};
    use nix::sys::prctl;
    use nix::sys::signal::Signal;
    use nix::unistd::{Pid, getppid};

    use super::Error;
    use crate::order::Order;

    /// What programs that are not linked statically need, the time zones, and where input comes from that there is none.
    const SYSTEM: &[&str] = &[
        "/lib",
        "/lib64",
        "/usr/lib",
        "/usr/lib64",
        "/etc/ld.so.cache",
        "/etc/localtime",
        "/usr/share/zoneinfo",
        "/sys/kernel/mm/transparent_hugepage",
    ];

    /// The newest rules that this kernel may know; it takes those that it knows.
    const RULES: ABI = ABI::V6;

    /// Leaves the network, with a namespace of its own. Some systems do not let everybody do that; whether it worked.
    pub fn without_network() -> bool {
        let own = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC;
        unshare(own).is_ok()
    }

    /// Ends when the parent does.
    pub fn dies_with(parent: i32) -> Result<(), Error> {
        prctl::set_pdeathsig(Signal::SIGKILL).map_err(|e| Error::Limit("its life", e))?;
        // It may have ended before we asked.
        if getppid() == Pid::from_raw(parent) { Ok(()) } else { Err(Error::Orphan) }
    }

    /// From now on only these files are there, and no port.
    pub fn sees_only(order: &Order, program: &OsString) -> Result<(), Error> {
        let folder = |e: landlock::RulesetError| Error::Folder(e.to_string());
        let read = AccessFs::from_read(RULES);
        let programs = [Path::new(program)];
        let reads = order.reads.iter().map(AsRef::as_ref).chain(SYSTEM.iter().map(Path::new)).chain(programs);
        let everything = AccessFs::from_all(RULES);
        Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(everything)
            .and_then(|rules| rules.handle_access(AccessNet::from_all(RULES)))
            .and_then(|rules| rules.scope(Scope::from_all(RULES)))
            .and_then(Ruleset::create)
            .and_then(|rules| rules.add_rules(path_beneath_rules(reads, read)))
            .and_then(|rules| rules.add_rules(path_beneath_rules(&order.writes, everything)))
            .and_then(|rules| rules.add_rules(path_beneath_rules(["/dev/null"], AccessFs::from_file(RULES))))
            .and_then(landlock::RulesetCreated::restrict_self)
            .map_err(folder)?;
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use std::ffi::OsString;

    use super::Error;
    use crate::order::Order;

    pub fn without_network() -> bool {
        false
    }

    pub fn dies_with(_: i32) -> Result<(), Error> {
        Ok(())
    }

    pub fn sees_only(_: &Order, _: &OsString) -> Result<(), Error> {
        Ok(())
    }
}
