//! Sets of entities at hand: those with a number above zero, or with any, in each quarter hour of a day, in
//! a day and in a month, under each value apart. They are read out of rollups once and kept as [`super::rollups`]
//! are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use moka::sync::Cache;
use projections::bucket::{self, Level, QUARTERS_PER_DAY};
use projections::family::{Family, Shape, Slice};
use projections::table::Row;
use projections::vocabulary::NONE;

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
    /// The place of the number in a row, of those that are never below zero; none where any row counts.
    pub column: Option<usize>,
}

/// Entities by ordinal, of a month, of a day, or of each quarter hour of a day.
#[derive(Debug)]
pub struct Set {
    /// The position that it was read at.
    position: u64,
    /// The codes that have members, in order; [`NONE`] alone of a family by entity.
    codes: Vec<u16>,
    /// The places where the members begin: under each code those of each quarter hour, of a month or day
    /// those of all. The last is the end.
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

/// Members as they are found: under a code, at the place of their quarter hour in the day.
type Found = HashMap<Bucket, Vec<(u16, u32, u32)>>;

impl What {
    /// The set of those that have a row.
    #[must_use]
    pub fn row(family: Family, slice: Slice) -> Self {
        // Of activities the number is all there is, and its sets are at hand.
        What { family, slice, column: (family == Family::Actives).then_some(0) }
    }
}

impl Set {
    fn of(position: u64, level: Level, mut found: Vec<(u16, u32, u32)>) -> Self {
        found.sort_unstable();
        let mut codes: Vec<u16> = found.iter().map(|(code, ..)| *code).collect();
        codes.dedup();
        let places = places(level);
        let mut begins = Vec::with_capacity(codes.len() * places as usize + 1);
        let mut begin = 0;
        for code in &codes {
            for place in 0..places {
                begins.push(begin);
                let rest = found.iter().skip(begin as usize);
                let its = rest.take_while(|(of, at, _)| (of, *at) == (code, place));
                begin += u32::try_from(its.count()).unwrap_or(u32::MAX);
            }
        }
        begins.push(begin);
        Set { position, codes, begins, members: found.into_iter().map(|(.., who)| who).collect() }
    }

    /// The codes that have members; of a family by entity [`NONE`] alone.
    pub fn codes(&self) -> impl Iterator<Item = u16> {
        self.codes.iter().copied()
    }

    /// The members under a code, of a first to a last quarter hour, each once for each that it is in; those
    /// of a month or day are at 0. Those of a family by entity are under none.
    #[must_use]
    pub fn members(&self, code: Option<u16>, (first, last): (u32, u32)) -> &[u32] {
        let Ok(at) = self.codes.binary_search(&code.unwrap_or(NONE)) else { return &[] };
        let places = (self.begins.len() - 1) / self.codes.len();
        let begin = |place: u32| self.begins.get(at * places + place as usize);
        let members = begin(first).zip(begin(last + 1));
        let members =
            members.and_then(|(begin, end)| self.members.get(*begin as usize..*end as usize));
        members.unwrap_or_default()
    }
}

impl Sets {
    /// None yet; `known` is told of every commit.
    #[must_use]
    pub fn new(known: Shared) -> Self {
        let weigh = |_: &Key, set: &Arc<Set>| {
            let bytes = size_of_val(&*set.codes) + size_of_val(&*set.begins);
            let bytes = bytes + size_of_val(&*set.members) + OVERHEAD;
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
                found.entry(*bucket).or_default();
            }
            let of = self.known.lock().place_of(&of);
            for ((level, bucket), members) in found {
                let set = Arc::new(Set::of(position, level, members));
                sets.insert((level, bucket), set.clone());
                // A day of which some quarter hours were read alone is not kept.
                if is_whole(level, wanted.get(&(level, bucket)).copied()) {
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

/// The number of places that the members under a code are at.
fn places(level: Level) -> u32 {
    if level == Level::Quarter { QUARTERS_PER_DAY } else { 1 }
}

fn is_whole(level: Level, places: Option<(u32, u32)>) -> bool {
    level != Level::Quarter || places == Some((0, QUARTERS_PER_DAY - 1))
}

/// Spans of all that is wanted.
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
    let is_in = matches!(what.family.shape(), Shape::ByEntityIn(..));
    let first = part.first_ordinal();
    let of = |row: u32| if is_in { part.entity_in(row) } else { (NONE, first.saturating_add(row)) };
    let counts = |(_, values): &(u32, Row)| what.column.is_none_or(|column| values[column] > 0);
    let rows = part.rows().filter(counts);
    let members = found.entry((level, bucket)).or_default();
    members.extend(rows.map(|(row, _)| {
        let (code, who) = of(row);
        (code, place, who)
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHAT: What = What { family: Family::Actives, slice: Slice::WHOLE, column: Some(0) };

    #[test]
    fn members_are_those_of_the_quarter_hours_that_are_asked_for() {
        let set = Set::of(1, Level::Quarter, [(95, 7), (0, 9), (1, 2), (0, 1)].map(of_none).into());
        assert_eq!(set.members(None, (0, 0)), [1, 9]);
        assert_eq!(set.members(None, (0, 1)), [1, 9, 2]);
        assert!(set.members(None, (2, 94)).is_empty());
        assert_eq!(set.members(None, (1, 95)), [2, 7]);
        let of_day = Set::of(1, Level::Day, [(0, 3), (0, 1)].map(of_none).into());
        assert_eq!(of_day.members(None, (0, 0)), [1, 3]);
        assert!(Set::of(1, Level::Day, vec![]).members(None, (0, 0)).is_empty());
    }

    fn of_none((place, who): (u32, u32)) -> (u16, u32, u32) {
        (NONE, place, who)
    }

    #[test]
    fn members_under_one_value_are_not_those_under_another() {
        let found = vec![(7, 95, 4), (3, 0, 4), (3, 95, 2), (7, 0, 5), (3, 95, 1)];
        let set = Set::of(1, Level::Quarter, found);
        assert_eq!(set.codes().collect::<Vec<_>>(), [3, 7]);
        let all = (0, QUARTERS_PER_DAY - 1);
        let under = |code| (set.members(Some(code), all), set.members(Some(code), (95, 95)));
        assert_eq!(under(3), (&[4, 1, 2][..], &[1, 2][..]));
        assert_eq!(under(7), (&[5, 4][..], &[4][..]));
        assert_eq!((under(5), under(8)), ((&[][..], &[][..]), (&[][..], &[][..])));
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
