//! Rollups at hand: a bucket that no commit changed since it was read is not read again.
//!
//! A day that is over changes seldom, a month that is over hardly ever. Every commit is announced
//! with the days and months it changed (see [`super::freshness`]). Buckets are remembered in groups: the quarter
//! hours of a day together, as far as they were read, any other bucket by itself.

use std::collections::{HashMap, HashSet};
use std::ops::BitOr;
use std::sync::Arc;

use moka::sync::Cache;
use projections::bucket::{self, Level, QUARTERS_PER_DAY};
use projections::family::{Family, Slice};
use projections::rollup::RollupKey;
use projections::table::{self, Mark};

use super::freshness::{Of, Shared};
use crate::store;
use crate::store::read::{Part, Snapshot, Span};

/// Memory for rollups, in bytes.
const BYTES_MAX: u64 = 256 << 20;
/// A group that is remembered takes about this much, and so does each of its documents.
const OVERHEAD: usize = 100;
/// A span of more groups is read without looking for each, and is not remembered.
const GROUPS_MAX: u32 = 1000;

/// Groups of buckets, by the figures and the time that they are of.
#[derive(Debug)]
pub struct Rollups {
    kept: Cache<Key, Arc<Group>>,
    known: Shared,
}

/// The buckets that are remembered together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The place of the read models.
    pub of: usize,
    pub family: Family,
    pub slice: Slice,
    pub level: Level,
    /// The day of quarter hours; else the bucket.
    pub group: u32,
    pub chunks: Option<(u32, u32)>,
}

/// Some buckets of a group, by their place in it: of quarter hours, that in the day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Places(u128);

/// The documents of some buckets of a group, none where nothing was counted.
#[derive(Debug, Default)]
struct Group {
    /// The position they were read at.
    position: u64,
    places: Places,
    documents: Vec<(RollupKey, Packed)>,
}

/// The rows of a document, and marks to find them by.
#[derive(Debug, Clone)]
struct Packed {
    bytes: Arc<[u8]>,
    marks: Arc<[Mark]>,
}

impl Packed {
    fn of(bytes: &[u8]) -> Self {
        Packed { bytes: bytes.into(), marks: table::marks(bytes).into() }
    }
}

/// Places of a group that are at hand, and the chunks that are asked for.
type AtHand = (Arc<Group>, Places, Option<(u32, u32)>);

impl Rollups {
    /// None yet; `known` is told of every commit.
    #[must_use]
    pub fn new(known: Shared) -> Self {
        let weigh = |_: &Key, group: &Arc<Group>| {
            let each = group
                .documents
                .iter()
                .map(|(_, Packed { bytes, marks })| bytes.len() + size_of_val(&**marks) + OVERHEAD);
            u32::try_from(each.sum::<usize>() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let kept = Cache::builder().weigher(weigh).max_capacity(BYTES_MAX).build();
        Rollups { kept, known }
    }

    /// Whether more would push out others soon.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.kept.weighted_size() > BYTES_MAX / 8 * 7
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
        let of = Of::from(checkpoint);
        let (at_hand, lacking) = self.look_up(spans, &of, checkpoint.position);
        for (group, places, chunks) in at_hand {
            for (key, Packed { bytes, marks }) in &group.documents {
                if places.has(key) && has(chunks, key.chunk) {
                    visit(Part { key: *key, bytes, marks });
                }
            }
        }
        let mut found = self.begun(&lacking, &of, checkpoint.position);
        let chunks: HashSet<_> = lacking.iter().map(|span| span.chunks).collect();
        let place = self.known.lock().place_of(&of);
        let read = |part: Part<'_>| {
            visit(part);
            let mut packed: Option<Packed> = None;
            for chunks in chunks.iter().filter(|chunks| has(**chunks, part.key.chunk)) {
                if let Some(group) = found.get_mut(&Key::of(place, part.key, *chunks)) {
                    let packed = packed.get_or_insert_with(|| Packed::of(part.bytes));
                    group.documents.push((part.key, packed.clone()));
                }
            }
        };
        snapshot.rollups(&lacking, read).await?;
        for (key, group) in found {
            self.keep(key, group, of.generation);
        }
        Ok(())
    }

