//! `helm-update-chart`: give a chart's dependencies other versions.

use std::fmt::Write as _;

use ferry_engine::work::WorkPath;
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::chart::{Changes, Chart};
use crate::config::{AtLeastOne, Text, given};

/// Give a chart's dependencies other versions.
///
/// The versions of the given `charts` are written into the dependencies of `Chart.yaml`; everything else in it stays.
/// Then all dependencies are fetched into `charts/` and written into `Chart.lock`, each in the newest version that
/// `Chart.yaml` lets it have: from `https://`, from `oci://` (the registry, without the chart's name), or from
/// `file://` inside of the work directory. The real `helm` chooses where a version is a range, and packages what is a
/// directory; it has no network: Ferry asks the repositories. Before that helm reads the chart, and says what is wrong with
/// it. Where nothing changes, `Chart.lock` stays as it is. Charts of Helm 2 keep their `requirements.yaml` and
/// `requirements.lock`. The output is `commitMessage`, which tells what changed.
/// ```yaml
/// - uses: helm-update-chart
///   as: chart
///   config:
///     path: src/charts/umbrella
///     charts:
///     - repository: file://../app
///       name: app
///       version: 1.2.3
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HelmUpdateChart {
    /// The chart's directory.
    path: WorkPath,
    /// Which dependencies get which versions.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "AtLeastOne<Update>")]
    charts: Option<AtLeastOne<Update>>,
}

/// One dependency and its new version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(inline)]
struct Update {
    /// The dependency's repository, as `Chart.yaml` has it.
    repository: Text,
    /// The dependency's name, as `Chart.yaml` has it.
    name: Text,
    /// The version it gets.
    version: Text,
}

impl Step for HelmUpdateChart {
    const KIND: &'static str = "helm-update-chart";

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let chart = Chart::new(ctx, self.path.clone());
        if let Some(charts) = &self.charts {
            let text = |text: &Text| (**text).to_owned();
            let wanted = charts.iter().map(|c| (text(&c.repository), text(&c.name), text(&c.version)));
            chart.want(wanted.collect()).await?;
        }
        let changes = chart.build(false).await?;
        Ok(Outcome::Succeeded(match self.message(&changes) {
            Some(message) => Output::values([("commitMessage", message)]),
            None => Output::none(),
        }))
    }
}

impl HelmUpdateChart {
    fn message(&self, changes: &Changes) -> Option<String> {
        if changes.is_empty() {
            return None;
        }
        let mut message = format!("Updated chart dependencies for {}\n", self.path.as_written());
        for (name, versions) in changes {
            let _ = match versions {
                (Some(before), Some(after)) => write!(message, "\n- {name}: {before} -> {after}"),
                (None, Some(after)) => write!(message, "\n- {name}: {after}"),
                (_, None) => write!(message, "\n- {name}: removed"),
            };
        }
        Some(message)
    }
}
