//! The six kinds of event, parsed once at the edge into types that cannot be wrong.
//!
//! Layout: one file per kind; `parse` is the way in; `fields` finds the members of a JSON object,
//! `values` reads one of them and `reader` collects every reason; `cloud` unwraps `CloudEvents` in
//! both forms of their NATS binding; `vocabulary` has the closed words.

mod activity;
mod cloud;
mod customer;
mod feedback;
mod fields;
mod parse;
mod product;
#[cfg(test)]
mod properties;
mod reader;
mod stock;
mod transaction;
mod values;
mod vocabulary;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::time::Time;

pub use parse::{parse, parse_message};

/// What an event is about; the second token of its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A sale, its corrections and its return, by `transactionId`.
    Transaction,
    /// Something a visitor did, by `activityId`; a fact that is never corrected.
    Activity,
    /// A rating, by `feedbackId`.
    Feedback,
    /// A product of the catalogue, by `productId`.
    Product,
    /// The stock of a product, by `productId`.
    Stock,
    /// What is known of a customer, by `userId`.
    Customer,
}

/// The closed vocabulary of a transaction's `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Counts as revenue.
    Completed,
    /// Not paid yet.
    Pending,
    /// Will not be paid.
    Failed,
    /// Given back.
    Returned,
}

/// What bounds an event from outside its own text.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// The latest instant a date may name: the log's time and 24 h.
    pub latest: Time,
    /// The shop's currency; an event that names another is refused.
    pub currency: &'a str,
}

/// One reason why an event was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The field as the producer wrote it (`shippingAddress.country`), a header
    /// (`ce-specversion`), or empty for the whole body. Fields within the `data` of a structured
    /// `CloudEvent` are named as they are there.
    pub field: Cow<'static, str>,
    /// What is wrong and what is allowed. Never repeats the value.
    pub message: String,
}

/// An event of any kind, borrowing from its payload where the text needs no unescaping.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// See [`Transaction`].
    Transaction(Transaction<'a>),
    /// See [`Activity`].
    Activity(Activity<'a>),
    /// See [`Feedback`].
    Feedback(Feedback<'a>),
    /// See [`Product`].
    Product(Product<'a>),
    /// See [`Stock`].
    Stock(Stock<'a>),
    /// See [`Customer`].
    Customer(Customer<'a>),
}

impl Event<'_> {
    /// What the event is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Transaction(_) => Kind::Transaction,
            Self::Activity(_) => Kind::Activity,
            Self::Feedback(_) => Kind::Feedback,
            Self::Product(_) => Kind::Product,
            Self::Stock(_) => Kind::Stock,
            Self::Customer(_) => Kind::Customer,
        }
    }

    /// The id of the entity, which events of one kind are ordered by: `transactionId`,
    /// `activityId`, `feedbackId`, `productId` (also of a stock) or `userId`.
    #[must_use]
    pub fn entity(&self) -> &str {
        match self {
            Self::Transaction(it) => &it.transaction_id,
            Self::Activity(it) => &it.activity_id,
            Self::Feedback(it) => &it.feedback_id,
            Self::Product(it) => &it.product_id,
            Self::Stock(it) => &it.product_id,
            Self::Customer(it) => &it.user_id,
        }
    }

    /// The same event with texts of its own, which outlives its payload.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Transaction(it) => Event::Transaction(it.into_owned()),
            Self::Activity(it) => Event::Activity(it.into_owned()),
            Self::Feedback(it) => Event::Feedback(it.into_owned()),
            Self::Product(it) => Event::Product(it.into_owned()),
            Self::Stock(it) => Event::Stock(it.into_owned()),
            Self::Customer(it) => Event::Customer(it.into_owned()),
        }
    }
}

