//! Sums by values of open vocabularies, over any range and by period.
//!
//! A code is of one month, so a row is known by its month and its codes until [`Names`] tells the
//! values behind them.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use projections::bucket::{self, Level};
use projections::cells::Cells;
use projections::family::{Dimension, Family, Shape, Slice};
use projections::rollup::{DAYS_STRIDE, QUARTERS_STRIDE, RollupKey};
use projections::table::Row;
use projections::vocabulary::{self, NONE, NONE_NAME, OTHER, OTHER_NAME, OVERLAP, Period};

use super::days::Days;
use super::memory::ReadContext;
use super::months;
use super::period::{Buckets, Clock};
use super::range::Quarters;
use super::rollups::put;
use super::vocabularies::Values;
use super::zone::{self, Zone};
use crate::store;
use crate::store::read::{Part, Span};

/// The place of a row: its period, and its codes in the order of its family's dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The period.
    pub period: i64,
    /// The month that the codes are of.
    pub month: u32,
    /// The codes; a family of one dimension has the first.
    pub codes: [u16; 3],
}

/// The names of values, by the time that their codes are of: a month each, or all of time.
#[derive(Debug, Default)]
pub struct Names {
    values: HashMap<Period, Values>,
    are_of_the_shop: bool,
}

impl Names {
    /// Those that a family's codes of a dimension stand for: in the months of a range, or in the shop's own
    /// vocabulary, whatever the month.
    ///
    /// # Errors
    /// As [`store::read::Snapshot::vocabularies`].
    pub async fn of(
        from: ReadContext<'_>,
        family: Family,
        dimension: Dimension,
        quarters: Quarters,
    ) -> Result<Self, store::Error> {
        let quarters = from.within(family, quarters);
        if quarters.is_empty() {
            return Ok(Names::default());
        }
        if family.shape().is_of_the_shop() {
            let values = [(Period::Ever, from.shop_vocabulary(dimension).await?)].into();
            return Ok(Names { values, are_of_the_shop: true });
        }
        let month = bucket::month_of_quarter;
        let months = (month(quarters.from)..=month(quarters.to - 1)).map(Period::Month);
        let values = from.vocabularies(dimension, months).await?;
        Ok(Names { values, are_of_the_shop: false })
    }

    /// The name of a value; none of the surplus of things that count under several values.
    #[must_use]
    pub fn name(&self, month: u32, code: u16) -> Option<&str> {
        let value = || self.of_month(month).get(usize::from(code).checked_sub(2)?);
        match code {
            OVERLAP => None,
            NONE => Some(NONE_NAME),
            OTHER => Some(OTHER_NAME),
            _ => Some(value().map_or(OTHER_NAME, |name| name)),
        }
    }

    /// The code of a value in a month that has it.
    #[must_use]
    pub fn code(&self, month: u32, name: &str) -> Option<u16> {
        vocabulary::code_of(self.of_month(month), name)
    }

    fn of_month(&self, month: u32) -> &[String] {
        let period = if self.are_of_the_shop { Period::Ever } else { Period::Month(month) };
        self.values.get(&period).map_or(&[], |values| values)
    }
}

/// The chunks of a month's tables that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunks {
    /// All of them.
    All,
    /// None of them.
    None,
    /// The first and the last, both included, and those between.
    Some(u32, u32),
}

/// Tables by values, as they are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Tables<'a> {
    /// The figures; of a shape by values or by cell, of a month's vocabularies or of the shop's.
    pub family: Family,
    /// The slices, which are added up.
    pub slices: &'a [Slice],
    /// The range, day by day.
    pub days: &'a Days,
}

