//! Bodies of every kind.

use projections::event::Kind;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::catalogue::{customer, product, stock};
use super::rates::rate;
use super::sales::bought;
use super::visits::{activity, rating, session};
use super::words::Version;

const MALFORMED: [(Kind, &str); 9] = [
    (Kind::Transaction, "{}"),
    (Kind::Activity, "not json"),
    (
        Kind::Transaction,
        r#"{"transactionId":"a","userId":"u0","totalPrice":1,"transactionDate":"2026-11-20","currency":"US"}"#,
    ),
    (
        Kind::Transaction,
        r#"{"transactionId":"a","userId":"u0","totalPrice":-1,"transactionDate":"2026-11-20"}"#,
    ),
    (
        Kind::Feedback,
        r#"{"feedbackId":"a","userId":"u0","productId":"p0","rating":6,"feedbackDate":"2026-11-20"}"#,
    ),
    (Kind::Stock, r#"{"productId":"p0","stock":1,"updatedAt":"2999-01-01"}"#),
    (Kind::Product, r#"{"productId":"(none)","name":"n","category":"x","price":1}"#),
    (
        Kind::Transaction,
        r#"{"transactionId":"a","userId":"u0","totalPrice":1,"transactionDate":"2026-11-20","productId":"(none)"}"#,
    ),
    (
        Kind::Feedback,
        r#"{"feedbackId":"a","userId":"u0","productId":"(none)","rating":5,"feedbackDate":"2026-11-20"}"#,
    ),
];

/// Names that stand for a member's.
const ALIASES: [(&str, &str); 18] = [
    ("userId", "user"),
    ("productId", "product_id"),
    ("totalPrice", "amount"),
    ("transactionDate", "created_at"),
    ("quantity", "qty"),
    ("activityType", "type"),
    ("name", "title"),
    ("stock", "qty"),
    ("orderDate", "createdAt"),
    ("lines", "cart"),
    ("orderStatus", "order_status"),
    ("paymentStatus", "payment_status"),
    ("deliveryStatus", "delivery_status"),
    ("paymentMethod", "payment_method"),
    ("deliveryFee", "delivery_fee"),
    ("shippingAddress", "shipping_address"),
    ("sessionId", "session_id"),
    ("startedAt", "created_at"),
];

/// The same statement with some members under another name.
fn renamed(body: &str, which: u32) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str(body) else {
        return body.to_owned();
    };
    for (at, (name, alias)) in ALIASES.into_iter().enumerate() {
        if which >> at & 1 == 1
            && let Some(value) = members.remove(name)
        {
            members.insert(alias.to_owned(), value);
        }
    }
    Value::Object(members).to_string()
}

/// An event of any kind, with some members under another name. Transactions may be lines of `groups`.
pub fn said(
    version: Version,
    groups: &'static [&'static str],
) -> impl Strategy<Value = (Kind, String)> {
    (said_by_name(version, groups), prop_oneof![3 => Just(0), 1 => any::<u32>()])
        .prop_map(|((kind, body), which)| (kind, renamed(&body, which)))
}

fn said_by_name(
    version: Version,
    groups: &'static [&'static str],
) -> impl Strategy<Value = (Kind, String)> {
    prop_oneof![
        20 => bought(version.clone(), groups),
        5 => activity().prop_map(|body| (Kind::Activity, body)),
        2 => session(version.clone()).prop_map(|body| (Kind::Session, body)),
        3 => rating(version.clone()).prop_map(|body| (Kind::Feedback, body)),
        3 => rate(version.clone()).prop_map(|body| (Kind::Rate, body)),
        3 => product(version.clone()).prop_map(|body| (Kind::Product, body)),
        2 => stock(version.clone()).prop_map(|body| (Kind::Stock, body)),
        3 => customer(version).prop_map(|body| (Kind::Customer, body)),
        1 => select(&MALFORMED[..]).prop_map(|(kind, body)| (kind, body.to_owned())),
    ]
}
