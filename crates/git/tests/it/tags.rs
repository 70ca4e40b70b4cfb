//! Making and pushing tags.

use ferry_git::{Error, PushError, PushTag, Tag, TagName, Unrecorded, WorkTree};
use ferry_standin::git_server::{Fault, Service};

use crate::world::{Ledger, World, edit, push};

fn made(name: &str, force: bool) -> Tag {
    let time = "2031-02-03T04:05:06Z".parse().unwrap();
    Tag { name: TagName::parse(name).unwrap(), message: "rel".into(), force, tagger: None, time }
}

fn pushing<'a>(work_tree: &'a WorkTree, name: &'a TagName) -> PushTag<'a> {
    PushTag { work_tree, name, max_attempts: 3, previously_recorded: &[] }
}

#[tokio::test]
async fn a_tag_is_made_and_pushed_once() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let tree = world.clone(&mirror, "tree").await;
    let head = edit(&tree, "a", "1", "one").await;
    let tag = made("v2", false);
    assert_eq!(tree.tag(&tag).await.unwrap(), head);
    let again = tree.tag(&tag).await;
    assert!(matches!(again, Err(Error::TagExists { .. })), "{again:?}");
    world.branch(&mirror, "main").push(&push(&tree), &mut Unrecorded).await.unwrap();
    world.server.fail("/", Service::Push, Fault::LoseAnswer, Some(1));
    let mut ledger = Ledger::default();
    mirror.push_tag(&pushing(&tree, &tag.name), &mut ledger).await.unwrap();
    assert_eq!((ledger.intents.len(), &*ledger.intents[0].reference), (1, "refs/tags/v2"));
    let there = &app.tags().await.unwrap()["v2"];
    assert_eq!(there.commit, head.as_str());
    assert_eq!(there.annotation, Some(("rel".into(), "Kargo <no-reply@kargo.io>".into())));
    assert!(mirror.push_tag(&pushing(&tree, &tag.name), &mut Unrecorded).await.unwrap().already_there);
    assert!(tree.is_clean().await.unwrap());
}

#[tokio::test]
async fn a_tag_of_somebody_else_stays() {
    let world = World::new().await;
    let (app, mirror) = world.app().await;
    let head = app.head("main").await.unwrap().unwrap();
    app.tag("v1.0.0", &head, None, None).await.unwrap();
    let tree = world.clone(&mirror, "tree").await;
    let name = TagName::parse("v1.0.0").unwrap();
    // Not made here: it is there, and that is all that was asked for.
    assert!(mirror.push_tag(&pushing(&tree, &name), &mut Unrecorded).await.unwrap().already_there);
    edit(&tree, "a", "1", "one").await;
    tree.tag(&made("v1.0.0", true)).await.unwrap();
    let refused = mirror.push_tag(&pushing(&tree, &name), &mut Unrecorded).await;
    assert!(matches!(refused, Err(PushError::Git(Error::TagExists { .. }))), "{refused:?}");
    assert_eq!(app.tags().await.unwrap()["v1.0.0"].commit, head);
    let unknown = TagName::parse("none").unwrap();
    let missing = mirror.push_tag(&pushing(&tree, &unknown), &mut Unrecorded).await;
    assert!(matches!(missing, Err(PushError::Git(Error::RefNotFound { .. }))), "{missing:?}");
}
