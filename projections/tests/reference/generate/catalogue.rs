//! Bodies of what is known: products, their stock, and customers.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::words::{
    AMOUNTS, DATES, PRODUCTS, USERS, Version, WORDS, number, object, one_of, optional,
};

const LOCATIONS: [&str; 3] = ["1", "2", "7"];
const STOCKS: [&str; 6] = ["0", "1", "\"2\"", "12.5", "-3", "-0.0006"];

pub fn product(version: Version) -> impl Strategy<Value = String> {
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

pub fn stock(version: Version) -> impl Strategy<Value = String> {
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

pub fn customer(version: Version) -> impl Strategy<Value = String> {
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
