//! The sales of one thing, as lists and single answers have them.

use projections::fold::root::FoldSettings;
use projections::money::{self, Money};
use projections::quantity::{self, Quantity};
use projections::sales::Status;
use projections::sales::sums::Sums;
use serde::Serialize;
use utoipa::ToSchema;

use super::sales;
use crate::query::memory::ReadContext;
use crate::query::params::Selection;
use crate::query::sales::Sum;
use crate::query::statuses::Statuses;
use crate::store;

/// What was sold and what came back, in the range and statuses that were asked for.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SalesOfOne)]
pub struct Sold {
    orders: i64,
    #[serde(with = "quantity::as_number")]
    #[schema(value_type = f64)]
    units: Quantity,
    /// What was sold, less discounts.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    sales: Money,
    /// The number of returns.
    returned: i64,
    #[serde(with = "quantity::as_number")]
    #[schema(value_type = f64)]
    returned_units: Quantity,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    returned_amount: Money,
    /// Sales less what came back; of one status, sales.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    net_sales: Money,
}

impl Sold {
    /// A sum of read models with these settings.
    #[must_use]
    pub fn of(sum: &Sum, statuses: Statuses, settings: &FoldSettings) -> Self {
        Sold {
            orders: sum.orders(),
            units: settings.quantity(sum.sold[1]),
            sales: Money(sum.sold[2]),
            returned: sum.back[0],
            returned_units: settings.quantity(sum.back[1]),
            returned_amount: sum.returned(),
            net_sales: sum.net(statuses),
        }
    }
}

/// What was ever sold, of one status.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SalesOfStatus)]
pub struct ByStatus {
    status: &'static str,
    orders: i64,
    #[serde(with = "quantity::as_number")]
    #[schema(value_type = f64)]
    units: Quantity,
    /// What was sold, less discounts.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    sales: Money,
}

impl ByStatus {
    /// The sums of a status, of read models with these settings.
    #[must_use]
    pub fn of(status: Status, sums: Sums, settings: &FoldSettings) -> Self {
        ByStatus {
            status: status.as_str(),
            orders: sums.orders,
            units: settings.quantity(sums.quantity.0),
            sales: sums.amount,
        }
    }
}

/// The sales of one period.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PeriodOfOne)]
pub struct Period {
    /// The period's name.
    #[serde(rename = "_id")]
    label: String,
    orders: i64,
    #[serde(with = "quantity::as_number")]
    #[schema(value_type = f64)]
    units: Quantity,
    /// Sales less what came back.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    net_sales: Money,
}

/// The sales of a selection, and those of each period of its trend.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn periods(
    from: ReadContext<'_>,
    asked: &Selection,
) -> Result<(Sold, Vec<Period>), store::Error> {
    let settings = &from.snapshot.checkpoint.settings;
    let totals = sales::figures(from, asked).await?;
    let statuses = totals.statuses;
    let period = |(label, sum): (String, Sum)| Period {
        label,
        orders: sum.orders(),
        units: settings.quantity(sum.sold[1]),
        net_sales: sum.net(statuses),
    };
    let sold = Sold::of(&totals.sum, statuses, settings);
    Ok((sold, totals.periods.into_iter().map(period).collect()))
}
