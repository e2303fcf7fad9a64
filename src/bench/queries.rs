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

const DAY_MS: i64 = 86_400_000;
const YEAR_MS: i64 = 365 * DAY_MS;
/// Queries in a second, all endpoints and ranges together.
const QUERIES_PER_SECOND: u32 = 60;
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
    let (since, before) = (Instant::now(), Cpu::now());
    let long = Duration::from_secs(arguments.seconds);
    let asking = ask(app.address, key.text, end, long, CancellationToken::new());
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
    report(results?)?;
    for (process, time) in cpu.iter() {
        let cores = time.as_secs_f64() / took.as_secs_f64();
        say!("  {process:<20} {cores:>10.2} cores");
    }
    Ok(())
}

type Results = Vec<((&'static str, &'static str), Histogram<u64>)>;

/// A row for each endpoint and range, and one for all endpoints over the ranges that are asked for
/// again and again, and over those that nobody asked for before.
fn report(results: Results) -> anyhow::Result<()> {
    let (mut again, mut first) = (Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?);
    for ((_, range), latencies) in &results {
        let sum = if *range == FIRST { &mut first } else { &mut again };
        sum.add(latencies)?;
    }
    let all = [(("all", "30 d, full"), again), (("all", FIRST), first)];
    for ((endpoint, range), latencies) in results.into_iter().chain(all) {
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
    Ok(())
}

/// A range of days that is asked for once.
const FIRST: &str = "any days";

/// Which range is asked for.
#[derive(Debug, Clone, Copy)]
enum Asked {
    /// The last days.
    Last(&'static str, i64),
    /// Some days of the year, other ones each time.
    Any,
}

const RANGES: [Asked; 3] = [Asked::Last("30 days", 30), Asked::Last("full", 366), Asked::Any];

impl Asked {
    fn name(self) -> &'static str {
        match self {
            Asked::Last(name, _) => name,
            Asked::Any => FIRST,
        }
    }

    fn parameters(self, end: i64) -> String {
        let day = |back: i64| Time(end - back * DAY_MS).to_rfc3339()[..10].to_owned();
        let (from, to) = match self {
            Asked::Last(_, days) => (days, 0),
            Asked::Any => {
                let to = rand::random_range(0..360);
                (to + rand::random_range(1..=366 - to), to)
            }
        };
        format!("startDate={}&endDate={}", day(from), day(to))
    }
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

/// Asks for so long, or until `stop`; the latencies of all answers in microseconds.
///
/// # Errors
/// Where a query is not answered with 200.
pub async fn asked(
    address: SocketAddr,
    key: String,
    end: i64,
    long: Duration,
    stop: CancellationToken,
) -> anyhow::Result<Histogram<u64>> {
    let mut all = Histogram::new(3)?;
    for (_, latencies) in apart(ask(address, key, end, long, stop)).await? {
        all.add(latencies)?;
    }
    Ok(all)
}

async fn ask(
    address: SocketAddr,
    key: String,
    end: i64,
    long: Duration,
    stop: CancellationToken,
) -> anyhow::Result<Results> {
    let client = reqwest::Client::new();
    let mut queries: Vec<_> = Vec::new();
    for endpoint in ENDPOINTS {
        for range in RANGES {
            queries.push((endpoint, range, Arc::new(Mutex::new(Histogram::<u64>::new(3)?))));
        }
    }
    let mut turns = interval(Duration::from_secs(1) / QUERIES_PER_SECOND);
    turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (until, mut answers) = (Instant::now() + long, JoinSet::new());
    for number in 0.. {
        let due = turns.tick().await;
        if due > until || stop.is_cancelled() {
            break;
        }
        let (endpoint, range, histogram) = &queries[number % queries.len()];
        let url = format!("http://{address}/api/{endpoint}?{}", range.parameters(end));
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
    for (endpoint, range, histogram) in queries {
        results.push(((endpoint, range.name()), histogram.lock().await.clone()));
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
