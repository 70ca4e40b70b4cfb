//! Interleaved writes and watches that are cut and resumed: what a watcher has put together is the list.

use std::collections::BTreeMap;

use ferry_store::{Scope, Start, Store};
use proptest::prelude::*;

use crate::{BOATS, boat, key, open};

#[derive(Debug, Clone)]
enum Step {
    Put {
        name: u8,
        seats: u8,
    },
    Delete {
        name: u8,
    },
    /// Read what is there of the watch.
    Read,
    /// End the watch and resume from the last version seen.
    Cut,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..6_u8, any::<u8>()).prop_map(|(name, seats)| Step::Put { name, seats }),
        2 => (0..6_u8).prop_map(|name| Step::Delete { name }),
        2 => Just(Step::Read),
        2 => Just(Step::Cut),
        1 => Just(Step::Reopen),
    ]
}

type Seen = BTreeMap<String, u64>;

struct Watching {
    seen: Seen,
    version: u64,
    events: ferry_store::Subscription,
}

impl Watching {
    fn start(store: &Store) -> Self {
        let events = store.subscribe(Scope::all(BOATS), Start::Now).unwrap();
        let seen = events.initial.iter().map(|o| (o.key.name.clone(), o.version)).collect();
        Self { seen, version: events.version, events }
    }

    fn read(&mut self) {
        while let Some(event) = self.events.try_next() {
            assert!(event.version() > self.version);
            self.version = event.version();
            if event.deleted {
                assert!(self.seen.remove(&event.object.key.name).is_some());
            } else {
                let before = self.seen.insert(event.object.key.name.clone(), event.version());
                assert_eq!(before, event.previous.as_ref().map(|p| p.version));
            }
        }
    }

    fn resume(&mut self, store: &Store) {
        match store.subscribe(Scope::all(BOATS), Start::After(self.version)) {
            Ok(events) => self.events = events,
            Err(_) => *self = Self::start(store),
        }
    }
}

async fn run(steps: Vec<Step>) {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    let mut watching = Watching::start(&store);
    let mut highest = 0;
    for step in steps {
        match step {
            Step::Put { name, seats } => {
                let name = format!("b{name}");
                let value = boat(&name, seats.into());
                let written = match store.get(&key(&name)) {
                    Some(now) => store.replace(key(&name), now.version, value, Vec::new()).await,
                    None => store.create(key(&name), value, Vec::new()).await,
                };
                let version = written.unwrap().version;
                assert!(version > highest, "no version is given out twice");
                highest = version;
            }
            Step::Delete { name } => {
                if let Some(now) = store.get(&key(&format!("b{name}"))) {
                    highest = store.delete(now.key.clone(), now.version).await.unwrap().version;
                }
            }
            Step::Read => watching.read(),
            Step::Cut => watching.resume(&store),
            Step::Reopen => {
                drop(store);
                store = open(directory.path());
                watching.resume(&store);
            }
        }
    }
    watching.read();
    let list: Seen =
        store.list(BOATS, None).objects.iter().map(|o| (o.key.name.clone(), o.version)).collect();
    assert_eq!(watching.seen, list);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_watch_adds_up_to_the_list(steps in proptest::collection::vec(step(), 1..40)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run(steps));
    }
}
