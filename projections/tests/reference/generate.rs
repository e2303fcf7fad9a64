//! Random logs over few ids, so that events meet.

use projections::event::Kind;
use projections::testing::Logged;
use projections::time::Time;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// 2026-11-21T12:00:00Z.
const BEGINS_MS: i64 = 1_795_262_400_000;
const DAY_MS: i64 = 24 * 3600 * 1000;

const IDS: [&str; 4] = ["a", "b", "c", "d"];
const USERS: [&str; 4] = ["u0", "u1", "guest-2", "guest-3"];
const PRODUCTS: [&str; 3] = ["p0", "p1", "p2"];
const WORDS: [&str; 5] = ["x", "y", " z ", "(none)", "(other)"];
const STATUSES: [&str; 4] = ["completed", "pending", "failed", "returned"];
const TYPES: [&str; 5] =
    ["viewed_product", "added_to_cart", "removed_from_cart", "purchased", "waved"];
const AMOUNTS: [&str; 6] = ["0", "12.5", "\"7.2500000\"", "0.00005", "19.99999", "1000000000"];
const QUANTITIES: [&str; 6] = ["1", "\"3\"", "0.75", "2.0005", "1000000", "\"\""];
const STOCKS: [&str; 6] = ["0", "1", "\"2\"", "12.5", "-3", "-0.0006"];
/// Both sides of a quarter hour, of a day, of a month and of a year, among others.
const DATES: [&str; 10] = [
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
/// Log time between messages: backwards, and around the window of 24 h.
const GAPS_MS: [i64; 8] =
    [-5_000, 1, 60_000, 6 * 3_600_000, DAY_MS - 1, DAY_MS, DAY_MS + 1, 2 * DAY_MS];

const MALFORMED: [(Kind, &str); 9] = [
    (Kind::Transaction, "{}"),
    (Kind::Activity, "not json"),
    (
        Kind::Transaction,
        r#"{"transactionId":"a","userId":"u0","totalPrice":1,"transactionDate":"2026-11-20","currency":"USD"}"#,
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

/// One event of a random log.
#[derive(Debug, Clone)]
pub struct Act {
    gap_ms: i64,
    replays: Option<u64>,
    pub kind: Kind,
    pub body: String,
}

/// The messages of a log, at every `stride`th position.
pub fn log(acts: &[Act], stride: u64) -> Vec<Logged> {
    let (mut now, mut position) = (BEGINS_MS, 0);
    acts.iter()
        .map(|act| {
            now += act.gap_ms;
            position += stride;
            Logged {
                position,
                log_time: Time(now),
                replay_of: act
                    .replays
                    .map(|back| position.saturating_sub(back * stride))
                    .filter(|earlier| *earlier > 0),
                kind: act.kind,
                body: act.body.clone(),
            }
        })
        .collect()
}

/// Any log: versions absent, equal, newer and older; replays; any log time; and earlier statements,
/// repeated at another version or at none.
pub fn acts(len: usize) -> impl Strategy<Value = Vec<Act>> {
    let act = (said(optional(version()).boxed()), gap(), replays());
    let act = act.prop_map(|((kind, body), gap_ms, replays)| Act { gap_ms, replays, kind, body });
    let echo = prop_oneof![
        3 => Just(None),
        1 => (1..6_usize, optional(version())).prop_map(Some),
    ];
    prop::collection::vec((act, echo), 1..len).prop_map(|told| {
        let mut acts: Vec<Act> = Vec::new();
        for (mut act, echo) in told {
            if let Some((back, version)) = echo
                && let Some(before) = acts.len().checked_sub(back).map(|at| &acts[at])
            {
                (act.kind, act.body) =
                    (before.kind, at_version(before.kind, &before.body, version));
            }
            acts.push(act);
        }
        acts
    })
}

/// A log of sales and their corrections alone.
pub fn sales(len: usize) -> impl Strategy<Value = Vec<Act>> {
    let act = sale(optional(version()).boxed()).prop_map(|body| Act {
        gap_ms: 1,
        replays: None,
        kind: Kind::Transaction,
        body,
    });
    prop::collection::vec(act, 1..len)
}

/// A quarter hour near one that has sales, in quarter hours since 1970.
pub fn quarter() -> impl Strategy<Value = u32> {
    (select(&DATES[..]), prop_oneof![-2..3_i64, -200..200_i64, -40_000..40_000_i64]).prop_map(
        |(date, off)| {
            let at = Time::parse(date).unwrap().0 / 900_000 + off;
            u32::try_from(at.max(0)).unwrap()
        },
    )
}

/// A log as an ETL run writes it: every event of an entity has a version of its own, nothing is
/// replayed, and all of it is within the window of activities.
pub fn versioned_acts(len: usize) -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(said(Just(None).boxed()), 1..len).prop_flat_map(|said| {
        let date = |n| json!(format!("2026-11-{:02}T{:02}:00:00Z", 1 + n / 24, n % 24));
        let versions: Vec<Value> = (0..said.len()).map(date).collect();
        (Just(said), Just(versions).prop_shuffle()).prop_map(|(said, versions)| {
            let with_version = said.into_iter().zip(versions).map(|((kind, body), version)| Act {
                gap_ms: 1,
                replays: None,
                kind,
                body: at_version(kind, &body, Some(version)),
            });
            with_version.collect()
        })
    })
}

/// The same statement at another version, or at none.
fn at_version(kind: Kind, body: &str, version: Option<Value>) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str(body) else {
        return body.to_owned();
    };
    let key = if kind == Kind::Product { "lastUpdated" } else { "updatedAt" };
    members.remove(key);
    members.extend(version.map(|version| (key.to_owned(), version)));
    Value::Object(members).to_string()
}

fn gap() -> impl Strategy<Value = i64> {
    prop_oneof![6 => Just(0), 6 => Just(1_000), 3 => select(&GAPS_MS[..])]
}

fn replays() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![6 => Just(None), 1 => (1..12_u64).prop_map(Some)]
}

