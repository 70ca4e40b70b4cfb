//! What a program may do.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What `exec-child` does to itself before it becomes a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The process that waits for it: without that one it ends.
    pub parent: i32,
    /// How much it may use.
    pub limits: Limits,
    /// Files and directories that it may read.
    pub reads: Vec<PathBuf>,
    /// Files and directories that it may read and change.
    pub writes: Vec<PathBuf>,
}

/// How much a program may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: u64,
    /// Time of a processor.
    pub cpu: Duration,
    /// Processes and threads at the same time.
    pub processes: u64,
    /// Bytes of a file that it writes, and of what it prints.
    pub file_size: u64,
}

impl Default for Limits {
    /// What a large chart needs, several times over.
    fn default() -> Self {
        Self { memory: 1 << 30, cpu: Duration::from_mins(5), processes: 256, file_size: 256 << 20 }
    }
}
