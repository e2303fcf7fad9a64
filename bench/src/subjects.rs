//! The cost of many entities: nats-server keeps each subject of a stream in memory, and reads them all
//! when it starts; and what mongod and the program take once that many are folded.

use std::path::Path;
use std::time::{Duration, Instant};

use adaptive_bi::command::grouped;
use adaptive_bi::say;
use adaptive_bi::stream::publish::Outgoing;
use bytes::Bytes;
use projections::event::Kind;
use serde_json::{Map, Value, json};
use services::{NatsOptions, Server};
use tokio::time::sleep;

use super::arguments::Arguments;
use super::bare::{By, Messages};
use super::cpu;
use super::service::Service;
use super::stand::Stand;

/// Events of as many entities, in each of two logs.
const SIZES: [u64; 2] = [1_000_000, 10_000_000];
/// Events that are made at a time.
const AT_A_TIME: u64 = 100_000;
/// The time between two looks at the fold.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Measures nats-server with a subject for each entity, and with 256; and mongod and the program, which
/// know no subjects, once.
///
/// # Errors
/// Fails if a server does not start or answer.
pub async fn run(cache_dir: &Path, arguments: &Arguments) -> anyhow::Result<Value> {
    say!("\nsubjects: events of as many entities, and nats-server");
    say!(
        "  {:>12} {:<10} {:>12} {:>12} {:>12} {:>10}",
        "events",
        "subjects",
        "events/s",
        "MB",
        "MB, started",
        "start s"
    );
    let mut figures = Vec::new();
    for &events in arguments.sizes_or(&SIZES) {
        for by in [By::Id, By::Shard] {
            // A disk that is synced all the time would be measured instead.
            let sync_interval = Duration::from_mins(2);
            let nats = NatsOptions { sync_interval, ..NatsOptions::default() };
            let mut stand = Stand::start_with("bench-subjects", cache_dir.to_owned(), nats).await?;
            let outcome = measure(&mut stand, by, events).await;
            let folded = match by {
                By::Shard if outcome.is_ok() => fold(&stand).await,
                _ => Ok(Value::Null),
            };
            stand.stop().await?;
            figures.push(outcome?);
            figures.push(folded?);
        }
    }
    Ok(Value::Array(figures))
}

async fn measure(stand: &mut Stand, by: By, events: u64) -> anyhow::Result<Value> {
    stand.fresh("subjects").await?;
    let url = stand.services.nats_url().to_owned();
    let mut took = Duration::ZERO;
    for from in (0..events).step_by(usize::try_from(AT_A_TIME)?) {
        let part = (from..events.min(from + AT_A_TIME)).map(stock);
        let messages = Messages::of(&stand.log.settings.prefix, by, part);
        took += messages.in_batches(&url).await?.took;
    }
    let extent = stand.log.extent().await?;
    let before = cpu::resident_bytes("nats-server");
    stand.services.kill(Server::Nats).await?;
    let started = Instant::now();
    stand.services.restart(Server::Nats, &|_| {}).await?;
    let start = started.elapsed();
    let after = cpu::resident_bytes("nats-server");
    #[allow(clippy::cast_precision_loss)] // a rate for the eye
    let rate = events as f64 / took.as_secs_f64();
    say!(
        "  {:>12} {:<10} {:>12} {:>12} {:>12} {:>10.1}",
        grouped(extent.last),
        grouped(extent.subjects),
        super::rate::whole(rate),
        megabytes(before),
        megabytes(after),
        start.as_secs_f64()
    );
    Ok(json!({
        "events": extent.last, "subjects": extent.subjects, "publishedPerSecond": rate,
        "residentBytes": before, "residentBytesStarted": after, "startSeconds": start.as_secs_f64(),
    }))
}

/// Has the program fold the log, in a process of its own, and starts mongod and it again on what that made.
async fn fold(stand: &Stand) -> anyhow::Result<Value> {
    let last = stand.log.extent().await?.last;
    let began = Instant::now();
    let service = Service::start(stand, 1).await?;
    while stand.store.checkpoint(1).await?.is_none_or(|it| it.position < last) {
        service.cost()?;
        sleep(LOOK_AGAIN).await;
    }
    let took = began.elapsed();
    let folded = (cpu::resident_bytes("mongod"), service.cost()?.1);
    service.stop().await?;
    stand.services.kill(Server::Mongod).await?;
    let began = Instant::now();
    stand.services.restart(Server::Mongod, &|_| {}).await?;
    let mongod = (folded.0, cpu::resident_bytes("mongod"), began.elapsed());
    let began = Instant::now();
    let service = Service::start(stand, 1).await?;
    service.ready().await?;
    let program = (folded.1, service.cost()?.1, began.elapsed());
    service.stop().await?;
    say!("  {:>12} were folded in {:.0} s", grouped(last), took.as_secs_f64());
    let mut figures = Map::from_iter([("foldSeconds".to_owned(), json!(took.as_secs_f64()))]);
    for (name, (folded, started, start)) in [("mongod", mongod), ("program", program)] {
        let (folded_mb, started_mb) = (megabytes(folded), megabytes(started));
        let start = start.as_secs_f64();
        say!("  {:>12} {name:<10} {:>12} {folded_mb:>12} {started_mb:>12} {start:>10.1}", "", "");
        let of = json!({
            "residentBytes": folded, "residentBytesStarted": started, "startSeconds": start,
        });
        figures.insert(name.to_owned(), of);
    }
    Ok(Value::Object(figures))
}

fn megabytes(bytes: u64) -> String {
    grouped(bytes / 1_000_000)
}

fn stock(number: u64) -> Outgoing {
    let entity = format!("product-{number}");
    let body = Bytes::from(format!(r#"{{"productId":"{entity}","stock":{}}}"#, number % 1_000));
    Outgoing { kind: Kind::Stock, entity, body, message_id: None, replay_of: None }
}