    /// The buckets that are at hand as they are at a position, and spans of the others.
    fn look_up(&self, spans: &[Span], of: &Of, position: u64) -> (Vec<AtHand>, Vec<Span>) {
        let (mut at_hand, mut lacking) = (Vec::new(), Vec::<Span>::new());
        let mut known = self.known.lock();
        let place = known.place_of(of);
        for span in spans {
            if is_long(span) {
                lacking.push(*span);
                continue;
            }
            for (key, wanted) in groups(span, place) {
                let is_good = |it: &Arc<Group>| {
                    known.is_same(of.generation, key.level, key.group, (it.position, position))
                };
                // One with all chunks has these as well.
                let all = || self.kept.get(&Key { chunks: None, ..key }).filter(is_good);
                let group = self.kept.get(&key).filter(is_good);
                let group = group.or_else(|| span.chunks.and_then(|_| all()));
                let places = group.as_ref().map_or(Places::default(), |it| it.places);
                if let Some(group) = group.filter(|_| !wanted.within(places).is_empty()) {
                    at_hand.push((group, wanted.within(places), span.chunks));
                }
                for (first, last) in wanted.without(places).runs() {
                    let (first, last) = (key.bucket(first), key.bucket(last));
                    put(&mut lacking, Span { first, last, ..*span });
                }
            }
        }
        (at_hand, lacking)
    }

    /// The groups of spans that are to be read, as yet without documents.
    fn begun(&self, spans: &[Span], of: &Of, position: u64) -> HashMap<Key, Group> {
        let place = self.known.lock().place_of(of);
        let mut begun: HashMap<Key, Group> = HashMap::new();
        for span in spans.iter().filter(|span| !is_long(span)) {
            for (key, places) in groups(span, place) {
                let group = begun.entry(key).or_default();
                (group.position, group.places) = (position, group.places | places);
            }
        }
        begun
    }

    /// Keeps a group that was read, together with what is known of its other buckets.
    fn keep(&self, key: Key, mut group: Group, generation: u32) {
        if let Some(before) = self.kept.get(&key) {
            let at = (before.position, group.position);
            if self.known.lock().is_same(generation, key.level, key.group, at) {
                let others = before.places.without(group.places);
                let documents = before.documents.iter().filter(|(key, _)| others.has(key));
                group.documents.extend(documents.cloned());
                group.places = group.places | others;
                group.position = group.position.max(before.position);
            } else if before.position > group.position {
                return;
            }
        }
        self.kept.insert(key, Arc::new(group));
    }
}

impl Key {
    /// The group of a rollup.
    fn of(of: usize, key: RollupKey, chunks: Option<(u32, u32)>) -> Self {
        let RollupKey { family, slice, level, bucket, .. } = key;
        Key { of, family, slice, level, group: group_of(level, bucket), chunks }
    }

    /// The bucket at a place.
    fn bucket(&self, place: u32) -> u32 {
        match self.level {
            Level::Quarter => bucket::first_quarter(Level::Day, self.group) + place,
            _ => self.group,
        }
    }
}

impl Places {
    /// From a first to a last place, both included.
    fn between(first: u32, last: u32) -> Self {
        Places((u128::MAX >> (127 - (last - first))) << first)
    }

    fn has(self, key: &RollupKey) -> bool {
        let place = match key.level {
            Level::Quarter => key.bucket % QUARTERS_PER_DAY,
            _ => 0,
        };
        self.0 >> place & 1 == 1
    }

    fn within(self, others: Places) -> Self {
        Places(self.0 & others.0)
    }

    fn without(self, others: Places) -> Self {
        Places(self.0 & !others.0)
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The first and the last of those that follow each other.
    fn runs(self) -> impl Iterator<Item = (u32, u32)> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let first = rest.trailing_zeros();
            let count = (rest.checked_shr(first)?).trailing_ones();
            let run = Places::between(first, first + count - 1);
            rest &= !run.0;
            Some((first, first + count - 1))
        })
    }
}

impl BitOr for Places {
    type Output = Places;

    fn bitor(self, others: Places) -> Places {
        Places(self.0 | others.0)
    }
}

/// Puts a span behind others: into the last one, where that ends right before it.
pub(super) fn put(spans: &mut Vec<Span>, span: Span) {
    match spans.last_mut() {
        Some(before)
            if before.last + 1 == span.first
                && Span { first: span.first, last: span.last, ..*before } == span =>
        {
            before.last = span.last;
        }
        _ => spans.push(span),
    }
}

fn has(chunks: Option<(u32, u32)>, chunk: u32) -> bool {
    chunks.is_none_or(|(first, last)| (first..=last).contains(&chunk))
}

fn group_of(level: Level, bucket: u32) -> u32 {
    match level {
        Level::Quarter => bucket::day_of_quarter(bucket),
        _ => bucket,
    }
}

fn is_long(span: &Span) -> bool {
    let (first, last) = (group_of(span.level, span.first), group_of(span.level, span.last));
    last.saturating_sub(first) >= GROUPS_MAX
}

/// The groups of a span, and the places of its buckets in each.
fn groups(span: &Span, of: usize) -> impl Iterator<Item = (Key, Places)> {
    let Span { family, slice, level, first, last, chunks } = *span;
    (group_of(level, first)..=group_of(level, last)).map(move |group| {
        let places = match level {
            Level::Quarter => {
                let day = bucket::first_quarter(Level::Day, group);
                let last = last.min(day + QUARTERS_PER_DAY - 1);
                Places::between(first.max(day) - day, last - day)
            }
            _ => Places::between(0, 0),
        };
        (Key { of, family, slice, level, group, chunks }, places)
    })
}

