//! The one binary `ferry`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ferry_app::run()
}
