//! `compare`: the figures of the other range, and the change from there, of every view that takes it.

use std::collections::BTreeSet;

use adaptive_bi::app::App;
use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::figures::{ZONES, day};
use super::rankings::{ask, same};
use crate::harness::Shop;

const DAY: i64 = 24 * 3600;
/// What happens lasts so many days, until the end of 2024.
const DAYS: i64 = 3 * 365;
const EVENTS: usize = 4_000;

/// A range, and those that it is compared with by `previous` and by `year`.
type Ranges = [(&'static str, &'static str); 3];

const RANGES: [Ranges; 5] = [
    [("2024-06-01", "2024-06-30"), ("2024-05-02", "2024-05-31"), ("2023-06-01", "2023-06-30")],
    [("2024-06-05", "2024-06-05"), ("2024-06-04", "2024-06-04"), ("2023-06-05", "2023-06-05")],
    // Of a leap year: the 29th of February is the 28th a year before.
    [("2024-02-29", "2024-03-03"), ("2024-02-25", "2024-02-28"), ("2023-02-28", "2023-03-03")],
    // Clocks change in each of the zones that change them, and on other days a year before.
    [("2024-03-05", "2024-04-09"), ("2024-01-29", "2024-03-04"), ("2023-03-05", "2023-04-09")],
    [("2024-10-01", "2024-11-08"), ("2024-08-23", "2024-09-30"), ("2023-10-01", "2023-11-08")],
];

/// Publishes orders, refunds and activities of three years; returns the last position.
pub async fn publish(shop: &Shop) -> u64 {
    let mut random = SmallRng::seed_from_u64(15);
    let begin = Utc.with_ymd_and_hms(2022, 1, 1, 0, 0, 0).unwrap().timestamp();
    let iso = |at: i64| DateTime::from_timestamp(at, 0).expect("a time").to_rfc3339();
    let mut events = Vec::new();
    for n in 0..EVENTS {
        let (user, at) = (
            format!("u{}", random.random_range(0..60)),
            begin + random.random_range(0..DAYS * DAY),
        );
        if n % 9 == 0 {
            let rating = random.random_range(1..6);
            events.push((
                "feedback",
                json!({
                    "feedbackId": format!("f{n}"), "userId": user, "productId": "p1",
                    "rating": rating, "feedbackDate": iso(at),
                }),
            ));
        }
        if n % 4 > 0 {
            events.push((
                "activity",
                json!({
                    "activityId": format!("a{n}"), "userId": user, "activityType": "viewed_product",
                    "timestamp": iso(at), "sessionId": format!("s{}", n / 3),
                }),
            ));
            continue;
        }
        let lines: Vec<Value> = (0..random.random_range(1..4))
            .map(|_| {
                json!({
                    "productId": format!("p{}", random.random_range(0..9)),
                    "quantity": random.random_range(1..4),
                    "price": random.random_range(1..9_999),
                })
            })
            .collect();
        events.push((
            "order",
            json!({
                "orderId": format!("o{n}"), "userId": user, "orderDate": iso(at), "lines": lines,
            }),
        ));
        if n % 5 == 0 {
            events.push((
                "refund",
                json!({
                    "refundId": format!("r{n}"), "orderId": format!("o{n}"), "amount": 1,
                    "at": iso(at + random.random_range(0..40 * DAY)),
                }),
            ));
        }
    }
    shop.publish_all(&events).await
}

