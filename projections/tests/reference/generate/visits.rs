//! Bodies of what customers do besides: activities, sessions and ratings.

use projections::event::Kind;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::words::{DATES, IDS, PRODUCTS, USERS, Version, WORDS, object, one_of, optional, owned};

const SESSIONS: [&str; 3] = ["s0", "s1", "s2"];
const TYPES: [&str; 5] =
    ["viewed_product", "added_to_cart", "removed_from_cart", "purchased", "waved"];

pub fn activity() -> impl Strategy<Value = String> {
    let who = (one_of(&IDS), one_of(&USERS), one_of(&TYPES), optional(one_of(&DATES)));
    let word = || optional(one_of(&WORDS));
    let session = optional(one_of(&SESSIONS));
    (who, (optional(one_of(&PRODUCTS)), word(), word(), word(), session)).prop_map(
        |((id, user, kind, at), (product, device, page, country, session))| {
            object([
                ("activityId", Some(id)),
                ("userId", Some(user)),
                ("activityType", Some(kind)),
                ("timestamp", at),
                ("productId", product),
                ("device", device),
                ("page", page),
                ("country", country),
                ("sessionId", session),
            ])
        },
    )
}

/// Some end before they begin.
pub fn session(version: Version) -> impl Strategy<Value = String> {
    let when = (one_of(&DATES), optional(one_of(&DATES)));
    let word = || optional(one_of(&WORDS));
    let rest = (optional((0..3).prop_map(|pages| json!(pages))), version);
    (one_of(&SESSIONS), when, optional(one_of(&USERS)), (word(), word(), word()), rest).prop_map(
        |(id, (started, ended), user, (device, page, country), (pages, version))| {
            object([
                ("sessionId", Some(id)),
                ("startedAt", Some(started)),
                ("endedAt", ended),
                ("userId", user),
                ("device", device),
                ("page", page),
                ("country", country),
                ("pages", pages),
                ("updatedAt", version),
            ])
        },
    )
}

/// An activity of a visit, mostly one of the first customer and session.
pub fn visit() -> impl Strategy<Value = String> {
    let who = (select(&["u0", "u0", "guest-2"][..]), select(&["s0", "s0", "s0", "s1"][..]));
    let kind =
        select(&["viewed_product", "viewed_product", "added_to_cart", "purchased", "waved"][..]);
    let what = (optional(one_of(&["p0", "p1"])), select(&["phone", "desk"][..]));
    (who, kind, what).prop_map(|((user, session), kind, (product, device))| {
        object([
            ("userId", Some(json!(user))),
            ("activityType", Some(json!(kind))),
            ("productId", product),
            ("device", Some(json!(device))),
            ("page", Some(json!("/"))),
            ("sessionId", Some(json!(session))),
        ])
    })
}

/// An activity of a visit; seldom a session that is stated, or a product's category.
pub fn visited() -> impl Strategy<Value = (Kind, String)> {
    let stated = session(optional(one_of(&["2026-11-01", "2026-11-02"])).boxed());
    let product = (one_of(&["p0", "p1"]), one_of(&["x", "y"])).prop_map(|(id, category)| {
        json!({ "productId": id, "name": "n", "category": category, "price": 1 }).to_string()
    });
    prop_oneof![
        60 => visit().prop_map(|body| (Kind::Activity, body)),
        1 => stated.prop_map(|body| (Kind::Session, body)),
        1 => product.prop_map(|body| (Kind::Product, body)),
    ]
}

/// Products, and activities of another session, that make the words of [`visit`] known in each month.
pub fn first_visits() -> Vec<(Kind, String)> {
    let product = |id, category| {
        let body = json!({ "productId": id, "name": "n", "category": category, "price": 1 });
        (Kind::Product, body.to_string())
    };
    let mut first = vec![product("p0", "x"), product("p1", "y")];
    let kinds = ["viewed_product", "added_to_cart", "purchased", "waved", "viewed_product"];
    for (n, kind) in kinds.into_iter().enumerate() {
        let (product, device) = (["p0", "p1"][n % 2], ["phone", "desk"][n / 4]);
        let body = json!({
            "activityId": format!("first-{n}"), "userId": "u1", "activityType": kind,
            "timestamp": "2026-11-20T00:00:00Z", "productId": product, "page": "/",
            "device": device,
        });
        first.push((Kind::Activity, body.to_string()));
    }
    first
}

pub fn rating(version: Version) -> impl Strategy<Value = String> {
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
