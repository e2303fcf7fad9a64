//! Sales by day and by month of UTC, as people read them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use projections::bucket::{self, Level, day_of_quarter, month_of_quarter, quarter_start};
use projections::family::{Family, Slice};
use projections::quantity::Quantity;
use projections::sales::Status;
use projections::sales::sums::{ByStatus, Sums};

use crate::query::by_quarter;
use crate::query::memory::ReadContext;
use crate::query::params::Selection;
use crate::query::period::{Clock, Period};
use crate::query::range::Quarters;
use crate::query::sales::{Sales, Sum};
use crate::query::statuses::Statuses;
use crate::query::zone::Zone;
use crate::store;
use crate::store::plain::document::{Date, Decimal, PlainSales, PlainStatus, PlainStatuses};

/// The distinct customers of days, as they were counted last. Sums are kept by month, so what
/// changes of one day, such as its tax, may leave its customers as they are: they are counted again
/// on the days that commits name.
pub type Buyers = BTreeMap<u32, i64>;

/// The documents of a month, with their ids.
#[derive(Debug)]
pub struct Read {
    /// Its days on which something counts, and those that changed.
    pub days: Vec<(String, PlainSales)>,
    /// The month as a whole.
    pub month: (String, PlainSales),
}

/// Figures of a day.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    sum: Sum,
    statuses: ByStatus,
}

/// The months that quarter hours lie in, from the first to the last.
#[must_use]
pub fn months((first, last): (u32, u32)) -> RangeInclusive<u32> {
    month_of_quarter(first)..=month_of_quarter(last)
}

/// Reads a month, counted from January 1970. Of its days, `changed` are counted anew.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn of_month(
    from: ReadContext<'_>,
    month: u32,
    changed: &BTreeSet<u32>,
    buyers: &mut Buyers,
) -> Result<Read, store::Error> {
    let quarters = Quarters {
        from: bucket::first_quarter(Level::Month, month),
        to: bucket::first_quarter(Level::Month, month + 1),
    };
    let asked = Selection::sold(Zone::UTC, quarters);
    let sales = Sales::of(from, &asked);
    let mut days = figures(from, &sales, &asked).await?;
    // What left a day is told by no row of it.
    for day in changed.range(day_of_quarter(quarters.from)..day_of_quarter(quarters.to)) {
        days.entry(*day).or_default();
    }
    let uncounted: Vec<u32> = days
        .keys()
        .copied()
        .filter(|day| changed.contains(day) || !buyers.contains_key(day))
        .collect();
    for (first, last) in runs(&uncounted) {
        let run = Quarters {
            from: bucket::first_quarter(Level::Day, first),
            to: bucket::first_quarter(Level::Day, last + 1),
        };
        let counted = sales.customers(run, &asked.clock()).await?.unwrap_or_default();
        let count = |day: u32| counted.get(&i64::from(day)).copied().unwrap_or_default();
        buyers.extend((first..=last).map(|day| (day, count(day))));
    }
    let of_month = Clock::of(Zone::UTC, Some(Period::Month));
    let customers = sales.customers(quarters, &of_month).await?.unwrap_or_default();
    let mut whole = Figures::default();
    for day in days.values() {
        whole.sum.add(&day.sum);
        for status in Status::ALL {
            whole.statuses.add(status, day.statuses.of(status));
        }
    }
    let plain = |level, bucket, figures: &Figures, customers| {
        (bucket::label(level, bucket), plain(from, (level, bucket), figures, customers))
    };
    let of_day = |(day, figures): (&u32, &Figures)| {
        plain(Level::Day, *day, figures, buyers.get(day).copied().unwrap_or_default())
    };
    Ok(Read {
        days: days.iter().map(of_day).collect(),
        month: plain(Level::Month, month, &whole, customers.into_values().sum()),
    })
}

/// The sums of each day on which something counts.
async fn figures(
    from: ReadContext<'_>,
    sales: &Sales<'_>,
    asked: &Selection,
) -> Result<BTreeMap<u32, Figures>, store::Error> {
    let mut days: BTreeMap<u32, Figures> = BTreeMap::new();
    let (family, slices) = (Family::Sales, Statuses::All.slices());
    by_quarter::rows(from, family, &slices, asked.trend, |slice, quarter, row| {
        let status = Status::ALL.into_iter().find(|status| Slice::from(*status) == slice);
        if let Some(status) = status {
            let day = days.entry(day_of_quarter(quarter)).or_default();
            day.statuses.add(status, Sums::from(row));
        }
    })
    .await?;
    for (day, sum) in sales.by_period(asked.trend, &asked.clock()).await?.finish() {
        if let Ok(day) = u32::try_from(day) {
            days.entry(day).or_default().sum = sum;
        }
    }
    Ok(days)
}

/// Numbers in order as runs of those that follow each other.
fn runs(numbers: &[u32]) -> Vec<(u32, u32)> {
    let chunks = numbers.chunk_by(|a, b| a + 1 == *b);
    chunks.filter_map(|run| Some((*run.first()?, *run.last()?))).collect()
}

fn plain(
    from: ReadContext<'_>,
    (level, bucket): (Level, u32),
    Figures { sum, statuses }: &Figures,
    customers: i64,
) -> PlainSales {
    let [discounts, delivery_fees, tax] = sum.money;
    let status = |status| {
        let Sums { orders, quantity, amount } = statuses.of(status);
        PlainStatus { orders, units: Decimal(quantity), sales: Decimal(amount) }
    };
    let amount = |units| Decimal(projections::money::Money(units));
    PlainSales {
        date: Date(quarter_start(bucket::first_quarter(level, bucket))),
        orders: sum.orders(),
        units: Decimal(Quantity(sum.sold[1])),
        gross_sales: Decimal(sum.gross()),
        discounts: amount(discounts),
        returns: Decimal(sum.returned()),
        net_sales: Decimal(sum.net(Statuses::Sold)),
        tax: amount(tax),
        delivery_fees: amount(delivery_fees),
        customers,
        statuses: PlainStatuses {
            completed: status(Status::Completed),
            pending: status(Status::Pending),
            failed: status(Status::Failed),
            returned: status(Status::Returned),
        },
        currency: from.snapshot.checkpoint.settings.currency.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_follow_each_other_are_read_together() {
        assert_eq!(runs(&[3, 4, 5, 9, 11, 12]), [(3, 5), (9, 9), (11, 12)]);
        assert_eq!(runs(&[]), []);
    }
}
