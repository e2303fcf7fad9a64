//! Latency of the four endpoints over a year of transactions while events come in.

use std::time::Duration;

use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::say;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::arguments::Arguments;
use super::ask::{Asker, FIRST, QUERIES_PER_SECOND, Results, ask};
use super::cpu::Cpu;
use super::feed::{apart, feed};
use super::latency::Latencies;
use super::stand::Stand;
use super::year::load_year;

/// Loads the transactions, then sends the queries.
///
/// # Errors
/// Fails if a server does not answer, or a query is not answered with 200.
pub async fn run(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<Value> {
    stand.fresh("queries").await?;
    let end = chrono::Utc::now().timestamp_millis();
    let last = load_year(stand, arguments.transactions, end).await?;
    let mut folding = stand.project(BatchLimits::default());
    folding.reach(last).await?;
    folding.stop().await;

    let (app, key) = stand.serve(&[Scope::MetricsRead]).await?;
    let stop = CancellationToken::new();
    let feeding = apart(feed((*stand.log.settings).clone(), arguments.rate, stop.clone()));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (since, before) = (Instant::now(), Cpu::now());
    let asker = Asker::new(app.address, key);
    let long = Duration::from_secs(arguments.seconds);
    let asking = ask(asker, end, long, CancellationToken::new());
    let results = apart(asking).await;
    let (took, cpu) = (since.elapsed(), Cpu::now().since(&before));
    stop.cancel();
    let fed = feeding.await?;
    app.stop().await?;
    say!(
        "\nqueries at {} transactions while {fed:.0} events/s come in, {QUERIES_PER_SECOND} queries/s",
        adaptive_bi::command::grouped(arguments.transactions),
    );
    let mut rows = report(results?)?;
    for (process, time) in cpu.iter() {
        let cores = time.as_secs_f64() / took.as_secs_f64();
        say!("  {process:<20} {cores:>10.2} cores");
        rows.push(json!({ "process": process, "cores": cores }));
    }
    Ok(Value::Array(rows))
}

/// A row for each endpoint and range, and one for all endpoints over the ranges that are asked for
/// again and again, and over those that are asked for the first time.
fn report(results: Results) -> anyhow::Result<Vec<Value>> {
    say!("  {:<20} {:<10} {}", "", "range", Latencies::head());
    let (mut again, mut first) = (Latencies::new()?, Latencies::new()?);
    for ((_, range), latencies) in &results {
        let sum = if *range == FIRST { &mut first } else { &mut again };
        sum.add(latencies)?;
    }
    let all = [(("all", "30 d, full"), again), (("all", FIRST), first)];
    let mut rows = Vec::new();
    for ((endpoint, range), latencies) in results.into_iter().chain(all) {
        say!("  {endpoint:<20} {range:<10} {}", latencies.row());
        rows.push(json!({ "endpoint": endpoint, "range": range, "latency": latencies.json() }));
    }
    Ok(rows)
}
