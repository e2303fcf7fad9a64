//! Latency of the four endpoints over a year of transactions while events come in.
//!
//! Open loop: a query is sent when its turn has come, whether or not the last was answered, and
//! its latency counts from then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use projections::time::Time;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::cpu::Cpu;
use super::load::Load;
use super::stand::Stand;
use super::{Arguments, live};
use crate::app::App;
use crate::auth::gate::X_API_KEY;
use crate::auth::key;
use crate::auth::scope::Scope;
use crate::projector::session::Limits;
use crate::stream::{self, Log};

const YEAR_MS: i64 = 365 * 86_400_000;
/// Queries in a second, all endpoints and ranges together.
const QUERIES_PER_SECOND: u32 = 40;
const ENDPOINTS: [&str; 4] =
    ["metrics/sales", "metrics/products", "metrics/customers", "dashboard/summary"];

/// Loads the transactions, then asks.
///
/// # Errors
/// Where a server does not answer, or a query is not answered with 200.
pub async fn run(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<()> {
    stand.fresh("queries").await?;
    let end = chrono::Utc::now().timestamp_millis();
    let count = i64::try_from(arguments.transactions)?.max(1);
    let mut load = Load::new("year", 3);
    let year = (0..count).map(|n| {
        let at = i128::from(YEAR_MS) * i128::from(n) / i128::from(count);
        load.transaction(Time(end - YEAR_MS + i64::try_from(at).unwrap_or(0)))
    });
    let last = live::publish(&stand.log, Load::catalogue().chain(year), None).await?;
    let mut folding = stand.project(Limits::default());
    folding.reach(last).await?;
    folding.stop().await;

    let (settings, listener) = (stand.settings()?, TcpListener::bind("127.0.0.1:0").await?);
    let (nats, mongo) = (stand.services.nats_url(), stand.services.mongodb_uri());
    let app = App::start(&settings, listener, nats, mongo).await?;
    let key = key::make("bench", &[Scope::MetricsRead], "bench", None);
    app.store.insert_key(&key.row).await?;
    let stop = CancellationToken::new();
    let feeding = apart(feed(stand.log.settings.clone(), arguments.rate, stop.clone()));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let ranges = ranges(end);
    let (since, before) = (Instant::now(), Cpu::now());
    let asking = ask(app.address, key.text, ranges, Duration::from_secs(arguments.seconds));
    let results = apart(asking).await;
    let (took, cpu) = (since.elapsed(), Cpu::now().since(&before));
    stop.cancel();
    let fed = feeding.await?;
    app.stop().await?;
    say!(
        "\nqueries at {} transactions while {:.0} events/s come in, {QUERIES_PER_SECOND} queries/s",
        crate::command::grouped(arguments.transactions),
        fed
    );
    say!(
        "  {:<20} {:<10} {:>8} {:>8} {:>8} {:>8}",
        "",
        "range",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "max ms"
    );
    let results = results?;
    let mut all = Histogram::<u64>::new(3)?;
    for (_, latencies) in &results {
        all.add(latencies)?;
    }
    for ((endpoint, range), latencies) in results.into_iter().chain([(("all", ""), all)]) {
        let ms = |us: u64| Duration::from_micros(us).as_secs_f64() * 1e3;
        let at = |q| ms(latencies.value_at_quantile(q));
        say!(
            "  {endpoint:<20} {range:<10} {:>8.2} {:>8.2} {:>8.2} {:>8.2}",
            at(0.5),
            at(0.9),
            at(0.99),
            ms(latencies.max())
        );
    }
    for (process, time) in cpu.iter() {
        let cores = time.as_secs_f64() / took.as_secs_f64();
        say!("  {process:<20} {cores:>10.2} cores");
    }
    Ok(())
}

type Results = Vec<((&'static str, &'static str), Histogram<u64>)>;

fn ranges(end: i64) -> [(&'static str, String); 2] {
    let day = |at: i64| Time(at).to_rfc3339()[..10].to_owned();
    let range = |from| format!("startDate={}&endDate={}", day(from), day(end));
    [("30 days", range(end - 30 * 86_400_000)), ("full", range(end - YEAR_MS - 86_400_000))]
}

/// Starts a part of the load on a thread of its own, as a client would be.
fn apart<T: Send + 'static>(
    load: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> impl Future<Output = anyhow::Result<T>> {
    let run =
        move || tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(load);
    let (sender, done) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || sender.send(run()));
    async { done.await.context("a thread of the load ended early")? }
}

async fn ask(
    address: SocketAddr,
    key: String,
    ranges: [(&'static str, String); 2],
    long: Duration,
) -> anyhow::Result<Results> {
    let client = reqwest::Client::new();
    let mut queries: Vec<_> = Vec::new();
    for endpoint in ENDPOINTS {
        for (name, range) in &ranges {
            let url = format!("http://{address}/api/{endpoint}?{range}");
            let histogram = Arc::new(Mutex::new(Histogram::<u64>::new(3)?));
            queries.push(((endpoint, *name), url, histogram));
        }
    }
    let mut turns = interval(Duration::from_secs(1) / QUERIES_PER_SECOND);
    turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (until, mut answers) = (Instant::now() + long, JoinSet::new());
    for number in 0.. {
        let due = turns.tick().await;
        if due > until {
            break;
        }
        let (_, url, histogram) = &queries[number % queries.len()];
        let (request, histogram) = (client.get(url).header(X_API_KEY, &key), Arc::clone(histogram));
        answers.spawn(async move {
            let response = request.send().await?;
            let status = response.status();
            let body = response.bytes().await?;
            ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(&body));
            let us = u64::try_from(due.elapsed().as_micros())?;
            histogram.lock().await.record(us)?;
            Ok(())
        });
    }
    while let Some(answer) = answers.join_next().await {
        answer?.context("a query failed")?;
    }
    let mut results = Vec::new();
    for (name, _, histogram) in queries {
        results.push((name, histogram.lock().await.clone()));
    }
    Ok(results)
}

/// Publishes the mixed load at a steady rate; gives the rate that was reached.
async fn feed(
    settings: stream::Settings,
    rate: u64,
    stop: CancellationToken,
) -> anyhow::Result<f64> {
    const STEPS: u64 = 50;
    let log = Log::connect(settings).await?;
    let mut load = Load::new("now", 5);
    let mut pace = interval(Duration::from_secs(1) / u32::try_from(STEPS)?);
    let (started, mut sent) = (Instant::now(), 0);
    while !stop.is_cancelled() {
        pace.tick().await;
        let at = Time(chrono::Utc::now().timestamp_millis());
        let events = (0..rate / STEPS).map(|_| load.next(at));
        live::publish(&log, events, None).await?;
        sent += rate / STEPS;
    }
    #[allow(clippy::cast_precision_loss)] // a rate for the eye
    Ok(sent as f64 / started.elapsed().as_secs_f64())
}
