//! The one binary `ferry`.

use std::process::ExitCode;

/// Objects come and go as trees of small pieces, on all threads: with the C library's allocator that is a third of the
/// work, and what is freed stays with the process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ferry_app::run()
}
