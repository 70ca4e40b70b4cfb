//! `kustomize-set-image`: tell a kustomization which images to use.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ferry_engine::work::{Kind, WorkDir, WorkPath};
use ferry_engine::{Effect, Outcome, Output, Step, StepContext, StepError, StepResult};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::config::{Text, given};
use crate::field::Of as _;
use crate::yaml::piece::{Map, Piece, Scalar, What};
use crate::{broke, yaml};

/// What a kustomization may be called.
const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Stands for what is there already.
const KEEP: &str = "*";
/// What is said of an image that is set. Of one that is not set, everything else stays as well.
const MEMBERS: [&str; 4] = ["name", "newName", "newTag", "digest"];

/// Tell a kustomization which images to use.
///
/// The directory holds one `kustomization.yaml`, `kustomization.yml` or `Kustomization`. Its `images` get an entry for
/// each given image, or a new one in the place of theirs; they are sorted by name, and everything else in the file
/// stays as it is. An entry that is set says nothing more than that: a `tagSuffix` goes. An image has either a `tag` or a `digest`; `*` as `newName`, `tag` or `digest` keeps what the file
/// has. Without `images`, all images of the Promotion's Freight are set; where several Warehouses could provide one,
/// name the images yourself. The output is `commitMessage`, which tells all images of the kustomization.
/// ```yaml
/// - uses: kustomize-set-image
///   as: image
///   config:
///     path: src/overlays/test
///     images:
///     - image: registry.example.com/app
///       tag: ${{ imageFrom("registry.example.com/app").Tag }}
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KustomizeSetImage {
    /// The directory with the kustomization.
    path: WorkPath,
    /// The images; all of the Freight where none are given.
    #[serde(default)]
    images: Vec<Image>,
}

/// One image, and what becomes of it.
#[derive(Debug)]
struct Image(Entry);

/// An image as a config writes it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Written {
    /// The image's repository.
    image: Text,
    /// What the kustomization calls the image, where that is not its repository.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
    /// Another repository to take it from.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    new_name: Option<String>,
    /// The tag to use.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    tag: Option<String>,
    /// The digest to use.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    digest: Option<String>,
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (tag, digest) = (given(written.tag), given(written.digest));
        if tag.is_some() == digest.is_some() {
            return Err(serde::de::Error::custom(format!(
                "image {:?} needs either a tag or a digest",
                &*written.image
            )));
        }
        let name = given(written.name).unwrap_or_else(|| (*written.image).to_owned());
        Ok(Self(Entry { name, new_name: given(written.new_name), tag, digest, said: None }))
    }
}

impl JsonSchema for Image {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KustomizeImage".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Written::json_schema(generator);
        let absent = json_schema!({"enum": ["", null]});
        let given = json_schema!({"type": "string", "minLength": 1});
        schema.insert(
            "oneOf".to_owned(),
            serde_json::json!([
                {"required": ["tag"], "properties": {"tag": given, "digest": absent}},
                {"required": ["digest"], "properties": {"digest": given, "tag": absent}},
            ]),
        );
        schema
    }
}

/// An entry of `images`.
#[derive(Clone, Debug)]
struct Entry {
    name: String,
    new_name: Option<String>,
    tag: Option<String>,
    digest: Option<String>,
    /// How the file has it.
    said: Option<Piece>,
}

impl Step for KustomizeSetImage {
    const KIND: &'static str = "kustomize-set-image";

    fn effect(&self) -> Effect {
        Effect::Local
    }

    async fn run(self, ctx: &StepContext) -> StepResult {
        let mut wanted: Vec<_> = self.images.into_iter().map(|Image(entry)| entry).collect();
        if wanted.is_empty() {
            wanted = ctx.images().await?.into_iter().map(Entry::of_freight).collect();
        }
        let path = self.path;
        let set = ctx.work.blocking(move |work| Ok(set(work, &path, wanted))).await;
        let message = set.map_err(broke)?.of("path")?;
        Ok(Outcome::Succeeded(match message {
            Some(message) => Output::values([("commitMessage", message)]),
            None => Output::none(),
        }))
    }
}

/// Sets images in the kustomization of a directory; what they are now, in words, if there are any.
fn set(work: &WorkDir, path: &WorkPath, wanted: Vec<Entry>) -> Result<Option<String>, StepError> {
    let file = kustomization(work, path)?;
    let text = work.read_text(&file).map_err(broke)?;
    let wrong =
        |why: String| StepError::Retryable(format!("cannot set images in {:?}: {why}", file.as_str()));
    let said = yaml::piece(&text, "images").map_err(|e| wrong(e.to_string()))?;
    let mut entries = BTreeMap::new();
    for entry in listed(said).map_err(wrong)? {
        // The first of a name counts.
        entries.entry(entry.name.clone()).or_insert(entry);
    }
    for entry in wanted {
        let old = entries.remove(&entry.name);
        entries.insert(entry.name.clone(), entry.over(old));
    }
    if entries.is_empty() {
        return Ok(None);
    }
    let message = message(path.as_written(), entries.values());
    let items = entries.into_values().map(Entry::piece).collect();
    let list = What::List { flow: false, items };
    let text = yaml::put(&text, "images", list.into()).map_err(|e| wrong(e.to_string()))?;
    work.write(&file, text.as_bytes()).map_err(broke)?;
    Ok(Some(message))
}

