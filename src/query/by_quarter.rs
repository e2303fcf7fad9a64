//! Rows of families by quarter hour, over a range.

use projections::bucket::{self, Level, QUARTERS_PER_DAY};
use projections::family::Family;
use projections::family::Slice;
use projections::rollup::RollupKey;
use projections::table::Row;

use super::memory::ReadContext;
use super::range::Quarters;
use crate::store;
use crate::store::read::Span;

/// A range that is longer is looked through for its first row, where that spares more than it costs.
const LONG: u32 = 366 * QUARTERS_PER_DAY;

/// The spans of month tables that have every row of the quarter hours.
fn months(family: Family, slices: &[Slice], quarters: Quarters) -> Vec<Span> {
    if quarters.is_empty() {
        return Vec::new();
    }
    let month = bucket::month_of_quarter;
    let (first, last) = (month(quarters.from), month(quarters.to - 1));
    let span = |&slice| Span { family, slice, level: Level::Month, first, last, chunks: None };
    slices.iter().map(span).collect()
}

/// Hands every row of a family by quarter hour to `visit`, with its slice and its quarter hour.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn rows(
    from: ReadContext<'_>,
    family: Family,
    slices: &[Slice],
    quarters: Quarters,
    mut visit: impl FnMut(Slice, u32, Row) + Send,
) -> Result<(), store::Error> {
    rows_of_all(from, &[(family, slices)], quarters, |_, slice, quarter, row| {
        visit(slice, quarter, row);
    })
    .await
}

/// The same of several families, which are read at once.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn rows_of_all(
    from: ReadContext<'_>,
    all: &[(Family, &[Slice])],
    quarters: Quarters,
    mut visit: impl FnMut(Family, Slice, u32, Row) + Send,
) -> Result<(), store::Error> {
    let of_each = all
        .iter()
        .flat_map(|(family, slices)| months(*family, slices, from.within(*family, quarters)));
    from.rollups(&of_each.collect::<Vec<_>>(), |part| {
        let RollupKey { family, slice, bucket, .. } = part.key;
        let first = bucket::first_quarter(Level::Month, bucket);
        for (row, values) in part.rows() {
            let quarter = first.saturating_add(row);
            if quarters.has(quarter) {
                visit(family, slice, quarter, values);
            }
        }
    })
    .await
}

/// The first quarter hour before another that a family has a row in.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn first(
    from: ReadContext<'_>,
    family: Family,
    before: u32,
) -> Result<Option<u32>, store::Error> {
    let (mut first, before) = (None, Quarters { from: 0, to: before });
    rows(from, family, &[Slice::WHOLE], before, |_, quarter, _| {
        first = Some(first.map_or(quarter, |first: u32| first.min(quarter)));
    })
    .await?;
    Ok(first)
}

/// The part of a long range that begins with the first row of a family; a shorter range as it is. The
/// family has a row wherever the figures that are asked for have one, so a question for all of time
/// reads none of the decades before its first figure.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn from_first(
    from: ReadContext<'_>,
    family: Family,
    quarters: Quarters,
) -> Result<Quarters, store::Error> {
    if quarters.len() <= LONG {
        return Ok(quarters);
    }
    let first = first(from, family, quarters.to).await?.unwrap_or(quarters.to);
    Ok(Quarters { from: quarters.from.max(first), to: quarters.to })
}

#[cfg(test)]
mod tests {
    use projections::bucket::quarter_of;
    use projections::time::Time;

    use super::*;

    fn quarters(from: &str, to: &str) -> Quarters {
        let quarter = |text| quarter_of(Time::parse(text).unwrap());
        Quarters { from: quarter(from), to: quarter(to) }
    }

    #[test]
    fn the_months_of_a_range_end_with_the_one_of_its_last_quarter_hour() {
        let span = |from, to| {
            let spans = months(Family::Sales, &[Slice::WHOLE], quarters(from, to));
            (spans[0].first, spans[0].last)
        };
        assert_eq!(span("2026-01-31", "2026-03-01"), (672, 673));
        assert_eq!(span("2026-01-31", "2026-03-01T00:15:00Z"), (672, 674));
        assert!(
            months(Family::Sales, &[Slice::WHOLE], quarters("2026-01-31", "2026-01-31")).is_empty()
        );
    }
}
