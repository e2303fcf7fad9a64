//! Sets of entities at hand: those with a number above zero, in each quarter hour of a day, in a day
//! and in a month. They are read out of rollups once and kept as [`super::rollups`] are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use moka::sync::Cache;
use projections::bucket::{self, Level, QUARTERS_PER_DAY};
use projections::family::{Family, Shape, Slice};

use super::days::Piece;
use super::freshness::{Of, Shared};
use crate::store;
use crate::store::read::{Part, Snapshot, Span};

/// Memory for sets, in bytes.
const BYTES_MAX: u64 = 128 << 20;
/// A set that is kept takes about this much beside its members.
const OVERHEAD: usize = 150;

/// The number that the members of a set have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct What {
    /// The figures, by entity or by entity in a value.
    pub family: Family,
    /// The slice.
    pub slice: Slice,
    /// The code of the value, of a family by entity in a value.
    pub code: Option<u16>,
    /// The place of the number in a row. It is of those that are never below zero.
    pub column: usize,
}

/// Entities by ordinal, of a month, of a day, or of each quarter hour of a day.
#[derive(Debug)]
pub struct Set {
    /// The position that it was read at.
    position: u64,
    /// The place where the members of each quarter hour begin, and the end; of a month or day those of all.
    begins: Vec<u32>,
    members: Vec<u32>,
}

/// Sets by what they are of.
#[derive(Debug)]
pub struct Sets {
    kept: Cache<Key, Arc<Set>>,
    known: Shared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    /// The place of the read models.
    of: usize,
    what: What,
    level: Level,
    /// The month, or the day.
    bucket: u32,
}

/// A month or day at a level.
type Bucket = (Level, u32);

/// Members as they are found, with the place of their quarter hour in the day.
type Found = HashMap<(Bucket, Option<u16>), Vec<(u32, u32)>>;

impl Set {
    fn of(position: u64, level: Level, mut found: Vec<(u32, u32)>) -> Self {
        found.sort_unstable();
        let places = if level == Level::Quarter { QUARTERS_PER_DAY } else { 1 };
        let begin = |place| found.partition_point(|(it, _)| *it < place);
        let begins = (0..=places).map(|place| u32::try_from(begin(place)).unwrap_or(u32::MAX));
        let begins = begins.collect();
        Set { position, begins, members: found.into_iter().map(|(_, who)| who).collect() }
    }

    /// The members of a first to a last quarter hour, each once for each that it is in; those of a month
    /// or day are at 0.
    #[must_use]
    pub fn members(&self, (first, last): (u32, u32)) -> &[u32] {
        let begin = |place: u32| self.begins.get(place as usize).map_or(0, |begin| *begin as usize);
        self.members.get(begin(first)..begin(last + 1)).unwrap_or_default()
    }
}

impl Sets {
    /// None yet; `known` is told of every commit.
    #[must_use]
    pub fn new(known: Shared) -> Self {
        let weigh = |_: &Key, set: &Arc<Set>| {
            let bytes = (set.begins.len() + set.members.len()) * size_of::<u32>() + OVERHEAD;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Sets { kept: Cache::builder().weigher(weigh).max_capacity(BYTES_MAX).build(), known }
    }

    /// Whether more would push out others soon.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.kept.weighted_size() > BYTES_MAX / 8 * 7
    }

    /// The set of each piece; those that are not at hand are read.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn read(
        &self,
        snapshot: &Snapshot,
        what: What,
        pieces: &[Piece],
    ) -> Result<Vec<Arc<Set>>, store::Error> {
        let mut wanted: BTreeMap<Bucket, (u32, u32)> = BTreeMap::new();
        for Piece { level, bucket, places: (first, last), .. } in pieces {
            let places = wanted.entry((*level, *bucket)).or_insert((*first, *last));
            *places = (places.0.min(*first), places.1.max(*last));
        }
        let (of, position) = (Of::from(&snapshot.checkpoint), snapshot.checkpoint.position);
        let mut sets = self.at_hand(what, &wanted, &of, position);
        wanted.retain(|bucket, _| !sets.contains_key(bucket));
        if !wanted.is_empty() {
            let mut found = Found::new();
            let read = |part: Part<'_>| collect(&mut found, what, part);
            snapshot.rollups(&spans(what, &wanted), read).await?;
            for bucket in wanted.keys() {
                // One without members is known as well.
                found.entry((*bucket, what.code)).or_default();
            }
            let of = self.known.lock().place_of(&of);
            for (((level, bucket), code), members) in found {
                let set = Arc::new(Set::of(position, level, members));
                if code == what.code {
                    sets.insert((level, bucket), set.clone());
                }
                // A day of which some quarter hours were read alone is not kept.
                if is_whole(level, wanted.get(&(level, bucket)).copied()) {
                    let what = What { code, ..what };
                    self.kept.insert(Key { of, what, level, bucket }, set);
                }
            }
        }
        let of_piece = |piece: &Piece| sets.get(&(piece.level, piece.bucket)).cloned();
        Ok(pieces.iter().filter_map(of_piece).collect())
    }

    /// Those that are as they are at a position.
    fn at_hand(
        &self,
        what: What,
        wanted: &BTreeMap<Bucket, (u32, u32)>,
        of: &Of,
        position: u64,
    ) -> HashMap<Bucket, Arc<Set>> {
        let mut known = self.known.lock();
        let place = known.place_of(of);
        let one = |(level, bucket): Bucket| {
            let set = self.kept.get(&Key { of: place, what, level, bucket })?;
            let at = (set.position, position);
            known.is_same(of.generation, level, bucket, at).then_some(((level, bucket), set))
        };
        wanted.keys().filter_map(|bucket| one(*bucket)).collect()
    }
}