/// The one kustomization in a directory.
fn kustomization(work: &WorkDir, path: &WorkPath) -> Result<WorkPath, StepError> {
    let mut found = Vec::new();
    for name in FILES {
        let file = path.join(name).map_err(|e| StepError::Retryable(e.to_string()))?;
        if matches!(work.kind_of_link(&file).map_err(broke)?, Some(Kind::File { .. })) {
            found.push(file);
        }
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(StepError::Retryable(format!("no {} in {:?}", FILES.join(", no "), path.as_written()))),
        several => {
            let names: Vec<_> = several.iter().filter_map(WorkPath::file_name).collect();
            let path = path.as_written();
            Err(StepError::Retryable(format!(
                "{path:?} has {}; a directory has one kustomization",
                names.join(" and ")
            )))
        }
    }
}

/// The entries of `images` in the file.
fn listed(said: Option<Piece>) -> Result<Vec<Entry>, String> {
    let Some(said) = said.filter(|said| !said.is_null()) else { return Ok(Vec::new()) };
    let What::List { items, .. } = said.what else { return Err("images is no list".to_owned()) };
    items.into_iter().map(Entry::of_file).collect()
}

fn message<'a>(path: &str, entries: impl ExactSizeIterator<Item = &'a Entry>) -> String {
    let images = if entries.len() == 1 { "image" } else { "images" };
    let mut message = format!("Updated {path} to use new {images}\n");
    for entry in entries {
        let _ = write!(message, "\n- {}", entry.new_name.as_ref().unwrap_or(&entry.name));
        if let Some(tag) = &entry.tag {
            let _ = write!(message, ":{tag}");
        }
        if let Some(digest) = &entry.digest {
            let _ = write!(message, "@{digest}");
        }
    }
    message
}

impl Entry {
    fn of_freight(image: ferry_api::freight::Image) -> Self {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            name: image.repo_url,
            new_name: None,
            tag: given(image.tag),
            digest: given(image.digest),
            said: None,
        }
    }

    fn of_file(said: Piece) -> Result<Self, String> {
        if !matches!(said.what, What::Map(_)) {
            return Err("an element of images is no map".to_owned());
        }
        let text = |key: &str| match said.get(key) {
            Some(value) if value.is_null() => Ok::<_, String>(None),
            Some(value) => {
                let text =
                    value.as_text().ok_or_else(|| format!("{key} of an element of images is no text"))?;
                Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
            }
            None => Ok(None),
        };
        Ok(Self {
            name: text("name")?.unwrap_or_default(),
            new_name: text("newName")?,
            tag: text("newTag")?,
            digest: text("digest")?,
            said: Some(said),
        })
    }

    /// This entry in the place of an old one.
    fn over(self, old: Option<Self>) -> Self {
        let Some(old) = old else { return self };
        let pick =
            |new: Option<String>, old: Option<String>| if new.as_deref() == Some(KEEP) { old } else { new };
        Self {
            name: self.name,
            new_name: pick(self.new_name, old.new_name),
            tag: pick(self.tag, old.tag),
            digest: pick(self.digest, old.digest),
            said: old.said.map(known),
        }
    }

    /// As the file has it from now on, with the comments it had.
    fn piece(self) -> Piece {
        let Piece { head, trail, what } = self.said.unwrap_or_else(|| What::Map(Map::default()).into());
        let mut old = match what {
            What::Map(map) => map.pairs,
            What::Scalar(_) | What::List { .. } => Vec::new(),
        };
        let mut pairs = Vec::new();
        for (key, value) in MEMBERS.into_iter().zip([Some(self.name), self.new_name, self.tag, self.digest]) {
            let at = old.iter().position(|(k, _)| k.text == key);
            let comments = at.map(|at| old.remove(at).1);
            if let Some(value) = value.filter(|value| value != KEEP) {
                let text = Piece::text(&value);
                let piece = match comments {
                    Some(old) => Piece { what: text.what, ..old },
                    None => text,
                };
                pairs.push((Scalar::text(key), piece));
            }
        }
        // What we do not know stays.
        pairs.append(&mut old);
        Piece { head, trail, what: What::Map(Map { flow: false, pairs }) }
    }
}

/// An entry without what is not known of images: it was said of the image that was there.
fn known(mut said: Piece) -> Piece {
    if let What::Map(map) = &mut said.what {
        map.pairs.retain(|(key, _)| MEMBERS.contains(&key.text.as_str()));
    }
    said
}