/// A sale as its latest event states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Transaction<'a> {
    /// Identity.
    pub transaction_id: Cow<'a, str>,
    /// The customer.
    pub user_id: Cow<'a, str>,
    /// `totalPrice`, not negative.
    pub total_price: Money,
    /// Whether a number with more than 4 decimals was rounded.
    pub rounded: bool,
    /// `transactionDate`.
    pub at: Time,
    /// The product, if named.
    pub product_id: Option<Cow<'a, str>>,
    /// Items, 1 to 1,000,000.
    pub quantity: u32,
    /// Status, `completed` where absent.
    pub status: Status,
    /// Trimmed; `credit_card` where absent.
    pub payment_method: Cow<'a, str>,
    /// Trimmed, if stated.
    pub category: Option<Cow<'a, str>>,
    /// `shippingAddress.country`, trimmed. The rest of the address is personal and is left out.
    pub country: Option<Cow<'a, str>>,
    /// The producer's version of this entity.
    pub updated_at: Option<Time>,
}

/// Something a visitor did.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity<'a> {
    /// Identity.
    pub activity_id: Cow<'a, str>,
    /// The customer.
    pub user_id: Cow<'a, str>,
    /// `activityType`, trimmed, open vocabulary.
    pub activity_type: Cow<'a, str>,
    /// `timestamp`.
    pub at: Time,
    /// The product, if named.
    pub product_id: Option<Cow<'a, str>>,
    /// Trimmed, if stated.
    pub device: Option<Cow<'a, str>>,
    /// Trimmed, if stated.
    pub page: Option<Cow<'a, str>>,
    /// Trimmed, if stated.
    pub country: Option<Cow<'a, str>>,
    /// If stated.
    pub session_id: Option<Cow<'a, str>>,
}

/// A rating of a product.
#[derive(Debug, Clone, PartialEq)]
pub struct Feedback<'a> {
    /// Identity.
    pub feedback_id: Cow<'a, str>,
    /// The customer.
    pub user_id: Cow<'a, str>,
    /// The product.
    pub product_id: Cow<'a, str>,
    /// 1 to 5.
    pub rating: u8,
    /// `feedbackDate`.
    pub at: Time,
    /// At most 500 characters.
    pub comment: Option<Cow<'a, str>>,
    /// The producer's version of this entity.
    pub updated_at: Option<Time>,
}

/// A product as the catalogue states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Product<'a> {
    /// Identity.
    pub product_id: Cow<'a, str>,
    /// At most 100 characters.
    pub name: Cow<'a, str>,
    /// Trimmed, open vocabulary.
    pub category: Cow<'a, str>,
    /// Not negative.
    pub price: Money,
    /// Whether a number with more than 4 decimals was rounded.
    pub rounded: bool,
    /// Items on hand; absent leaves the last known.
    pub stock: Option<i64>,
    /// At most 500 characters.
    pub description: Option<Cow<'a, str>>,
    /// Where a picture is.
    pub image_url: Option<Cow<'a, str>>,
    /// When the catalogue took it in.
    pub added_date: Option<Time>,
    /// `lastUpdated`: the producer's version of this entity.
    pub updated_at: Option<Time>,
}

/// The stock of a product.
#[derive(Debug, Clone, PartialEq)]
pub struct Stock<'a> {
    /// Identity.
    pub product_id: Cow<'a, str>,
    /// Items on hand.
    pub stock: i64,
    /// The producer's version of the stock.
    pub updated_at: Option<Time>,
}

/// What is known of a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer<'a> {
    /// Identity.
    pub user_id: Cow<'a, str>,
    /// If stated.
    pub username: Option<Cow<'a, str>>,
    /// If stated.
    pub email: Option<Cow<'a, str>>,
    /// If stated.
    pub first_name: Option<Cow<'a, str>>,
    /// If stated.
    pub last_name: Option<Cow<'a, str>>,
    /// Trimmed, if stated.
    pub country: Option<Cow<'a, str>>,
    /// When the shop took the customer in.
    pub created_at: Option<Time>,
    /// The producer's version of this entity.
    pub updated_at: Option<Time>,
}
