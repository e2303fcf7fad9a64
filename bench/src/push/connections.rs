//! The cost of connections while nothing happens: memory, each transport in a process of its own, and
//! processor time.

use std::time::Duration;

use adaptive_bi::say;
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::phase::{Counting, number};
use super::subscribers::{Subscribers, Target};
use super::wire::Transport;
use crate::service::Service;
use crate::stand::Stand;

/// The time until what a connection needs at its beginning is given back.
const SETTLES: Duration = Duration::from_secs(3);
/// Idle connections are looked at for so long at least: each has a sign of life within that time.
const LOOKED_AT: Duration = Duration::from_secs(30);
/// Files of a process beside its subscribers' connections.
const OTHER_FILES: u64 = 500;

/// Connects subscribers; the resident memory by which a server grows for each, in bytes. `cost` is that
/// of the server. A first one is connected before, and counts for nothing.
///
/// # Errors
/// Fails if one is not connected.
pub async fn connect(
    cost: impl Fn() -> anyhow::Result<(Duration, u64)>,
    subscribers: &Subscribers,
    mut targets: Vec<Target>,
) -> anyhow::Result<f64> {
    let count = targets.len() - 1;
    subscribers.connect(targets.drain(..1).collect()).await?;
    sleep(SETTLES).await;
    let before = cost()?.1;
    subscribers.connect(targets).await?;
    sleep(SETTLES).await;
    let after = cost()?.1;
    Ok(number(after.saturating_sub(before)) / number(count.max(1) as u64))
}

/// The memory of a connection by each transport.
///
/// # Errors
/// Fails if a service does not start, or a subscriber is not connected.
pub async fn memory(stand: &Stand, count: u32) -> anyhow::Result<Value> {
    let mut figures = Map::new();
    for transport in Transport::ALL {
        let service = Service::start(stand, count + 1).await?;
        service.read_ahead().await?;
        let subscribers = Subscribers::start()?;
        let targets = Target::of(&service, transport, count + 1);
        let bytes = connect(|| service.cost(), &subscribers, targets).await?;
        let row = format!("{count} idle, {}", transport.name());
        say!("  {row:<44} {:>8.1} KB each", bytes / 1e3);
        figures.insert(transport.name().to_owned(), json!(bytes));
        subscribers.end().await;
        service.stop().await?;
    }
    Ok(Value::Object(figures))
}

/// The processor time of idle connections, a third of them by each transport: as many as the limit on
/// open files allows at one end.
///
/// # Errors
/// Fails if the service does not start, or a subscriber is not connected.
pub async fn idle(stand: &Stand, wanted: u32) -> anyhow::Result<Value> {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let possible = files.unwrap_or(u64::MAX).saturating_sub(OTHER_FILES);
    let each = u32::try_from(possible.min(u64::from(wanted)) / u64::from(Transport::COUNT))?;
    let count = each * Transport::COUNT;
    if u64::from(wanted) > possible {
        say!("  the limit on open files is {files:?}: {count} idle connections and not {wanted}");
    }
    let service = Service::start(stand, count).await?;
    service.read_ahead().await?;
    let subscribers = Subscribers::start()?;
    sleep(SETTLES).await;
    let counting = Counting::begin(&subscribers, service.cost()?)?;
    sleep(LOOKED_AT).await;
    let (nobody, _) = counting.end(&subscribers, service.cost()?)?;
    for transport in Transport::ALL {
        subscribers.connect(Target::of(&service, transport, each)).await?;
    }
    sleep(SETTLES).await;
    let counting = Counting::begin(&subscribers, service.cost()?)?;
    sleep(LOOKED_AT).await;
    let (cost, _) = counting.end(&subscribers, service.cost()?)?;
    subscribers.end().await;
    service.stop().await?;
    let row = format!("{count} idle, a third by each transport");
    say!("  {row:<44} {:>8.3} cores; {:.3} with none", cost.cores(), nobody.cores());
    Ok(json!({ "connections": count, "cores": cost.cores(), "coresWithNone": nobody.cores() }))
}
