//! Bodies of every kind, over few ids, words and dates.

use std::collections::BTreeSet;

use projections::event::Kind;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const IDS: [&str; 4] = ["a", "b", "c", "d"];
const SESSIONS: [&str; 3] = ["s0", "s1", "s2"];
pub const USERS: [&str; 4] = ["u0", "u1", "guest-2", "guest-3"];
const ORDERS: [&str; 3] = ["o0", "o1", "o2"];
/// Orders that are stated by transactions, and one that is stated by events as well.
pub const GROUPS: [&str; 3] = ["g0", "g1", "o0"];
const LINES: [&str; 4] = ["1", "2", "a", "b"];
const REFUNDS: [&str; 6] = ["r0", "r1", "r2", "r3", "r4", "r5"];
const ORDER_STATUSES: [&str; 5] = ["pending", "processing", "shipped", "delivered", "cancelled"];
const PAYMENT_STATUSES: [&str; 3] = ["pending", "paid", "failed"];
const DELIVERY_STATUSES: [&str; 4] = ["pending", "assigned", "picked", "delivered"];
const METHODS: [&str; 3] = ["cod", "card", "(other)"];
const PRODUCTS: [&str; 3] = ["p0", "p1", "p2"];
const WORDS: [&str; 5] = ["x", "y", " z ", "(none)", "(other)"];
const STATUSES: [&str; 4] = ["completed", "pending", "failed", "returned"];
const TYPES: [&str; 5] =
    ["viewed_product", "added_to_cart", "removed_from_cart", "purchased", "waved"];
const AMOUNTS: [&str; 6] = ["0", "12.5", "\"7.2500000\"", "0.00005", "19.99999", "1000000000"];
const QUANTITIES: [&str; 5] = ["1", "\"3\"", "0.75", "2.0005", "1000000"];
const LOCATIONS: [&str; 3] = ["1", "2", "7"];
const STOCKS: [&str; 6] = ["0", "1", "\"2\"", "12.5", "-3", "-0.0006"];
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
const CURRENCIES: [&str; 3] = ["USD", "chf", "JPY"];
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

pub fn optional(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    prop::option::of(value)
}

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = Value> + Clone {
    select(values).prop_map(|value| json!(value))
}

fn number(texts: &'static [&'static str]) -> impl Strategy<Value = Value> {
    select(texts).prop_map(|text| serde_json::from_str(text).unwrap())
}

pub type Version = BoxedStrategy<Option<Value>>;

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

/// An event of a sale, an order, its statuses or a refund.
pub fn bought(
    version: Version,
    groups: &'static [&'static str],
) -> impl Strategy<Value = (Kind, String)> {
    prop_oneof![
        8 => sale(version.clone(), groups).prop_map(|body| (Kind::Transaction, body)),
        4 => order(version.clone()).prop_map(|body| (Kind::Order, body)),
        4 => order_status().prop_map(|body| (Kind::OrderStatus, body)),
        4 => refund(version).prop_map(|body| (Kind::Refund, body)),
    ]
}

pub fn object(members: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> String {
    let members: Map<String, Value> =
        members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    Value::Object(members).to_string()
}

/// Another currency sometimes, with a rate or without one.
fn foreign() -> impl Strategy<Value = (Option<Value>, Option<Value>)> {
    prop_oneof![
        4 => Just((None, None)),
        4 => one_of(&CURRENCIES).prop_map(|currency| (Some(currency), None)),
        1 => (one_of(&CURRENCIES), number(&RATES))
            .prop_map(|(currency, rate)| (Some(currency), Some(rate))),
        1 => Just((Some(json!("EUR")), Some(json!(2)))),
    ]
}

fn rate(version: Version) -> impl Strategy<Value = String> {
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

/// The entity's own customer mostly, sometimes another.
fn owned() -> impl Strategy<Value = (Value, Value)> {
    (0..IDS.len(), prop_oneof![9 => Just(0), 1 => 1..USERS.len()])
        .prop_map(|(id, off)| (json!(IDS[id]), json!(USERS[(id + off) % USERS.len()])))
}

pub fn sale(version: Version, groups: &'static [&'static str]) -> impl Strategy<Value = String> {
    let how_much = (number(&AMOUNTS), optional(number(&QUANTITIES)));
    let what = (optional(one_of(&PRODUCTS)), optional(one_of(&WORDS)), optional(one_of(&WORDS)));
    let address = optional(one_of(&WORDS).prop_map(|country| json!({ "country": country })));
    let order = prop_oneof![2 => Just(None), 1 => one_of(groups).prop_map(Some)];
    let rest = (one_of(&DATES), optional(one_of(&STATUSES)), address, order, version, foreign());
    (owned(), how_much, what, rest).prop_map(
        |((id, user), (amount, quantity), (product, category, method), rest)| {
            let (at, status, address, order, version, (currency, rate)) = rest;
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
                ("orderId", order),
                ("updatedAt", version),
                ("currency", currency),
                ("exchangeRate", rate),
            ])
        },
    )
}

