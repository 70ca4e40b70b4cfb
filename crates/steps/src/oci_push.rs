//! `oci-push`: copy an artifact to another repository, or give it another tag.

use std::collections::BTreeMap;

use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use ferry_oci::{Annotations, Copy, Failed, Reference, Target};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::field::Of;
use crate::oci::{self, Written};

/// What an attempt notes before it begins.
const NOTED: &str = "oci-push";

/// Copy an artifact to another repository, or give it another tag.
///
/// The artifact is an image, several for different platforms, a packaged chart, or anything else in an OCI registry. In
/// the same repository only a tag is written; between repositories of one registry nothing is carried that it can take
/// over itself; what is there is not written again. What is carried from one to another may have 1 GiB (`ferry up
/// --max-oci-push-size`). Annotations are added to the manifest of each image, with `index:` before the key to the
/// index of several; without annotations, the digest stays what it was. With `oci://` before a reference, the
/// credential is that of a chart repository, otherwise that of an image repository. The outputs are `image` (the
/// destination), `digest` and `tag`.
/// ```yaml
/// - uses: oci-push
///   as: release
///   config:
///     srcRef: registry.example.com/app:${{ imageFrom("registry.example.com/app").Tag }}
///     destRef: registry.example.com/prod/app:v1.2.3
///     annotations:
///       org.opencontainers.image.vendor: Example
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OciPush {
    /// What is copied, by tag or by digest.
    src_ref: Written<false>,
    /// Where it will be, with a tag.
    dest_ref: Written<true>,
    /// Annotations to add; `index:` or `manifest:` before a key says to what.
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    /// Accept any certificate of the registries.
    #[serde(default, rename = "insecureSkipTLSVerify")]
    insecure_skip_tls_verify: bool,
}

impl Step for OciPush {
    const KIND: &'static str = "oci-push";

    fn effect(&self) -> Effect {
        Effect::Writes
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let mut source = self.src_ref.read().of("srcRef")?;
        let destination = self.dest_ref.read().of("destRef")?;
        let Target::Tag(tag) = destination.target.clone() else {
            return Err(StepError::Failed("destRef: it must have a tag".to_owned()));
        };
        let insecure = self.insecure_skip_tls_verify;
        let from = oci::repository(ctx, &source, false, insecure).await?;
        source.target = Target::Digest(self.pinned(ctx, &source, &from).await?);
        let to = oci::repository(ctx, &destination, true, insecure).await?;
        let shares_registry = source.host() == destination.host();
        let to = if shares_registry { to.with_blobs_of(&source) } else { to };
        let annotations = self.annotations();
        let copy = Copy {
            from: &from,
            source: &source,
            to: &to,
            destination: &destination,
            annotations: &annotations,
            most: ctx.settings.oci_push_bytes,
        };
        let copied = copy.run().await.or_else(|why| match why {
            Failed::Source(e) => Err(oci::failed(e)).of("srcRef"),
            Failed::Destination(e) => Err(oci::failed(e)).of("destRef"),
        })?;
        Ok(Outcome::Succeeded(Output::values([
            ("image", destination.to_string()),
            ("digest", copied.digest),
            ("tag", tag),
        ])))
    }
}

impl OciPush {
    /// The digest of what is copied. An attempt that goes on after it was cut off copies what it began with, also where
    /// the tag has moved since.
    async fn pinned(
        &self,
        ctx: &StepContext,
        source: &Reference,
        from: &ferry_oci::Repository,
    ) -> Result<String, StepError> {
        let noted = ctx.ledger.recorded(NOTED);
        let earlier = noted.last().and_then(|noted| noted.get("digest")).and_then(Value::as_str);
        if let Some(digest) = earlier.filter(|_| ctx.is_resumed) {
            return Ok(digest.to_owned());
        }
        let digest = from.manifest(&source.target).await.map_err(oci::failed).of("srcRef")?.digest();
        ctx.ledger.record(NOTED, json!({"source": source.to_string(), "digest": digest})).await?;
        Ok(digest)
    }

    fn annotations(&self) -> Annotations {
        let mut annotations = Annotations::default();
        for (key, value) in &self.annotations {
            match (key.strip_prefix("index:"), key.strip_prefix("manifest:")) {
                (Some(key), _) => annotations.index.insert(key.to_owned(), value.clone()),
                (None, key_of_manifest) => {
                    annotations.manifest.insert(key_of_manifest.unwrap_or(key).to_owned(), value.clone())
                }
            };
        }
        annotations
    }
}
