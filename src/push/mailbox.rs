//! The words that a connection is told beside what it follows: a few wait, and more are not kept.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::outgoing::Outgoing;

/// So many wait for a connection that takes nothing.
const WORDS_MAX: usize = 16;

/// The words of one connection.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    words: Mutex<VecDeque<Outgoing>>,
    wake: Notify,
}

impl Mailbox {
    /// Adds a word, where there is room for it.
    pub(super) fn put(&self, word: Outgoing) -> bool {
        let mut words = self.lock();
        let has_room = words.len() < WORDS_MAX;
        if has_room {
            words.push_back(word);
            self.wake.notify_one();
        }
        has_room
    }

    /// The next word, once there is one. Nothing is lost where it is not waited for.
    pub(super) async fn next(&self) -> Outgoing {
        loop {
            if let Some(word) = self.lock().pop_front() {
                return word;
            }
            self.wake.notified().await;
        }
    }

    /// A list of words is whole at every step.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Outgoing>> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::outgoing::word;
    use super::*;

    #[tokio::test]
    async fn words_come_in_order_and_no_more_wait_than_fit() {
        let mailbox = Mailbox::default();
        let number = |n: usize| word("system_alert", json!({ "n": n }));
        let put: Vec<_> = (0..20).map(|n| mailbox.put(number(n))).collect();
        assert_eq!(put.iter().filter(|it| **it).count(), WORDS_MAX);
        for n in 0..WORDS_MAX {
            assert_eq!(mailbox.next().await, number(n));
        }
        assert!(mailbox.put(number(7)));
        assert_eq!(mailbox.next().await, number(7));
    }
}