pub async fn assert_all(shop: &Shop, app: &App) {
    let views = views(shop, app).await;
    assert!(views.len() >= 10, "{views:?}");
    let mut with_something = BTreeSet::new();
    for view in &views {
        for zone in ZONES {
            for [range, previous, year] in RANGES {
                let with = |(first, last): (&str, &str)| {
                    format!("{view}?startDate={first}&endDate={last}&tz={zone}")
                };
                for (word, other) in [("previous", previous), ("year", year)] {
                    is_as_long(range, other, word);
                    let alone = ask(shop, app, &with(range)).await;
                    let before = ask(shop, app, &with(other)).await;
                    let path = format!("{}&compare={word}", with(range));
                    let mut both = ask(shop, app, &path).await;
                    let members = both.as_object_mut().expect("figures");
                    let found = members.remove("comparison").expect("figures to compare with");
                    let change = members.remove("change").expect("a change");
                    assert!(same(&both, &alone), "{path}: {both} instead of {alone}");
                    assert!(same(&found, &before), "{path}: {found} instead of {before}");
                    assert!(!change.as_object().expect("figures").is_empty(), "{path}");
                    changed(&change, (&alone, &before), &path);
                    let mut names = change.as_object().expect("figures").keys();
                    if names.any(|name| figure(&before, name) != 0.0) {
                        with_something.insert((view, word));
                    }
                }
            }
        }
    }
    assert_eq!(with_something.len(), 2 * views.len(), "none is compared with nothing alone");
}

/// The views that the API's description says compare.
async fn views(shop: &Shop, app: &App) -> Vec<String> {
    let document = shop.get(app, "/api/openapi.json").await.body;
    let paths = document["paths"].as_object().expect("paths");
    let compares = |path: &Value| {
        let parameters = path["get"]["parameters"].as_array();
        parameters.is_some_and(|all| all.iter().any(|it| it["name"] == "compare"))
    };
    paths.iter().filter(|(_, it)| compares(it)).map(|(path, _)| path.clone()).collect()
}

/// Previous days are as many, and end where the range begins.
fn is_as_long(range: (&str, &str), other: (&str, &str), word: &str) {
    let days = |(first, last): (&str, &str)| (day(last) - day(first)).num_days();
    let next = |at: NaiveDate| at + TimeDelta::days(1);
    if word == "previous" {
        assert_eq!((days(other), next(day(other.1))), (days(range), day(range.0)));
    }
}

/// Every number of an answer that has a name, lists left out.
fn figures(of: &Value) -> Vec<(&str, f64)> {
    let mut found = Vec::new();
    for (name, value) in of.as_object().into_iter().flatten() {
        match value {
            Value::Number(number) => found.push((name.as_str(), number.as_f64().expect("finite"))),
            Value::Object(_) => found.extend(figures(value)),
            _ => {}
        }
    }
    found
}

/// The figure that a change is of. That of revenue has another name, orders by revenue are those of the
/// trend, and customers of the funnel those of a stage.
fn figure(of: &Value, name: &str) -> f64 {
    let stages = of["stages"].as_array().into_iter().flatten();
    if let Some(stage) = stages.into_iter().find(|stage| stage["stage"] == name) {
        return stage["users"].as_f64().expect("a number");
    }
    let name = if name == "revenue" { "netSales" } else { name };
    let found = figures(of).into_iter().find(|(it, _)| *it == name).map(|(_, value)| value);
    let of_trend = || {
        let bars = of["trends"].as_array().unwrap_or_else(|| panic!("{name} of {of}"));
        bars.iter().map(|bar| bar[name].as_f64().unwrap_or_else(|| panic!("{name} of {bar}"))).sum()
    };
    found.unwrap_or_else(of_trend)
}

/// Each change is the difference of the figures of that name, and that in percent.
fn changed(change: &Value, (now, before): (&Value, &Value), path: &str) {
    for (name, change) in change.as_object().expect("figures") {
        let (now, before) = (figure(now, name), figure(before, name));
        let difference = change["difference"].as_f64().expect("a number");
        assert!((difference - (now - before)).abs() < 0.000_2, "{path}: {name}: {change}");
        match change["percent"].as_f64() {
            None => assert!(before.abs() < f64::EPSILON, "{path}: {name}: {change}"),
            Some(percent) => {
                let exact = (now - before) / before.abs() * 100.0;
                assert!((percent - exact).abs() < 0.006, "{path}: {name}: {change}");
            }
        }
    }
}
