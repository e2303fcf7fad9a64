//! Active customers: those with an activity, and those who bought.

use std::collections::{BTreeMap, HashMap};

use projections::entity::Entity;
use projections::family::{Family, Slice};

use super::memory::ReadContext;
use super::params::Statuses;
use super::period::{Clock, Days};
use super::range::Quarters;
use super::sales::Distinct;
use crate::store;
use crate::store::read::Span;

/// The number of distinct ones in each period of a range that has any.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn by_period(
    from: ReadContext<'_>,
    quarters: Quarters,
    clock: &Clock,
) -> Result<BTreeMap<i64, i64>, store::Error> {
    let mut found: HashMap<i64, Vec<(u32, i64)>> = HashMap::new();
    let sold = Statuses::Sold.of(from.snapshot).slices();
    // The activities are the first number of a row, what was bought the second.
    for (family, slices, place) in
        [(Family::Actives, vec![Slice::WHOLE], 0), (Family::Buyers, sold, 1)]
    {
        let mut clock = clock.clone();
        let cover = Days::of(from.within(family, quarters), &mut clock).cover(&mut clock);
        let mut spans = Vec::new();
        for slice in slices {
            let span =
                |(level, (first, last))| Span { family, slice, level, first, last, chunks: None };
            spans.extend(cover.runs().into_iter().map(span));
        }
        from.rollups(&spans, |part| {
            let Some((level, bucket)) = part.level().zip(part.bucket()) else { return };
            let first = part.first_ordinal().unwrap_or_default();
            let (more, less) = cover.counted(level, bucket);
            for (period, sign) in [(more, 1), (less, -1)] {
                let Some(period) = period else { continue };
                let rows = part.rows().map(|(row, values)| {
                    (first.saturating_add(row), values[place].saturating_mul(sign))
                });
                found.entry(period).or_default().extend(rows);
            }
        })
        .await?;
    }
    let mut sums = Distinct::of(from.snapshot.checkpoint.root.next.of(Entity::Customer));
    let counted = found.into_iter().map(|(period, rows)| (period, sums.count(rows)));
    Ok(counted.filter(|(_, count)| *count > 0).collect())
}
