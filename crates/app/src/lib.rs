//! The composition root: configuration, wiring, the demo. A library too, so that tests start what the binary starts.

pub mod active;
pub mod admission;
mod arguments;
pub mod config;
pub mod connect;
mod definitions;
pub mod local;
mod logging;
pub mod manifests;
mod metrics;
pub mod place;
pub mod probes;
pub mod standin;
mod stop;
mod verbs;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use arguments::{Ferry, Verb};

/// What the user asked for makes no sense; the exit code is 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misuse(pub String);

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    // First of all: without it no TLS works, and two providers in one binary could not agree.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let ferry = match Ferry::try_parse() {
        Ok(ferry) => ferry,
        Err(error) => {
            // Help and version are asked for; everything else is misuse.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _printed = error.print();
            return ExitCode::from(code);
        }
    };
    match dispatch(ferry) {
        Ok(code) => code,
        Err(error) => {
            say_failure(&error);
            ExitCode::from(if error.is::<Misuse>() { 2 } else { 1 })
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last words of a command line")]
fn say_failure(error: &anyhow::Error) {
    eprintln!("ferry: {error:#}");
}

fn dispatch(ferry: Ferry) -> Result<ExitCode> {
    match ferry.verb {
        Verb::Up(flags) => {
            let settings = flags.settle()?;
            logging::start(&settings.log)?;
            done(runtime()?.block_on(verbs::up::run(settings)))
        }
        Verb::Demo(demo) => {
            logging::start(&demo.log())?;
            done(runtime()?.block_on(verbs::demo::run(demo)))
        }
        Verb::Get(get) => done(runtime()?.block_on(ferry_cli::get::run(get))),
        Verb::Promote(promote) => done(runtime()?.block_on(ferry_cli::promote::run(*promote))),
        Verb::Explain(explain) => done(runtime()?.block_on(ferry_cli::explain::run(explain))),
        Verb::Backup(backup) => done(backup.run()),
        Verb::Restore(restore) => done(restore.run()),
        Verb::Steps(steps) => done(ferry_cli::steps::run(&steps, &step_infos())),
        Verb::ExecChild(child) => Ok(child.run()),
        Verb::Crds => done(ferry_cli::crds::run()),
    }
}

/// What the command line tells of the steps.
fn step_infos() -> Vec<ferry_cli::steps::StepInfo> {
    ferry_steps::BUILTIN
        .iter()
        .map(|def| ferry_cli::steps::StepInfo { kind: def.kind, timeout: def.timeout, schema: def.schema() })
        .collect()
}

fn done(result: Result<()>) -> Result<ExitCode> {
    result.map(|()| ExitCode::SUCCESS)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
