//! Manifests: what an artifact is made of.

use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};

/// The kinds of manifests that we understand, as `Accept` names them.
pub(crate) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its media type; empty where nobody says it.
    pub media_type: String,
    /// Its bytes, of which its digest is made.
    pub bytes: Vec<u8>,
}

/// What a manifest is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One image or other artifact.
    Image {
        /// What describes it.
        config: Option<Descriptor>,
        /// What it is made of.
        layers: Vec<Descriptor>,
    },
    /// Several, one for each platform mostly.
    Index(Vec<Descriptor>),
}

/// What a manifest says of another thing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Its media type.
    #[serde(default, deserialize_with = "or_nothing")]
    pub media_type: String,
    /// Its digest.
    pub digest: String,
    /// How many bytes it has.
    pub size: u64,
    /// What it is for.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Where else it is, for layers that may not be given away.
    #[serde(default, deserialize_with = "or_nothing")]
    pub urls: Vec<String>,
}

/// A system and a processor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// The system.
    #[serde(default, deserialize_with = "or_nothing")]
    pub os: String,
    /// The processor.
    #[serde(default, deserialize_with = "or_nothing")]
    pub architecture: String,
}

impl Descriptor {
    /// Whether registries leave it where its URLs lead.
    pub fn is_foreign(&self) -> bool {
        self.media_type.contains("foreign") || self.media_type.contains("nondistributable")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default, deserialize_with = "or_nothing")]
    media_type: String,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

/// Null is as good as nothing.
fn or_nothing<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Whether something is a media type that says what a manifest is of. There are registries that say of each that it is
/// JSON.
fn says(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.")
}

/// Whether a media type is that of an index; none where it is not one that we understand.
fn is_index(media_type: &str) -> Option<bool> {
    match media_type {
        "application/vnd.oci.image.index.v1+json"
        | "application/vnd.docker.distribution.manifest.list.v2+json" => Some(true),
        "application/vnd.oci.image.manifest.v1+json"
        | "application/vnd.docker.distribution.manifest.v2+json" => Some(false),
        _ => None,
    }
}

impl Manifest {
    /// One that came with a `Content-Type`. Where that does not say what it is of, the manifest may.
    pub(crate) fn new(content_type: &str, bytes: Vec<u8>) -> Self {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let media_type = if says(media_type) {
            media_type.to_owned()
        } else {
            let own = serde_json::from_slice::<Wire>(&bytes).map(|wire| wire.media_type);
            own.ok().filter(|own| says(own)).unwrap_or_default()
        };
        Self { media_type, bytes }
    }

    /// With the media type that its index says, where nobody else does.
    #[must_use]
    pub(crate) fn described_by(mut self, descriptor: &Descriptor) -> Self {
        if self.media_type.is_empty() && says(&descriptor.media_type) {
            self.media_type.clone_from(&descriptor.media_type);
        }
        self
    }

    /// Its digest.
    pub fn digest(&self) -> String {
        digest_of(&self.bytes)
    }

    /// What it is of.
    pub fn kind(&self) -> Result<Kind, String> {
        let wire: Wire =
            serde_json::from_slice(&self.bytes).map_err(|e| format!("it is no manifest: {e}"))?;
        let (outside, inside) = (is_index(&self.media_type), is_index(&wire.media_type));
        if outside.is_some_and(|outside| inside.is_some_and(|inside| inside != outside)) {
            let (came, says) = (&self.media_type, &wire.media_type);
            return Err(format!("its media types contradict each other: it came as {came} and says {says}"));
        }
        let is_image = wire.layers.is_some() || wire.config.is_some();
        match (outside.or(inside), is_image, wire.manifests) {
            (Some(true), false, manifests) => Ok(Kind::Index(manifests.unwrap_or_default())),
            (None, false, Some(manifests)) | (Some(true), true, Some(manifests)) => {
                Ok(Kind::Index(manifests))
            }
            (None, true, None) | (Some(false), true, _) => {
                Ok(Kind::Image { config: wire.config, layers: wire.layers.unwrap_or_default() })
            }
            (None, true, Some(_)) => {
                Err("it has layers and manifests, and no media type says what counts".to_owned())
            }
            (Some(true), true, None) | (Some(false), false, Some(_)) => {
                Err("what it holds is not what its media type says".to_owned())
            }
            (_, false, None) => {
                Err("it is of a kind that is too old: it has neither layers nor manifests".to_owned())
            }
        }
    }
}

/// The SHA-256 of bytes, as registries write it.
pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";

    #[test]
    fn kinds() {
        let both = r#"{"layers": [], "manifests": []}"#;
        for (content_type, document, kind) in [
            (IMAGE, r#"{"layers": []}"#, "image"),
            ("", r#"{"layers": []}"#, "image"),
            (IMAGE, r#"{"layers": null, "config": {"digest": "x", "size": 1, "urls": null}}"#, "image"),
            (
                IMAGE,
                r#"{"layers": [{"digest": "x", "size": 1, "mediaType": null, "urls": null, "platform": {"os": null}}]}"#,
                "image",
            ),
            ("", r#"{"manifests": []}"#, "index"),
            (INDEX, r#"{"manifests": null}"#, "index"),
            (IMAGE, both, "image"),
            (INDEX, both, "index"),
            (
                "application/json",
                r#"{"mediaType": "application/vnd.oci.image.index.v1+json", "layers": [], "manifests": []}"#,
                "index",
            ),
            ("", both, "no media type says"),
            (INDEX, r#"{"layers": []}"#, "not what its media type says"),
            (IMAGE, r#"{"manifests": []}"#, "not what its media type says"),
            (
                IMAGE,
                r#"{"mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}"#,
                "contradict",
            ),
            (
                INDEX,
                r#"{"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": []}"#,
                "contradict",
            ),
            (IMAGE, "{}", "too old"),
            ("", r#"{"fsLayers": []}"#, "too old"),
        ] {
            let found = match Manifest::new(content_type, document.into()).kind() {
                Ok(Kind::Image { .. }) => "image".to_owned(),
                Ok(Kind::Index(_)) => "index".to_owned(),
                Err(why) => why,
            };
            assert!(found.contains(kind), "{content_type} {document}: {found}");
        }
    }

    #[test]
    fn media_types() {
        let says = r#"{"mediaType": "application/vnd.oci.image.index.v1+json"}"#;
        for (content_type, document, media_type) in [
            ("application/vnd.oci.image.manifest.v1+json; charset=utf-8", says, IMAGE),
            ("application/json", says, INDEX),
            ("", says, INDEX),
            ("text/plain", "{}", ""),
            ("", r#"{"mediaType": null}"#, ""),
            ("", "<html>", ""),
        ] {
            assert_eq!(Manifest::new(content_type, document.into()).media_type, media_type, "{document}");
        }
    }
}
