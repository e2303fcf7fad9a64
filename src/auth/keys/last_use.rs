//! The last use of keys, noted behind the request and seldom.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::platform::Platform;

/// A key's use is noted at most this often, by all processes together.
const AT_MOST_EVERY: Duration = Duration::from_mins(1);

/// Notes the last use of keys.
#[derive(Debug, Clone)]
pub struct LastUse {
    store: Platform,
    recent: Arc<Mutex<Recent>>,
}

/// The keys that this process noted within the last minute.
#[derive(Debug, Default)]
struct Recent(HashMap<String, Instant>);

impl LastUse {
    /// Notes in `store`.
    #[must_use]
    pub fn new(store: Platform) -> Self {
        LastUse { store, recent: Arc::default() }
    }

    /// A valid key is being used. The request does not wait for the note; a note that cannot be
    /// written is a line in the log.
    pub fn note(&self, id: &str) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if !recent.is_due(id, Instant::now()) {
            return;
        }
        drop(recent);
        let (store, id) = (self.store.clone(), id.to_owned());
        tokio::spawn(async move {
            if let Err(error) = store.note_use_of_key(&id, AT_MOST_EVERY).await {
                tracing::warn!(%error, "the use of an API key was not noted");
            }
        });
    }
}

impl Recent {
    fn is_due(&mut self, id: &str, now: Instant) -> bool {
        if self.0.get(id).is_some_and(|noted| now - *noted < AT_MOST_EVERY) {
            return false;
        }
        self.0.retain(|_, noted| now - *noted < AT_MOST_EVERY);
        self.0.insert(id.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_noted_once_a_minute_and_forgotten_after() {
        let (mut recent, now) = (Recent::default(), Instant::now());
        assert!(recent.is_due("till", now) && recent.is_due("web", now));
        assert!(!recent.is_due("till", now + Duration::from_secs(59)));
        assert!(recent.is_due("till", now + AT_MOST_EVERY));
        assert_eq!(recent.0.len(), 1, "a key that is not used any more takes no room");
    }
}
