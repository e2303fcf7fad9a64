//! The response cache: callers who ask for the same at the same position share one read, and a
//! response that is asked for again and again is read anew before anybody sees a new position.
//!
//! Dashboards ask for the same every few seconds. A commit makes all responses of its topics old; so
//! the follower of commits (see [`super::latest`]) renews those that were asked for again lately,
//! and then shows the snapshot that they are of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::iter;
use moka::future::Cache;
use tokio::time::{Instant, timeout};

use super::error::Error;
use super::memory::{Memory, ReadContext};
use super::question::Question;
use crate::store::read::Snapshot;
use crate::stream::announce::Announcement;

/// The bytes of all responses.
const BYTES_MAX: u64 = 64 << 20;
/// A response that nobody asked for in this time is evicted, and is no longer renewed.
const IDLE: Duration = Duration::from_secs(10);
/// The most responses that are renewed after a commit: those that were asked for last.
const REGULARS_MAX: usize = 32;
/// A new snapshot is held back for its responses no longer than this.
const RENEWED_WITHIN: Duration = Duration::from_millis(250);
/// Responses that are renewed at a time: one is read while another is added up.
const AT_A_TIME: usize = 2;

/// Responses as JSON, by their `ETag`.
#[derive(Debug)]
pub struct ResponseCache {
    kept: Cache<String, Bytes>,
    memory: Memory,
    regulars: Mutex<HashMap<Arc<str>, Regular>>,
}

/// A question that was asked lately.
#[derive(Debug, Clone)]
struct Regular {
    question: Question,
    /// Whether it was asked more than once; a caller that asks once may never come back.
    again: bool,
    last: Instant,
}

impl Default for ResponseCache {
    fn default() -> Self {
        let weigh = |etag: &String, body: &Bytes| {
            u32::try_from(etag.len() + body.len()).unwrap_or(u32::MAX)
        };
        let kept =
            Cache::builder().weigher(weigh).max_capacity(BYTES_MAX).time_to_idle(IDLE).build();
        ResponseCache { kept, memory: Memory::default(), regulars: Mutex::default() }
    }
}

impl ResponseCache {
    /// A cache of responses in this language.
    #[must_use]
    pub fn speaking(language: &str) -> Self {
        ResponseCache { memory: Memory::speaking(language), ..ResponseCache::default() }
    }

    /// The language of the responses.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.memory.language
    }

    /// The answer to a question, whose `ETag` is that of the snapshot.
    ///
    /// # Errors
    /// [`Error::Shared`], as another request may have been told the same.
    pub async fn get(
        &self,
        question: &Question,
        etag: &str,
        snapshot: &Snapshot,
    ) -> Result<Bytes, Error> {
        self.remember(question, Instant::now());
        self.get_once(question, etag, snapshot).await
    }

    /// The same for a caller that asks again by itself after a commit: it is not renewed before.
    ///
    /// # Errors
    /// As [`ResponseCache::get`].
    pub async fn get_once(
        &self,
        question: &Question,
        etag: &str,
        snapshot: &Snapshot,
    ) -> Result<Bytes, Error> {
        let read = question.read(self.context(snapshot));
        self.kept.try_get_with_by_ref(etag, read).await.map_err(Error::Shared)
    }

    /// Renews the responses that were asked for again lately, of a snapshot that nobody has seen
    /// yet. One that takes too long, or fails, is left to the caller that asks for it.
    pub async fn renew(&self, snapshot: &Snapshot) {
        let again = iter(self.asked_lately()).for_each_concurrent(AT_A_TIME, async |question| {
            let etag = question.etag(snapshot);
            let reading = question.read(self.context(snapshot));
            let _ = self.kept.try_get_with(etag, reading).await;
        });
        let _ = timeout(RENEWED_WITHIN, again).await;
    }

    /// A snapshot, with the memory of queries.
    #[must_use]
    pub fn context<'a>(&'a self, snapshot: &'a Snapshot) -> ReadContext<'a> {
        self.memory.of(snapshot)
    }

    /// Takes note of the changes of a commit.
    pub fn heard(&self, announcement: &Announcement) {
        self.memory.freshness.heard(announcement);
    }

    fn remember(&self, question: &Question, last: Instant) {
        let mut regulars = self.lock();
        if let Some(regular) = regulars.get_mut(question.key()) {
            (regular.again, regular.last) = (true, last);
            return;
        }
        let regular = Regular { question: question.clone(), again: false, last };
        regulars.insert(question.key().clone(), regular);
        if regulars.len() > 2 * REGULARS_MAX {
            forget(&mut regulars);
        }
    }

    fn asked_lately(&self) -> Vec<Question> {
        let mut regulars = self.lock();
        forget(&mut regulars);
        let again = regulars.values().filter(|regular| regular.again);
        again.map(|regular| regular.question.clone()).collect()
    }

    /// A map of questions is right at every step, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Regular>> {
        self.regulars.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets questions that are not asked any more, and of the rest those beyond the most that are
/// renewed: first those that were asked once.
fn forget(regulars: &mut HashMap<Arc<str>, Regular>) {
    regulars.retain(|_, regular| regular.last.elapsed() < IDLE);
    let surplus = regulars.len().saturating_sub(REGULARS_MAX);
    if surplus > 0 {
        let rank = |regular: &Regular| (regular.again, regular.last);
        let mut ranks: Vec<_> = regulars.values().map(rank).collect();
        let (_, &mut least, _) = ranks.select_nth_unstable(surplus);
        regulars.retain(|_, regular| rank(regular) >= least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(cache: &ResponseCache, question: &str, at: Instant) {
        cache.remember(&Question::of_nothing(question), at);
    }

    fn asked_again(cache: &ResponseCache) -> Vec<String> {
        let again = cache.asked_lately().into_iter();
        let mut again: Vec<_> = again.map(|question| question.key().to_string()).collect();
        again.sort_unstable();
        again
    }

    #[test]
    fn who_asked_twice_is_made_anew_and_who_asked_once_or_stopped_asking_is_not() {
        let (cache, now) = (ResponseCache::default(), Instant::now());
        ask(&cache, "once", now);
        assert_eq!(asked_again(&cache), [""; 0]);
        for at in [now - 3 * IDLE, now - 2 * IDLE] {
            ask(&cache, "long ago", at);
        }
        for at in [now, now] {
            ask(&cache, "twice", at);
        }
        assert_eq!(asked_again(&cache), ["twice"]);
    }

    #[test]
    fn of_too_many_those_asked_last_stay_and_those_asked_once_go_first() {
        let (cache, now) = (ResponseCache::default(), Instant::now());
        let names: Vec<_> = (0..2 * REGULARS_MAX as u64).map(|n| format!("{n:02}")).collect();
        for (name, age) in names.iter().zip((1..100).rev()) {
            ask(&cache, name, now - Duration::from_millis(age));
            ask(&cache, name, now - Duration::from_millis(age));
        }
        ask(&cache, "once", now);
        assert_eq!(asked_again(&cache), names[REGULARS_MAX..]);
    }
}
