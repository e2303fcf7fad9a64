//! Answers at hand: who asks for the same at the same position shares one reading, and what is asked
//! for again and again is read anew before anybody sees a new position.
//!
//! Dashboards ask for the same every few seconds. A commit makes all answers old; so the follower
//! of commits (see [`super::latest`]) makes those that were asked for lately anew, and then shows
//! the snapshot that they are of.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::iter;
use futures_util::{FutureExt, StreamExt};
use moka::future::Cache;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout};

use super::Error;
use super::answer::View;
use super::memory::{Memory, Reading};
use super::params::Asked;
use super::wait::READ_WITHIN;
use crate::auth::role::Rights;
use crate::http::envelope::Envelope;
use crate::store::read::Snapshot;
use crate::stream::announce::Announcement;

/// Memory for answers, in bytes.
const BYTES_MAX: u64 = 64 << 20;
/// What nobody asked for in this time is dropped, and is no longer made anew.
const IDLE: Duration = Duration::from_secs(10);
/// So many questions are asked again after a commit, those that were asked last.
const REGULARS_MAX: usize = 32;
/// A new snapshot is held back for its answers no longer than this.
const RENEWED_WITHIN: Duration = Duration::from_millis(250);
/// Questions that are asked again at a time: one is read while another is added up.
const AT_A_TIME: usize = 2;

/// Answers as JSON, by their `ETag`.
#[derive(Debug)]
pub struct Answers {
    kept: Cache<String, Bytes>,
    memory: Memory,
    regulars: Mutex<HashMap<String, Regular>>,
}

/// A question that was asked lately.
#[derive(Debug, Clone)]
struct Regular {
    read: Read,
    asked: Asked,
    last: Instant,
}

type Read = for<'a> fn(Reading<'a>, &'a Asked) -> BoxFuture<'a, Result<Bytes, Error>>;

impl Default for Answers {
    fn default() -> Self {
        let weigh = |etag: &String, body: &Bytes| {
            u32::try_from(etag.len() + body.len()).unwrap_or(u32::MAX)
        };
        let kept =
            Cache::builder().weigher(weigh).max_capacity(BYTES_MAX).time_to_idle(IDLE).build();
        Answers { kept, memory: Memory::default(), regulars: Mutex::default() }
    }
}

impl Answers {
    /// The answer of a view.
    ///
    /// # Errors
    /// [`Error::Shared`], as another request may have been told the same.
    pub async fn get<V: View>(
        &self,
        question: Question,
        snapshot: &Snapshot,
        asked: &Asked,
    ) -> Result<Bytes, Error> {
        let etag = question.etag(snapshot);
        self.remember(question, Regular { read: read::<V>, asked: *asked, last: Instant::now() });
        let reading = read::<V>(self.reading(snapshot), asked);
        self.kept.try_get_with(etag, reading).await.map_err(Error::Shared)
    }

    /// Makes what was asked for lately anew, of a snapshot that nobody has seen yet. One that takes
    /// too long, or fails, is left to who asks for it.
    pub async fn renew(&self, snapshot: &Snapshot) {
        let again = iter(self.asked_lately()).for_each_concurrent(
            AT_A_TIME,
            async |(question, regular)| {
                let reading = (regular.read)(self.reading(snapshot), &regular.asked);
                let _ = self.kept.try_get_with(Question(question).etag(snapshot), reading).await;
            },
        );
        let _ = timeout(RENEWED_WITHIN, again).await;
    }

    /// A snapshot, and what is remembered of it.
    #[must_use]
    pub fn reading<'a>(&'a self, snapshot: &'a Snapshot) -> Reading<'a> {
        self.memory.of(snapshot)
    }

    /// Takes note of what a commit changed.
    pub fn heard(&self, announcement: &Announcement) {
        self.memory.rollups.heard(announcement);
    }

    fn remember(&self, Question(question): Question, regular: Regular) {
        let mut regulars = self.lock();
        regulars.insert(question, regular);
        if regulars.len() > 2 * REGULARS_MAX {
            forget(&mut regulars);
        }
    }

    fn asked_lately(&self) -> Vec<(String, Regular)> {
        let mut regulars = self.lock();
        forget(&mut regulars);
        regulars.iter().map(|(question, regular)| (question.clone(), regular.clone())).collect()
    }

    /// A map of questions is right at every step, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Regular>> {
        self.regulars.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what is not asked any more, and of the rest what is more than can be asked again.
fn forget(regulars: &mut HashMap<String, Regular>) {
    regulars.retain(|_, regular| regular.last.elapsed() < IDLE);
    let surplus = regulars.len().saturating_sub(REGULARS_MAX);
    if surplus > 0 {
        let mut times: Vec<Instant> = regulars.values().map(|regular| regular.last).collect();
        let (_, &mut oldest, _) = times.select_nth_unstable(surplus);
        regulars.retain(|_, regular| regular.last >= oldest);
    }
}

fn read<'a, V: View>(from: Reading<'a>, asked: &'a Asked) -> BoxFuture<'a, Result<Bytes, Error>> {
    async move {
        let view = timeout(READ_WITHIN, V::read(from, asked)).await;
        let view = view.map_err(|_| Error::TimedOut)??;
        serde_json::to_vec(&Envelope::of(view)).map(Bytes::from).map_err(Error::Unwritable)
    }
    .boxed()
}

/// What is asked, by whom as far as that changes the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question(String);

impl Question {
    /// A view, with its ranges resolved, for a caller who may see as much.
    #[must_use]
    pub fn of<V: View>(asked: &Asked, rights: Rights) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Question(format!("{version}|{}|{}|{asked:?}", V::PATH, rights.bits()))
    }

    /// The same for the same answer alone: to this question, of this generation at this position.
    /// Weak, for it may be compressed.
    #[must_use]
    pub fn etag(&self, snapshot: &Snapshot) -> String {
        let checkpoint = &snapshot.checkpoint;
        let (generation, incarnation) = (checkpoint.generation, &checkpoint.incarnation);
        hashed(&format!("{incarnation}|{generation}|{}|{}", checkpoint.position, self.0))
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
    use crate::query::params::Statuses;
    use crate::query::range::Quarters;
    use crate::query::zone::Zone;

    fn regular(last: Instant) -> Regular {
        fn never<'a>(_: Reading<'a>, _: &'a Asked) -> BoxFuture<'a, Result<Bytes, Error>> {
            std::future::pending().boxed()
        }
        let asked = Asked {
            zone: Zone::UTC,
            statuses: Statuses::All,
            limit: None,
            range: None,
            trend: Quarters::ALL,
        };
        Regular { read: never, asked, last }
    }

    #[test]
    fn a_tag_is_short_and_changes_with_its_text() {
        assert_eq!(hashed("a").len(), 36);
        assert_eq!(hashed("a"), hashed("a"));
        assert_ne!(hashed("a"), hashed("b"));
    }

    #[test]
    fn those_asked_last_are_asked_again_and_who_stopped_asking_is_not() {
        let now = Instant::now();
        let answers = Answers::default();
        for number in 0..2 * REGULARS_MAX as u64 {
            let question = Question(number.to_string());
            answers.remember(question, regular(now - Duration::from_millis(100 - number)));
        }
        let long_ago = regular(now - 2 * IDLE);
        answers.remember(Question("long ago".to_owned()), long_ago);
        let mut lately: Vec<u64> =
            answers.asked_lately().into_iter().map(|(it, _)| it.parse().unwrap()).collect();
        lately.sort_unstable();
        let all = REGULARS_MAX as u64;
        assert_eq!(lately, (all..2 * all).collect::<Vec<_>>());
    }
}
