//! Figures of a built `ferry`: each as a line `NAME VALUE UNIT`, all of them in `target/bench.json`. The figures of
//! whole promotions are taken from the outside, of a process of its own over its socket.

mod argocd;
mod crowd;
mod demo;
mod expressions;
mod ferry;
mod figures;
mod idle;
mod load;
mod local;
mod objects;
mod promotions;
mod scale;
mod scene;
mod start;
mod steps;
mod storage;
mod travel;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;
use futures::future::LocalBoxFuture;

use figures::Figures;

/// Measures, and prints NAME VALUE UNIT.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only measurements whose name contains one of these
    only: Vec<String>,
    /// The ferry to measure
    #[arg(long, value_name = "FILE", default_value = "target/release/ferry")]
    ferry: PathBuf,
    /// Where all figures are written
    #[arg(long, value_name = "FILE", default_value = "target/bench.json")]
    json: PathBuf,
}

type Measure = for<'a> fn(&'a std::path::Path, &'a mut Figures) -> LocalBoxFuture<'a, Result<()>>;

/// The measurements, one after the other: nothing else of ours runs meanwhile.
const MEASUREMENTS: &[(&str, Measure)] = &[
    ("start", |ferry, figures| Box::pin(start::measure(ferry, figures))),
    ("idle", |ferry, figures| Box::pin(idle::measure(ferry, figures))),
    ("storage", |_, figures| Box::pin(storage::measure(figures))),
    ("crowd", |_, figures| Box::pin(crowd::measure(figures))),
    ("chain", |ferry, figures| Box::pin(travel::chain(ferry, figures))),
    ("fan", |ferry, figures| Box::pin(travel::fan(ferry, figures))),
    ("local", |ferry, figures| Box::pin(local::measure(ferry, figures))),
    ("expressions", |_, figures| Box::pin(std::future::ready(expressions::measure(figures)))),
    ("steps", |_, figures| Box::pin(steps::measure(figures))),
    ("load", |ferry, figures| Box::pin(load::speed(ferry, figures))),
    ("waiting", |ferry, figures| Box::pin(load::waiting(ferry, figures))),
    ("scale", |ferry, figures| Box::pin(scale::measure(ferry, figures))),
    ("argocd", |ferry, figures| Box::pin(argocd::measure(ferry, figures))),
    ("promotions", |ferry, figures| Box::pin(promotions::small(ferry, figures))),
    ("large_repository", |ferry, figures| Box::pin(promotions::large(ferry, figures))),
    ("demo", |ferry, figures| Box::pin(demo::measure(ferry, figures))),
];

#[tokio::main]
async fn main() -> Result<()> {
    let _already = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    let ferry = &arguments.ferry;
    ensure!(ferry.is_file(), "{} is not there: run `make bench`", ferry.display());
    let ferry = ferry.canonicalize()?;
    let mut figures = Figures::default();
    for (name, measure) in MEASUREMENTS {
        if arguments.only.is_empty() || arguments.only.iter().any(|part| name.contains(part.as_str())) {
            measure(&ferry, &mut figures)
                .await
                .map_err(|error| error.context(format!("measuring {name}")))?;
        }
    }
    figures.write(&arguments.json)
}
