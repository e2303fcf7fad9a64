//! Sums by values of open vocabularies, over any range and by period.
//!
//! A code is of one month, so a row is known by its month and its codes until [`Names`] tells the
//! values behind them.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use projections::bucket::{self, Level};
use projections::cells::Cells;
use projections::family::{Dimension, Family, Shape, Slice};
use projections::rollup::{self, RollupKey};
use projections::table::Row;
use projections::vocabulary::{self, NONE, NONE_NAME, OTHER, OTHER_NAME, OVERLAP, Period};

use super::days::Days;
use super::memory::ReadContext;
use super::period::{Buckets, Clock};
use super::range::Quarters;
use super::rollups::put;
use super::sums::{Over, Sum};
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

/// The part of a month's tables that a question reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    All,
    /// Nothing.
    None,
    /// Of tables by cell, a first to a last chunk, both included.
    Chunks(u32, u32),
    /// Of tables by value, one code.
    Code(u16),
}

impl Wanted {
    /// The first and the last chunk; none of all of them.
    fn chunks(self) -> Option<(u32, u32)> {
        match self {
            Wanted::Chunks(first, last) => Some((first, last)),
            _ => None,
        }
    }

    /// The first and the last place in a table.
    fn places(self) -> (u32, u32) {
        match self {
            Wanted::Code(code) => (code.into(), code.into()),
            _ => (0, u32::from(u16::MAX)),
        }
    }
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
    /// Hands the rows of the range to `visit`: those of the part that `wanted` names for their month, and
    /// maybe others.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn read(
        self,
        from: ReadContext<'_>,
        clock: &mut Clock,
        wanted: impl Fn(u32) -> Wanted + Sync,
        mut visit: impl FnMut(Place, Row) + Send,
    ) -> Result<(), store::Error> {
        let (cells, whole) = (from.cells(), self.days.whole_months());
        let months: Vec<_> = whole.keys().map(|month| (Level::Month, *month)).collect();
        let months = self.spans(&months, &wanted);
        let of_month = |(_, month), (chunk, place, row): Sum| {
            let period = whole.get(&month).copied();
            if let (Some(period), Some(codes)) = (period, self.codes(cells, chunk, place)) {
                visit(Place { period, month, codes }, row);
            }
        };
        from.sums(Over::Times, &months, of_month).await?;
        let spans = self.spans(&self.parts(), &wanted);
        from.rollups(&spans, |part| self.rows(part, &wanted, cells, clock, &mut visit)).await
    }

    /// Hands what all values of the range come to at each time to `visit`, with its period.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn read_whole(
        self,
        from: ReadContext<'_>,
        clock: &mut Clock,
        mut visit: impl FnMut(i64, Row) + Send,
    ) -> Result<(), store::Error> {
        let whole = self.days.whole_months();
        let whole = whole.keys().map(|month| (Level::Month, *month));
        let buckets: Vec<_> = whole.chain(self.parts()).collect();
        let spans = self.spans(&buckets, |_| Wanted::All);
        from.sums(Over::Values, &spans, |(level, bucket), (_, time, row)| {
            if let Some(period) = self.period(level, begin(level, bucket) + time, clock) {
                visit(period, row);
            }
        })
        .await
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
    fn spans(self, buckets: &[(Level, u32)], wanted: impl Fn(u32) -> Wanted) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let family = self.family;
        for (&slice, &(level, bucket)) in
            self.slices.iter().flat_map(|slice| buckets.iter().map(move |it| (slice, it)))
        {
            let month = match level {
                Level::Month => bucket,
                _ => bucket::month_of_day(bucket),
            };
            let wanted = wanted(month);
            if wanted == Wanted::None {
                continue;
            }
            let chunks = wanted.chunks();
            put(&mut spans, Span { family, slice, level, first: bucket, last: bucket, chunks });
        }
        spans
    }

    fn rows(
        self,
        part: Part<'_>,
        wanted: impl Fn(u32) -> Wanted,
        cells: Cells,
        clock: &mut Clock,
        visit: &mut impl FnMut(Place, Row),
    ) {
        let RollupKey { level, bucket, chunk, .. } = part.key;
        let stride = rollup::stride(level);
        let month = if level == Level::Month { bucket } else { bucket::month_of_day(bucket) };
        let first = begin(level, bucket);
        let (low, high) = wanted(month).places();
        for (row, values) in part.rows_between(low * stride..=high * stride + stride - 1) {
            let period = self.period(level, first + row % stride, clock);
            let codes = || self.codes(cells, chunk, row / stride);
            if let Some((period, codes)) = period.and_then(|period| Some((period, codes()?))) {
                visit(Place { period, month, codes }, values);
            }
        }
    }

    /// The period that a day of a month's table or a quarter hour of a day's is counted in; none, if it is not
    /// of the range or the day is in parts.
    fn period(self, level: Level, at: u32, clock: &mut Clock) -> Option<i64> {
        match level {
            Level::Month => self.days.period(at),
            _ => self.days.quarters().has(at).then(|| clock.period_of(at)),
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

/// The first day of a month's table, or the first quarter hour of a day's.
fn begin(level: Level, bucket: u32) -> u32 {
    match level {
        Level::Month => bucket::first_day_of_month(bucket),
        _ => bucket::first_quarter(Level::Day, bucket),
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
    let tables = Tables { family, slices: &[Slice::WHOLE], days: &days };
    let Some(value) = value else {
        let add = |period, row| zone::add(sums.of_period(period), row);
        tables.read_whole(from, &mut clock, add).await?;
        return Ok(sums);
    };
    let names = Names::of(from, family, dimension, quarters).await?;
    let code = |month| names.code(month, value);
    let is_by_value = matches!(family.shape(), Shape::ByValue(_) | Shape::ByShopValue(_));
    let wanted = |month| match code(month) {
        None => Wanted::None,
        Some(code) if is_by_value => Wanted::Code(code),
        Some(code) if at == 0 => {
            let (first, last) = from.cells().chunks(code, None);
            Wanted::Chunks(first, last)
        }
        Some(_) => Wanted::All,
    };
    // The month that was read last, and the code that the value has in it.
    let mut last: Option<(u32, Option<u16>)> = None;
    let add = |Place { period, month, codes }, row| {
        let (_, code) = match last {
            Some(known) if known.0 == month => known,
            _ => *last.insert((month, code(month))),
        };
        if code == Some(codes[at]) {
            zone::add(sums.of_period(period), row);
        }
    };
    tables.read(from, &mut clock, wanted, add).await?;
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
            |_| Wanted::All,
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
        let mut spans = tables.spans(&months.collect::<Vec<_>>(), |_| Wanted::All);
        spans.extend(tables.spans(&tables.parts(), |_| Wanted::All));
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
