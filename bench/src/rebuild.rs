//! A rebuild of a preloaded stream beside the live generation, while queries are sent: its rate,
//! and its effect on them.

use std::time::{Duration, Instant};

use adaptive_bi::command::grouped;
use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::projector::generations::Generations;
use adaptive_bi::projector::threads::Threads;
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::say;
use projections::fold::root::FoldSettings;
use projections::time::Time;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::arguments::Arguments;
use super::ask::{Asker, asked};
use super::cpu::Cpu;
use super::feed::publish;
use super::latency::Latencies;
use super::load::Load;
use super::rate::{Rate, Rates};
use super::stand::Stand;

/// The rate at which the preloaded events would have come in, by their dates.
const EVENTS_PER_SECOND: u64 = 1_000;
/// The time for which queries are sent before the rebuild begins.
const IDLE: Duration = Duration::from_secs(15);

/// Preloads, folds, sends queries without a rebuild, then rebuilds while it sends them, and prints
/// the results.
///
/// # Errors
/// Fails if a server does not answer, or a query is not answered with 200.
pub async fn run(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<Value> {
    stand.fresh("rebuild").await?;
    let (last, end) = preload(stand, arguments.rebuild_events).await?;
    let mut folding = stand.project(BatchLimits::default());
    folding.reach(last).await?;
    folding.stop().await;

    let (app, key) = stand.serve(&[Scope::MetricsRead]).await?;
    let asker = Asker::new(app.address, key);
    let ask = |long, stop| asked(asker.clone(), end, long, stop);
    let idle = ask(IDLE, CancellationToken::new()).await?;

    // The rebuild has threads and connections of its own, as in the command.
    let threads = Threads::start()?;
    let (uri, database) = (stand.services.mongodb_uri(), stand.store.database().name());
    let (log, store) = threads.connect((*stand.log.settings).clone(), uri, Some(database)).await?;
    let generations = Generations::new(store, log, FoldSettings::new("GBP"));
    let (over, before, began) = (CancellationToken::new(), Cpu::now(), Instant::now());
    let ended = over.clone();
    let rebuilding = threads.handle().spawn(async move {
        let made = generations.rebuild(&CancellationToken::new()).await;
        let took = began.elapsed();
        ended.cancel();
        (made, took)
    });
    let busy = ask(Duration::from_hours(1), over).await?;
    let (made, took) = rebuilding.await?;
    let rate = Rate { events: last, took, cpu: Cpu::now().since(&before) };
    made?;
    app.stop().await?;

    let rate = Rates::of(vec![rate]);
    rate.print("rebuild of a preloaded stream beside the live one, while queries are asked");
    let ratio = busy.quantile(0.99) / idle.quantile(0.99);
    say!("  {:<12} {}", "queries", Latencies::head());
    say!("  {:<12} {}", "idle", idle.row());
    say!("  {:<12} {}   p99 {ratio:.1} times as long", "meanwhile", busy.row());
    Ok(
        json!({ "rate": rate.json(), "idle": idle.json(), "meanwhile": busy.json(), "p99Ratio": ratio }),
    )
}

/// Puts the mixed load on the log; returns its last position, and the date of its end.
async fn preload(stand: &Stand, events: u64) -> anyhow::Result<(u64, i64)> {
    let end = chrono::Utc::now().timestamp_millis();
    let begin = end - i64::try_from(events / EVENTS_PER_SECOND * 1_000)?;
    let dated = |n: u64| Time(begin + i64::try_from(n * 1_000 / EVENTS_PER_SECOND).unwrap_or(0));
    let mut load = Load::new("rebuild", 17);
    let mixed = (0..events).map(|n| load.next(dated(n)));
    let last = publish(&stand.log, Load::catalogue().chain(mixed), None).await?;
    say!("  {} events on the log", grouped(last));
    Ok((last, end))
}
