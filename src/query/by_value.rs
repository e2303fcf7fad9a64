//! Sums by a value of an open vocabulary, over any range.

use std::collections::{BTreeMap, HashMap};

use projections::bucket::{self, Level, QUARTERS_PER_DAY};
use projections::family::{Dimension, Family, Shape, Slice};
use projections::rollup::{DAYS_STRIDE, QUARTERS_STRIDE};
use projections::table::Row;
use projections::vocabulary::{NONE, NONE_NAME, OTHER_NAME};

use super::memory::ReadContext;
use super::range::Quarters;
use super::zone;
use crate::store;
use crate::store::read::{Part, Span};

/// Sums by month and code.
type Sums = HashMap<(u32, u16), Row>;

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
    let Some(cover) = Cover::of(quarters) else { return Ok(BTreeMap::new()) };
    let mut sums = Sums::new();
    let spans: Vec<Span> = slices.iter().flat_map(|slice| cover.spans(family, *slice)).collect();
    let (first, last) = cover.months();
    let rollups = from.rollups(&spans, |part| cover.add(part, &mut sums));
    if let Shape::ByShopValue(_) = family.shape() {
        let ((), values) = tokio::try_join!(rollups, from.snapshot.shop_vocabulary(dimension))?;
        return Ok(named(sums, |_| Some(&values)));
    }
    let months = from.snapshot.vocabularies(dimension, first, last);
    let ((), months) = tokio::try_join!(rollups, months)?;
    let months: HashMap<u32, Vec<String>> = months.into_iter().collect();
    Ok(named(sums, |month| months.get(&month)))
}

/// A range as whole days, which month tables have, and the ends of days, which day tables have.
#[derive(Debug, Clone, Copy)]
struct Cover {
    quarters: Quarters,
    first_whole_day: u32,
    end_of_whole_days: u32,
}

impl Cover {
    fn of(quarters: Quarters) -> Option<Self> {
        (!quarters.is_empty()).then(|| Cover {
            quarters,
            first_whole_day: quarters.from.div_ceil(QUARTERS_PER_DAY),
            end_of_whole_days: quarters.to / QUARTERS_PER_DAY,
        })
    }

    fn months(&self) -> (u32, u32) {
        let month = bucket::month_of_quarter;
        (month(self.quarters.from), month(self.quarters.to - 1))
    }

    fn spans(&self, family: Family, slice: Slice) -> Vec<Span> {
        let span = |level, first, last| Span { family, slice, level, first, last };
        let mut spans = Vec::new();
        let (first, end) = (self.first_whole_day, self.end_of_whole_days);
        if first < end {
            let month = bucket::month_of_day;
            spans.push(span(Level::Month, month(first), month(end - 1)));
        }
        let (first_day, last_day) = (
            bucket::day_of_quarter(self.quarters.from),
            bucket::day_of_quarter(self.quarters.to - 1),
        );
        if first_day < first {
            spans.push(span(Level::Day, first_day, first_day));
        }
        if last_day >= end && !(first_day < first && last_day == first_day) {
            spans.push(span(Level::Day, last_day, last_day));
        }
        spans
    }

    fn add(&self, part: Part<'_>, sums: &mut Sums) {
        let (Some(level), Some(month)) = (part.level(), part.month()) else { return };
        let (stride, first) = match (level, part.day()) {
            (Level::Month, _) => (DAYS_STRIDE, bucket::first_day_of_month(month)),
            (_, Some(day)) => (QUARTERS_STRIDE, bucket::first_quarter(Level::Day, day)),
            (_, None) => return,
        };
        for (row, values) in part.rows() {
            let (code, at) = (row / stride, first + row % stride);
            let is_in = match level {
                Level::Month => (self.first_whole_day..self.end_of_whole_days).contains(&at),
                _ => self.quarters.has(at),
            };
            if let (true, Ok(code)) = (is_in, u16::try_from(code)) {
                zone::add(sums.entry((month, code)).or_default(), values);
            }
        }
    }
}

/// Codes are of their month or of the shop; names are the same in all.
fn named<'v>(
    sums: Sums,
    vocabulary: impl Fn(u32) -> Option<&'v Vec<String>>,
) -> BTreeMap<String, Row> {
    let mut by_name: BTreeMap<String, Row> = BTreeMap::new();
    for ((month, code), row) in sums {
        let value = |code: u16| {
            let index = usize::from(code).checked_sub(2)?;
            vocabulary(month)?.get(index)
        };
        let name = match code {
            NONE => NONE_NAME,
            code => value(code).map_or(OTHER_NAME, |name| name),
        };
        zone::add(by_name.entry(name.to_owned()).or_default(), row);
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
        let cover = Cover::of(Quarters { from: quarter(from), to: quarter(to) }).unwrap();
        let label = bucket::label;
        cover
            .spans(Family::Types, Slice::WHOLE)
            .into_iter()
            .map(|span| (label(span.level, span.first), label(span.level, span.last)))
            .collect()
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
            pairs(&[("2026-01-30", "2026-01-30"), ("2026-01-31", "2026-01-31")])
        );
        assert_eq!(
            spans("2026-01-30T18:30:00Z", "2026-01-30T19:00:00Z"),
            pairs(&[("2026-01-30", "2026-01-30")])
        );
        assert_eq!(
            spans("2026-01-30T00:00:00Z", "2026-01-30T19:00:00Z"),
            pairs(&[("2026-01-30", "2026-01-30")])
        );
        assert_eq!(
            spans("2026-01-30T18:30:00Z", "2026-01-31"),
            pairs(&[("2026-01-30", "2026-01-30")])
        );
    }

    #[test]
    fn values_are_named_by_their_months_words() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let vocabularies =
            HashMap::from([(1, words(&["viewed", "bought"])), (2, words(&["bought", "viewed"]))]);
        let sums = [((1, 2), 4), ((2, 3), 3), ((1, 3), 5), ((2, 2), 2), ((2, 1), 1), ((2, 0), 1)];
        let sums = sums.into_iter().map(|(key, sum)| (key, [sum, 0, 0])).collect();
        let named = named(sums, |month| vocabularies.get(&month));
        let named: Vec<_> = named.iter().map(|(name, row)| (&**name, row[0])).collect();
        assert_eq!(named, [("(none)", 1), ("(other)", 1), ("bought", 7), ("viewed", 7)]);
    }
}
