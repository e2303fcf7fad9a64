//! The customers that a number counts, and how often and when each of them did what is counted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use projections::bucket::{self, Level};
use projections::family::{Family, Shape, Slice};
use projections::rollup::{self, chunk_bits};

use super::days::Piece;
use super::members::Members;
use super::memory::ReadContext;
use super::range::Quarters;
use super::sets::What;
use crate::store;
use crate::store::read::{Part, Span};

/// What customers are counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The figures, by customer or by customer in a value.
    pub family: Family,
    /// The slices, any of which counts.
    pub slices: Vec<Slice>,
    /// The code of the value, of a family by customer in a value.
    pub code: Option<u16>,
    /// The place of the number that is above zero for those who count. It is never below.
    pub column: usize,
    /// The place of the number that says how often.
    pub times: usize,
}

/// How often somebody did it, and the quarter hours of the first and the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Activities, attempts or orders.
    pub count: i64,
    /// The first quarter hour.
    pub first: u32,
    /// The last one.
    pub last: u32,
}

/// A bucket at a level.
type Bucket = (Level, u32);

/// The shortest buckets known so far that the first and the last time are in.
#[derive(Debug, Clone, Copy)]
struct Ends {
    count: i64,
    first: Bucket,
    last: Bucket,
}

impl Counted {
    /// Those who count.
    #[must_use]
    pub fn members<'a>(&self, from: ReadContext<'a>) -> Members<'a> {
        Members::of(from, self.family, &self.slices, self.column).under(self.code)
    }

    /// How often and when each of some customers did it in a range; nothing of those who did not. The
    /// buckets that the range is made of say how often, and those within the first and the last of these
    /// say when.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn times(
        &self,
        from: ReadContext<'_>,
        quarters: Quarters,
        of: &BTreeSet<u32>,
    ) -> Result<HashMap<u32, Times>, store::Error> {
        let within = from.within(self.family, quarters);
        let mut found: HashMap<u32, Ends> = HashMap::new();
        let whole = bucket::cover(within.from, within.to);
        self.read(from, &whole, of, |bucket, who, count| {
            let ends = found.entry(who);
            let ends = ends.or_insert(Ends { count: 0, first: bucket, last: bucket });
            ends.count = ends.count.saturating_add(count);
            if begin(bucket) < begin(ends.first) {
                ends.first = bucket;
            }
            if begin(bucket) > begin(ends.last) {
                ends.last = bucket;
            }
        })
        .await?;
        for level in [Level::Month, Level::Day] {
            self.narrow(from, level, &mut found).await?;
        }
        let times = |Ends { count, first, last }: Ends| Times {
            count,
            first: begin(first),
            last: begin(last),
        };
        Ok(found.into_iter().map(|(who, ends)| (who, times(ends))).collect())
    }

    /// Looks in the days of months, or in the quarter hours of days, for the first and the last times that
    /// are known to be in such. The sets that customers are counted by say who is in which.
    async fn narrow(
        &self,
        from: ReadContext<'_>,
        level: Level,
        found: &mut HashMap<u32, Ends>,
    ) -> Result<(), store::Error> {
        let mut within: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for (&who, ends) in &*found {
            for (_, bucket) in [ends.first, ends.last].into_iter().filter(|it| it.0 == level) {
                within.entry(bucket).or_default().insert(who);
            }
        }
        let mut parts: Vec<(Piece, &BTreeSet<u32>)> = Vec::new();
        for (&bucket, of) in &within {
            match level {
                Level::Month => parts.extend(Piece::days_of(bucket).map(|day| (day, of))),
                _ => parts.push((Piece::quarters_of(bucket), of)),
            }
        }
        let pieces: Vec<Piece> = parts.iter().map(|(piece, _)| *piece).collect();
        let mut seen: HashMap<u32, BTreeMap<u32, Bucket>> = HashMap::new();
        for &slice in &self.slices {
            let Counted { family, code, column, .. } = *self;
            let what = What { family, slice, column: Some(column) };
            let sets = from.sets(what, &pieces).await?;
            for ((piece, of), set) in parts.iter().zip(sets) {
                for (place, bucket) in piece.buckets() {
                    let members = set.members(code, (place, place));
                    for &who in of.iter().filter(|who| members.binary_search(who).is_ok()) {
                        seen.entry(who).or_default().insert(begin(bucket), bucket);
                    }
                }
            }
        }
        for (who, seen) in seen {
            let Some(it) = found.get_mut(&who) else { continue };
            let mut first = seen.range(begin(it.first)..end(it.first));
            it.first = first.next().map_or(it.first, |(_, bucket)| *bucket);
            let mut last = seen.range(begin(it.last)..end(it.last));
            it.last = last.next_back().map_or(it.last, |(_, bucket)| *bucket);
        }
        Ok(())
    }

    /// Hands each bucket that one of some customers is counted in to `visit`, with how often.
    async fn read(
        &self,
        from: ReadContext<'_>,
        buckets: &[Bucket],
        of: &BTreeSet<u32>,
        mut visit: impl FnMut(Bucket, u32, i64) + Send,
    ) -> Result<(), store::Error> {
        let Some((&first, &last)) = of.first().zip(of.last()) else { return Ok(()) };
        let spans = self.spans(buckets, (first, last));
        let is_in = matches!(self.family.shape(), Shape::ByEntityIn(..));
        from.rollups(&spans, |part: Part<'_>| {
            let bucket = (part.key.level, part.key.bucket);
            let begin = part.first_ordinal();
            for (row, values) in part.rows() {
                let (is_of, who) = if is_in {
                    let (code, who) = part.entity_in(row);
                    (Some(code) == self.code, who)
                } else {
                    (true, begin.saturating_add(row))
                };
                let count = values[self.times];
                if is_of && (count != 0 || values[self.column] != 0) && of.contains(&who) {
                    visit(bucket, who, count);
                }
            }
        })
        .await
    }

    /// Buckets as spans, those that follow each other together. The quarter hours of a day are read in one
    /// go, with all chunks.
    fn spans(&self, buckets: &[Bucket], of: (u32, u32)) -> Vec<Span> {
        let family = self.family;
        let mut spans: Vec<Span> = Vec::new();
        for &slice in &self.slices {
            for &(level, bucket) in buckets {
                match spans.last_mut() {
                    Some(span)
                        if (span.slice, span.level, span.last + 1) == (slice, level, bucket) =>
                    {
                        span.last = bucket;
                    }
                    _ => {
                        let chunks = || match self.code {
                            Some(code) => rollup::chunks_in(level, code, of),
                            None => (of.0 >> chunk_bits(level), of.1 >> chunk_bits(level)),
                        };
                        let chunks = (level != Level::Quarter).then(chunks);
                        let (first, last) = (bucket, bucket);
                        spans.push(Span { family, slice, level, first, last, chunks });
                    }
                }
            }
        }
        spans
    }
}

/// The first quarter hour of a bucket.
fn begin((level, bucket): Bucket) -> u32 {
    bucket::first_quarter(level, bucket)
}

/// The quarter hour behind the last one of a bucket.
fn end((level, bucket): Bucket) -> u32 {
    bucket::first_quarter(level, bucket + 1)
}
