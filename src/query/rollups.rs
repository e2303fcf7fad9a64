//! Rollups at hand: a bucket that no commit changed since it was read is not read again.
//!
//! A day that is over changes seldom, a month that is over hardly ever. Every commit is announced
//! with the days and months it changed (see [`Changes`]); between two positions that the
//! announcements join, all other buckets are the same. If an announcement was missed, or says
//! nothing of buckets, those that were read before it are not relied on.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moka::sync::Cache;
use projections::bucket::{Level, day_of_quarter};
use projections::family::Family;
use projections::family::Slice;

use crate::store;
use crate::store::read::{Part, Snapshot, Span};
use crate::stream::announce::{Announcement, Buckets};

/// Memory for rollups, in bytes.
const BYTES_MAX: u64 = 128 << 20;
/// A bucket that is remembered takes about this much, and so does each of its documents.
const OVERHEAD: usize = 100;
/// A span of more buckets is read without looking for each, and is not remembered.
const BUCKETS_MAX: u32 = 1000;

/// Buckets, by the figures and the time that they are of.
#[derive(Debug)]
pub struct Rollups {
    kept: Cache<Key, Arc<Bucket>>,
    changes: Mutex<Changes>,
}

/// The read models that a bucket is of: a generation, and the log it was folded from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Of {
    generation: u32,
    incarnation: Arc<str>,
}

/// One bucket of one generation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    of: Of,
    family: Family,
    slice: Slice,
    level: Level,
    bucket: u32,
    chunks: Option<(u32, u32)>,
}

/// The documents of a bucket, none where nothing was counted.
#[derive(Debug, Default)]
struct Bucket {
    /// The position they were read at.
    position: u64,
    parts: Vec<(Box<str>, Box<[u8]>)>,
}

impl Default for Rollups {
    fn default() -> Self {
        let weigh = |_: &Key, bucket: &Arc<Bucket>| {
            let bytes = bucket.parts.iter().map(|(id, bytes)| id.len() + bytes.len() + OVERHEAD);
            u32::try_from(bytes.sum::<usize>() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let kept = Cache::builder().weigher(weigh).max_capacity(BYTES_MAX).build();
        Rollups { kept, changes: Mutex::default() }
    }
}

impl Rollups {
    /// Takes note of the changes of a commit.
    pub fn heard(&self, announcement: &Announcement) {
        self.lock().take(announcement);
    }

    /// Hands the rollups of `spans` to `visit`, in no particular order, and reads those that it
    /// cannot rely on.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn read(
        &self,
        snapshot: &Snapshot,
        spans: &[Span],
        mut visit: impl FnMut(Part<'_>) + Send,
    ) -> Result<(), store::Error> {
        let checkpoint = &snapshot.checkpoint;
        let (generation, position) = (checkpoint.generation, checkpoint.position);
        let of = Of { generation, incarnation: checkpoint.incarnation.as_str().into() };
        let (at_hand, lacking) = self.look_up(spans, &of, position);
        for bucket in at_hand {
            for (id, bytes) in &bucket.parts {
                visit(Part::new(id, bytes));
            }
        }
        let mut buckets: HashMap<Key, Bucket> = HashMap::new();
        let chunks: HashSet<_> = lacking.iter().map(|span| span.chunks).collect();
        for span in &lacking {
            for key in keys(span, &of) {
                buckets.insert(key, Bucket { position, parts: Vec::new() });
            }
        }
        let read = |part: Part<'_>| {
            visit(part);
            for chunks in &chunks {
                if let Some(bucket) = key(part, *chunks, &of).and_then(|key| buckets.get_mut(&key))
                {
                    bucket.parts.push((part.id().into(), part.bytes().into()));
                }
            }
        };
        snapshot.rollups(&lacking, read).await?;
        for (key, bucket) in buckets {
            if self.kept.get(&key).is_none_or(|it| it.position <= position) {
                self.kept.insert(key, Arc::new(bucket));
            }
        }
        Ok(())
    }

    /// The buckets that are at hand as they are at a position, and spans of the others.
    fn look_up(&self, spans: &[Span], of: &Of, position: u64) -> (Vec<Arc<Bucket>>, Vec<Span>) {
        let (mut at_hand, mut lacking) = (Vec::new(), Vec::<Span>::new());
        let changes = self.lock();
        for span in spans {
            if is_long(span) {
                lacking.push(*span);
                continue;
            }
            let mut gap: Option<Span> = None;
            for key in keys(span, of) {
                let kept = self.kept.get(&key);
                match kept.filter(|it| changes.are_none(&key, it.position, position)) {
                    Some(bucket) => {
                        at_hand.push(bucket);
                        lacking.extend(gap.take());
                    }
                    None => {
                        gap.get_or_insert(Span { first: key.bucket, ..*span }).last = key.bucket;
                    }
                }
            }
            lacking.extend(gap);
        }
        (at_hand, lacking)
    }

    /// The known changes are right at every step, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_long(span: &Span) -> bool {
    span.last.saturating_sub(span.first) >= BUCKETS_MAX
}

/// The buckets of a span that are remembered.
fn keys(span: &Span, of: &Of) -> impl Iterator<Item = Key> {
    let Span { family, slice, level, first, last, chunks } = *span;
    let last = if is_long(span) { None } else { Some(last) };
    let buckets = last.into_iter().flat_map(move |last| first..=last);
    buckets.map(move |bucket| Key { of: of.clone(), family, slice, level, bucket, chunks })
}

/// The bucket that a document is of, where it is one of these chunks.
fn key(part: Part<'_>, chunks: Option<(u32, u32)>, of: &Of) -> Option<Key> {
    let (family, level, bucket) = (part.family()?, part.level()?, part.bucket()?);
    let chunk = part.chunk()?;
    let is_of = chunks.is_none_or(|(first, last)| (first..=last).contains(&chunk));
    let key = || Some(Key { of: of.clone(), family, slice: part.slice()?, level, bucket, chunks });
    is_of.then(key).flatten()
}

/// The last changes of buckets, as far as announcements say.
#[derive(Debug, Default)]
struct Changes {
    generation: u32,
    /// Announcements follow each other from this position...
    since: u64,
    /// ...to this one.
    until: u64,
    days: HashMap<u32, u64>,
    months: HashMap<u32, u64>,
}

impl Changes {
    fn take(&mut self, announcement: &Announcement) {
        let Announcement { generation, from, position, buckets, .. } = announcement;
        // An announcement that does not follow begins anew: one was missed, or it is of other read
        // models.
        if *generation != self.generation || *from != self.until {
            *self = Changes { generation: *generation, since: *from, ..Changes::default() };
        }
        self.until = *position;
        match buckets {
            Some(Buckets { days, months }) => {
                self.days.extend(days.iter().map(|day| (*day, *position)));
                self.months.extend(months.iter().map(|month| (*month, *position)));
            }
            None => self.since = *position,
        }
    }

