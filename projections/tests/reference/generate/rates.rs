//! Bodies of rates, and the currencies of the others.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::words::{DATES, Version, number, object, one_of};

pub const CURRENCIES: [&str; 3] = ["USD", "chf", "JPY"];
const RATES: [&str; 5] = ["0.5", "1.1", "0.0065", "0.8512345678", "\"7\""];
/// Days with sales, and days up to eight before them.
const RATE_DATES: [&str; 9] = [
    "2026-11-20",
    "2026-11-21",
    "2026-11-13",
    "2026-11-12",
    "2026-10-31",
    "2026-10-25",
    "2025-12-24",
    "2024-02-28",
    "1970-01-01",
];

/// Another currency sometimes, with a rate or without one.
pub fn foreign() -> impl Strategy<Value = (Option<Value>, Option<Value>)> {
    prop_oneof![
        4 => Just((None, None)),
        4 => one_of(&CURRENCIES).prop_map(|currency| (Some(currency), None)),
        1 => (one_of(&CURRENCIES), number(&RATES))
            .prop_map(|(currency, rate)| (Some(currency), Some(rate))),
        1 => Just((Some(json!("EUR")), Some(json!(2)))),
    ]
}

pub fn rate(version: Version) -> impl Strategy<Value = String> {
    (one_of(&CURRENCIES), number(&RATES), one_of(&RATE_DATES), version).prop_map(
        |(currency, rate, date, version)| {
            object([
                ("currency", Some(currency)),
                ("rate", Some(rate)),
                ("date", Some(date)),
                ("updatedAt", version),
            ])
        },
    )
}

/// The same rate for a currency wherever one is stated, and in the last one always.
pub fn rated_alike(body: &str) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str(body) else {
        return body.to_owned();
    };
    members.remove("exchangeRate");
    if members.get("currency") == Some(&json!(CURRENCIES[2])) {
        members.insert("exchangeRate".into(), json!(0.0065));
    }
    Value::Object(members).to_string()
}

/// Rates of all days with sales.
pub fn first_rates() -> Vec<String> {
    let days: BTreeSet<&str> = DATES.into_iter().map(|date| &date[..10]).collect();
    let mut bodies = Vec::new();
    for (n, date) in days.into_iter().enumerate() {
        for (currency, rate) in CURRENCIES.into_iter().zip([8_512, 5_000, 61]) {
            let rate = format!("0.{:04}", rate - n);
            bodies.push(json!({ "currency": currency, "rate": rate, "date": date }).to_string());
        }
    }
    bodies
}
