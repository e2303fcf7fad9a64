//! Active customers: those with an activity, and those who bought.

use std::collections::{BTreeMap, HashMap};

use projections::family::{Family, Slice};

use super::entities::{Distinct, Entities, Numbers};
use super::memory::ReadContext;
use super::period::Clock;
use super::range::Quarters;
use super::statuses::Statuses;
use crate::store;

/// The number of distinct ones in each period of a range that has any.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn by_period(
    from: ReadContext<'_>,
    quarters: Quarters,
    clock: &Clock,
) -> Result<BTreeMap<i64, i64>, store::Error> {
    let mut found: HashMap<i64, Numbers> = HashMap::new();
    let sold = Statuses::Sold.of(from.snapshot).slices();
    // The activities are the first number of a row, what was bought the second.
    for (family, slices, place) in
        [(Family::Actives, vec![Slice::WHOLE], 0), (Family::Buyers, sold, 1)]
    {
        let counted = Entities { from, family, slices: &slices, code: None };
        counted
            .rows(Some(quarters), clock, |period, _, who, values| {
                found.entry(period).or_default().push((who, values[place]));
            })
            .await?;
    }
    let mut sums = Distinct::of(from);
    let counted = found.into_iter().map(|(period, rows)| (period, sums.count(rows)));
    Ok(counted.filter(|(_, count)| *count > 0).collect())
}
