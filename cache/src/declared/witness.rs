//! Compiles on their way that will tell what a compiler says of new declarations: a job that lacks nothing else waits for that, so
//! that a header's change is compiled once and not by as many jobs as run at a time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::declarations::Id;
use crate::store::Key;

/// All of them.
#[derive(Clone, Default)]
pub(crate) struct Witnesses {
    all: Arc<Mutex<Vec<Entry>>>,
}

struct Entry {
    flags: Key,
    ids: HashSet<Id>,
    over: watch::Receiver<()>,
}

/// A compile on its way, until dropped.
pub(crate) struct Witness {
    witnesses: Witnesses,
    sender: watch::Sender<()>,
}

/// What a job is to do about declarations that aren't known.
pub(crate) enum Entered {
    /// It compiles, and others may wait for it.
    Witness(Witness),
    /// Another compile is about to tell.
    Wait(watch::Receiver<()>),
}

impl Witnesses {
    /// Has a job wait, if a compile with these flags is on its way that will tell of all that it lacks; else, or if it is to
    /// be compiled for another reason (`lacks` is `None`), others may wait for what it tells of `ids`.
    pub(crate) fn enter(&self, flags: &Key, lacks: Option<&[Id]>, ids: Vec<Id>) -> Entered {
        let mut all = self.all();
        if let Some(lacks) = lacks {
            let tells = |entry: &&Entry| {
                entry.flags == *flags && lacks.iter().all(|id| entry.ids.contains(id))
            };
            if let Some(entry) = all.iter().find(tells) {
                return Entered::Wait(entry.over.clone());
            }
        }
        let (sender, over) = watch::channel(());
        all.push(Entry { flags: *flags, ids: ids.into_iter().collect(), over });
        Entered::Witness(Witness { witnesses: self.clone(), sender })
    }

    fn all(&self) -> MutexGuard<'_, Vec<Entry>> {
        // Whole at any time.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let own = self.sender.subscribe();
        self.witnesses.all().retain(|entry| !entry.over.same_channel(&own));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> Id {
        Id([number; 16])
    }

    #[tokio::test]
    async fn who_lacks_what_another_compile_will_tell_waits_for_its_end() {
        let (witnesses, flags) = (Witnesses::default(), Key::of(b"flags"));
        let enter = |lacks: &[Id], ids| witnesses.enter(&flags, Some(lacks), ids);
        let Entered::Witness(first) = enter(&[id(1)], vec![id(1), id(2)]) else { panic!() };
        let Entered::Wait(mut over) = enter(&[id(1), id(2)], vec![]) else { panic!() };
        // Of what it won't tell, and for other flags, nobody waits.
        let Entered::Witness(_second) = enter(&[id(1), id(3)], vec![id(3)]) else { panic!() };
        let other = witnesses.enter(&Key::of(b"other"), Some(&[id(1)]), vec![]);
        assert!(matches!(other, Entered::Witness(_)));
        drop(first);
        assert!(over.changed().await.is_err());
        let Entered::Witness(_) = enter(&[id(1)], vec![id(1)]) else { panic!() };
        drop(other);
        assert_eq!(witnesses.all().len(), 1);
    }
}