impl Tables<'_> {
    /// Hands every row of the range to `visit`. `chunks` tells for each month what is read of it.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn read(
        self,
        from: ReadContext<'_>,
        clock: &mut Clock,
        chunks: impl Fn(u32) -> Chunks + Sync,
        mut visit: impl FnMut(Place, Row) + Send,
    ) -> Result<(), store::Error> {
        let (cells, whole) = (from.cells(), self.days.whole_months());
        let months: Vec<_> = whole.keys().map(|month| (Level::Month, *month)).collect();
        let months = self.spans(&months, &chunks);
        let of_month = |month: u32, (chunk, place, row): months::Sum| {
            let period = whole.get(&month).copied();
            if let (Some(period), Some(codes)) = (period, self.codes(cells, chunk, place)) {
                visit(Place { period, month, codes }, row);
            }
        };
        from.months(&months, of_month).await?;
        let spans = self.spans(&self.parts(), &chunks);
        from.rollups(&spans, |part| self.rows(part, cells, clock, &mut visit)).await
    }

    /// The months and days that are read row by row.
    fn parts(self) -> Vec<(Level, u32)> {
        let runs = |level, runs: Vec<(u32, u32)>| {
            let buckets = runs.into_iter().flat_map(|(first, last)| first..=last);
            buckets.map(move |bucket| (level, bucket))
        };
        let (months, days) = (self.days.months(), self.days.parts());
        runs(Level::Month, months).chain(runs(Level::Day, days)).collect()
    }

    /// The spans of some buckets, those of a level that follow each other together.
    fn spans(self, buckets: &[(Level, u32)], chunks: impl Fn(u32) -> Chunks) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let family = self.family;
        for (&slice, &(level, bucket)) in
            self.slices.iter().flat_map(|slice| buckets.iter().map(move |it| (slice, it)))
        {
            let month = match level {
                Level::Month => bucket,
                _ => bucket::month_of_day(bucket),
            };
            let chunks = match chunks(month) {
                Chunks::All => None,
                Chunks::None => continue,
                Chunks::Some(first, last) => Some((first, last)),
            };
            put(&mut spans, Span { family, slice, level, first: bucket, last: bucket, chunks });
        }
        spans
    }

    fn rows(
        self,
        part: Part<'_>,
        cells: Cells,
        clock: &mut Clock,
        visit: &mut impl FnMut(Place, Row),
    ) {
        let RollupKey { level, bucket, chunk, .. } = part.key;
        let (stride, month, first) = if level == Level::Month {
            (DAYS_STRIDE, bucket, bucket::first_day_of_month(bucket))
        } else {
            let first = bucket::first_quarter(Level::Day, bucket);
            (QUARTERS_STRIDE, bucket::month_of_day(bucket), first)
        };
        for (row, values) in part.rows() {
            let at = first + row % stride;
            let period = match level {
                Level::Month => self.days.period(at),
                _ => self.days.quarters().has(at).then(|| clock.period_of(at)),
            };
            let codes = || self.codes(cells, chunk, row / stride);
            if let Some((period, codes)) = period.and_then(|period| Some((period, codes()?))) {
                visit(Place { period, month, codes }, values);
            }
        }
    }

    /// The codes of a row at a place of a chunk.
    fn codes(self, cells: Cells, chunk: u32, place: u32) -> Option<[u16; 3]> {
        match self.family.shape() {
            Shape::ByCell | Shape::ByShopCell => cells.codes(chunk, place),
            _ => Some([u16::try_from(place).ok()?, NONE, NONE]),
        }
    }
}

/// The sums of each period of a clock within a range: of one value of a dimension, whose code is at a place
/// among a row's; or of all.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn by_period(
    from: ReadContext<'_>,
    family: Family,
    (dimension, at): (Dimension, usize),
    value: Option<&str>,
    quarters: Quarters,
    clock: &Clock,
) -> Result<Buckets<Row>, store::Error> {
    let mut clock = clock.clone();
    let mut sums: Buckets<Row> = Buckets::of(clock.clone());
    let quarters = from.within(family, quarters);
    let days = Days::of(quarters, &mut clock);
    let names = match value {
        Some(_) => Names::of(from, family, dimension, quarters).await?,
        None => Names::default(),
    };
    let tables = Tables { family, slices: &[Slice::WHOLE], days: &days };
    // The month that was read last, and the code that the value has in it.
    let mut wanted: Option<(u32, Option<u16>)> = None;
    let add = |Place { period, month, codes }, row| {
        let is_of = |value| {
            let (_, code) = match wanted {
                Some(known) if known.0 == month => known,
                _ => *wanted.insert((month, names.code(month, value))),
            };
            code == Some(codes[at])
        };
        if value.is_none_or(is_of) {
            zone::add(sums.of_period(period), row);
        }
    };
    tables.read(from, &mut clock, |_| Chunks::All, add).await?;
    Ok(sums)
}

