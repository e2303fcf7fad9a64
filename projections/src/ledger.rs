//! The ledger: what is counted now of every transaction and every rating, so that it can be
//! taken out again to the digit.

use serde::{Deserialize, Serialize};

use crate::event::{self, Status};
use crate::money::Money;
use crate::rank::Rank;
use crate::sums::Sums;
use crate::time::Time;

/// Names an entity of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerKey(Box<str>);

impl LedgerKey {
    /// The key of a transaction.
    #[must_use]
    pub fn transaction(id: &str) -> Self {
        Self::of('t', id)
    }

    /// The key of a rating.
    #[must_use]
    pub fn feedback(id: &str) -> Self {
        Self::of('f', id)
    }

    fn of(kind: char, id: &str) -> Self {
        let mut key = String::with_capacity(id.len() + 2);
        key.push(kind);
        key.push(':');
        key.push_str(id);
        LedgerKey(key.into())
    }

    /// The document's id: `t:` or `f:` and the entity's.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&LedgerKey> for LedgerKey {
    fn from(key: &LedgerKey) -> Self {
        key.clone()
    }
}

impl From<&str> for LedgerKey {
    fn from(id: &str) -> Self {
        LedgerKey(id.into())
    }
}

/// An entity of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum LedgerRow {
    /// A transaction.
    Transaction(Sale),
    /// A rating.
    Feedback(Rating),
}

impl LedgerRow {
    /// The age of the event that says what is counted.
    #[must_use]
    pub fn rank(&self) -> Rank {
        match self {
            LedgerRow::Transaction(sale) => sale.rank,
            LedgerRow::Feedback(rating) => rating.rank,
        }
    }

    /// The same, to be moved on.
    pub(crate) fn rank_mut(&mut self) -> &mut Rank {
        match self {
            LedgerRow::Transaction(sale) => &mut sale.rank,
            LedgerRow::Feedback(rating) => &mut rating.rank,
        }
    }
}

/// A transaction as its newest event states it, and where it is counted.
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
    /// What it cost.
    pub amount: Money,
    /// How many items.
    pub quantity: u32,
    /// Its event time.
    pub at: Time,
    /// As stated.
    pub payment_method: Box<str>,
    /// Stated by its newest event or, while the product stays the same, an earlier one; else the
    /// catalogue's from when the sale first named the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Box<str>>,
    /// As stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Box<str>>,
    /// The codes it is counted under: category, payment method and country, in the vocabularies
    /// of its month.
    pub cell: [u16; 3],
    /// The age of the event that said so.
    #[serde(flatten)]
    pub rank: Rank,
}

impl Sale {
    /// What it adds to every sum it is part of.
    #[must_use]
    pub fn sums(&self) -> Sums {
        Sums { orders: 1, quantity: i64::from(self.quantity), amount: self.amount }
    }

    /// Whether an event states just what is counted already. One that states no category leaves
    /// the sale's as it is.
    #[must_use]
    pub fn says_the_same(&self, event: &event::Transaction<'_>) -> bool {
        let category = event.category.as_deref();
        self.status == event.status
            && self.amount == event.total_price
            && self.quantity == event.quantity
            && self.at == event.at
            && *self.user == *event.user_id
            && self.product.as_deref() == event.product_id.as_deref()
            && *self.payment_method == *event.payment_method
            && (category.is_none() || self.category.as_deref() == category)
            && self.country.as_deref() == event.country.as_deref()
    }
}

/// A rating as its newest event states it, and where it is counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rating {
    /// The customer.
    pub user: Box<str>,
    /// The product.
    pub product: Box<str>,
    /// 1 to 5.
    pub rating: u8,
    /// Its event time.
    pub at: Time,
    /// What the customer wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Box<str>>,
    /// The age of the event that said so.
    #[serde(flatten)]
    pub rank: Rank,
}

impl Rating {
    /// Whether an event states just what is counted already.
    #[must_use]
    pub fn says_the_same(&self, event: &event::Feedback<'_>) -> bool {
        self.rating == event.rating
            && self.at == event.at
            && *self.user == *event.user_id
            && *self.product == *event.product_id
            && self.comment.as_deref() == event.comment.as_deref()
    }
}
