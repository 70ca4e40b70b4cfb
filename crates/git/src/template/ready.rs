//! Work trees that came back are looked at while the server is asked: neither needs the other.

use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::place::{Place, Spare};
use super::{Template, lock_of};
use crate::checkout::Checkout;
use crate::mirror::{Mirror, Revision};
use crate::state::sparse_directories;

/// Work trees that are made ready for checkouts to come. What nobody takes is a spare one again.
#[derive(Debug, Default)]
pub(crate) struct Ready(Mutex<Vec<(Place, JoinHandle<Option<Spare>>)>>);

impl Ready {
    /// Begins to look for work trees that will do.
    pub(crate) fn begin(mirror: &Mirror, checkouts: &[Checkout]) -> Self {
        let begun = checkouts.iter().filter_map(|checkout| {
            let place = expected(mirror, checkout)?;
            Some((place.clone(), look(mirror, place)?))
        });
        Self(Mutex::new(begun.collect()))
    }

    /// The work tree that was made ready for files that are kept here.
    pub(super) async fn take(&self, template: &Template) -> Option<Spare> {
        let (_, looking) = {
            let mut all = self.0.lock();
            let which = all.iter().position(|(place, _)| *place == template.place)?;
            all.swap_remove(which)
        };
        looking.await.ok().flatten()
    }
}

/// Where the files of a checkout will be, as far as that is known before.
fn expected(mirror: &Mirror, checkout: &Checkout) -> Option<Place> {
    let branch = match &checkout.revision {
        Revision::Default => return None,
        Revision::Branch(name) => name.full(),
        Revision::Tag(_) | Revision::Commit(_) => String::new(),
    };
    let sparse = sparse_directories(&checkout.sparse).ok()?;
    let lfs = mirror.runner().settings.lfs.is_some();
    Some(Place::of(&mirror.shared().directory, branch, &sparse, lfs))
}

fn look(mirror: &Mirror, place: Place) -> Option<JoinHandle<Option<Spare>>> {
    if !place.head().exists() {
        return None;
    }
    let at = lock_of(mirror, &place).try_read_owned().ok()?;
    Some(tokio::task::spawn_blocking(move || {
        let commit = at.as_ref().map(|stand| stand.commit.clone()).or_else(|| place.known())?;
        let mut spare = place.spare()?;
        // Whatever is wrong is found again by those who need it.
        let _looked = spare.look(&commit, None);
        drop(at);
        Some(spare)
    }))
}
