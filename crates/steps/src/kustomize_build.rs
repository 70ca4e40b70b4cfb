//! `kustomize-build`: build a kustomization.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferry_engine::work::{WorkDir, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use ferry_exec::{Programs, Run};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::broke;
use crate::config::{Text, given};
use crate::field::Of as _;
use crate::manifests::{self, Naming};

/// How long one build may take.
const TIME: Duration = Duration::from_mins(10);

/// What kustomize says of the flag that keeps objects in the order they are written in. Without it, a kustomization
/// that says nothing of an order gets another one.
const DEPRECATED: &str =
    "Flag --reorder has been deprecated, use the new 'sortOptions' field in kustomization.yaml instead.\n";

/// What kustomize says where there are charts and it was given no helm.
const NO_HELM: &str = "must specify --enable-helm";

/// Build a kustomization.
///
/// The real `kustomize` does it, without a network: it sees this Promotion's work directory and nothing else. Files of
/// bases and overlays may be anywhere in there. Where `outPath` ends with `.yaml` or `.yml`, all objects are in that
/// file; otherwise it is a directory with a file for each object: `[namespace-]kind-name.yaml`, or with `outputFormat:
/// kustomize` `[namespace_]group_version_kind_name.yaml`. Helm charts that are there are inflated by the real `helm`.
/// There is no output.
/// ```yaml
/// - uses: kustomize-build
///   config:
///     path: src/overlays/test
///     outPath: out/manifests.yaml
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KustomizeBuild {
    /// The directory with the kustomization.
    path: WorkPath,
    /// The file, or the directory, for what is built.
    out_path: WorkPath,
    /// How the files in a directory are named.
    #[serde(default)]
    output_format: Format,
    /// Settings of kustomize's own plugins.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Plugin")]
    plugin: Option<Plugin>,
}

/// How files are named.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Format {
    /// `[namespace-]kind-name.yaml`
    #[default]
    Kargo,
    /// `[namespace_]group_version_kind_name.yaml`
    Kustomize,
}

/// Settings of kustomize's own plugins.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(inline)]
struct Plugin {
    /// How charts are inflated.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Helm")]
    helm: Option<Helm>,
}

/// How charts are inflated.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(inline)]
struct Helm {
    /// API versions that templates see beside the usual ones.
    #[serde(default)]
    api_versions: Vec<Text>,
    /// The version of Kubernetes that templates see.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    kube_version: Option<String>,
}

impl Step for KustomizeBuild {
    const KIND: &'static str = "kustomize-build";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let programs = ctx.service::<Programs>()?;
        let path = self.path.clone();
        let lent = ctx.work.blocking(move |work| {
            let path = work.lend(&[path])?.remove(0);
            Ok((work.materialize_read_only(&WorkPath::root())?, path))
        });
        let (root, path) = lent.await.of("path")?;
        // Without a slash at its end.
        let root: PathBuf = root.components().collect();
        let mut arguments = arguments(&path);
        let mut reads = vec![root.clone()];
        // Only a kustomization with charts needs it.
        let helm = programs.find("helm");
        if let Ok(helm) = &helm {
            arguments.extend(self.helm_arguments(helm));
            reads.push(helm.clone());
        }
        let run = Run {
            program: "kustomize",
            arguments,
            directory: &root,
            reads,
            writes: Vec::new(),
            input: Vec::new(),
            time: TIME,
        };
        let built = programs.run(run).await.map_err(|e| {
            // Where the work directory is on this machine is nobody's business, nor which flags we use.
            let said = e.to_string().replace(&format!("{}/", root.display()), "");
            StepError::Retryable(match &helm {
                Err(missing) if said.contains(NO_HELM) => missing.to_string(),
                _ => said.replace(DEPRECATED, ""),
            })
        })?;
        let written = ctx.work.blocking(move |work| Ok(self.write(work, &built))).await;
        written.map_err(broke)?.of("outPath")?;
        Ok(Outcome::Succeeded(Output::none()))
    }
}

fn arguments(path: &Path) -> Vec<OsString> {
    // It cannot leave the work directory, so it need not stay in its own.
    let flags = ["build", "--load-restrictor", "LoadRestrictionsNone", "--reorder", "none"];
    flags.into_iter().map(OsString::from).chain([path.as_os_str().to_owned()]).collect()
}

impl KustomizeBuild {
    fn helm_arguments(&self, helm: &Path) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["--enable-helm".into(), "--helm-command".into(), helm.into()];
        let settings = self.plugin.as_ref().and_then(|plugin| plugin.helm.clone()).unwrap_or_default();
        if let Some(version) = settings.kube_version {
            arguments.extend(["--helm-kube-version".into(), version.into()]);
        }
        for version in settings.api_versions {
            arguments.extend(["--helm-api-versions".into(), (&*version).into()]);
        }
        arguments
    }

    fn write(&self, work: &WorkDir, built: &[u8]) -> Result<(), StepError> {
        let text = String::from_utf8_lossy(built);
        if manifests::is_file(&self.out_path) {
            return manifests::write_file(work, &self.out_path, &text);
        }
        let naming = match self.output_format {
            Format::Kargo => Naming::Kargo,
            Format::Kustomize => Naming::Kustomize,
        };
        manifests::write_files(work, &self.out_path, &text, naming)
    }
}
