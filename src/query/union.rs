//! Rollups united over a range: sales by quarter hour, and sums by customer or product.

use projections::bucket::{self, Level, QUARTERS_PER_DAY};
use projections::family::Family;
use projections::family::Slice;
use projections::table::Row;

use super::memory::ReadContext;
use super::range::{Coverage, Quarters};
use crate::store;
use crate::store::read::Span;

/// A range that is longer is looked through for its first row, where that spares more than it costs.
const LONG: u32 = 366 * QUARTERS_PER_DAY;
/// The tables of all time are about as large as those of a month, in quarter hours.
const EVER: u32 = 30 * QUARTERS_PER_DAY;

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

/// Hands every row of a family by quarter hour to `visit`, with its quarter hour.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn by_quarter(
    from: ReadContext<'_>,
    family: Family,
    slices: &[Slice],
    quarters: Quarters,
    mut visit: impl FnMut(Slice, u32, Row) + Send,
) -> Result<(), store::Error> {
    from.rollups(&months(family, slices, quarters), |part| {
        let first = bucket::first_quarter(Level::Month, part.key.bucket);
        for (row, values) in part.rows() {
            let quarter = first.saturating_add(row);
            if quarters.has(quarter) {
                visit(part.key.slice, quarter, values);
            }
        }
    })
    .await
}

/// A range from the first row on of a family by quarter hour that has one wherever others have any, if
/// the range is long: of who asks for all of time nothing is read of the decades before.
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
    let mut first = quarters.to;
    let before = Quarters { from: 0, to: quarters.to };
    let before = from.within(family, before);
    by_quarter(from, family, &[Slice::WHOLE], before, |_, quarter, _| first = first.min(quarter))
        .await?;
    Ok(Quarters { from: quarters.from.max(first), to: quarters.to })
}

/// Hands rows of a family by entity to `visit`, with the entity's ordinal: those of one entity add
/// up to its sum in the scope.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn by_entity(
    from: ReadContext<'_>,
    family: Family,
    slices: &[Slice],
    scope: Coverage,
    mut visit: impl FnMut(u32, Row) + Send,
) -> Result<(), store::Error> {
    let Plan { spans, less } = Plan::of(family, slices, scope);
    from.rollups(&spans, |part| {
        let first = part.first_ordinal();
        let is_less = less && part.key.level != Level::Ever;
        for (row, values) in part.rows() {
            let values = if is_less { values.map(i64::saturating_neg) } else { values };
            visit(first.saturating_add(row), values);
        }
    })
    .await
}

/// The spans that make up a scope.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    spans: Vec<Span>,
    /// Whether the spans that are not of all time are to be taken off.
    less: bool,
}

impl Plan {
    /// The spans of the scope, or else those of all time less those outside, whichever are less to
    /// read.
    fn of(family: Family, slices: &[Slice], scope: Coverage) -> Self {
        let ever = |slice| Span::bucket(family, slice, Level::Ever, 0);
        let mut plan = Plan { spans: Vec::new(), less: false };
        for &slice in slices {
            match scope {
                Coverage::Nothing => {}
                Coverage::Everything(_) => plan.spans.push(ever(slice)),
                Coverage::Part { quarters, whole } => {
                    let before = Quarters { from: whole.from, to: quarters.from };
                    let after = Quarters { from: quarters.to, to: whole.to };
                    plan.less = before.len() + after.len() + EVER < quarters.len();
                    if plan.less {
                        plan.spans.push(ever(slice));
                        plan.spans.extend(cover(family, slice, before));
                        plan.spans.extend(cover(family, slice, after));
                    } else {
                        plan.spans.extend(cover(family, slice, quarters));
                    }
                }
            }
        }
        plan
    }
}

/// The fewest buckets that make up a range, buckets that follow each other as one span.
fn cover(family: Family, slice: Slice, quarters: Quarters) -> impl Iterator<Item = Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (level, bucket) in bucket::cover(quarters.from, quarters.to) {
        match spans.last_mut() {
            Some(span) if span.level == level && span.last + 1 == bucket => span.last = bucket,
            _ => spans.push(Span::bucket(family, slice, level, bucket)),
        }
    }
    spans.into_iter()
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
    fn a_range_is_covered_by_at_most_five_spans() {
        let range = quarters("2026-01-30T18:30:00Z", "2026-05-02T18:30:00Z");
        let spans: Vec<_> = cover(Family::Sold, Slice::WHOLE, range)
            .map(|span| {
                (bucket::label(span.level, span.first), bucket::label(span.level, span.last))
            })
            .collect();
        let spans: Vec<_> = spans.iter().map(|(first, last)| (&**first, &**last)).collect();
        assert_eq!(
            spans,
            [
                ("2026-01-30T18:30", "2026-01-30T23:45"),
                ("2026-01-31", "2026-01-31"),
                ("2026-02", "2026-04"),
                ("2026-05-01", "2026-05-01"),
                ("2026-05-02T00:00", "2026-05-02T18:15"),
            ]
        );
    }

    #[test]
    fn most_of_all_time_is_all_time_less_the_rest() {
        let whole = quarters("2025-01-01", "2026-01-01");
        let plan = |from, to| {
            let scope = Coverage::Part { quarters: quarters(from, to), whole };
            let plan = Plan::of(Family::Sold, &[Slice::WHOLE], scope);
            let label = |span: &Span| bucket::label(span.level, span.first);
            (plan.spans.iter().map(label).collect::<Vec<_>>(), plan.less)
        };
        let most = plan("2025-01-03", "2025-12-31");
        assert_eq!(most, (["ever", "2025-01-01", "2025-12-31"].map(str::to_owned).to_vec(), true));
        let few = plan("2025-01-31", "2025-03-01");
        assert_eq!(few, (["2025-01-31", "2025-02"].map(str::to_owned).to_vec(), false));
        let all = Plan::of(Family::Sold, &[Slice::WHOLE], Coverage::Everything(whole));
        assert_eq!((all.spans.len(), all.less), (1, false));
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
