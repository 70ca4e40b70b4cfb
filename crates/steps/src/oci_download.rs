//! `oci-download`: download a layer of an artifact.

use bytes::Bytes;
use ferry_engine::work::WorkPath;
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use ferry_oci::{Blob, Descriptor, Kind, Reference, Repository, Target};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Text, given};
use crate::download::{self, LIMIT, Source};
use crate::field::Of;
use crate::oci::{self, Written};

/// Download a layer of an artifact.
///
/// The artifact is an image, a packaged chart, or anything else in an OCI registry. Its first layer becomes a file, or
/// the first one of `mediaType`; of several images in one it is that for Linux on amd64, or else the first. What comes is
/// verified by its digest. It may have 100 MiB. A file that is there is replaced only with `allowOverwrite`. With
/// `oci://` before the reference, the credential is that of a chart repository, otherwise that of an image repository.
/// There is no output.
/// ```yaml
/// - uses: oci-download
///   config:
///     imageRef: oci://registry.example.com/charts/app:1.2.3
///     mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip
///     outPath: app.tgz
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OciDownload {
    /// The artifact, by tag or by digest.
    image_ref: Written<false>,
    /// The file to make.
    out_path: WorkPath,
    /// Replace a file that is there.
    #[serde(default)]
    allow_overwrite: bool,
    /// The media type of the layer.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Text")]
    media_type: Option<Text>,
    /// Accept any certificate of the registry.
    #[serde(default, rename = "insecureSkipTLSVerify")]
    insecure_skip_tls_verify: bool,
}

impl Step for OciDownload {
    const KIND: &'static str = "oci-download";

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let reference = self.image_ref.read().of("imageRef")?;
        download::check(ctx, &self.out_path, self.allow_overwrite).await?;
        let repository = oci::repository(ctx, &reference, false, self.insecure_skip_tls_verify).await?;
        let layer = self.layer(&repository, &reference).await.of("imageRef")?;
        let blob = repository.blob(&layer.digest, LIMIT).await.map_err(oci::failed).of("imageRef")?;
        download::keep(ctx, self.out_path, blob).await?;
        Ok(Outcome::Succeeded(Output::none()))
    }
}

impl OciDownload {
    async fn layer(&self, repository: &Repository, reference: &Reference) -> Result<Descriptor, StepError> {
        let wrong = |why: String| StepError::Retryable(format!("{reference}: {why}"));
        let mut manifest = repository.manifest(&reference.target).await.map_err(oci::failed)?;
        if let Kind::Index(images) = manifest.kind().map_err(wrong)? {
            let image = usual(&images).ok_or_else(|| wrong("it is an index of nothing".to_owned()))?;
            let target = Target::Digest(image.digest.clone());
            manifest = repository.manifest(&target).await.map_err(oci::failed)?;
        }
        let Kind::Image { layers, .. } = manifest.kind().map_err(wrong)? else {
            return Err(wrong("it is an index of indexes".to_owned()));
        };
        let wanted = |layer: &&Descriptor| {
            self.media_type.as_ref().is_none_or(|media_type| layer.media_type == **media_type)
        };
        layers.iter().find(wanted).cloned().ok_or_else(|| {
            let types: Vec<_> = layers.iter().map(|layer| layer.media_type.as_str()).collect();
            wrong(format!("it has no such layer; those that it has are {}", types.join(", ")))
        })
    }
}

/// The image for where most things run.
fn usual(images: &[Descriptor]) -> Option<&Descriptor> {
    let is_usual = |image: &&Descriptor| {
        image.platform.as_ref().is_some_and(|p| p.os == "linux" && p.architecture == "amd64")
    };
    images.iter().find(is_usual).or_else(|| images.first())
}

impl Source for Blob<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>, StepError> {
        Blob::next(self).await.map_err(oci::failed).of("imageRef")
    }
}
