//! The cost of having an acknowledged event on the disk: nats-server syncs its files every two
//! minutes unless it is told to do so before it acknowledges.

use std::path::Path;
use std::time::{Duration, Instant};

use adaptive_bi::say;
use projections::time::Time;
use serde_json::{Value, json};
use services::NatsOptions;

use super::arguments::Arguments;
use super::latency::Latencies;
use super::load::Load;
use super::rate::{Rate, whole};
use super::stand::Stand;
use super::{live, publish};

/// Events that are published one after the other, each when the one before is acknowledged.
const ONE_BY_ONE: usize = 500;
/// The divisor for the number of events in a round, as a disk may be slow.
const PART: u64 = 10;

/// Measures both settings, on servers of their own.
///
/// # Errors
/// Fails if a server does not start or answer.
pub async fn run(cache_dir: &Path, arguments: &Arguments) -> anyhow::Result<Value> {
    say!("\ndurability: nats-server's sync_interval");
    say!(
        "  {:<12} {:>12} {:>12} {}   one at a time, until acknowledged",
        "",
        "publish/s",
        "live/s",
        Latencies::head()
    );
    let mut figures = Vec::new();
    for (name, sync_interval) in [("2 minutes", None), ("always", Some(Duration::ZERO))] {
        let nats = NatsOptions { sync_interval, ..NatsOptions::default() };
        let mut stand = Stand::start_with("bench-durability", cache_dir.to_owned(), nats).await?;
        let outcome = measure(&mut stand, (arguments.events / PART).max(1)).await;
        stand.stop().await?;
        let (publish, live, one) = outcome?;
        let (publish, live) = (publish.per_second(), live.per_second());
        say!("  {name:<12} {:>12} {:>12} {}", whole(publish), whole(live), one.row());
        figures.push(json!({
            "syncInterval": name, "publishedPerSecond": publish, "livePerSecond": live,
            "oneByOne": one.json(),
        }));
    }
    Ok(Value::Array(figures))
}

async fn measure(stand: &mut Stand, events: u64) -> anyhow::Result<(Rate, Rate, Latencies)> {
    let mut load = Load::new("durable", 13);
    let mut one = Latencies::new()?;
    for _ in 0..ONE_BY_ONE {
        let event = load.next(Time(chrono::Utc::now().timestamp_millis()));
        let begun = Instant::now();
        stand.log.publish(event).await?.await?;
        one.record(begun.elapsed())?;
    }
    let publish = publish::run(stand, events).await?;
    let live = live::run(stand, events).await?;
    Ok((publish, live, one))
}