pub fn line() -> impl Strategy<Value = Value> {
    let what = (optional(one_of(&PRODUCTS)), optional(one_of(&WORDS)), optional(one_of(&LINES)));
    let how_much = (
        number(&QUANTITIES),
        number(&AMOUNTS),
        optional(number(&AMOUNTS)),
        optional(number(&AMOUNTS)),
    );
    (what, how_much).prop_map(|((product, category, id), (quantity, price, discount, cost))| {
        let line = object([
            ("lineId", id),
            ("productId", product),
            ("category", category),
            ("quantity", Some(quantity)),
            ("price", Some(price)),
            ("discount", discount),
            ("cost", cost),
        ]);
        serde_json::from_str(&line).unwrap()
    })
}

/// The order's own customer mostly, sometimes another.
fn placed() -> impl Strategy<Value = (Value, Value)> {
    (0..ORDERS.len(), prop_oneof![9 => Just(0), 1 => 1..USERS.len()])
        .prop_map(|(id, off)| (json!(ORDERS[id]), json!(USERS[(id + off) % USERS.len()])))
}

fn order(version: Version) -> impl Strategy<Value = String> {
    let money = (
        optional(number(&AMOUNTS)),
        optional(number(&AMOUNTS)),
        optional(number(&AMOUNTS)),
        optional(number(&AMOUNTS)),
    );
    let statuses = (
        optional(one_of(&ORDER_STATUSES)),
        optional(one_of(&PAYMENT_STATUSES)),
        optional(one_of(&DELIVERY_STATUSES)),
    );
    let country = optional(one_of(&WORDS).prop_map(|country| json!({ "country": country })));
    let rest = (one_of(&DATES), optional(one_of(&METHODS)), country, version, foreign());
    (placed(), prop::collection::vec(line(), 1..4), money, statuses, rest).prop_map(
        |(
            (id, user),
            lines,
            (discount, fee, tax, total),
            statuses,
            (at, method, country, version, (currency, rate)),
        )| {
            object([
                ("orderId", Some(id)),
                ("userId", Some(user)),
                ("orderDate", Some(at)),
                ("lines", Some(json!(lines))),
                ("discount", discount),
                ("deliveryFee", fee),
                ("tax", tax),
                ("total", total),
                ("orderStatus", statuses.0),
                ("paymentStatus", statuses.1),
                ("deliveryStatus", statuses.2),
                ("paymentMethod", method),
                ("shippingAddress", country),
                ("updatedAt", version),
                ("currency", currency),
                ("exchangeRate", rate),
            ])
        },
    )
}

fn order_status() -> impl Strategy<Value = String> {
    let statuses = (
        optional(one_of(&ORDER_STATUSES)),
        one_of(&PAYMENT_STATUSES),
        optional(one_of(&DELIVERY_STATUSES)),
    );
    (prop_oneof![one_of(&ORDERS), one_of(&GROUPS)], one_of(&DATES), statuses).prop_map(
        |(id, at, statuses)| {
            object([
                ("orderId", Some(id)),
                ("at", Some(at)),
                ("orderStatus", statuses.0),
                ("paymentStatus", Some(statuses.1)),
                ("deliveryStatus", statuses.2),
            ])
        },
    )
}

fn refund(version: Version) -> impl Strategy<Value = String> {
    let of = prop_oneof![
        3 => one_of(&ORDERS).prop_map(|id| (Some(id), None)),
        2 => one_of(&GROUPS).prop_map(|id| (Some(id), None)),
        3 => one_of(&IDS).prop_map(|id| (None, Some(id))),
        1 => (one_of(&GROUPS), one_of(&IDS)).prop_map(|(order, id)| (Some(order), Some(id))),
        1 => Just((None, None)),
    ];
    let part = (optional(one_of(&LINES)), optional(one_of(&PRODUCTS)));
    let rest = (one_of(&DATES), optional(one_of(&USERS)), optional(one_of(&WORDS)), version);
    let how_much = (number(&AMOUNTS), optional(number(&QUANTITIES)), foreign());
    (one_of(&REFUNDS), of, part, how_much, rest).prop_map(
        |(id, (order, transaction), (line, product), (amount, quantity, foreign), rest)| {
            let (at, user, country, version) = rest;
            object([
                ("refundId", Some(id)),
                ("amount", Some(amount)),
                ("at", Some(at)),
                ("orderId", order),
                ("transactionId", transaction),
                ("lineId", line),
                ("productId", product),
                ("quantity", quantity),
                ("userId", user),
                ("country", country),
                ("updatedAt", version),
                ("currency", foreign.0),
                ("exchangeRate", foreign.1),
            ])
        },
    )
}

