//! Manifests: what an artifact is made of.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The kinds of manifests that we understand, as `Accept` names them.
pub(crate) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its media type.
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
    #[serde(default)]
    pub media_type: String,
    /// Its digest.
    pub digest: String,
    /// How many bytes it has.
    pub size: u64,
    /// What it is for.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Where else it is, for layers that may not be given away.
    #[serde(default)]
    pub urls: Vec<String>,
}

/// A system and a processor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// The system.
    #[serde(default)]
    pub os: String,
    /// The processor.
    #[serde(default)]
    pub architecture: String,
}

impl Descriptor {
    /// Whether registries leave it where its URLs lead.
    pub fn is_foreign(&self) -> bool {
        self.media_type.contains("foreign") || self.media_type.contains("nondistributable")
    }
}

#[derive(Deserialize)]
struct Wire {
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

impl Manifest {
    /// Its digest.
    pub fn digest(&self) -> String {
        digest_of(&self.bytes)
    }

    /// What it is of.
    pub fn kind(&self) -> Result<Kind, String> {
        let wire: Wire =
            serde_json::from_slice(&self.bytes).map_err(|e| format!("it is no manifest: {e}"))?;
        match wire {
            Wire { manifests: Some(manifests), .. } => Ok(Kind::Index(manifests)),
            Wire { layers: Some(layers), config, .. } => Ok(Kind::Image { config, layers }),
            Wire { .. } => {
                Err("it is of a kind that is too old: it has neither layers nor manifests".to_owned())
            }
        }
    }
}

/// The SHA-256 of bytes, as registries write it.
pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