    /// Whether it is sure that a bucket is the same at two positions.
    fn are_none(&self, key: &Key, a: u64, b: u64) -> bool {
        let (earlier, later) = (a.min(b), a.max(b));
        if earlier == later {
            return true;
        }
        let changed = match key.level {
            Level::Quarter => self.days.get(&day_of_quarter(key.bucket)).copied(),
            Level::Day => self.days.get(&key.bucket).copied(),
            Level::Month => self.months.get(&key.bucket).copied(),
            Level::Ever => Some(self.until),
        };
        key.of.generation == self.generation
            && self.since <= earlier
            && later <= self.until
            && changed.is_none_or(|changed| changed <= earlier)
    }
}

#[cfg(test)]
mod tests {
    use projections::topic::Topics;

    use super::*;

    const DAY: u32 = 20_454;
    const MONTH: u32 = 672;

    fn of(generation: u32) -> Of {
        Of { generation, incarnation: "a log".into() }
    }

    fn key(level: Level, bucket: u32) -> Key {
        Key { of: of(1), family: Family::Sold, slice: Slice::WHOLE, level, bucket, chunks: None }
    }

    fn announcement(from: u64, position: u64, buckets: impl Into<Option<Buckets>>) -> Announcement {
        Announcement {
            generation: 1,
            from,
            position,
            at: 0,
            touched: Topics::default(),
            buckets: buckets.into(),
            traceparents: vec![],
        }
    }

    fn of_day(day: u32) -> Buckets {
        Buckets { days: [day].into(), months: [MONTH].into() }
    }

    fn changes(announcements: &[Announcement]) -> Changes {
        let mut changes = Changes::default();
        for announcement in announcements {
            changes.take(announcement);
        }
        changes
    }

