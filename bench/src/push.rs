//! The time from the publication of a sale until every subscriber has it, by each transport.
//!
//! The service, its servers and the subscribers share the machine, and the service shares the process
//! with the subscribers; so the processor time is that of both.

pub mod subscribers;

use std::time::Duration;

use adaptive_bi::http::gate::X_API_KEY;
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::say;
use anyhow::Context;
use projections::time::Time;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use self::subscribers::{Heard, Transport, connect};
use super::arguments::Arguments;
use super::cpu::Cpu;
use super::feed::{apart, feed};
use super::latency::Latencies;
use super::load::Load;
use super::stand::Stand;

/// The time between sales, so that none waits for the update before.
const APART: Duration = Duration::from_millis(400);
/// The time after which an update counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);
const TRANSPORTS: usize = Transport::ALL.len();

/// What a round has measured.
struct Round {
    latencies: [Latencies; TRANSPORTS],
    deliveries: u64,
}

/// Measures the latency of updates while nothing else happens, so that each is the first frame after a
/// quiet time; while the mixed load comes in; and then with one subscriber that reads nothing.
///
/// # Errors
/// Fails if a server does not answer, or an update does not come.
pub async fn run(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<Value> {
    stand.fresh("push").await?;
    let (app, key) = stand.serve(&[Scope::PushSubscribe, Scope::MetricsRead]).await?;
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let each = arguments.subscribers;
    let connecting = connect(app.address, key.clone(), each, heard);
    let clients = timeout(PATIENCE * 60, connecting).await??;
    say!(
        "\npush: from a sale's publication until each of {each} subscribers by each transport has it"
    );
    say!("  {:<36} {}", "", Latencies::head());
    let mut figures = Vec::new();
    let mut stalled = None;
    for (name, rate) in
        [("after a quiet time", 0), ("", arguments.rate), ("one is stalled", arguments.rate)]
    {
        if name == "one is stalled" {
            stalled = Some(stall(app.address, &key).await?);
        }
        let stop = CancellationToken::new();
        let feeding =
            (rate > 0).then(|| apart(feed(stand.log.settings.clone(), rate, stop.clone())));
        let (since, before) = (Instant::now(), Cpu::now());
        let round = measure(stand, arguments, &mut hearing).await;
        let (took, cpu) = (since.elapsed(), Cpu::now().since(&before));
        stop.cancel();
        if let Some(feeding) = feeding {
            feeding.await?;
        }
        let Round { latencies, deliveries } = round?;
        let mut by_transport = serde_json::Map::new();
        for (transport, latencies) in Transport::ALL.into_iter().zip(&latencies) {
            let row = format!("{rate} events/s, {} {name}", transport.name());
            say!("  {row:<36} {}", latencies.row());
            by_transport.insert(transport.name().to_owned(), latencies.json());
        }
        let cores: serde_json::Map<_, _> = cpu
            .iter()
            .map(|(process, time)| {
                (process.to_owned(), json!(time.as_secs_f64() / took.as_secs_f64()))
            })
            .collect();
        figures.push(json!({
            "eventsPerSecond": rate, "subscribersEach": each, "stalled": stalled.is_some(),
            "latency": by_transport, "deliveries": deliveries, "seconds": took.as_secs_f64(),
            "cores": cores,
        }));
    }
    clients.cancel();
    drop(stalled);
    app.stop().await?;
    Ok(Value::Array(figures))
}

/// A subscriber that follows more than the system's buffers hold for long, and reads nothing.
async fn stall(address: std::net::SocketAddr, key: &str) -> anyhow::Result<TcpStream> {
    let views: Vec<_> =
        (1..=20).map(|n| format!("views=/api/metrics/sales%3Flimit%3D{n}")).collect();
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET /api/stream?topics=sales&{} HTTP/1.1\r\nhost: {address}\r\n{X_API_KEY}: {key}\r\n\r\n",
        views.join("&")
    );
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

/// Publishes sales one at a time and waits until all subscribers have each.
async fn measure(
    stand: &Stand,
    arguments: &Arguments,
    hearing: &mut mpsc::UnboundedReceiver<Heard>,
) -> anyhow::Result<Round> {
    let mut load = Load::new("push", 19);
    let latencies = [Latencies::new()?, Latencies::new()?, Latencies::new()?];
    let mut round = Round { latencies, deliveries: 0 };
    let until = Instant::now() + Duration::from_secs(arguments.seconds);
    let count = arguments.subscribers * TRANSPORTS;
    while Instant::now() < until {
        let sale = load.transaction(Time(chrono::Utc::now().timestamp_millis()));
        let begun = Instant::now();
        let position = stand.log.publish(sale).await?.await?.position;
        let mut waiting: Vec<bool> = vec![true; count];
        let mut left = count;
        while left > 0 {
            let heard = timeout(PATIENCE, hearing.recv()).await.context("an update is lost")?;
            let Heard { subscriber, position: reached, at } =
                heard.context("a subscriber was disconnected")?;
            round.deliveries += 1;
            if reached >= position && std::mem::take(&mut waiting[subscriber]) {
                left -= 1;
                let transport = subscriber / arguments.subscribers.max(1);
                round.latencies[transport].record(at.saturating_duration_since(begun))?;
            }
        }
        tokio::time::sleep(APART).await;
    }
    Ok(round)
}
