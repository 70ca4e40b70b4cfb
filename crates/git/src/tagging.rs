//! Tags of one's own: made in a work tree, pushed by name. Like a push to a branch they are recorded first, look
//! before they are repeated, and never replace what somebody else has put there.

use ferry_artifact::{CommitId, TagName};
use jiff::Timestamp;

use crate::branch::{PushError, PushIntent, Recorder};
use crate::mirror::Mirror;
use crate::push::{Outcome, Source, pause, send};
use crate::settings::Identity;
use crate::work_tree::{WorkTree, replace};
use crate::{Error, lfs, message};

/// An annotated tag to make on the head commit.
#[derive(Clone, Debug)]
pub struct Tag {
    /// Its name.
    pub name: TagName,
    /// Its message.
    pub message: String,
    /// Replace a tag of that name in the work tree.
    pub force: bool,
    /// Who; default: the work tree's identity.
    pub tagger: Option<Identity>,
    /// When.
    pub time: Timestamp,
}

/// A tag to push.
#[derive(Clone, Debug)]
pub struct PushTag<'a> {
    /// Where it was made.
    pub work_tree: &'a WorkTree,
    /// Its name.
    pub name: &'a TagName,
    /// How often at most, at least once.
    pub max_attempts: u32,
    /// What earlier runs of the same push recorded.
    pub previously_recorded: &'a [PushIntent],
}

/// A tag on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedTag {
    /// The tag object (or the commit of a plain tag).
    pub object: CommitId,
    /// Nothing was sent: the remote had it.
    pub already_there: bool,
}

impl WorkTree {
    /// Makes an annotated tag on the head commit; returns that commit. It is in this work tree only.
    pub async fn tag(&self, tag: &Tag) -> Result<CommitId, Error> {
        self.secure()?;
        let message = message::tidy(&tag.message);
        let tagger = tag.tagger.as_ref().unwrap_or(self.identity()).checked()?;
        let head = self.head_commit()?;
        let path = self.git().join(tag.name.full());
        if path.exists() && !tag.force {
            let place = self.directory().display().to_string();
            return Err(Error::TagExists { tag: tag.name.to_string(), place });
        }
        let (name, seconds) = (&tag.name, tag.time.as_second());
        let object =
            format!("object {head}\ntype commit\ntag {name}\ntagger {tagger} {seconds} +0000\n\n{message}");
        let command = self.command("write a tag in").args(["hash-object", "-t", "tag", "-w", "--stdin"]);
        let id = command.input(object.into_bytes()).success().await?.text();
        replace(&path, &format!("{id}\n"))?;
        Ok(head)
    }

    /// The object of a tag made here.
    fn own_tag(&self, name: &TagName) -> Result<CommitId, Error> {
        let path = self.git().join(name.full());
        let missing = || Error::RefNotFound {
            url: self.directory().display().to_string(),
            what: format!("tag {:?}", name.as_str()),
        };
        let text = std::fs::read_to_string(path).map_err(|_missing| missing())?;
        Ok(CommitId::parse(text.trim_end())?)
    }
}

impl Mirror {
    /// Pushes a tag of the work tree. One that the remote has already is fine if it is the same (or was not made
    /// here), and `TagExists` otherwise.
    pub async fn push_tag<R: Recorder>(
        &self,
        push: &PushTag<'_>,
        recorder: &mut R,
    ) -> Result<PushedTag, PushError<R::Error>> {
        push.work_tree.secure()?;
        let reference = push.name.full();
        let known = |object: &CommitId| {
            let same = push.previously_recorded.iter().filter(|intent| intent.reference == reference);
            same.flat_map(|intent| &intent.candidates).any(|candidate| candidate == object)
        };
        let mut failed: Option<Outcome> = None;
        let mut attempt = 0;
        loop {
            let listing = self.list_tags().await?;
            let there = listing.refs.into_iter().find(|found| found.name == reference).map(|found| found.id);
            let own = push.work_tree.own_tag(push.name);
            match (there, &own) {
                (Some(object), Ok(own)) if object != *own && !known(&object) => {
                    let (tag, place) = (push.name.to_string(), self.url().to_owned());
                    return Err(Error::TagExists { tag, place }.into());
                }
                (Some(object), _) => return Ok(PushedTag { object, already_there: true }),
                (None, _) => {}
            }
            match failed {
                Some(Outcome::Final(error)) => return Err(error.into()),
                Some(Outcome::Again(error)) if attempt >= push.max_attempts.max(1) => {
                    return Err(error.into());
                }
                _ => {}
            }
            let object = own?;
            lfs::send(self, push.work_tree, &object).await?;
            let candidates = vec![object.clone()];
            let intent = PushIntent { reference: reference.clone(), expected_head: None, candidates };
            recorder.record(&intent).await.map_err(PushError::Record)?;
            attempt += 1;
            let outcome = send(self, Source::Tree(push.work_tree), &reference, None, &object).await;
            if matches!(outcome, Outcome::Done) {
                return Ok(PushedTag { object, already_there: false });
            }
            if attempt < push.max_attempts {
                pause(self, &outcome, attempt).await;
            }
            failed = Some(outcome);
        }
    }
}
