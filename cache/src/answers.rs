//! Answers that take long to find out and then hold for a while: asked for once, however many jobs want one at a time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

type Answer<V> = Arc<tokio::sync::Mutex<Option<Arc<V>>>>;

/// Answers by question.
pub(crate) struct Answers<K, V> {
    known: Mutex<HashMap<K, Answer<V>>>,
}

impl<K, V> Default for Answers<K, V> {
    fn default() -> Self {
        Self { known: Mutex::default() }
    }
}

impl<K: Eq + Hash, V> Answers<K, V> {
    /// The answer to a question: the one that is known, if it `holds`, else what `ask` comes to.
    pub(crate) async fn get<E>(
        &self,
        question: K,
        holds: impl FnOnce(&V) -> bool,
        ask: impl Future<Output = Result<V, E>>,
    ) -> Result<Arc<V>, E> {
        let answer = {
            // Whole at any time.
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(question).or_default())
        };
        // Jobs that come while it is asked wait for the one answer.
        let mut answer = answer.lock().await;
        if let Some(known) = answer.as_ref().filter(|known| holds(known)) {
            return Ok(Arc::clone(known));
        }
        let asked = Arc::new(ask.await?);
        *answer = Some(Arc::clone(&asked));
        Ok(asked)
    }
}
