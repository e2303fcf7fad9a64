//! The stored form of a transaction.

use serde::{Deserialize, Serialize};

use super::status::Status;
use super::sums::Sums;
use crate::days::Days;
use crate::fold::version::Version;
use crate::history::History;
use crate::money::Money;
use crate::quantity::Quantity;
use crate::rates::foreign::Foreign;
use crate::time::Time;

/// A transaction as its newest events state it, and the place where it is counted.
///
/// It has two parts, each with a version of its own: the sale, which an event of any other status
/// states, and the return, which an event `returned` states. The newer part says what it counts as.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sale {
    /// The customer.
    pub user: Box<str>,
    /// The customer's ordinal.
    pub buyer: u32,
    /// The product, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Box<str>>,
    /// The product's ordinal, or the reserved one's.
    pub sold: u32,
    /// The status that it counts as: that of the newer part.
    pub status: Status,
    /// Its total price, before anything came back.
    pub amount: Money,
    /// The same as stated, in another currency than the shop's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
    /// The number of units.
    pub quantity: Quantity,
    /// The time of the sale.
    pub at: Time,
    /// As stated.
    pub payment_method: Box<str>,
    /// The category that its newest event states or, while the product stays the same, an earlier
    /// one; else the catalogue's at the time when the sale first named the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Box<str>>,
    /// As stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Box<str>>,
    /// The codes that it is counted under: category, payment method and country, in the
    /// vocabularies of its month.
    pub cell: [u16; 3],
    /// The same in the vocabularies of the shop.
    #[serde(default)]
    pub shop_cell: [u16; 3],
    /// The order that it is a line of, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Box<str>>,
    /// The return, if one was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Box<Returned>>,
    /// The days in which it contributes to a figure.
    #[serde(default, skip_serializing_if = "Days::is_empty")]
    pub days: Days,
    /// The version of the event that stated the sale, or of the return that stands in for it.
    #[serde(flatten)]
    pub version: Version,
    /// Its changes.
    #[serde(default, skip_serializing_if = "History::is_empty")]
    pub history: History,
}

/// The part of a transaction that events of status `returned` state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Returned {
    /// Its `transactionDate`.
    pub date: Time,
    /// Its `updatedAt`, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processed: Option<Time>,
    /// The status that the sale was stated with; absent while no event but returns has stated it, and
    /// the return stands in for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_as: Option<Status>,
    /// The version of the event that stated this.
    #[serde(flatten)]
    pub version: Version,
}

impl Sale {
    /// Its contribution to every sum that it is part of. A line of an order is no order by itself:
    /// the order counts as one.
    #[must_use]
    pub fn sums(&self) -> Sums {
        Sums {
            orders: i64::from(self.order.is_none()),
            quantity: self.quantity,
            amount: self.amount,
        }
    }

    /// The days in which it contributes: that of the sale, and that of the return.
    pub(super) fn days_counted(&self) -> Days {
        [Some(self.at), self.returned_at()].into_iter().flatten().collect()
    }

    /// The time at which it came back, if it counts as returned: the date of the return where that
    /// is later than the sale's, else its `updatedAt`, else the time of the sale.
    #[must_use]
    pub fn returned_at(&self) -> Option<Time> {
        let returned = self.returned.as_deref().filter(|_| self.status == Status::Returned)?;
        if returned.date > self.at {
            return Some(returned.date);
        }
        Some(returned.processed.unwrap_or(self.at))
    }
}