fn is_whole(level: Level, places: Option<(u32, u32)>) -> bool {
    level != Level::Quarter || places == Some((0, QUARTERS_PER_DAY - 1))
}

/// Spans of all that is wanted. All codes are read of it, as they lie side by side.
fn spans(what: What, wanted: &BTreeMap<Bucket, (u32, u32)>) -> Vec<Span> {
    let What { family, slice, .. } = what;
    let mut spans: Vec<Span> = Vec::new();
    for (&(level, bucket), &(first, last)) in wanted {
        let (first, last) = match level {
            Level::Quarter => {
                let day = bucket::first_quarter(Level::Day, bucket);
                (day + first, day + last)
            }
            _ => (bucket, bucket),
        };
        match spans.last_mut() {
            Some(span) if span.level == level && span.last + 1 == first => span.last = last,
            _ => spans.push(Span { family, slice, level, first, last, chunks: None }),
        }
    }
    spans
}

/// Takes the members that a part has.
fn collect(found: &mut Found, what: What, part: Part<'_>) {
    let level = part.key.level;
    let (bucket, place) = match level {
        Level::Quarter => {
            (bucket::day_of_quarter(part.key.bucket), part.key.bucket % QUARTERS_PER_DAY)
        }
        _ => (part.key.bucket, 0),
    };
    let bucket = (level, bucket);
    let rows = part.rows().filter(|(_, values)| values[what.column] > 0);
    if matches!(what.family.shape(), Shape::ByEntityIn(..)) {
        for (row, _) in rows {
            let (code, who) = part.entity_in(row);
            found.entry((bucket, Some(code))).or_default().push((place, who));
        }
    } else {
        let first = part.first_ordinal();
        let members = found.entry((bucket, None)).or_default();
        members.extend(rows.map(|(row, _)| (place, first.saturating_add(row))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHAT: What = What { family: Family::Actives, slice: Slice::WHOLE, code: None, column: 0 };

    #[test]
    fn members_are_those_of_the_quarter_hours_that_are_asked_for() {
        let set = Set::of(1, Level::Quarter, vec![(95, 7), (0, 9), (1, 2), (0, 1)]);
        assert_eq!(set.members((0, 0)), [1, 9]);
        assert_eq!(set.members((0, 1)), [1, 9, 2]);
        assert!(set.members((2, 94)).is_empty());
        assert_eq!(set.members((1, 95)), [2, 7]);
        let of_day = Set::of(1, Level::Day, vec![(0, 3), (0, 1)]);
        assert_eq!(of_day.members((0, 0)), [1, 3]);
    }

    #[test]
    fn buckets_that_follow_each_other_are_read_together() {
        let whole = (0, QUARTERS_PER_DAY - 1);
        let wanted = [
            ((Level::Quarter, 10), (90, 95)),
            ((Level::Quarter, 11), whole),
            ((Level::Quarter, 13), whole),
            ((Level::Day, 14), (0, 0)),
            ((Level::Day, 15), (0, 0)),
        ];
        let spans = spans(WHAT, &wanted.into());
        let ends: Vec<_> = spans.iter().map(|span| (span.level, span.first, span.last)).collect();
        let expected = [
            (Level::Quarter, 10 * 96 + 90, 11 * 96 + 95),
            (Level::Quarter, 13 * 96, 13 * 96 + 95),
            (Level::Day, 14, 15),
        ];
        assert_eq!(ends, expected);
    }
}
