//! The stored form of a refund.

use serde::{Deserialize, Serialize};

use crate::days::Days;
use crate::fold::version::Version;
use crate::money::Money;
use crate::quantity::Quantity;
use crate::rates::foreign::Foreign;
use crate::time::Time;

/// A refund as its newest event states it. One that names an order or a transaction is counted with
/// that; one that names neither is counted by itself, in the place that it has here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// The order, if named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Box<str>>,
    /// The transaction, if named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Box<str>>,
    /// The line, if named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<Box<str>>,
    /// The product, if named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Box<str>>,
    /// The customer, if named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Box<str>>,
    /// The amount that was given back; in another currency, by the rate that it has by itself, and
    /// zero while it has none.
    pub amount: Money,
    /// The same as stated, in another currency than the shop's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
    /// Units that came back with it.
    pub quantity: Quantity,
    /// The time at which the shop processed it.
    pub at: Time,
    /// As stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Box<str>>,
    /// As stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Box<str>>,
    /// The place where it is counted, if it names neither an order nor a transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<Alone>,
    /// The days in which it contributes to a figure.
    #[serde(default, skip_serializing_if = "Days::is_empty")]
    pub days: Days,
    /// The version of the event that stated this.
    #[serde(flatten)]
    pub version: Version,
}

/// The place where a refund of nothing known is counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alone {
    /// The customer's ordinal, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<u32>,
    /// The product's ordinal, or the reserved one's.
    pub sold: u32,
    /// The product's category in the catalogue when the refund first named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Box<str>>,
    /// The codes of that category, of no payment method, and of the country, in the shop's vocabularies.
    pub cell: [u16; 3],
}
