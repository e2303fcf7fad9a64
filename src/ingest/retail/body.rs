//! The JSON payloads of the importer's events.

#![expect(clippy::struct_field_names, reason = "the names are those on the wire")]

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::categories::category_of;
use super::event::Event;
use super::row::{Decimal, Row, Status};

/// The description of a derived product.
const DERIVED: &str = "Category and stock are derived for the demo.";
/// The longest product name, in characters.
const NAME_CHARS_MAX: usize = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Transaction<'a> {
    transaction_id: &'a str,
    user_id: &'a str,
    product_id: &'a str,
    quantity: i64,
    total_price: Decimal,
    status: Status,
    transaction_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_address: Option<Address<'a>>,
}

#[derive(Serialize)]
struct Address<'a> {
    country: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Product<'a> {
    product_id: &'a str,
    name: String,
    category: &'static str,
    price: Decimal,
    #[serde(skip_serializing_if = "Option::is_none")]
    stock: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Customer<'a> {
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    created_at: String,
}

/// The sale on the `n`th line of its invoice.
pub fn transaction(row: &Row<'_>, user_id: &str, n: u32) -> Event {
    let mut id = row.invoice.to_owned();
    write!(id, "-{n}").expect("writing to a String cannot fail");
    let body = json(&Transaction {
        transaction_id: &id,
        user_id,
        product_id: row.product,
        quantity: row.quantity,
        total_price: row.total,
        status: row.status,
        transaction_date: rfc3339(row.at),
        shipping_address: stated(row.country).map(|country| Address { country }),
    });
    Event { kind: "transaction", id, body }
}

/// The product as its first sale shows it. The stock is made up only where `demo` asks for it.
pub fn product(row: &Row<'_>, demo: bool) -> Event {
    let name = stated(row.description).unwrap_or(row.product);
    let body = json(&Product {
        product_id: row.product,
        name: name.chars().take(NAME_CHARS_MAX).collect(),
        category: category_of(row.description),
        price: row.price,
        stock: demo.then(|| derived_stock(row.product)),
        description: demo.then_some(DERIVED),
    });
    Event { kind: "product", id: row.product.to_owned(), body }
}

/// The customer as the first sale shows them.
pub fn customer(row: &Row<'_>, user_id: &str) -> Event {
    let country = stated(row.country);
    let body = json(&Customer { user_id, country, created_at: rfc3339(row.at) });
    Event { kind: "customer", id: user_id.to_owned(), body }
}

/// 0 to 400 items, under 20 for about 6 % of the codes; always the same for the same code.
fn derived_stock(stock_code: &str) -> u64 {
    let hash = Sha256::digest(stock_code.as_bytes());
    let word = |at: usize| u64::from(u32::from_be_bytes([0, 1, 2, 3].map(|i| hash[at + i])));
    if word(0) % 100 < 6 { word(4) % 20 } else { 20 + word(4) % 381 }
}

fn stated(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn json(payload: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(payload).expect("strings, integers and plain decimals are JSON")
}

impl Serialize for Decimal {
    /// As a JSON number with exactly these digits, which no float could promise.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Completed => "completed",
            Self::Returned => "returned",
        })
    }
}
