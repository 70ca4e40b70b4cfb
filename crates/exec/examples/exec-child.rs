//! What `ferry exec-child` is, alone: tests start it.

use std::process::ExitCode;

#[expect(clippy::print_stderr, reason = "the last words of a process")]
fn main() -> ExitCode {
    let error = ferry_exec::child::become_program(std::env::args_os().skip(1));
    eprintln!("{error}");
    ExitCode::from(ferry_exec::child::NOT_BECOME)
}
