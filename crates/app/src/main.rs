//! The one binary `ferry`.

use std::process::ExitCode;

/// Objects come and go as trees of small pieces, on all threads: with the C library's allocator that was a third of the
/// work (`docs/decisions/0008-allocator.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ferry_app::run()
}
