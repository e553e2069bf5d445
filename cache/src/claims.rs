//! Outputs that jobs in flight write. Where two jobs write the same one, what is read back may be the other's.
//!
//! Knows paths only, and only the jobs of this process.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Contested = Arc<AtomicBool>;

/// The claims of all jobs in flight, by output.
#[derive(Clone, Default)]
pub(crate) struct Claims {
    held: Arc<Mutex<HashMap<PathBuf, Vec<Contested>>>>,
}

/// A job's claim to its outputs, until dropped.
pub(crate) struct Claim {
    claims: Claims,
    outputs: Vec<PathBuf>,
    contested: Contested,
}

impl Claims {
    /// Claims the outputs of a job, at absolute paths; before anything of it runs.
    pub(crate) fn claim(&self, outputs: Vec<PathBuf>) -> Claim {
        let contested = Contested::default();
        let mut held = self.held();
        for output in &outputs {
            let holders = held.entry(output.clone()).or_default();
            for other in holders.iter().filter(|other| !Arc::ptr_eq(other, &contested)) {
                other.store(true, Ordering::Relaxed);
                contested.store(true, Ordering::Relaxed);
            }
            holders.push(Arc::clone(&contested));
        }
        drop(held);
        Claim { claims: self.clone(), outputs, contested }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<PathBuf, Vec<Contested>>> {
        // Whole at any time.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Whether another job claimed one of the outputs meanwhile.
    pub(crate) fn is_contested(&self) -> bool {
        self.contested.load(Ordering::Relaxed)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut held = self.claims.held();
        for output in &self.outputs {
            if let Some(holders) = held.get_mut(output) {
                holders.retain(|holder| !Arc::ptr_eq(holder, &self.contested));
                if holders.is_empty() {
                    held.remove(output);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_contested_while_they_overlap() {
        let claims = Claims::default();
        let first = claims.claim(vec!["/a.o".into(), "/a.d".into()]);
        let other = claims.claim(vec!["/b.o".into()]);
        assert!(!first.is_contested() && !other.is_contested());
        let second = claims.claim(vec!["/a.d".into()]);
        assert!(first.is_contested() && second.is_contested() && !other.is_contested());
        drop((first, second));
        assert!(!claims.claim(vec!["/a.o".into(), "/a.d".into()]).is_contested());
        drop(other);
        assert!(claims.held().is_empty());
    }
}
