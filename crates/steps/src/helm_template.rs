//! `helm-template`: render the templates of a chart.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ferry_engine::work::{WorkDir, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use ferry_exec::Programs;
use ferry_helm::{SetValue, Template};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::chart::Chart;
use crate::config::{Text, given};
use crate::field::Of as _;
use crate::lent::Lent;
use crate::manifests::{self, Naming};
use crate::{broke, library};

/// How long rendering may take.
const TIME: Duration = Duration::from_mins(10);
/// Values shorter than this are everywhere; to hide them would tell more than it hides.
const TELLING: usize = 4;

/// Render the templates of a chart.
///
/// The real `helm` does it, without a cluster and without a network: it sees this Promotion's work directory and
/// nothing else. Values come from the chart, then from `valuesFiles` in their order, then from `setValues`, as with
/// `helm --set`, and at last from those with `literal`, which are texts whatever is in them. The namespace is the
/// Project's where none is given. Where `outPath` ends with `.yaml` or `.yml`, all manifests are in that file;
/// otherwise it is a directory with a file for each template below the chart's name (`outLayout: helm`), or one for
/// each object (`flat`). A library chart has no manifests of its own: those of other charts in it are rendered. There is
/// no output.
/// ```yaml
/// - uses: helm-template
///   config:
///     path: src/charts/app
///     releaseName: shop
///     valuesFiles:
///     - src/charts/app/values-test.yaml
///     ignoreMissingValueFiles: true
///     setValues:
///     - key: image.tag
///       value: ${{ imageFrom("registry.example.com/app").Tag }}
///     outPath: out/manifests.yaml
/// ```
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of helm's")]
pub struct HelmTemplate {
    /// The chart: its directory, or a package of it.
    path: WorkPath,
    /// The file, or the directory, for what is rendered.
    out_path: WorkPath,
    /// How files in a directory are laid out.
    #[serde(default)]
    out_layout: Layout,
    /// The release's name.
    release_name: Text,
    /// Whether a directory for templates is below the release's name.
    #[serde(default)]
    use_release_name: bool,
    /// The release's namespace; that of the Project where none is given.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    namespace: Option<String>,
    /// Files with values; later ones win.
    #[serde(default)]
    values_files: Vec<WorkPath>,
    /// Whether a file with values that is not there is passed over.
    #[serde(default)]
    ignore_missing_value_files: bool,
    /// Values beside those of the files; these win.
    #[serde(default)]
    set_values: Vec<Set>,
    /// Whether the chart's dependencies are fetched first, in the versions of its `Chart.lock`; where there is none, it is
    /// made.
    #[serde(default)]
    build_dependencies: bool,
    /// Whether the chart's CRDs are part of what is rendered.
    #[serde(default, rename = "includeCRDs")]
    include_crds: bool,
    /// Whether hooks are left out.
    #[serde(default)]
    disable_hooks: bool,
    /// Whether tests are left out.
    #[serde(default)]
    skip_tests: bool,
    /// The version of Kubernetes that templates see.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    kube_version: Option<String>,
    /// API versions that templates see beside the usual ones.
    #[serde(default)]
    api_versions: Vec<Text>,
}

/// How files in a directory are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Layout {
    /// One for each template, below the chart's name.
    #[default]
    Helm,
    /// One for each object.
    Flat,
}

/// A value to set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(inline)]
struct Set {
    /// Which one; dots lead into maps, `[0]` into lists.
    key: Text,
    /// What it will be.
    value: String,
    /// Whether the value is a text whatever is in it.
    #[serde(default)]
    literal: bool,
}

impl Step for HelmTemplate {
    const KIND: &'static str = "helm-template";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let programs = ctx.service::<Programs>()?;
        if self.build_dependencies {
            Chart::new(ctx, self.path.clone()).build(true).await?;
        }
        let config = self.clone();
        let folder =
            programs.folder().map_err(|e| StepError::Retryable(format!("cannot prepare the chart: {e}")))?;
        let made = folder.path().to_owned();
        let lent = ctx.work.blocking(move |work| Ok(config.lent(work, &made))).await;
        let (chart, value_files) = lent.map_err(broke)??;
        let template = self.template(&chart, value_files, &ctx.project);
        let rendered = template.render(&programs).await;
        let rendered = rendered.map_err(|e| StepError::Retryable(self.told(&e.to_string(), &chart)))?;
        let written = ctx.work.blocking(move |work| Ok(self.write(work, &rendered))).await;
        written.map_err(broke)?.of("outPath")?;
        Ok(Outcome::Succeeded(Output::none()))
    }
}

impl HelmTemplate {
    /// The chart and the files with values. A library is made one that helm renders, in a folder.
    fn lent(&self, work: &WorkDir, folder: &Path) -> Result<(Lent, Vec<PathBuf>), StepError> {
        let mut chart = Lent::of(work, &self.path).of("path")?;
        let library = library::installable(work, &self.path, &chart, folder);
        if let Some(made) = library.map_err(|e| StepError::Retryable(format!("the library chart: {e}")))? {
            chart.at = made;
        }
        let mut value_files = Vec::new();
        for (i, file) in self.values_files.iter().enumerate() {
            let field = || format!("valuesFiles[{i}]");
            if self.ignore_missing_value_files && work.kind(file).of(field())?.is_none() {
                continue;
            }
            value_files.extend(work.lend(std::slice::from_ref(file)).of(field())?);
        }
        Ok((chart, value_files))
    }

    fn set_values(&self) -> Vec<SetValue> {
        let set = |set: &Set| SetValue {
            key: (*set.key).to_owned(),
            value: set.value.clone(),
            literal: set.literal,
        };
        self.set_values.iter().map(set).collect()
    }

    fn template(&self, chart: &Lent, value_files: Vec<PathBuf>, project: &str) -> Template {
        let namespace = self.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        let by_template = !manifests::is_file(&self.out_path) && self.out_layout == Layout::Helm;
        Template {
            chart: chart.at.clone(),
            reads: vec![chart.root.clone(), chart.at.clone()],
            release: (*self.release_name).to_owned(),
            namespace: namespace.unwrap_or(project).to_owned(),
            value_files,
            set_values: self.set_values(),
            include_crds: self.include_crds,
            no_hooks: self.disable_hooks,
            skip_tests: self.skip_tests,
            kube_version: self.kube_version.clone().filter(|version| !version.is_empty()),
            api_versions: self.api_versions.iter().map(|version| (**version).to_owned()).collect(),
            folder: by_template.then_some(self.use_release_name),
            time: TIME,
        }
    }

    fn write(&self, work: &WorkDir, rendered: &ferry_helm::Output) -> Result<(), StepError> {
        match rendered {
            ferry_helm::Output::Files(files) => manifests::write_tree(work, &self.out_path, files),
            ferry_helm::Output::Text(text) if manifests::is_file(&self.out_path) => {
                manifests::write_file(work, &self.out_path, text)
            }
            ferry_helm::Output::Text(text) => {
                manifests::write_files(work, &self.out_path, text, Naming::Helm)
            }
        }
    }

    /// What helm says, without the values that were set, which may be secrets, and without where we are.
    fn told(&self, said: &str, chart: &Lent) -> String {
        let said = chart.told(said, self.path.as_written());
        let texts = ferry_helm::texts(&self.set_values());
        let telling = texts.iter().filter(|text| text.len() >= TELLING);
        telling.fold(said, |said, text| said.replace(text.as_str(), "***"))
    }
}
