//! Subscribers of sales by every transport: connected one after the other, and read on a thread of their
//! own.

use std::net::SocketAddr;

use adaptive_bi::http::gate::X_API_KEY;
use anyhow::{Context, ensure};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;

const UPDATE: &str = "realtimeSalesUpdate";
/// The pings of Engine.IO.
const PING: &str = "2";
const PONG: &str = "3";

/// The way in which a subscriber is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Socket.IO, by a `WebSocket`.
    SocketIo,
    /// Server-sent events.
    Sse,
    /// A `WebSocket` with JSON texts.
    WebSocket,
}

impl Transport {
    /// All of them.
    pub const ALL: [Transport; 3] = [Transport::SocketIo, Transport::Sse, Transport::WebSocket];

    /// Its name in figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Transport::SocketIo => "socketIo",
            Transport::Sse => "sse",
            Transport::WebSocket => "webSocket",
        }
    }
}

/// A frame or an update that came: by which subscriber, the position that it reflects, and when.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    /// The number of the subscriber: those of a transport follow one another, in the order of
    /// [`Transport::ALL`].
    pub subscriber: usize,
    /// The position.
    pub position: u64,
    /// The instant.
    pub at: Instant,
}

type Tell = mpsc::UnboundedSender<Heard>;
type Socket = WebSocketStream<TcpStream>;

/// Connects so many subscribers by each transport, and reads them until the token is cancelled.
///
/// # Errors
/// Fails if one is not connected.
pub async fn connect(
    address: SocketAddr,
    key: String,
    each: usize,
    heard: Tell,
) -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (ready, connected) = tokio::sync::oneshot::channel();
    let stopped = stop.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async move {
            let opened = open_all(address, &key, each, &heard).await;
            let is_open = opened.is_ok();
            if ready.send(opened).is_ok() && is_open {
                stopped.cancelled().await;
            }
        });
    });
    connected.await.context("the subscribers' thread ended")??;
    Ok(stop)
}

async fn open_all(address: SocketAddr, key: &str, each: usize, heard: &Tell) -> anyhow::Result<()> {
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build()?;
    for (index, transport) in Transport::ALL.into_iter().enumerate() {
        for number in index * each..(index + 1) * each {
            let heard = heard.clone();
            match transport {
                Transport::SocketIo => {
                    let socket = sign_in(address, key).await?;
                    tokio::spawn(read_socket(socket, number, heard, of_update));
                }
                Transport::WebSocket => {
                    let mut socket = web_socket(address, "/api/ws", key).await?;
                    socket.send(r#"{"type":"subscribe","topics":["sales"]}"#.into()).await?;
                    tokio::spawn(read_socket(socket, number, heard, of_frame));
                }
                Transport::Sse => {
                    let url = format!("http://{address}/api/stream?topics=sales");
                    let response = http.get(url).header(X_API_KEY, key).send().await?;
                    let response = response.error_for_status()?;
                    tokio::spawn(read_stream(response, number, heard));
                }
            }
        }
    }
    Ok(())
}

async fn web_socket(address: SocketAddr, path: &str, key: &str) -> anyhow::Result<Socket> {
    let mut request = format!("ws://{address}{path}").into_client_request()?;
    request.headers_mut().insert(X_API_KEY, HeaderValue::from_str(key)?);
    Ok(client_async(request, TcpStream::connect(address).await?).await?.0)
}

/// A connection of Socket.IO that is signed in.
async fn sign_in(address: SocketAddr, key: &str) -> anyhow::Result<Socket> {
    let path = "/socket.io/?EIO=4&transport=websocket";
    let mut socket = web_socket(address, path, key).await?;
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

/// Reads a socket, and answers the pings of Engine.IO.
async fn read_socket(
    mut socket: Socket,
    subscriber: usize,
    heard: Tell,
    position_of: fn(&str) -> Option<u64>,
) {
    while let Some(Ok(message)) = socket.next().await {
        let at = Instant::now();
        let text = message.to_text().unwrap_or_default();
        if text == PING && socket.send(PONG.into()).await.is_err() {
            return;
        }
        if let Some(position) = position_of(text)
            && heard.send(Heard { subscriber, position, at }).is_err()
        {
            return;
        }
    }
}

async fn read_stream(mut response: reqwest::Response, subscriber: usize, heard: Tell) {
    let mut text = String::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let at = Instant::now();
        text.push_str(&String::from_utf8_lossy(&chunk));
        while let Some((event, rest)) = text.split_once("\n\n") {
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            let position = data.and_then(of_frame);
            text = rest.to_owned();
            if let Some(position) = position
                && heard.send(Heard { subscriber, position, at }).is_err()
            {
                return;
            }
        }
    }
}

#[derive(Deserialize)]
struct AtPosition {
    position: u64,
    /// What words do not have.
    generation: Option<u32>,
}

/// The position of a frame.
fn of_frame(json: &str) -> Option<u64> {
    let frame: AtPosition = serde_json::from_str(json).ok()?;
    frame.generation.map(|_| frame.position)
}

/// The position of an update of Socket.IO.
fn of_update(packet: &str) -> Option<u64> {
    let (name, update): (String, AtPosition) =
        serde_json::from_str(packet.strip_prefix("42")?).ok()?;
    (name == UPDATE).then_some(update.position)
}
