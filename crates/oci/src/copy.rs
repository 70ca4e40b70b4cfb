//! Copying an artifact from one repository to another, or giving it another tag.

use std::collections::BTreeMap;

use ferry_net::Patience;
use serde_json::{Map, Value};

use crate::manifest::{Descriptor, Kind, Manifest};
use crate::reference::{Reference, Target};
use crate::repository::Repository;
use crate::session::Error;
use crate::upload::Upload;

/// How deep indexes may be in indexes, and how many manifests there may be.
const DEPTH: usize = 4;
const MANIFESTS: usize = 1000;
/// How many bytes they may have in all: they are held until they are written.
const BYTES: usize = 32 << 20;

/// Annotations to add.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// To the manifest of each image.
    pub manifest: BTreeMap<String, String>,
    /// To the index of several.
    pub index: BTreeMap<String, String>,
}

/// What is copied where.
#[derive(Debug)]
pub struct Copy<'a> {
    /// From here.
    pub from: &'a Repository,
    /// What.
    pub source: &'a Reference,
    /// To there.
    pub to: &'a Repository,
    /// Under which tag.
    pub destination: &'a Reference,
    /// With what in addition.
    pub annotations: &'a Annotations,
    /// How many bytes may be carried from one repository to another; none for as many as there are.
    pub most: Option<u64>,
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The digest that the tag now points to.
    pub digest: String,
}

/// Why nothing was copied, or not all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    /// For where it is.
    Source(Error),
    /// For where it goes.
    Destination(Error),
}

/// What is wrong with what is read is so.
impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Source(error)
    }
}

