//! The few ids, words, dates and amounts of which bodies are made, so that events meet.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

pub const IDS: [&str; 4] = ["a", "b", "c", "d"];
pub const USERS: [&str; 4] = ["u0", "u1", "guest-2", "guest-3"];
/// Orders that are stated by transactions, and one that is stated by events as well.
pub const GROUPS: [&str; 3] = ["g0", "g1", "o0"];
pub const PRODUCTS: [&str; 3] = ["p0", "p1", "p2"];
pub const WORDS: [&str; 5] = ["x", "y", " z ", "(none)", "(other)"];
pub const AMOUNTS: [&str; 6] = ["0", "12.5", "\"7.2500000\"", "0.00005", "19.99999", "1000000000"];
pub const QUANTITIES: [&str; 5] = ["1", "\"3\"", "0.75", "2.0005", "1000000"];
/// Both sides of a quarter hour, of a day, of a month and of a year, among others.
pub const DATES: [&str; 10] = [
    "2026-11-20T10:07:00Z",
    "2026-11-20T10:14:59.999Z",
    "2026-11-20T10:15:00Z",
    "2026-11-20T23:59:59.999Z",
    "2026-11-21T00:00:00Z",
    "2026-10-31T23:50:00Z",
    "2026-11-01T00:00:00Z",
    "2025-12-31T23:45:00Z",
    "2024-02-29T12:00:00+05:45",
    "1970-01-01T00:00:00Z",
];

pub fn optional(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    prop::option::of(value)
}

pub fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = Value> + Clone {
    select(values).prop_map(|value| json!(value))
}

pub fn number(texts: &'static [&'static str]) -> impl Strategy<Value = Value> {
    select(texts).prop_map(|text| serde_json::from_str(text).unwrap())
}

pub type Version = BoxedStrategy<Option<Value>>;

pub fn object(members: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> String {
    let members: Map<String, Value> =
        members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    Value::Object(members).to_string()
}

/// The entity's own customer mostly, sometimes another.
pub fn owned() -> impl Strategy<Value = (Value, Value)> {
    (0..IDS.len(), prop_oneof![9 => Just(0), 1 => 1..USERS.len()])
        .prop_map(|(id, off)| (json!(IDS[id]), json!(USERS[(id + off) % USERS.len()])))
}