fn activity() -> impl Strategy<Value = String> {
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
fn session(version: Version) -> impl Strategy<Value = String> {
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
    let stocks = (optional(number(&STOCKS)), optional(locations()));
    let texts = (in_languages(), optional(in_languages()));
    let rest = (optional(number(&AMOUNTS)), gone(), version);
    (one_of(&PRODUCTS), one_of(&WORDS), number(&AMOUNTS), stocks, texts, rest).prop_map(
        |(id, category, price, (stock, locations), (name, description), (cost, gone, version))| {
            object([
                ("productId", Some(id)),
                ("name", Some(name)),
                ("description", description),
                ("category", Some(category)),
                ("price", Some(price)),
                ("cost", cost),
                ("stock", stock),
                ("locationStocks", locations),
                gone,
                ("lastUpdated", version),
            ])
        },
    )
}

/// Up to three locations, of which one may be there twice.
fn locations() -> impl Strategy<Value = Value> {
    let location = (one_of(&LOCATIONS), number(&STOCKS), optional(in_languages()))
        .prop_map(|(id, stock, name)| json!({ "locationId": id, "qty": stock, "name": name }));
    prop::collection::vec(location, 0..4).prop_map(|locations| json!(locations))
}

/// What says that a product or a customer is gone, or that it is there.
fn gone() -> impl Strategy<Value = (&'static str, Option<Value>)> {
    prop_oneof![
        4 => Just(("isActive", None)),
        1 => Just(("isActive", Some(json!(true)))),
        1 => Just(("isActive", Some(json!(false)))),
        1 => Just(("status", Some(json!("inactive")))),
        1 => one_of(&DATES).prop_map(|at| ("deletedAt", Some(at))),
    ]
}

fn in_languages() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("n")),
        Just(json!({ "en": "n", "ar": "ن" })),
        Just(json!({ "en": "n", "ar": "", "de": false, "fr": null })),
    ]
}

fn stock(version: Version) -> impl Strategy<Value = String> {
    let place = (optional(one_of(&LOCATIONS)), optional(in_languages()));
    (one_of(&PRODUCTS), number(&STOCKS), place, version).prop_map(
        |(id, stock, (location, name), version)| {
            object([
                ("productId", Some(id)),
                ("stock", Some(stock)),
                ("locationId", location),
                ("locationName", name),
                ("updatedAt", version),
            ])
        },
    )
}

fn customer(version: Version) -> impl Strategy<Value = String> {
    let rest = (optional(one_of(&["Zoe", "Ann"])), optional(one_of(&DATES)));
    (one_of(&USERS), rest, gone(), version).prop_map(|(user, (name, created), gone, version)| {
        object([
            ("userId", Some(user)),
            ("username", name),
            ("createdAt", created),
            gone,
            ("updatedAt", version),
        ])
    })
}

/// The same statement without the contradictions that make figures depend on the order of arrival:
/// an entity has one customer, a product one category, a refund one order or transaction.
pub fn reconciled(body: &str) -> String {
    let mut members: Map<String, Value> = serde_json::from_str(body).unwrap();
    let id = |members: &Map<String, Value>, key: &str, ids: &[&str]| {
        let id = members.get(key).and_then(Value::as_str).map(str::to_owned);
        ids.iter().position(|known| Some(*known) == id.as_deref())
    };
    let owner = id(&members, "transactionId", &IDS).or(id(&members, "orderId", &ORDERS));
    if let Some(refund) = id(&members, "refundId", &REFUNDS) {
        members.retain(|key, _| key != "orderId" && key != "transactionId");
        members.extend(
            [("orderId", "o0"), ("orderId", "g0"), ("transactionId", "a")]
                .into_iter()
                .chain([("transactionId", "b"), ("transactionId", "c")])
                .nth(refund)
                .map(|(key, id)| (key.to_owned(), json!(id))),
        );
    } else if let Some(owner) = owner {
        members.insert("userId".into(), json!(USERS[owner]));
        categorized(&mut members);
    }
    for line in members.get_mut("lines").and_then(Value::as_array_mut).into_iter().flatten() {
        categorized(line.as_object_mut().unwrap());
    }
    Value::Object(members).to_string()
}

fn categorized(members: &mut Map<String, Value>) {
    let product = members.get("productId").and_then(Value::as_str);
    let at = PRODUCTS.iter().position(|known| Some(*known) == product);
    let category = at.map(|at| ["x", "y", "(other)"][at]);
    members.remove("category");
    members.extend(category.map(|category| ("category".into(), json!(category))));
}

/// Sales that name every customer and product, and every word in every month, at every date: what is
/// known of these is then the same whatever follows.
pub fn first_sales() -> Vec<String> {
    let words = ["x", "y", "z", "cod", "card", "credit_card"];
    let mut bodies = Vec::new();
    for at in DATES {
        for (n, word) in words.into_iter().enumerate() {
            bodies.push(object([
                ("transactionId", Some(json!(format!("first-{at}-{word}")))),
                ("userId", Some(json!(USERS[n % USERS.len()]))),
                ("totalPrice", Some(json!(1))),
                ("transactionDate", Some(json!(at))),
                ("productId", PRODUCTS.get(n % 4).map(|product| json!(product))),
                ("category", Some(json!(word))),
                ("paymentMethod", Some(json!(word))),
                ("shippingAddress", Some(json!({ "country": word }))),
                ("currency", CURRENCIES.get(n).map(|currency| json!(currency))),
            ]));
        }
    }
    bodies
}
