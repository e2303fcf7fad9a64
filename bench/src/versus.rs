//! The queries against the same figures aggregated from raw transactions, as by a backend without
//! read models: `MongoDB` has an index by date, and runs aggregations side by side.

use std::time::{Duration, Instant};

use adaptive_bi::command::grouped;
use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::say;
use adaptive_bi::store::Store;
use projections::event::{self, Event, Limits as Allowed};
use projections::time::Time;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::ask::Asker;
use super::latency::Latencies;
use super::stand::Stand;
use super::yardstick::{self, Aggregate, raw};
use super::year::{DAY_MS, load_year, year};

/// The numbers of raw transactions.
const SIZES: [u64; 3] = [100_000, 1_000_000, 10_000_000];
/// The number of raw transactions in a batch.
const BATCH: usize = 100_000;
/// The number of times that each query is sent.
const TIMES: usize = 20;
/// The least number of times that an aggregation is made, and the time in all after which it is not
/// made again.
const AGGREGATED_MIN: usize = 3;
const AGGREGATED_FOR: Duration = Duration::from_secs(10);
const QUARTER_MS: i64 = 15 * 60 * 1000;

const QUERIES: [(&str, Aggregate); 4] = [
    ("metrics/sales", Aggregate::Sales),
    ("metrics/products", Aggregate::Products),
    ("metrics/customers", Aggregate::Customers),
    ("dashboard/summary", Aggregate::Summary),
];
const RANGES: [(&str, i64); 2] = [("30 days", 30), ("full", 366)];

/// Loads a year of each size and asks both.
///
/// # Errors
/// Fails if a server does not answer, or a query is not answered with 200.
pub async fn run(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<Value> {
    let mut figures = Vec::new();
    for &size in arguments.sizes_or(&SIZES) {
        figures.push(json!({ "transactions": size, "queries": at(stand, size).await? }));
    }
    Ok(Value::Array(figures))
}

async fn at(stand: &mut Stand, size: u64) -> anyhow::Result<Value> {
    stand.fresh("versus").await?;
    let end = chrono::Utc::now().timestamp_millis();
    let last = load_year(stand, size, end).await?;
    keep_raw(&stand.store, size, end).await?;
    let mut folding = stand.project(BatchLimits::default());
    folding.reach(last).await?;
    folding.stop().await;
    // This runs while no service takes processor time from it.
    let mut aggregated = Vec::new();
    for (_, aggregate) in QUERIES {
        for (_, days) in RANGES {
            aggregated.push(time_of(&stand.store, aggregate, end, days).await?);
        }
    }
    let mut aggregated = aggregated.into_iter();
    let (app, key) = stand.serve(&[Scope::MetricsRead]).await?;
    let asker = Asker::new(app.address, key);
    say!("\nqueries against aggregating {} raw transactions, p50 in ms", grouped(size));
    say!(
        "  {:<20} {:<10} {:>12} {:>12} {:>12} {:>9}",
        "",
        "range",
        "aggregated",
        "first time",
        "again",
        "ratio"
    );
    let mut rows = Vec::new();
    for (endpoint, _) in QUERIES {
        for ((range, days), aggregated) in RANGES.into_iter().zip(aggregated.by_ref()) {
            let (mut first, mut again) = (Latencies::new()?, Latencies::new()?);
            for time in 0..i64::try_from(TIMES)? {
                // Another quarter hour is another question, which was not asked before.
                let to = end - time * QUARTER_MS;
                let parameters = parameters(to - days * DAY_MS, to);
                first.record(asker.ask(endpoint, &parameters).await?)?;
                again.record(asker.ask(endpoint, &parameters).await?)?;
            }
            let ratio = aggregated.quantile(0.5) / first.quantile(0.5);
            say!(
                "  {endpoint:<20} {range:<10} {:>12.2} {:>12.2} {:>12.2} {ratio:>7.0} x",
                aggregated.quantile(0.5),
                first.quantile(0.5),
                again.quantile(0.5)
            );
            rows.push(json!({
                "endpoint": endpoint, "range": range, "ratio": ratio,
                "aggregated": aggregated.json(), "first": first.json(), "again": again.json(),
            }));
        }
    }
    app.stop().await?;
    Ok(Value::Array(rows))
}

fn parameters(from: i64, to: i64) -> String {
    format!("startDate={}&endDate={}", Time(from).to_rfc3339(), Time(to).to_rfc3339())
}

async fn time_of(store: &Store, what: Aggregate, end: i64, days: i64) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::new()?;
    let started = Instant::now();
    for time in 0..TIMES {
        if time >= AGGREGATED_MIN && started.elapsed() > AGGREGATED_FOR {
            break;
        }
        let begun = Instant::now();
        yardstick::aggregate_raw(store, what, end - days * DAY_MS, end).await?;
        latencies.record(begun.elapsed())?;
    }
    Ok(latencies)
}

/// Keeps the same transactions raw.
async fn keep_raw(store: &Store, size: u64, end: i64) -> anyhow::Result<()> {
    let mut batch = Vec::with_capacity(BATCH);
    for outgoing in year(size, end) {
        let limits = Allowed { latest: Time(i64::MAX), currency: "GBP" };
        if let Ok(Event::Transaction(sale)) = event::parse(outgoing.kind, &outgoing.body, &limits) {
            batch.push(raw(&sale));
        }
        if batch.len() == BATCH {
            yardstick::insert_raw(store, std::mem::take(&mut batch)).await?;
        }
    }
    yardstick::insert_raw(store, batch).await?;
    Ok(())
}
