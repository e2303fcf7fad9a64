//! Bodies of sales, of orders and their statuses, and of refunds.

use projections::event::Kind;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::rates::{CURRENCIES, foreign};
use super::words::{
    AMOUNTS, DATES, GROUPS, IDS, PRODUCTS, QUANTITIES, USERS, Version, WORDS, number, object,
    one_of, optional, owned,
};

const ORDERS: [&str; 3] = ["o0", "o1", "o2"];
const LINES: [&str; 4] = ["1", "2", "a", "b"];
const REFUNDS: [&str; 6] = ["r0", "r1", "r2", "r3", "r4", "r5"];
const ORDER_STATUSES: [&str; 5] = ["pending", "processing", "shipped", "delivered", "cancelled"];
const PAYMENT_STATUSES: [&str; 3] = ["pending", "paid", "failed"];
const DELIVERY_STATUSES: [&str; 4] = ["pending", "assigned", "picked", "delivered"];
const METHODS: [&str; 3] = ["cod", "card", "(other)"];
const STATUSES: [&str; 4] = ["completed", "pending", "failed", "returned"];

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
