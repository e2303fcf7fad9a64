//! The cost of having an acknowledged event on the disk, by every way to the log. With
//! `sync_interval: always` nats-server syncs before it acknowledges a message, or a batch.
//!
//! Nobody folds while the log is written to, so the ways can be compared; the fold is held also where
//! the whole service runs. Two rows are of a fold that follows.

use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};

use adaptive_bi::app::App;
use adaptive_bi::ingest::file::{self, Source};
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::say;
use adaptive_bi::stream::publish::Outgoing;
use anyhow::ensure;
use futures_util::future::try_join_all;
use projections::time::Time;
use serde_json::{Map, Value, json};
use services::NatsOptions;
use tokio::task::JoinSet;

use super::arguments::Arguments;
use super::bare::{By, Messages};
use super::caller::Caller;
use super::cpu::Cpu;
use super::held::HeldFold;
use super::latency::Latencies;
use super::live;
use super::load::{Load, Mix};
use super::rate::{Rate, whole};
use super::stand::Stand;

/// Events that are sent one after the other, each when the one before is acknowledged.
const ONE_BY_ONE: u64 = 500;
/// The divisor for the number of events in a round, as a disk may be slow; and for those that are
/// not in batches.
const PART: u64 = 10;
/// Callers that send one event in each request, and those that send a thousand.
const CALLERS: u64 = 64;
const BATCHERS: u64 = 4;
const BATCH: u64 = 1_000;
/// The time in which a fold catches up.
const FOLDED_WITHIN: Duration = Duration::from_mins(5);

/// The figures of one setting.
struct Figures {
    /// The rates, each under the way that the events took.
    rates: Vec<(&'static str, Rate)>,
    /// The times to the answer, each under the way.
    latencies: Vec<(&'static str, Latencies)>,
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
    let mut figures = Figures {
        rates: vec![("bare, one by one", singles), ("bare, in batches", batches), ("a file", file)],
        latencies: vec![("one at a time", one)],
    };
    figures.by_http(stand, &mut load, events).await?;
    figures.rates.push(("published to committed", live::run(stand, events, Mix::default()).await?));
    Ok(figures)
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

/// Callers of a service.
struct Callers<'a> {
    app: &'a App,
    key: &'a str,
}

impl Callers<'_> {
    /// So many send their shares in requests of so many events, each when the one before is answered.
    /// Returns the rate, and the times to the answers.
    async fn send(
        &self,
        load: &mut Load,
        events: u64,
        callers: u64,
        each: u64,
    ) -> anyhow::Result<(Rate, Latencies)> {
        let requests = (events / callers / each).max(1);
        let connecting = (0..callers).map(|_| Caller::connect(self.app.address, self.key));
        let connected = try_join_all(connecting).await?;
        let sending: Vec<_> = connected
            .into_iter()
            .map(|mut caller| {
                let bodies: Vec<_> = (0..requests).map(|_| lines(load, each)).collect();
                async move {
                    let mut answered = Latencies::new()?;
                    for body in bodies {
                        let begun = Instant::now();
                        caller.post(&body).await?;
                        answered.record(begun.elapsed())?;
                    }
                    anyhow::Ok(answered)
                }
            })
            .collect();
        let (started, before) = (Instant::now(), Cpu::now());
        let answered = sending.into_iter().collect::<JoinSet<_>>().join_all().await;
        let (took, cpu) = (started.elapsed(), Cpu::now().since(&before));
        let mut latencies = Latencies::new()?;
        answered.into_iter().try_for_each(|it| latencies.add(&it?))?;
        Ok((Rate { events: requests * callers * each, took, cpu }, latencies))
    }
}

/// Waits until the service has folded all of its log.
async fn folded(stand: &Stand, app: &App) -> anyhow::Result<()> {
    let last = stand.log.extent().await?.last;
    let mut status = app.shop().status.clone();
    let reached = status.wait_for(|status| status.position >= last);
    tokio::time::timeout(FOLDED_WITHIN, reached).await??;
    Ok(())
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
    /// Sends events to a service: while nobody folds, and then while it folds them.
    async fn by_http(
        &mut self,
        stand: &mut Stand,
        load: &mut Load,
        events: u64,
    ) -> anyhow::Result<()> {
        stand.fresh("posted").await?;
        let held = HeldFold::take(&stand.store).await?;
        let (app, key) = stand.serve(&[Scope::EventsWrite(None)]).await?;
        let callers = Callers { app: &app, key: &key };
        let (batches, _) = callers.send(load, events, BATCHERS, BATCH).await?;
        let (singles, answered) = callers.send(load, events, CALLERS, 1).await?;
        let (_, one) = callers.send(load, ONE_BY_ONE, 1, 1).await?;
        held.leave().await?;
        folded(stand, &app).await?;
        let (while_folded, answered_then) = callers.send(load, events, CALLERS, 1).await?;
        app.stop().await?;
        self.rates.extend([
            ("requests of 1,000 events", batches),
            ("64 callers of one event", singles),
            ("the same, folded meanwhile", while_folded),
        ]);
        self.latencies.extend([
            ("one request at a time", one),
            ("64 callers", answered),
            ("the same, folded meanwhile", answered_then),
        ]);
        Ok(())
    }

    /// Each rate, also as a multiple of what goes one by one, and as a part of bare batches.
    fn print(&self, name: &str) {
        let [singles, batches] = [0, 1].map(|place| self.rates[place].1.per_second());
        say!(
            "\n  {name:<28} {:>12} {:>10} {:>10}  core-us each",
            "events/s",
            "x single",
            "% batch"
        );
        for (way, rate) in &self.rates {
            let each: Vec<_> =
                rate.cpu_each().map(|(process, each)| format!("{process} {each:.1}")).collect();
            let rate = rate.per_second();
            let (times, part) = (rate / singles, rate / batches * 100.0);
            let each = each.join(", ");
            say!("  {way:<28} {:>12} {times:>10.1} {part:>10.0}  {each}", whole(rate));
        }
        say!("  {:<28} {}", "to the answer", Latencies::head());
        for (way, latencies) in &self.latencies {
            say!("  {way:<28} {}", latencies.row());
        }
    }

    fn json(&self, name: &str) -> Value {
        let rates: Map<String, Value> = self
            .rates
            .iter()
            .map(|(way, rate)| ((*way).to_owned(), json!(rate.per_second())))
            .collect();
        let latencies: Map<String, Value> =
            self.latencies.iter().map(|(way, it)| ((*way).to_owned(), it.json())).collect();
        json!({ "syncInterval": name, "eventsPerSecond": rates, "toTheAnswer": latencies })
    }
}