impl Copy<'_> {
    /// Copies it. Blobs that are there are not sent again; the tag is written last.
    pub async fn run(&self) -> Result<Copied, Failed> {
        let root = self.from.manifest(&self.source.target).await?;
        let mut plan = Plan::default();
        let root = self.collect(root, 0, &mut plan).await?;
        if !self.source.shares_repository(self.destination) {
            self.carry(&plan.blobs).await?;
        }
        for manifest in &plan.manifests {
            self.to.put_manifest(manifest, None).await.map_err(Failed::Destination)?;
        }
        let Target::Tag(tag) = &self.destination.target else {
            let (what, why) = (self.destination.to_string(), "it has no tag".to_owned());
            return Err(Failed::Destination(Error::Wrong { what, why }));
        };
        self.to.put_manifest(&root, Some(tag)).await.map_err(Failed::Destination)?;
        Ok(Copied { digest: root.digest() })
    }

    /// What a manifest needs to be there, and the manifest as it will be.
    async fn collect(&self, manifest: Manifest, depth: usize, plan: &mut Plan) -> Result<Manifest, Error> {
        plan.bytes += manifest.bytes.len();
        if plan.bytes > BYTES {
            let what = format!("{} with the manifests of all that it holds", self.source);
            return Err(Error::Large { what, most: BYTES as u64 });
        }
        let kind = manifest.kind().map_err(|why| self.wrong(why))?;
        if manifest.media_type.is_empty() {
            return Err(self.wrong("neither its registry nor its manifest says its media type".to_owned()));
        }
        match kind {
            Kind::Image { config, layers } => {
                let blobs = config.into_iter().chain(layers).filter(|blob| !blob.is_foreign());
                plan.blobs.extend(blobs.map(|blob| (blob.digest.clone(), blob)));
                self.annotated(manifest, &self.annotations.manifest, &[])
            }
            Kind::Index(children) => {
                if depth == DEPTH || plan.manifests.len() + children.len() > MANIFESTS {
                    return Err(self.wrong("it holds too many manifests, or too deep".to_owned()));
                }
                let mut became = Vec::new();
                for (n, child) in children.iter().enumerate() {
                    let found = self.from.manifest(&Target::Digest(child.digest.clone())).await?;
                    let new = Box::pin(self.collect(found.described_by(child), depth + 1, plan)).await?;
                    let digest = new.digest();
                    if digest != child.digest {
                        became.push((n, digest, new.bytes.len()));
                    }
                    plan.manifests.push(new);
                }
                self.annotated(manifest, &self.annotations.index, &became)
            }
        }
    }

    /// A manifest with annotations added, and an index with what became of those of its children that changed. Byte for
    /// byte as it was where nothing changes.
    fn annotated(
        &self,
        manifest: Manifest,
        add: &BTreeMap<String, String>,
        children: &[(usize, String, usize)],
    ) -> Result<Manifest, Error> {
        let wrong = |why: &str| self.wrong(why.to_owned());
        if add.is_empty() && children.is_empty() {
            return Ok(manifest);
        }
        let mut content: Map<String, Value> =
            serde_json::from_slice(&manifest.bytes).map_err(|e| self.wrong(e.to_string()))?;
        let before = content.clone();
        for (n, digest, size) in children {
            let child =
                content.get_mut("manifests").and_then(|list| list.get_mut(*n)).and_then(Value::as_object_mut);
            let child = child.ok_or_else(|| wrong("its index is not readable"))?;
            child.insert("digest".to_owned(), digest.as_str().into());
            child.insert("size".to_owned(), (*size).into());
        }
        if !add.is_empty() {
            let annotations = content.entry("annotations").or_insert(Value::Null);
            if annotations.is_null() {
                *annotations = Map::new().into();
            }
            let annotations =
                annotations.as_object_mut().ok_or_else(|| wrong("its annotations are no map"))?;
            annotations.extend(add.iter().map(|(key, value)| (key.clone(), value.as_str().into())));
        }
        if content == before {
            return Ok(manifest);
        }
        let bytes = serde_json::to_vec(&content).map_err(|e| self.wrong(e.to_string()))?;
        Ok(Manifest { bytes, ..manifest })
    }

    async fn carry(&self, blobs: &BTreeMap<String, Descriptor>) -> Result<(), Failed> {
        let size = blobs.values().fold(0_u64, |sum, blob| sum.saturating_add(blob.size));
        if let Some(most) = self.most.filter(|most| size > *most) {
            return Err(Error::Large { what: self.source.to_string(), most }.into());
        }
        for blob in blobs.values() {
            self.bring(blob).await?;
        }
        Ok(())
    }

    /// Has a blob be there. Nothing of it is there before all is, so that it is begun anew where that is cut off.
    async fn bring(&self, blob: &Descriptor) -> Result<(), Failed> {
        let mut patience = Patience::default();
        loop {
            match self.bring_once(blob).await {
                Ok(Upload::Done) => return Ok(()),
                Ok(Upload::Busy(response)) => {
                    if !patience.lasts(&response).await {
                        return Err(Failed::Destination(self.to.refused(response).await));
                    }
                }
                Err(Failed::Destination(Error::Broken { .. })) if patience.outlasts().await => {}
                Err(why) => return Err(why),
            }
            tracing::debug!(blob = blob.digest, "is sent again");
        }
    }

    async fn bring_once(&self, blob: &Descriptor) -> Result<Upload, Failed> {
        if self.to.has_blob(&blob.digest).await.map_err(Failed::Destination)? {
            return Ok(Upload::Done);
        }
        let same_registry = self.source.host() == self.destination.host();
        if same_registry && self.to.mount_blob(&blob.digest, &self.source.repository).await {
            return Ok(Upload::Done);
        }
        let mut found = self.from.blob_of(blob).await?;
        self.to.upload_blob(&mut found, blob.size).await
    }

    fn wrong(&self, why: String) -> Error {
        Error::Wrong { what: self.source.to_string(), why }
    }
}

#[derive(Default)]
struct Plan {
    /// By digest.
    blobs: BTreeMap<String, Descriptor>,
    /// Those of an index, which must be there before it.
    manifests: Vec<Manifest>,
    /// How many bytes all of them have that were read.
    bytes: usize,
}
