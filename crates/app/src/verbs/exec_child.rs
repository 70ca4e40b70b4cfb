//! `ferry exec-child`: this process confines itself and becomes a program.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

/// An order of `ferry_exec`, a program and its arguments.
#[derive(Debug, Args)]
pub(crate) struct ExecChild {
    #[arg(required = true, num_args = 2.., trailing_var_arg = true, allow_hyphen_values = true)]
    order: Vec<OsString>,
}

impl ExecChild {
    /// Returns only where that failed.
    #[expect(clippy::print_stderr, reason = "the last words of a process")]
    pub fn run(self) -> ExitCode {
        let error = ferry_exec::child::become_program(self.order);
        eprintln!("{error}");
        ExitCode::from(ferry_exec::child::NOT_BECOME)
    }
}