fn version() -> impl Strategy<Value = Value> {
    (1..5).prop_map(|day| json!(format!("2026-11-0{day}")))
}

fn optional(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    prop::option::of(value)
}

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = Value> + Clone {
    select(values).prop_map(|value| json!(value))
}

fn number(texts: &'static [&'static str]) -> impl Strategy<Value = Value> {
    select(texts).prop_map(|text| serde_json::from_str(text).unwrap())
}

type Version = BoxedStrategy<Option<Value>>;

/// Names that stand for a member's.
const ALIASES: [(&str, &str); 8] = [
    ("userId", "user"),
    ("productId", "product_id"),
    ("totalPrice", "amount"),
    ("transactionDate", "created_at"),
    ("quantity", "qty"),
    ("activityType", "type"),
    ("name", "title"),
    ("stock", "qty"),
];

/// The same statement with some members under another name.
fn renamed(body: &str, which: u8) -> String {
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

fn said(version: Version) -> impl Strategy<Value = (Kind, String)> {
    (said_by_name(version), prop_oneof![3 => Just(0), 1 => any::<u8>()])
        .prop_map(|((kind, body), which)| (kind, renamed(&body, which)))
}

fn said_by_name(version: Version) -> impl Strategy<Value = (Kind, String)> {
    prop_oneof![
        8 => sale(version.clone()).prop_map(|body| (Kind::Transaction, body)),
        4 => activity().prop_map(|body| (Kind::Activity, body)),
        3 => rating(version.clone()).prop_map(|body| (Kind::Feedback, body)),
        3 => product(version.clone()).prop_map(|body| (Kind::Product, body)),
        2 => stock(version.clone()).prop_map(|body| (Kind::Stock, body)),
        3 => customer(version).prop_map(|body| (Kind::Customer, body)),
        1 => select(&MALFORMED[..]).prop_map(|(kind, body)| (kind, body.to_owned())),
    ]
}

fn object(members: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> String {
    let members: Map<String, Value> =
        members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    Value::Object(members).to_string()
}

/// The entity's own customer mostly, sometimes another.
fn owned() -> impl Strategy<Value = (Value, Value)> {
    (0..IDS.len(), prop_oneof![9 => Just(0), 1 => 1..USERS.len()])
        .prop_map(|(id, off)| (json!(IDS[id]), json!(USERS[(id + off) % USERS.len()])))
}

fn sale(version: Version) -> impl Strategy<Value = String> {
    let how_much = (number(&AMOUNTS), optional(number(&QUANTITIES)));
    let what = (optional(one_of(&PRODUCTS)), optional(one_of(&WORDS)), optional(one_of(&WORDS)));
    let address = optional(one_of(&WORDS).prop_map(|country| json!({ "country": country })));
    let rest = (one_of(&DATES), optional(one_of(&STATUSES)), address, version);
    (owned(), how_much, what, rest).prop_map(
        |((id, user), (amount, quantity), (product, category, method), rest)| {
            let (at, status, address, version) = rest;
            object([
                ("transactionId", Some(id)),
                ("userId", Some(user)),
                ("totalPrice", Some(amount)),
                ("transactionDate", Some(at)),
                ("quantity", quantity),
                ("productId", product),
                ("category", category),
                ("paymentMethod", method),
                ("status", status),
                ("shippingAddress", address),
                ("updatedAt", version),
            ])
        },
    )
}

fn activity() -> impl Strategy<Value = String> {
    let who = (one_of(&IDS), one_of(&USERS), one_of(&TYPES), optional(one_of(&DATES)));
    let word = || optional(one_of(&WORDS));
    (who, (optional(one_of(&PRODUCTS)), word(), word(), word())).prop_map(
        |((id, user, kind, at), (product, device, page, country))| {
            object([
                ("activityId", Some(id)),
                ("userId", Some(user)),
                ("activityType", Some(kind)),
                ("timestamp", at),
                ("productId", product),
                ("device", device),
                ("page", page),
                ("country", country),
            ])
        },
    )
}

fn rating(version: Version) -> impl Strategy<Value = String> {
    let what = (one_of(&PRODUCTS), 1..6, optional(one_of(&DATES)), optional(comment()));
    (owned(), what, version).prop_map(|((id, user), (product, rating, at, comment), version)| {
        object([
            ("feedbackId", Some(id)),
            ("userId", Some(user)),
            ("productId", Some(product)),
            ("rating", Some(json!(rating))),
            ("feedbackDate", at),
            ("comment", comment),
            ("updatedAt", version),
        ])
    })
}

/// Some are blank, and some too long.
fn comment() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => one_of(&["good", "bad", "", "\n"]),
        1 => Just(json!(false)),
        1 => (499..503_usize).prop_map(|chars| json!("ö".repeat(chars))),
    ]
}