    #[test]
    fn what_no_commit_named_is_the_same_between_positions_that_were_announced() {
        let changes =
            changes(&[announcement(10, 20, of_day(DAY)), announcement(20, 30, of_day(1))]);
        let day = key(Level::Day, DAY);
        assert!(changes.are_none(&day, 20, 30) && changes.are_none(&day, 30, 20));
        assert!(!changes.are_none(&day, 10, 20) && !changes.are_none(&day, 10, 30));
        assert!(changes.are_none(&key(Level::Day, DAY + 1), 10, 30));
        assert!(changes.are_none(&key(Level::Quarter, DAY * 96 + 5), 20, 30));
        assert!(!changes.are_none(&key(Level::Quarter, DAY * 96 + 5), 10, 30));
        assert!(!changes.are_none(&key(Level::Month, MONTH), 20, 30));
        assert!(changes.are_none(&key(Level::Month, MONTH + 1), 10, 30));
        assert!(!changes.are_none(&key(Level::Ever, 0), 20, 30));
        assert!(changes.are_none(&key(Level::Ever, 0), 30, 30));
    }

    #[test]
    fn beyond_what_was_announced_nothing_is_sure() {
        let changes = changes(&[announcement(10, 20, of_day(1))]);
        let day = key(Level::Day, DAY);
        assert!(!changes.are_none(&day, 9, 20) && !changes.are_none(&day, 20, 21));
        assert!(!changes.are_none(&Key { of: of(2), ..day }, 10, 20));
    }

    #[test]
    fn a_hole_or_a_commit_that_names_no_buckets_makes_all_unsure_that_was_before() {
        let day = key(Level::Day, DAY);
        let hole = changes(&[announcement(10, 20, of_day(1)), announcement(25, 30, of_day(1))]);
        assert!(!hole.are_none(&day, 20, 30) && hole.are_none(&day, 25, 30));
        let unsaid = changes(&[announcement(10, 20, of_day(1)), announcement(20, 30, None)]);
        assert!(!unsaid.are_none(&day, 20, 30) && unsaid.are_none(&day, 30, 30));
        let next = announcement(30, 40, of_day(1));
        let mut unsaid = unsaid;
        unsaid.take(&next);
        assert!(unsaid.are_none(&day, 30, 40));
    }

    #[test]
    fn positions_that_go_back_begin_anew() {
        let day = key(Level::Day, DAY);
        let back = changes(&[announcement(10, 90, of_day(1)), announcement(20, 30, of_day(DAY))]);
        assert!(!back.are_none(&day, 20, 30) && !back.are_none(&day, 30, 90));
        assert!(back.are_none(&key(Level::Day, 1), 20, 30));
    }

    #[test]
    fn buckets_of_another_log_are_not_taken_for_those_of_this_one() {
        let rollups = Rollups::default();
        let bucket = Bucket { position: 20, parts: vec![] };
        rollups.kept.insert(key(Level::Day, DAY), Arc::new(bucket));
        let (family, slice, level) = (Family::Sold, Slice::WHOLE, Level::Day);
        let span = Span::bucket(family, slice, level, DAY);
        assert_eq!(rollups.look_up(&[span], &of(1), 20).0.len(), 1);
        let another = Of { incarnation: "another".into(), ..of(1) };
        assert_eq!(rollups.look_up(&[span], &another, 20).1, [span]);
    }

    #[test]
    fn only_the_buckets_that_changed_are_read_again_neighbours_together() {
        let rollups = Rollups::default();
        for day in DAY..DAY + 6 {
            let bucket = Bucket { position: 20, parts: vec![] };
            rollups.kept.insert(key(Level::Day, day), Arc::new(bucket));
        }
        let days = [DAY + 1, DAY + 2, DAY + 4].into();
        rollups.heard(&announcement(20, 30, Some(Buckets { days, months: [MONTH].into() })));
        let span = |first, last| Span {
            family: Family::Sold,
            slice: Slice::WHOLE,
            level: Level::Day,
            first,
            last,
            chunks: None,
        };
        let (at_hand, lacking) = rollups.look_up(&[span(DAY, DAY + 7)], &of(1), 30);
        assert_eq!(at_hand.len(), 3);
        let expected =
            [span(DAY + 1, DAY + 2), span(DAY + 4, DAY + 4), span(DAY + 6, DAY + 7)].to_vec();
        assert_eq!(lacking, expected);
        let long = span(0, BUCKETS_MAX);
        assert_eq!(rollups.look_up(&[long], &of(1), 30).1, [long]);
    }
}
