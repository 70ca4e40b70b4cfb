//! Tags with what discovery wants to know of them.

use ferry_artifact::{CommitId, TagName};
use jiff::Timestamp;

use crate::Error;
use crate::fetch::Want;
use crate::mirror::{Mirror, View};

/// A tag that names a commit, directly or as an annotated tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagInfo {
    /// Without `refs/tags/`.
    pub name: TagName,
    /// The commit.
    pub id: CommitId,
    /// When the annotated tag was made, or the commit of a plain one was committed.
    pub creator_date: Timestamp,
    /// Of the commit: `name <email>`.
    pub author: String,
    /// Of the commit: `name <email>`.
    pub committer: String,
    /// Of the commit.
    pub subject: String,
    /// Of an annotated tag: `name <email>`.
    pub tagger: Option<String>,
    /// The first paragraph of an annotated tag's message.
    pub annotation: Option<String>,
}

const FORMAT: &str = "%(refname)%00%(objecttype)%00%(objectname)%00%(creatordate:unix)%00\
    %(authorname) %(authoremail)%00%(committername) %(committeremail)%00%(subject)%00\
    %(*objecttype)%00%(*objectname)%00%(*authorname) %(*authoremail)%00\
    %(*committername) %(*committeremail)%00%(*subject)%00%(taggername) %(taggeremail)";

impl View {
    /// All tags of commits, newest first. The view must have been fetched with `Want::Tags` or `Want::Everything`.
    pub async fn tags(&self) -> Result<Vec<TagInfo>, Error> {
        let command = self.mirror.command("read the tags of").args(["for-each-ref", "--sort=-creatordate"]);
        let output = command.args([&format!("--format={FORMAT}"), "refs/tags/"]).success().await?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(tag_info).collect())
    }
}

impl Mirror {
    /// Fetches and reads all tags.
    pub async fn tags(&self) -> Result<(View, Vec<TagInfo>), Error> {
        let view = self.fetch([Want::Tags]).await?;
        let tags = view.tags().await?;
        Ok((view, tags))
    }
}

fn tag_info(line: &str) -> Option<TagInfo> {
    let fields: Vec<_> = line.split('\0').collect();
    let [name, kind, id, date, author, committer, subject, peeled @ ..] = fields.as_slice() else {
        return None;
    };
    let [peeled_kind, peeled_id, peeled_author, peeled_committer, peeled_subject, tagger] = peeled else {
        return None;
    };
    let annotated = *kind == "tag";
    let chosen = |plain: &str, of_tag: &str| if annotated { of_tag.to_owned() } else { plain.to_owned() };
    if chosen(kind, peeled_kind) != "commit" {
        return None;
    }
    Some(TagInfo {
        name: TagName::parse(name.strip_prefix("refs/tags/")?).ok()?,
        id: CommitId::parse(&chosen(id, peeled_id)).ok()?,
        creator_date: date.parse().ok().and_then(|date| Timestamp::from_second(date).ok())?,
        author: chosen(author, peeled_author),
        committer: chosen(committer, peeled_committer),
        subject: chosen(subject, peeled_subject),
        tagger: annotated.then(|| (*tagger).to_owned()),
        annotation: annotated.then(|| (*subject).to_owned()),
    })
}
