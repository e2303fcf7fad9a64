//! The cost of having an acknowledged event on the disk, by every way to the log. With
//! `sync_interval: always` nats-server syncs before it acknowledges a message, or a batch.

use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};

use adaptive_bi::app::App;
use adaptive_bi::http::gate::X_API_KEY;
use adaptive_bi::ingest::file::{self, Source};
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::say;
use adaptive_bi::stream::publish::Outgoing;
use anyhow::ensure;
use futures_util::future::try_join_all;
use projections::time::Time;
use serde_json::{Map, Value, json};
use services::NatsOptions;

use super::arguments::Arguments;
use super::bare::{By, Messages};
use super::cpu::Cpu;
use super::latency::Latencies;
use super::live;
use super::load::Load;
use super::rate::{Rate, whole};
use super::stand::Stand;

/// Events that are published one after the other, each when the one before is acknowledged.
const ONE_BY_ONE: usize = 500;
/// The divisor for the number of events in a round, as a disk may be slow; and for those that are
/// not in batches.
const PART: u64 = 10;
/// Callers that send one event in each request, and those that send a thousand.
const CALLERS: u64 = 64;
const BATCHERS: u64 = 4;
const BATCH: u64 = 1_000;

/// The figures of one setting.
struct Figures {
    /// The rates, each under the way that the events took.
    rates: Vec<(&'static str, Rate)>,
    one: Latencies,
}

/// Measures both settings, on servers of their own.
///
/// # Errors
/// Fails if a server does not start or answer.
pub async fn run(cache_dir: &Path, arguments: &Arguments) -> anyhow::Result<Value> {
    say!("\ndurability: nats-server's sync_interval, by every way to the log");
    let settings = [("always", Duration::ZERO), ("2 minutes", Duration::from_mins(2))];
    let mut all = Vec::new();
    for (name, sync_interval) in settings {
        let nats = NatsOptions { sync_interval, ..NatsOptions::default() };
        let mut stand = Stand::start_with("bench-durability", cache_dir.to_owned(), nats).await?;
        let outcome = measure(&mut stand, (arguments.events / PART).max(BATCH)).await;
        stand.stop().await?;
        let figures = outcome?;
        figures.print(name);
        all.push(figures.json(name));
    }
    Ok(Value::Array(all))
}

async fn measure(stand: &mut Stand, events: u64) -> anyhow::Result<Figures> {
    let mut load = Load::new("durable", 13);
    let mut one = Latencies::new()?;
    for _ in 0..ONE_BY_ONE {
        let event = load.next(now());
        let begun = Instant::now();
        stand.log.publish(event).await?.await?;
        one.record(begun.elapsed())?;
    }
    let few = (events / PART).max(CALLERS);
    let url = stand.services.nats_url().to_owned();
    let singles = bare(stand, &mut load, few).await?.one_by_one(&url).await?;
    let batches = bare(stand, &mut load, events).await?.in_batches(&url).await?;
    let file = from_file(stand, &mut load, events).await?;
    stand.fresh("posted").await?;
    let (app, key) = stand.serve(&[Scope::EventsWrite(None)]).await?;
    let posted = posted(&app, &key, &mut load, events, BATCHERS, BATCH).await;
    let callers = posted_one_by_one(&app, &key, &mut load, few).await;
    app.stop().await?;
    let live = live::run(stand, events).await?;
    let rates = vec![
        ("bare, one by one", singles),
        ("bare, in batches", batches),
        ("a file", file),
        ("requests of 1,000 events", posted?),
        ("64 callers of one event", callers?),
        ("published to committed", live),
    ];
    Ok(Figures { rates, one })
}

async fn bare(stand: &mut Stand, load: &mut Load, events: u64) -> anyhow::Result<Messages> {
    stand.fresh("bare").await?;
    let events = (0..events).map(|_| load.next(now()));
    Ok(Messages::of(&stand.log.settings.prefix, By::Shard, events))
}

async fn from_file(stand: &mut Stand, load: &mut Load, events: u64) -> anyhow::Result<Rate> {
    stand.fresh("file").await?;
    let content = lines(load, events);
    let (started, before) = (Instant::now(), Cpu::now());
    let source = Source::Json(Box::new(Cursor::new(content)));
    let summary = file::ingest(&stand.log, "GBP", source, 0, |_| {}).await?;
    ensure!(summary.accepted == events, "not every event was taken: {summary:?}");
    Ok(Rate { events, took: started.elapsed(), cpu: Cpu::now().since(&before) })
}

/// Each caller sends its share in requests of so many events, each when the one before is answered.
async fn posted(
    app: &App,
    key: &str,
    load: &mut Load,
    events: u64,
    callers: u64,
    each: u64,
) -> anyhow::Result<Rate> {
    let requests = (events / callers / each).max(1);
    let shares: Vec<Vec<String>> =
        (0..callers).map(|_| (0..requests).map(|_| lines(load, each)).collect()).collect();
    let client = reqwest::Client::new();
    let url = format!("http://{}/api/events", app.address);
    let (started, before) = (Instant::now(), Cpu::now());
    let sending = shares.into_iter().map(async |bodies| {
        for body in bodies {
            let answer = client.post(&url).header(X_API_KEY, key).body(body).send().await?;
            ensure!(answer.status() == 200, "an event was not taken: {}", answer.text().await?);
            answer.bytes().await?;
        }
        Ok(())
    });
    try_join_all(sending).await?;
    let events = requests * callers * each;
    Ok(Rate { events, took: started.elapsed(), cpu: Cpu::now().since(&before) })
}

async fn posted_one_by_one(
    app: &App,
    key: &str,
    load: &mut Load,
    events: u64,
) -> anyhow::Result<Rate> {
    posted(app, key, load, events, CALLERS, 1).await
}

fn lines(load: &mut Load, events: u64) -> String {
    let line = |Outgoing { kind, body, .. }: Outgoing| {
        let data = String::from_utf8_lossy(&body);
        format!("{{\"kind\":\"{}\",\"data\":{data}}}\n", kind.as_str())
    };
    (0..events).map(|_| line(load.next(now()))).collect()
}

fn now() -> Time {
    Time(chrono::Utc::now().timestamp_millis())
}

impl Figures {
    /// Each rate, also as a multiple of what goes one by one, and as a part of bare batches.
    fn print(&self, name: &str) {
        let [singles, batches] = [0, 1].map(|place| self.rates[place].1.per_second());
        say!("\n  {name:<28} {:>12} {:>10} {:>10}", "events/s", "x single", "% batch");
        for (way, rate) in &self.rates {
            let rate = rate.per_second();
            let (times, part) = (rate / singles, rate / batches * 100.0);
            say!("  {way:<28} {:>12} {times:>10.1} {part:>10.0}", whole(rate));
        }
        say!("  {:<28} {}", "one at a time", Latencies::head());
        say!("  {:<28} {}", "", self.one.row());
    }

    fn json(&self, name: &str) -> Value {
        let rates: Map<String, Value> = self
            .rates
            .iter()
            .map(|(way, rate)| ((*way).to_owned(), json!(rate.per_second())))
            .collect();
        json!({ "syncInterval": name, "eventsPerSecond": rates, "oneByOne": self.one.json() })
    }
}
