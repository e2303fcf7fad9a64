//! The stored form of a transaction.

use serde::{Deserialize, Serialize};

use super::status::Status;
use super::sums::Sums;
use crate::fold::version::Version;
use crate::money::Money;
use crate::quantity::Quantity;
use crate::time::Time;

/// A transaction as its newest event states it, and the place where it is counted.
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
    /// Status.
    pub status: Status,
    /// Its total price.
    pub amount: Money,
    /// The number of units.
    pub quantity: Quantity,
    /// Its event time.
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
    /// The version of the event that stated this.
    #[serde(flatten)]
    pub version: Version,
}

impl Sale {
    /// Its contribution to every sum that it is part of.
    #[must_use]
    pub fn sums(&self) -> Sums {
        Sums { orders: 1, quantity: self.quantity, amount: self.amount }
    }
}