fn product(version: Version) -> impl Strategy<Value = String> {
    let stock = optional(number(&STOCKS));
    let texts = (in_languages(), optional(in_languages()));
    (one_of(&PRODUCTS), one_of(&WORDS), number(&AMOUNTS), stock, texts, version).prop_map(
        |(id, category, price, stock, (name, description), version)| {
            object([
                ("productId", Some(id)),
                ("name", Some(name)),
                ("description", description),
                ("category", Some(category)),
                ("price", Some(price)),
                ("stock", stock),
                ("lastUpdated", version),
            ])
        },
    )
}

fn in_languages() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("n")),
        Just(json!({ "en": "n", "ar": "ن" })),
        Just(json!({ "en": "n", "ar": "", "de": false, "fr": null })),
    ]
}

fn stock(version: Version) -> impl Strategy<Value = String> {
    (one_of(&PRODUCTS), number(&STOCKS), version).prop_map(|(id, stock, version)| {
        object([("productId", Some(id)), ("stock", Some(stock)), ("updatedAt", version)])
    })
}

fn customer(version: Version) -> impl Strategy<Value = String> {
    let rest = (optional(one_of(&["Zoe", "Ann"])), optional(one_of(&DATES)));
    (one_of(&USERS), rest, version).prop_map(|(user, (name, created), version)| {
        object([
            ("userId", Some(user)),
            ("username", name),
            ("createdAt", created),
            ("updatedAt", version),
        ])
    })
}
