//! The response cache: callers who ask for the same at the same position share one read, and a
//! response that is asked for again and again is read anew before anybody sees a new position.
//!
//! Dashboards ask for the same every few seconds. A commit makes all responses of its topics old; so
//! the follower of commits (see [`super::latest`]) renews those that were asked for again lately,
//! and then shows the snapshot that they are of.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::iter;
use futures_util::{FutureExt, StreamExt};
use moka::future::Cache;
use projections::topic::Topics;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout};

use super::READ_WITHIN;
use super::error::Error;
use super::memory::{Memory, ReadContext};
use super::view::View;
use crate::http::envelope::Envelope;
use crate::rights::role::Rights;
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
    regulars: Mutex<HashMap<String, Regular>>,
}

/// A question that was asked lately.
#[derive(Clone)]
struct Regular {
    read: Read,
    /// The topics that the answer is made of.
    topics: Topics,
    /// Whether it was asked more than once; a caller that asks once may never come back.
    again: bool,
    last: Instant,
}

/// Reads the answer to a question, whatever its view and parameters are.
type Read =
    Arc<dyn for<'a> Fn(ReadContext<'a>) -> BoxFuture<'a, Result<Bytes, Error>> + Send + Sync>;

impl fmt::Debug for Regular {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Regular { again, last, .. } = self;
        f.debug_struct("Regular").field("again", again).field("last", last).finish_non_exhaustive()
    }
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

    /// The key of a view, with its parameters resolved, for a caller with these rights.
    #[must_use]
    pub fn key<V: View>(&self, parameters: &V::Parameters, rights: Rights) -> CacheKey {
        let (version, language) = (env!("CARGO_PKG_VERSION"), &self.memory.language);
        let (path, rights) = (V::ROUTE.path, rights.bits());
        CacheKey(format!("{version}|{language}|{path}|{rights}|{parameters:?}"))
    }

    /// The answer of a view, whose `ETag` is that of the question at the snapshot.
    ///
    /// # Errors
    /// [`Error::Shared`], as another request may have been told the same.
    pub async fn get<V: View>(
        &self,
        question: &CacheKey,
        etag: &str,
        snapshot: &Snapshot,
        parameters: &V::Parameters,
    ) -> Result<Bytes, Error> {
        self.remember(question, V::TOPICS, Instant::now(), || erased::<V>(parameters));
        // Nothing of it is made where the answer is at hand.
        let read = async { read::<V>(self.context(snapshot), parameters).boxed().await };
        self.kept.try_get_with_by_ref(etag, read).await.map_err(Error::Shared)
    }

    /// Renews the responses that were asked for again lately, of a snapshot that nobody has seen
    /// yet. One that takes too long, or fails, is left to the caller that asks for it.
    pub async fn renew(&self, snapshot: &Snapshot) {
        let again = iter(self.asked_lately()).for_each_concurrent(
            AT_A_TIME,
            async |(question, regular)| {
                let reading = (regular.read)(self.context(snapshot));
                let etag = CacheKey(question).etag(snapshot, regular.topics);
                let _ = self.kept.try_get_with(etag, reading).await;
            },
        );
        let _ = timeout(RENEWED_WITHIN, again).await;
    }

    /// A snapshot, with the memory of queries.
    #[must_use]
    pub fn context<'a>(&'a self, snapshot: &'a Snapshot) -> ReadContext<'a> {
        self.memory.of(snapshot)
    }

    /// Takes note of the changes of a commit.
    pub fn heard(&self, announcement: &Announcement) {
        self.memory.rollups.heard(announcement);
    }

    fn remember(
        &self,
        CacheKey(question): &CacheKey,
        topics: Topics,
        last: Instant,
        read: impl FnOnce() -> Read,
    ) {
        let mut regulars = self.lock();
        if let Some(regular) = regulars.get_mut(question) {
            (regular.again, regular.last) = (true, last);
            return;
        }
        regulars.insert(question.clone(), Regular { read: read(), topics, again: false, last });
        if regulars.len() > 2 * REGULARS_MAX {
            forget(&mut regulars);
        }
    }

    fn asked_lately(&self) -> Vec<(String, Regular)> {
        let mut regulars = self.lock();
        forget(&mut regulars);
        let again = regulars.iter().filter(|(_, regular)| regular.again);
        again.map(|(question, regular)| (question.clone(), regular.clone())).collect()
    }

    /// A map of questions is right at every step, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Regular>> {
        self.regulars.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets questions that are not asked any more, and of the rest those beyond the most that are
/// renewed: first those that were asked once.
fn forget(regulars: &mut HashMap<String, Regular>) {
    regulars.retain(|_, regular| regular.last.elapsed() < IDLE);
    let surplus = regulars.len().saturating_sub(REGULARS_MAX);
    if surplus > 0 {
        let rank = |regular: &Regular| (regular.again, regular.last);
        let mut ranks: Vec<_> = regulars.values().map(rank).collect();
        let (_, &mut least, _) = ranks.select_nth_unstable(surplus);
        regulars.retain(|_, regular| rank(regular) >= least);
    }
}

async fn read<V: View>(from: ReadContext<'_>, parameters: &V::Parameters) -> Result<Bytes, Error> {
    let view = timeout(READ_WITHIN, V::read(from, parameters)).await;
    let view = view.map_err(|_| Error::TimedOut)??;
    serde_json::to_vec(&Envelope::of(view)).map(Bytes::from).map_err(Error::Unwritable)
}

/// The same for callers that do not know the view.
fn erased<V: View>(parameters: &V::Parameters) -> Read {
    let parameters = parameters.clone();
    Arc::new(move |from| {
        let parameters = parameters.clone();
        async move { read::<V>(from, &parameters).await }.boxed()
    })
}

/// The key of a response: the question, and what else can change the answer, such as the caller's
/// rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheKey(String);

impl CacheKey {
    /// The same for the same answer alone: to this question, of this generation, since the last
    /// change of the topics that it is made of. Weak, for it may be compressed.
    #[must_use]
    pub fn etag(&self, snapshot: &Snapshot, topics: Topics) -> String {
        let checkpoint = &snapshot.checkpoint;
        let (generation, incarnation) = (checkpoint.generation, &checkpoint.incarnation);
        hashed(&format!("{incarnation}|{generation}|{}|{}", snapshot.changed().of(topics), self.0))
    }
}

fn hashed(text: &str) -> String {
    let mut etag = String::from("W/\"");
    for byte in &Sha256::digest(text)[..16] {
        // Writing to a string does not fail.
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    etag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(cache: &ResponseCache, question: &str, at: Instant) {
        let never: fn() -> Read = || Arc::new(|_| std::future::pending().boxed());
        cache.remember(&CacheKey(question.to_owned()), Topics::ALL, at, never);
    }

    #[test]
    fn a_tag_is_short_and_changes_with_its_text() {
        assert_eq!(hashed("a").len(), 36);
        assert_eq!(hashed("a"), hashed("a"));
        assert_ne!(hashed("a"), hashed("b"));
    }

    fn asked_again(cache: &ResponseCache) -> Vec<String> {
        let mut again: Vec<_> = cache.asked_lately().into_iter().map(|(it, _)| it).collect();
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
