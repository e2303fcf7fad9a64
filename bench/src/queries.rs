//! Latency of the four endpoints over a year of transactions while events come in.
//!
//! Open loop: a query is sent when its turn has come, whether or not the last was answered, and
//! its latency counts from then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adaptive_bi::auth::gate::X_API_KEY;
use adaptive_bi::auth::scope::Scope;
use adaptive_bi::projector::session::Limits;
use adaptive_bi::say;
use adaptive_bi::stream::publish::Outgoing;
use adaptive_bi::stream::{self, Log};
use anyhow::{Context, ensure};
use projections::time::Time;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::cpu::Cpu;
use super::latency::Latencies;
use super::load::Load;
use super::stand::Stand;
use super::{Arguments, live};

/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;
const YEAR_MS: i64 = 365 * DAY_MS;
/// Queries in a second, all endpoints and ranges together.
const QUERIES_PER_SECOND: u32 = 60;
const ENDPOINTS: [&str; 4] =
    ["metrics/sales", "metrics/products", "metrics/customers", "dashboard/summary"];

/// Loads the transactions, then asks.
///
/// # Errors
/// Where a server does not answer, or a query is not answered with 200.
pub async fn run(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<Value> {
    stand.fresh("queries").await?;
    let end = chrono::Utc::now().timestamp_millis();
    let last = load_year(stand, arguments.transactions, end).await?;
    let mut folding = stand.project(Limits::default());
    folding.reach(last).await?;
    folding.stop().await;

    let (app, key) = stand.serve(&[Scope::MetricsRead]).await?;
    let stop = CancellationToken::new();
    let feeding = apart(feed(stand.log.settings.clone(), arguments.rate, stop.clone()));
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

/// A year of transactions until `end`, milliseconds since 1970.
pub fn year(count: u64, end: i64) -> impl Iterator<Item = Outgoing> {
    let mut load = Load::new("year", 3);
    (0..count).map(move |n| {
        let at = i128::from(YEAR_MS) * i128::from(n) / i128::from(count);
        load.transaction(Time(end - YEAR_MS + i64::try_from(at).unwrap_or(0)))
    })
}

/// Publishes the catalogue and a year of transactions; gives the last position.
///
/// # Errors
/// Where the log does not take an event.
pub async fn load_year(stand: &Stand, count: u64, end: i64) -> anyhow::Result<u64> {
    live::publish(&stand.log, Load::catalogue().chain(year(count, end)), None).await
}

/// Asks a service.
#[derive(Debug, Clone)]
pub struct Asker {
    client: reqwest::Client,
    address: SocketAddr,
    key: String,
}

impl Asker {
    /// Asks the service at an address, with a key.
    #[must_use]
    pub fn new(address: SocketAddr, key: String) -> Self {
        Asker { client: reqwest::Client::new(), address, key }
    }

    /// How long an answer took.
    ///
    /// # Errors
    /// Where it is not 200.
    pub async fn ask(&self, endpoint: &str, parameters: &str) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let url = format!("http://{}/api/{endpoint}?{parameters}", self.address);
        let response = self.client.get(url).header(X_API_KEY, &self.key).send().await?;
        let status = response.status();
        let body = response.bytes().await?;
        ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(&body));
        Ok(begun.elapsed())
    }
}

type Results = Vec<((&'static str, &'static str), Latencies)>;

/// A row for each endpoint and range, and one for all endpoints over the ranges that are asked for
/// again and again, and over those that nobody asked for before.
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
///
/// # Errors
/// Those of the part.
pub fn apart<T: Send + 'static>(
    load: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> impl Future<Output = anyhow::Result<T>> {
    let run =
        move || tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(load);
    let (sender, done) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || sender.send(run()));
    async { done.await.context("a thread of the load ended early")? }
}

/// Asks for so long, or until `stop`; the latencies of all answers.
///
/// # Errors
/// Where a query is not answered with 200.
pub async fn asked(
    asker: Asker,
    end: i64,
    long: Duration,
    stop: CancellationToken,
) -> anyhow::Result<Latencies> {
    let mut all = Latencies::new()?;
    for (_, latencies) in apart(ask(asker, end, long, stop)).await? {
        all.add(&latencies)?;
    }
    Ok(all)
}

async fn ask(
    asker: Asker,
    end: i64,
    long: Duration,
    stop: CancellationToken,
) -> anyhow::Result<Results> {
    let mut queries: Vec<_> = Vec::new();
    for endpoint in ENDPOINTS {
        for range in RANGES {
            queries.push((endpoint, range, Arc::new(Mutex::new(Latencies::new()?))));
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
        let (endpoint, range, latencies) = &queries[number % queries.len()];
        let (endpoint, parameters) = (*endpoint, range.parameters(end));
        let (asker, latencies) = (asker.clone(), Arc::clone(latencies));
        answers.spawn(async move {
            asker.ask(endpoint, &parameters).await?;
            latencies.lock().await.record(due.elapsed())
        });
    }
    while let Some(answer) = answers.join_next().await {
        answer?.context("a query failed")?;
    }
    let mut results = Vec::new();
    for (endpoint, range, latencies) in queries {
        results.push(((endpoint, range.name()), latencies.lock().await.clone()));
    }
    Ok(results)
}

/// Publishes the mixed load at a steady rate until `stop`; gives the rate that was reached.
///
/// # Errors
/// Where the log does not take an event.
pub async fn feed(
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
