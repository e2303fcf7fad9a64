//! A rebuild of a preloaded stream beside the live generation, while queries are asked: how fast it
//! is, and what it does to them.

use std::time::{Duration, Instant};

use projections::root::Settings;
use projections::time::Time;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::cpu::Cpu;
use super::load::Load;
use super::stand::Stand;
use super::{Rate, live, queries};
use crate::app::App;
use crate::auth::key;
use crate::auth::scope::Scope;
use crate::command::grouped;
use crate::projector::rebuild::Generations;
use crate::projector::session::Limits;
use crate::projector::threads::Threads;
use crate::store::Store;

/// The preloaded events are dated as if they had come in at this rate.
const EVENTS_PER_SECOND: u64 = 1_000;
/// Queries are asked for so long before the rebuild begins.
const IDLE: Duration = Duration::from_secs(15);

/// Preloads, folds, asks idle, then rebuilds while it asks, and prints what came of it.
///
/// # Errors
/// Where a server does not answer, or a query is not answered with 200.
pub async fn run(stand: &mut Stand, events: u64) -> anyhow::Result<()> {
    stand.fresh("rebuild").await?;
    let (last, end) = preload(stand, events).await?;
    let mut folding = stand.project(Limits::default());
    folding.reach(last).await?;
    folding.stop().await;

    let (settings, listener) = (stand.settings()?, TcpListener::bind("127.0.0.1:0").await?);
    let (nats, mongo) = (stand.services.nats_url(), stand.services.mongodb_uri().to_owned());
    let app = App::start(&settings, listener, nats, &mongo).await?;
    let key = key::make("bench", &[Scope::MetricsRead], "bench", None);
    app.store.insert_key(&key.row).await?;
    let ask = |long, stop| queries::asked(app.address, key.text.clone(), end, long, stop);
    let idle = ask(IDLE, CancellationToken::new()).await?;

    // On threads and connections of low priority, as the command does it.
    let threads = Threads::start()?;
    let name = stand.store.database.name().to_owned();
    let connecting = async move { Store::connect(&mongo, Some(&name)).await };
    let store = threads.handle().spawn(connecting).await??;
    let generations = Generations::new(store, stand.log.clone(), Settings::new("GBP"));
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

    say!("\nrebuild of a preloaded stream beside the live one, while queries are asked");
    rate.print();
    let ms = |us: u64| Duration::from_micros(us).as_secs_f64() * 1e3;
    let (idle, busy) = (ms(idle.value_at_quantile(0.99)), ms(busy.value_at_quantile(0.99)));
    say!("  p99 idle     {idle:>10.2} ms");
    say!("  p99 meanwhile{busy:>10.2} ms, {:.1} times as long", busy / idle);
    Ok(())
}

/// Puts the mixed load on the log; its last position, and when it ends.
async fn preload(stand: &Stand, events: u64) -> anyhow::Result<(u64, i64)> {
    let end = chrono::Utc::now().timestamp_millis();
    let begin = end - i64::try_from(events / EVENTS_PER_SECOND * 1_000)?;
    let dated = |n: u64| Time(begin + i64::try_from(n * 1_000 / EVENTS_PER_SECOND).unwrap_or(0));
    let mut load = Load::new("rebuild", 17);
    let mixed = (0..events).map(|n| load.next(dated(n)));
    let last = live::publish(&stand.log, Load::catalogue().chain(mixed), None).await?;
    say!("  {} events on the log", grouped(last));
    Ok((last, end))
}
