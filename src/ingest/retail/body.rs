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
use super::record::{Kind, Line, Record};
use super::row::{Decimal, Status};

/// The description of a derived product.
const DERIVED: &str = "Category and stock are derived for the demo.";
/// The longest product name, in characters.
const NAME_CHARS_MAX: usize = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Order<'a> {
    order_id: &'a str,
    invoice: &'a str,
    user_id: &'a str,
    order_date: String,
    lines: Vec<OrderLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_address: Option<Address<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderLine<'a> {
    line_id: String,
    product_id: &'a str,
    quantity: i64,
    price: Decimal,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refund<'a> {
    refund_id: &'a str,
    amount: Decimal,
    quantity: i64,
    at: String,
    product_id: &'a str,
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
}

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

impl<'a> OrderLine<'a> {
    fn of(line: &'a Line) -> Self {
        OrderLine {
            line_id: line.n.to_string(),
            product_id: &line.product,
            quantity: line.quantity,
            price: line.price,
        }
    }
}

/// The record as an event; a record has a line.
pub fn event(record: &Record) -> Option<Event> {
    let first = record.lines.first()?;
    Some(match record.kind {
        Kind::Order { number } => order(record, number),
        Kind::Refund => refund(record, first),
        Kind::Transaction(status) => transaction(record, first, status),
    })
}

fn order(record: &Record, number: u32) -> Event {
    let mut id = record.invoice.clone();
    if number > 1 {
        write!(id, ".{number}").expect("writing to a String cannot fail");
    }
    let body = json(&Order {
        order_id: &id,
        invoice: &record.invoice,
        user_id: &record.user,
        order_date: rfc3339(record.at),
        lines: record.lines.iter().map(OrderLine::of).collect(),
        shipping_address: stated(&record.country).map(|country| Address { country }),
    });
    Event { kind: "order", id, body }
}

fn refund(record: &Record, line: &Line) -> Event {
    let id = format!("{}-{}", record.invoice, line.n);
    let body = json(&Refund {
        refund_id: &id,
        amount: line.total,
        quantity: line.quantity,
        at: rfc3339(record.at),
        product_id: &line.product,
        user_id: &record.user,
        country: stated(&record.country),
    });
    Event { kind: "refund", id, body }
}

fn transaction(record: &Record, line: &Line, status: Status) -> Event {
    let id = format!("{}-{}", record.invoice, line.n);
    let body = json(&Transaction {
        transaction_id: &id,
        user_id: &record.user,
        product_id: &line.product,
        quantity: line.quantity,
        total_price: line.total,
        status,
        transaction_date: rfc3339(record.at),
        shipping_address: stated(&record.country).map(|country| Address { country }),
    });
    Event { kind: "transaction", id, body }
}

/// The product as its first sale shows it. The stock is made up only where `demo` asks for it.
pub fn product(line: &Line, demo: bool) -> Event {
    let name = stated(&line.description).unwrap_or(&line.product);
    let body = json(&Product {
        product_id: &line.product,
        name: name.chars().take(NAME_CHARS_MAX).collect(),
        category: category_of(&line.description),
        price: line.price,
        stock: demo.then(|| derived_stock(&line.product)),
        description: demo.then_some(DERIVED),
    });
    Event { kind: "product", id: line.product.clone(), body }
}

/// The customer as the first sale shows them.
pub fn customer(record: &Record) -> Event {
    let country = stated(&record.country);
    let body = json(&Customer { user_id: &record.user, country, created_at: rfc3339(record.at) });
    Event { kind: "customer", id: record.user.clone(), body }
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
