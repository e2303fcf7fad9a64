//! The log that version 0.1.0 wrote, and the figures that it answered for it.
//!
//! `tests/it/logs/v0.1.0.jsonl` is that log, a message a line: the subject behind the prefix, the
//! headers, and the body, as text or, where it is none, as base64. It has events of every kind that
//! came by HTTP and from NATS: corrections, sales that move, returns, repeats, stale ones,
//! `CloudEvents`, messages that cannot be understood, and replays of some of these. All are of 2024,
//! so that no figure depends on when the test runs.
//!
//! `tests/it/logs/v0.1.0.figures.json` holds what every later version has to answer. Where a fold
//! changes the meaning of one on purpose, it is changed there (`WRITE_FIGURES=1` writes the file
//! anew), and [`CHANGED`] says why.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::Shop;

const LOG: &str = include_str!("../logs/v0.1.0.jsonl");
const FIGURES: &str = include_str!("../logs/v0.1.0.figures.json");

/// The figures that are not those of 0.1.0 any more: the version of the fold, and why.
const CHANGED: &[(u32, &str)] = &[
    (3, "what was sold and came back is an order, in gross sales, and in returns on its own day"),
    (3, "quantities are decimals: a stored integer is a thousandth of a unit"),
    (3, "a whole number is an id by its decimal text, so one event more is understood"),
    (3, "sales are counted by currency as well, and texts that were shortened"),
    (6, "the latest sales, refunds and ratings are kept"),
];

/// The queries that are asked. Customers of all time are dated by the time of the log, too.
const QUERIES: [&str; 8] = [
    "/api/metrics/sales",
    "/api/metrics/sales?startDate=2024-01-01&endDate=2024-03-31&tz=Europe/London&status=all&limit=100",
    "/api/metrics/sales?startDate=2024-01-01&endDate=2024-03-31&basis=order",
    "/api/metrics/products?limit=100",
    "/api/metrics/products?startDate=2024-02-01&endDate=2024-02-29&limit=100",
    "/api/metrics/customers?startDate=2024-01-01&endDate=2024-03-31&tz=America/New_York&limit=100",
    "/api/dashboard/summary",
    "/api/dashboard/summary?startDate=2024-01-01&endDate=2024-03-31&limit=10",
];

#[derive(Deserialize)]
struct Line {
    subject: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    base64: Option<String>,
}

/// Publishes the log byte for byte; returns its last position.
async fn publish(shop: &Shop) -> u64 {
    let mut last = 0;
    for (line, number) in LOG.lines().zip(1..) {
        let line: Line = serde_json::from_str(line).expect("a line of the log");
        let body = match (line.body, line.base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => BASE64_STANDARD.decode(text).expect("bytes"),
            _ => panic!("line {number} has no body, or two"),
        };
        let headers: Vec<_> = line.headers.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        last = shop.publish_with(&line.subject, &headers, body).await;
        assert_eq!(last, number, "replays name positions");
    }
    last
}

/// The totals of the checkpoint, and the reasons of what is in quarantine.
async fn totals(shop: &Shop, position: u64) -> Value {
    let root = shop.folded(position).await.root;
    let mut root = serde_json::to_value(root).expect("the totals");
    for of_the_test in ["logTime", "blocks"] {
        root.as_object_mut().expect("an object").remove(of_the_test);
    }
    for news in root["news"].as_array_mut().expect("news") {
        news.as_object_mut().expect("an object").remove("at");
    }
    let rows = shop.database.collection::<Document>("g1_quarantine");
    let rows = rows.find(doc! {}).await.expect("rows").try_collect::<Vec<_>>().await;
    let reasons = rows.expect("rows").into_iter().map(|row| {
        let reasons = row.get_array("reasons").expect("reasons").iter();
        let fields = reasons.filter_map(|it| it.as_document()?.get_str("field").ok());
        (row.get_i64("_id").expect("a position"), json!(fields.collect::<Vec<_>>()))
    });
    let reasons: BTreeMap<_, _> = reasons.collect();
    json!({ "root": root, "quarantine": reasons })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_0_1_0_has_the_figures_that_it_had() {
    let held: Value = serde_json::from_str(FIGURES).expect("the figures");
    assert!(CHANGED.iter().all(|(version, why)| *version > 2 && !why.is_empty()));
    let shop = Shop::new().await;
    let app = shop.start().await;
    let last = publish(&shop).await;
    let mut found = json!({ "totals": totals(&shop, last).await });
    for query in QUERIES {
        found[query] = shop.data(&app, query, last).await;
    }
    app.stop().await.expect("stopped");
    if std::env::var_os("WRITE_FIGURES").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/logs/v0.1.0.figures.json");
        let text = serde_json::to_string_pretty(&found).expect("JSON") + "\n";
        std::fs::write(path, text).expect("written");
        return;
    }
    for (of, figures) in held.as_object().expect("an object") {
        assert_eq!(&found[of], figures, "{of}");
    }
    assert_eq!(
        found.as_object().map(serde_json::Map::len),
        held.as_object().map(serde_json::Map::len)
    );
}
