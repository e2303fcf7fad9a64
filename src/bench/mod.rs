//! The benchmark: figures that anyone can repeat, servers and load generator on the same machine.

pub mod load;
pub mod stand;

use std::time::Instant;

use projections::time::Time;

use crate::projector::session::Limits;
use crate::stream::Log;
use load::Load;
use stand::Stand;

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many events.
    #[arg(long, default_value_t = 600_000)]
    pub events: u64,
}

/// Measures.
///
/// # Errors
/// Where a server does not start or answer.
pub async fn run(settings: &crate::config::Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let mut stand = Stand::start(settings.services().cache_dir).await?;
    stand.fresh("catchup").await?;
    let t = Instant::now();
    let events = arguments.events;
    let last = preload(&stand.log, events).await?;
    println!("published {events} in {:?}", t.elapsed());
    let t = Instant::now();
    let mut folding = stand.project(Limits::default());
    folding.reach(last).await?;
    let took = t.elapsed();
    println!("folded {last} in {took:?}: {:.0}/s", last as f64 / took.as_secs_f64());
    folding.stop().await;
    stand.stop().await
}

/// Publishes.
pub async fn preload(log: &Log, events: u64) -> anyhow::Result<u64> {
    let mut load = Load::new("c", 1);
    let start = chrono::Utc::now().timestamp_millis() - events as i64;
    let mut acks = tokio::task::JoinSet::new();
    let mut last = 0;
    let all = Load::catalogue().chain((0..events).map(|n| load.next(Time(start + n as i64))));
    for event in all {
        let ack = log.publish(event).await?;
        acks.spawn(ack);
        if acks.len() >= 4000 {
            if let Some(done) = acks.join_next().await { last = last.max(done??.position); }
            while let Some(done) = acks.try_join_next() { last = last.max(done??.position); }
        }
    }
    while let Some(done) = acks.join_next().await { last = last.max(done??.position); }
    Ok(last)
}