/// The sums of some slices of a family in a range, together, by the names of a dimension's values.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn by_value(
    from: ReadContext<'_>,
    (family, slices): (Family, &[Slice]),
    dimension: Dimension,
    quarters: Quarters,
) -> Result<BTreeMap<String, Row>, store::Error> {
    let quarters = from.within(family, quarters);
    let mut clock = Clock::of(Zone::UTC, None);
    let days = Days::of(quarters, &mut clock);
    let mut sums: HashMap<Place, Row, RandomState> = HashMap::default();
    let tables = Tables { family, slices, days: &days };
    let names = Names::of(from, family, dimension, quarters);
    let ((), names) = tokio::try_join!(
        tables.read(
            from,
            &mut clock,
            |_| Chunks::All,
            |place, row| {
                zone::add(sums.entry(place).or_default(), row);
            }
        ),
        names,
    )?;
    Ok(named(sums, &names))
}

/// Codes are of their month; names are the same in all.
fn named(sums: HashMap<Place, Row, RandomState>, names: &Names) -> BTreeMap<String, Row> {
    let mut by_name: BTreeMap<String, Row> = BTreeMap::new();
    for (Place { month, codes: [code, ..], .. }, row) in sums {
        if let Some(name) = names.name(month, code) {
            zone::add(by_name.entry(name.to_owned()).or_default(), row);
        }
    }
    by_name
}

#[cfg(test)]
mod tests {
    use projections::bucket::quarter_of;
    use projections::time::Time;

    use super::*;

    fn spans(from: &str, to: &str) -> Vec<(String, String)> {
        let quarter = |text| quarter_of(Time::parse(text).unwrap());
        let quarters = Quarters { from: quarter(from), to: quarter(to) };
        let days = Days::of(quarters, &mut Clock::of(Zone::UTC, None));
        let (family, slices) = (Family::Types, &[Slice::WHOLE][..]);
        let tables = Tables { family, slices, days: &days };
        let months = days.whole_months().into_keys().map(|month| (Level::Month, month));
        let mut spans = tables.spans(&months.collect::<Vec<_>>(), |_| Chunks::All);
        spans.extend(tables.spans(&tables.parts(), |_| Chunks::All));
        let label = bucket::label;
        let label = |span: Span| (label(span.level, span.first), label(span.level, span.last));
        spans.into_iter().map(label).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn whole_days_come_from_months_and_the_ends_from_days() {
        assert_eq!(spans("2026-01-01", "2026-03-01"), pairs(&[("2026-01", "2026-02")]));
        assert_eq!(
            spans("2026-01-30T18:30:00Z", "2026-02-05T18:30:00Z"),
            pairs(&[
                ("2026-01", "2026-02"),
                ("2026-01-30", "2026-01-30"),
                ("2026-02-05", "2026-02-05")
            ])
        );
        assert_eq!(
            spans("2026-01-30T18:30:00Z", "2026-01-31T03:00:00Z"),
            pairs(&[("2026-01-30", "2026-01-31")])
        );
        for (from, to) in [
            ("2026-01-30T18:30:00Z", "2026-01-30T19:00:00Z"),
            ("2026-01-30T00:00:00Z", "2026-01-30T19:00:00Z"),
            ("2026-01-30T18:30:00Z", "2026-01-31"),
        ] {
            assert_eq!(spans(from, to), pairs(&[("2026-01-30", "2026-01-30")]));
        }
        assert_eq!(spans("2026-01-30", "2026-01-30"), []);
    }

    #[test]
    fn values_are_named_by_their_months_words() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let months = [
            (Period::Month(1), words(&["viewed", "bought"])),
            (Period::Month(2), words(&["bought", "viewed"])),
        ];
        let names = Names { values: months.into(), are_of_the_shop: false };
        let sums = [((1, 2), 4), ((2, 3), 3), ((1, 3), 5), ((2, 2), 2), ((2, 1), 1), ((2, 0), 1)];
        let place = |month, code| Place { period: 0, month, codes: [code, 0, 0] };
        let sums = sums.map(|((month, code), sum)| (place(month, code), [sum, 0, 0]));
        let overlap = (place(1, OVERLAP), [-1, 0, 0]);
        let by_name = named(sums.into_iter().chain([overlap]).collect(), &names);
        let found: Vec<_> = by_name.iter().map(|(name, row)| (&**name, row[0])).collect();
        assert_eq!(found, [("(none)", 1), ("(other)", 1), ("bought", 7), ("viewed", 7)]);
        assert_eq!((names.code(1, "bought"), names.code(2, "bought")), (Some(3), Some(2)));
        assert_eq!((names.code(3, "bought"), names.code(3, "(none)")), (None, Some(0)));
    }
}
