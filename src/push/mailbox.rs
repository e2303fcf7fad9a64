//! What a connection is told beside what it follows: a few words wait, and more are not kept; and what has
//! become of its caller. It wakes the connection as new frames do, so a connection waits for one thing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::outgoing::Outgoing;
use crate::rights::caller::Caller;

/// So many wait for a connection that takes nothing.
const WORDS_MAX: usize = 16;

/// News for a connection: its caller's rights are others or ended, or the service stops.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Their rights are others now.
    HasOtherRights(Caller),
    /// They may follow nothing any more.
    IsTurnedAway,
    /// The service stops.
    ServiceStops,
}

/// What one connection is told.
#[derive(Debug)]
pub(super) struct Mailbox {
    held: Mutex<Held>,
    wake: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Held {
    words: VecDeque<Outgoing>,
    /// The newest, until it is heard. An end is the last.
    news: Option<News>,
    is_over: bool,
}

impl Mailbox {
    /// Nothing yet; `wake` is notified of what comes.
    pub(super) fn new(wake: Arc<Notify>) -> Self {
        Mailbox { held: Mutex::default(), wake }
    }

    /// Adds a word, where there is room for it.
    pub(super) fn put(&self, word: Outgoing) -> bool {
        let mut held = self.lock();
        let has_room = held.words.len() < WORDS_MAX;
        if has_room {
            held.words.push_back(word);
            self.wake.notify_one();
        }
        has_room
    }

    /// The next word, if there is one.
    pub(super) fn take(&self) -> Option<Outgoing> {
        self.lock().words.pop_front()
    }

    /// Tells what has become of the caller; nothing does after the end.
    pub(super) fn tell(&self, news: News) {
        let mut held = self.lock();
        if !held.is_over {
            held.is_over = !matches!(news, News::HasOtherRights(_));
            held.news = Some(news);
            self.wake.notify_one();
        }
    }

    /// The news since the last call, if there are any.
    pub(super) fn hear(&self) -> Option<News> {
        self.lock().news.take()
    }

    /// Waits until something has come since this was awaited last.
    pub(super) async fn moved(&self) {
        self.wake.notified().await;
    }

    /// Words and news are whole at every step.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::outgoing::word;
    use super::*;
    use crate::rights::caller::KeyHolder;

    #[tokio::test]
    async fn words_come_in_order_and_no_more_wait_than_fit() {
        let mailbox = Mailbox::new(Arc::default());
        let number = |n: usize| word("system_alert", json!({ "n": n }));
        let put: Vec<_> = (0..20).map(|n| mailbox.put(number(n))).collect();
        assert_eq!(put.iter().filter(|it| **it).count(), WORDS_MAX);
        mailbox.moved().await;
        for n in 0..WORDS_MAX {
            assert_eq!(mailbox.take(), Some(number(n)));
        }
        assert!(mailbox.put(number(7)));
        assert_eq!((mailbox.take(), mailbox.take()), (Some(number(7)), None));
    }

    #[tokio::test]
    async fn an_end_is_the_last_that_is_heard_whatever_comes_after_it() {
        let mailbox = Mailbox::new(Arc::default());
        let (id, name) = ("k".to_owned(), "board".to_owned());
        let caller = Caller::Key(KeyHolder { id, name, scopes: Vec::new() });
        let rights = || News::HasOtherRights(caller.clone());
        mailbox.tell(rights());
        mailbox.moved().await;
        assert_eq!((mailbox.hear(), mailbox.hear()), (Some(rights()), None));
        mailbox.tell(rights());
        mailbox.tell(News::ServiceStops);
        mailbox.tell(News::IsTurnedAway);
        mailbox.tell(rights());
        assert_eq!((mailbox.hear(), mailbox.hear()), (Some(News::ServiceStops), None));
    }
}
