//! The time from the publication of a sale until every connected Socket.IO client has heard of it.

use std::net::SocketAddr;
use std::time::Duration;

use adaptive_bi::http::gate::X_API_KEY;
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::say;
use anyhow::{Context, ensure};
use futures_util::{SinkExt, StreamExt};
use projections::time::Time;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;

use super::arguments::Arguments;
use super::cpu::Cpu;
use super::feed::{apart, feed};
use super::latency::Latencies;
use super::load::Load;
use super::stand::Stand;

const UPDATE: &str = "realtimeSalesUpdate";
/// The pings of Engine.IO.
const PING: &str = "2";
const PONG: &str = "3";
/// The time between sales, so that none waits for the update before.
const APART: Duration = Duration::from_millis(400);
/// The time after which an update counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<TcpStream>;

/// Measures the latency of updates while nothing else happens, and while the mixed load comes in.
///
/// # Errors
/// Fails if a server does not answer, or an update does not come.
pub async fn run(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<Value> {
    stand.fresh("push").await?;
    let (app, key) = stand.serve(&[Scope::PushSubscribe]).await?;
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let connecting = connect(app.address, key, arguments.sockets, heard);
    let clients = tokio::time::timeout(PATIENCE * 6, apart(connecting)).await??;
    say!(
        "\npush: from a sale's publication until each of {} sockets heard of it",
        arguments.sockets
    );
    say!("  {:<16} {}", "", Latencies::head());
    let mut figures = Vec::new();
    for rate in [0, arguments.rate] {
        let stop = CancellationToken::new();
        let feeding =
            (rate > 0).then(|| apart(feed(stand.log.settings.clone(), rate, stop.clone())));
        let (since, before) = (Instant::now(), Cpu::now());
        let latencies = measure(stand, arguments, &mut hearing).await;
        let (took, cpu) = (since.elapsed(), Cpu::now().since(&before));
        stop.cancel();
        if let Some(feeding) = feeding {
            feeding.await?;
        }
        let latencies = latencies?;
        say!("  {:<16} {}", format!("{rate} events/s"), latencies.row());
        let cores = cpu.iter().map(|(process, time)| {
            (process.to_owned(), json!(time.as_secs_f64() / took.as_secs_f64()))
        });
        figures.push(json!({
            "eventsPerSecond": rate, "sockets": arguments.sockets, "latency": latencies.json(),
            "cores": cores.collect::<serde_json::Map<_, _>>(),
        }));
    }
    clients.cancel();
    app.stop().await?;
    Ok(Value::Array(figures))
}

/// Publishes sales one at a time and waits until all sockets have heard of each.
async fn measure(
    stand: &Stand,
    arguments: &Arguments,
    hearing: &mut mpsc::UnboundedReceiver<(usize, u64, Instant)>,
) -> anyhow::Result<Latencies> {
    let (mut load, mut latencies) = (Load::new("push", 19), Latencies::new()?);
    let until = Instant::now() + Duration::from_secs(arguments.seconds);
    while Instant::now() < until {
        let sale = load.transaction(Time(chrono::Utc::now().timestamp_millis()));
        let begun = Instant::now();
        let position = stand.log.publish(sale).await?.await?.position;
        let mut waiting: Vec<bool> = vec![true; arguments.sockets];
        let mut left = arguments.sockets;
        while left > 0 {
            let heard = timeout(PATIENCE, hearing.recv()).await.context("an update is lost")?;
            let (socket, reached, at) = heard.context("a socket was disconnected")?;
            if reached >= position && std::mem::take(&mut waiting[socket]) {
                left -= 1;
                latencies.record(at.saturating_duration_since(begun))?;
            }
        }
        tokio::time::sleep(APART).await;
    }
    Ok(latencies)
}

/// Connects the sockets, on a thread that goes on reading them until the token is cancelled.
async fn connect(
    address: SocketAddr,
    key: String,
    count: usize,
    heard: mpsc::UnboundedSender<(usize, u64, Instant)>,
) -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (ready, mut connected) = mpsc::channel(count.max(1));
    let stopped = stop.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        let reading = async move {
            for number in 0..count {
                let socket = open(address, &key).await;
                let failed = socket.is_err();
                if ready
                    .send(socket.as_ref().map(|_| ()).map_err(ToString::to_string))
                    .await
                    .is_err()
                    || failed
                {
                    return;
                }
                if let Ok(socket) = socket {
                    tokio::spawn(read(socket, number, heard.clone()));
                }
            }
            stopped.cancelled().await;
        };
        runtime.block_on(reading);
    });
    for _ in 0..count {
        let outcome = connected.recv().await.context("the sockets' thread ended")?;
        outcome.map_err(anyhow::Error::msg)?;
    }
    Ok(stop)
}

/// A socket that is connected and signed in.
async fn open(address: SocketAddr, key: &str) -> anyhow::Result<Socket> {
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let mut request = url.into_client_request()?;
    request.headers_mut().insert(X_API_KEY, HeaderValue::from_str(key)?);
    let (mut socket, _) = client_async(request, TcpStream::connect(address).await?).await?;
    socket.send("40".into()).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        let text = message.to_text().unwrap_or_default();
        // The server's first ping comes at once.
        if text == PING {
            socket.send(PONG.into()).await?;
        }
        ensure!(!text.contains("authentication_error"), "the key was refused: {text}");
        if text.contains("\"authenticated\"") {
            return Ok(socket);
        }
    }
    anyhow::bail!("a socket was closed before it was signed in")
}

/// Reads updates, and answers the server's pings.
async fn read(
    mut socket: Socket,
    number: usize,
    heard: mpsc::UnboundedSender<(usize, u64, Instant)>,
) {
    while let Some(Ok(message)) = socket.next().await {
        let at = Instant::now();
        let text = message.to_text().unwrap_or_default();
        if text == PING && socket.send(PONG.into()).await.is_err() {
            return;
        }
        if let Some(position) = position_of(text)
            && heard.send((number, position, at)).is_err()
        {
            return;
        }
    }
}

/// The position that an update reflects.
fn position_of(packet: &str) -> Option<u64> {
    let (name, update): (String, Value) = serde_json::from_str(packet.strip_prefix("42")?).ok()?;
    (name == UPDATE).then(|| update.get("position")?.as_u64()).flatten()
}