#[cfg(test)]
mod tests {
    use projections::topic::Topics;

    use super::*;
    use crate::stream::announce::{Announcement, Buckets};

    const DAY: u32 = 20_454;
    const OTHER: u32 = DAY * QUARTERS_PER_DAY;

    fn of(generation: u32) -> Of {
        Of { generation, incarnation: "a log".to_owned() }
    }

    fn span(level: Level, first: u32, last: u32) -> Span {
        Span { family: Family::Sold, slice: Slice::WHOLE, level, first, last, chunks: None }
    }

    /// Keeps the buckets of a span as read at position 20, one document each.
    fn keep(rollups: &Rollups, span: Span) {
        for (key, mut group) in rollups.begun(&[span], &of(1), 20) {
            for (first, last) in group.places.runs() {
                group.documents.extend((key.bucket(first)..=key.bucket(last)).map(|bucket| {
                    let Span { family, slice, level, .. } = span;
                    (RollupKey { family, slice, level, bucket, chunk: 0 }, Packed::of(&[]))
                }));
            }
            rollups.keep(key, group, 1);
        }
    }

    fn heard(rollups: &Rollups, days: impl IntoIterator<Item = u32>) {
        rollups.known.heard(&Announcement {
            generation: 1,
            from: 20,
            position: 30,
            at: 0,
            touched: Topics::default(),
            buckets: Some(Buckets { days: days.into_iter().collect(), months: [672].into() }),
            traceparents: vec![],
        });
    }

    /// The number of buckets at hand, and what else is to be read.
    fn look_up(rollups: &Rollups, span: Span, position: u64) -> (usize, Vec<Span>) {
        let (at_hand, lacking) = rollups.look_up(&[span], &of(1), position);
        let each = |(group, places, _): &AtHand| {
            group.documents.iter().filter(|(key, _)| places.has(key)).count()
        };
        (at_hand.iter().map(each).sum(), lacking)
    }

    #[test]
    fn buckets_of_another_log_are_not_taken_for_those_of_this_one() {
        let (rollups, day) = (Rollups::new(Shared::default()), span(Level::Day, DAY, DAY));
        keep(&rollups, day);
        assert_eq!(look_up(&rollups, day, 20), (1, vec![]));
        let another = Of { incarnation: "another".to_owned(), ..of(1) };
        assert_eq!(rollups.look_up(&[day], &another, 20).1, [day]);
        assert_eq!(rollups.look_up(&[day], &of(2), 20).1, [day]);
    }

    #[test]
    fn only_the_buckets_that_changed_are_read_again_neighbours_together() {
        let rollups = Rollups::new(Shared::default());
        keep(&rollups, span(Level::Day, DAY, DAY + 5));
        heard(&rollups, [DAY + 1, DAY + 2, DAY + 4]);
        let lacking = [(DAY + 1, DAY + 2), (DAY + 4, DAY + 4), (DAY + 6, DAY + 7)]
            .map(|(first, last)| span(Level::Day, first, last));
        assert_eq!(look_up(&rollups, span(Level::Day, DAY, DAY + 7), 30), (3, lacking.to_vec()));
        let long = span(Level::Day, 0, GROUPS_MAX);
        assert_eq!(look_up(&rollups, long, 30), (0, vec![long]));
    }

    #[test]
    fn quarter_hours_of_a_day_are_kept_together_as_far_as_they_were_read() {
        let rollups = Rollups::new(Shared::default());
        let quarters = |first, last| span(Level::Quarter, OTHER + first, OTHER + last);
        keep(&rollups, quarters(74, 95));
        keep(&rollups, quarters(10, 11));
        assert_eq!(look_up(&rollups, quarters(74, 80), 20), (7, vec![]));
        let two_days = quarters(9, 191);
        let lacking = vec![quarters(9, 9), quarters(12, 73), quarters(96, 191)];
        assert_eq!(look_up(&rollups, two_days, 20), (24, lacking));
        heard(&rollups, [DAY + 1]);
        assert_eq!(look_up(&rollups, quarters(74, 96), 30), (22, vec![quarters(96, 96)]));
        heard(&rollups, [DAY]);
        keep(&rollups, quarters(96, 96));
        assert_eq!(look_up(&rollups, quarters(74, 95), 30), (0, vec![quarters(74, 95)]));
    }

    #[test]
    fn places_that_follow_each_other_are_runs() {
        let places = Places::between(0, 2) | Places::between(5, 5) | Places::between(94, 95);
        assert_eq!(places.runs().collect::<Vec<_>>(), [(0, 2), (5, 5), (94, 95)]);
        assert_eq!(places.without(places), Places::default());
        assert!(Places::default().runs().next().is_none());
    }
}
