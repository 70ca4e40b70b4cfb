//! Logs: to standard error, as text for people or as JSON.

use std::io::IsTerminal as _;

use anyhow::Result;
use tracing_subscriber::EnvFilter;

use crate::Misuse;
use crate::config::{Log, LogFormat};

/// Libraries that say at `info` what nobody asked for.
const QUIET: &str =
    "h2=warn,hyper=warn,hyper_util=warn,kube_client=error,kube_runtime=error,rustls=warn,tower=warn";

/// Starts logging for the whole process.
pub(crate) fn start(log: &Log) -> Result<()> {
    let level = log.level.as_deref().unwrap_or("info");
    let refused =
        |why: String| Misuse(format!("log-level {level:?}: {why}; give error, warn, info, debug or trace"));
    let is_plain = level.parse::<tracing::Level>().is_ok() || level == "off";
    if !is_plain && !level.contains('=') {
        return Err(refused("there is no such level".to_owned()).into());
    }
    let directives = if is_plain { format!("{level},{QUIET}") } else { level.to_owned() };
    let filter = EnvFilter::try_new(&directives).map_err(|error| refused(error.to_string()))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match log.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}
