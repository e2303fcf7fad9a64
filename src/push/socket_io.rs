//! The Socket.IO transport: the events of the Node services, and the frames of topics and views.
//!
//! A token or an API key comes in the handshake, as its `auth` or in a header, or by the event
//! `authenticate`; a client that shows none in time is disconnected. Who is signed in is a
//! [subscriber](super::subscriber), and among the [connections](super::streams) of all transports.
//!
//! # Layout
//!
//! - here: the service, and the pace of events; [`events`]: what these are; `sign_in`: signing in; `asked`:
//!   what they ask for; `served`: a connection on which somebody is signed in; `metrics`: the metrics that have a
//!   name; `outlet`: the way out.

mod asked;
pub mod events;
mod metrics;
mod outlet;
mod served;
mod sign_in;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::metrics::counter;
use axum::{Router, middleware};
use serde_json::{Value, json};
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::socket::{DisconnectReason, Sid};
use socketioxide::{ParserConfig, SendError, SocketIo};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::Layer;

use self::asked::Asked;
use super::connections::{Connections, READ_BYTES, SHOW_TOKEN_WITHIN};
use super::engine_io::PAYLOAD_BYTES_MAX;
use super::pace::Verdict;
use super::requests::{self, Requests};
use super::sessions::{Sessions, begun_by};
use super::streams::Streams;
use crate::http::clock;
use crate::http::gate::{Credential, Gate, Refusal};
use crate::http::problem::Problem;
use crate::telemetry;

/// Packets that wait to be sent on a connection. Those of topics take half of them (see `flow`), so
/// that there is room for pings and for answers to who signs in.
const QUEUE_PACKETS: usize = 32;
/// Requests of a connection that wait for their turn.
const ASKED_MAX: usize = 32;
/// The time between two checks of deadlines of sessions.
const LOOK_AT_SESSIONS: Duration = Duration::from_millis(250);
/// Connections have so long to hear that the service stops.
const GOODBYE_WITHIN: Duration = Duration::from_millis(500);
/// And so long to close then.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// The Socket.IO side of the program. Each connection has a dozen copies of this.
#[derive(Clone)]
pub struct SocketIoPush(Arc<Shared>);

struct Shared {
    io: SocketIo,
    gate: Gate,
    streams: Streams,
    /// The connections on which somebody is signed in.
    open: Mutex<HashMap<Sid, Open>>,
    sessions: Sessions,
    connections: Connections,
    dropped: AtomicU64,
}

/// A connection on which somebody is signed in; it ends when this is dropped.
struct Open {
    asked: mpsc::Sender<Box<Asked>>,
    _end: DropGuard,
}

/// The path, and the times of pings.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// The path.
    pub path: &'a str,
    /// The time between two pings.
    pub ping_interval: Duration,
    /// The time in which one has to be answered.
    pub ping_timeout: Duration,
    /// The sessions, which are bounded.
    pub sessions: Sessions,
}

impl std::fmt::Debug for SocketIoPush {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocketIoPush").field("dropped", &self.0.dropped).finish_non_exhaustive()
    }
}

/// Answers Socket.IO at its path, and everything else by `router`; returns its side of the program as
/// well. It goes around the finished router, since it answers errors in its own protocol.
///
/// Sessions live in the service that the layer makes, and axum would make it anew for every request
/// that falls through to a handler: so it is made once here, as the fallback.
pub fn around(
    router: Router,
    gate: Gate,
    streams: Streams,
    options: Options<'_>,
) -> (Router, SocketIoPush) {
    let (layer, io) = SocketIo::builder()
        .req_path(options.path.to_owned())
        .ping_interval(options.ping_interval)
        .ping_timeout(options.ping_timeout)
        .connect_timeout(SHOW_TOKEN_WITHIN)
        .max_payload(PAYLOAD_BYTES_MAX as u64)
        .ws_read_buffer_size(READ_BYTES)
        .ws_max_message_size(PAYLOAD_BYTES_MAX)
        .ws_max_frame_size(PAYLOAD_BYTES_MAX)
        .max_buffer_size(QUEUE_PACKETS)
        // No message here has attachments, which would be held until all have come.
        .with_parser(ParserConfig::common().max_incoming_binaries(0))
        .build_layer();
    let (sessions, connections) = (options.sessions, Connections::default());
    let path = options.path.into();
    let requests = Requests { path, sessions: sessions.clone(), connections: connections.clone() };
    let (open, dropped) = (Mutex::default(), AtomicU64::default());
    let shared = Shared { io: io.clone(), gate, streams, open, sessions, connections, dropped };
    let push = SocketIoPush(Arc::new(shared));
    let connected = push.clone();
    io.ns("/", move |socket: SocketRef, TryData(auth): TryData<Value>| {
        let push = connected.clone();
        let is_heard = push.hears(&socket);
        async move {
            if is_heard {
                push.welcome(socket, auth.ok()).await;
            } else {
                push.disconnect(socket);
            }
        }
    });
    let looked_at = middleware::from_fn_with_state(requests, requests::looked_at);
    (Router::new().fallback_service(layer.layer(router)).layer(looked_at), push)
}

impl SocketIoPush {
    /// Waits for `cancel`, by which every connection says goodbye, and closes those that are left.
    pub async fn run(self, cancel: CancellationToken) {
        cancel.cancelled().await;
        let until = Instant::now() + GOODBYE_WITHIN;
        while !self.open().is_empty() && Instant::now() < until {
            tokio::time::sleep(GOODBYE_WITHIN / 20).await;
        }
        // By a connection that ends a client knows that it may connect anew, and by a word of Engine.IO not
        // every client does.
        self.0.connections.end();
        if timeout(CLOSED_WITHIN, self.0.io.close()).await.is_err() {
            tracing::warn!("some sessions of Socket.IO did not end in time");
        }
    }

    /// Ends, until `cancel`, the sessions of clients that stay strangers for too long, and those that
    /// were disconnected and go on.
    pub async fn watch(self, cancel: CancellationToken) {
        let mut tick = interval(LOOK_AT_SESSIONS);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = tick.tick() => {}
            }
            for id in self.0.connections.look() {
                self.end(id);
            }
            self.0.sessions.tell();
        }
    }

    /// The number of packets that were not sent because their connection did not keep up.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Counts a message, and says whether it is answered. A client that sends too many gets one
    /// error, and is disconnected if it goes on.
    fn hears(&self, socket: &SocketRef) -> bool {
        let verdict = begun_by(socket.req_parts()).map(|session| session.pace.count());
        if verdict.is_some_and(|it| it != Verdict::Answer) {
            counter!(telemetry::PUSH_REFUSED, "bound" => "pace").increment(1);
        }
        match verdict {
            None | Some(Verdict::Answer) => return true,
            Some(Verdict::Tell) => {
                let message = "Too many messages; some of them are not answered";
                self.note(&socket.emit("error", &json!({ "message": message })));
            }
            Some(Verdict::Ignore) => {}
            Some(Verdict::End) => self.disconnect(socket.clone()),
        }
        false
    }

    /// Handles a socket's messages. Whether a message is answered is known before a task that answers
    /// it waits for anything, so unanswered ones leave nothing behind.
    fn hear(&self, socket: &SocketRef) {
        self.on(socket, "requestCurrentMetrics", |_| Asked::Current);
        self.on(socket, "subscribe_dashboard", asked::subscribe);
        self.on(socket, "unsubscribe_dashboard", asked::unsubscribe);
        self.on(socket, "request_metrics", asked::metrics);
        self.on(socket, "heartbeat", |_| Asked::Heartbeat);
        let (push, refused) = (self.clone(), Arc::new(AtomicU32::new(0)));
        socket.on("authenticate", move |socket: SocketRef, TryData(shown): TryData<Value>| {
            let is_heard = push.hears(&socket);
            async move {
                if is_heard {
                    Box::pin(push.try_again(socket, shown.ok(), &refused)).await;
                }
            }
        });
        let push = self.clone();
        socket.on_fallback(move |socket: SocketRef| {
            push.hears(&socket);
            async {}
        });
        let push = self.clone();
        socket.on_disconnect(async move |socket: SocketRef, reason: DisconnectReason| {
            push.leave(socket.id);
            if reason == DisconnectReason::ClientNSDisconnect {
                // It left, and may have kept its connection.
                push.0.connections.left(socket.id);
            }
        });
    }

    /// Hands what an event asks for to the connection's task.
    fn on(&self, socket: &SocketRef, event: &'static str, read: fn(&Value) -> Asked) {
        let push = self.clone();
        socket.on(event, move |socket: SocketRef, TryData(contents): TryData<Value>| {
            if push.hears(&socket) {
                push.ask(&socket, read(&contents.unwrap_or_default()));
            }
            async {}
        });
    }

    fn ask(&self, socket: &SocketRef, asked: Asked) {
        let to = self.open().get(&socket.id).map(|open| open.asked.clone());
        let Some(to) = to else {
            // B's clients send one before they sign in.
            return match asked {
                Asked::Heartbeat => {
                    let told = json!({ "timestamp": clock::now() });
                    self.note(&socket.emit("heartbeat_ack", &told));
                }
                _ => self.refuse(socket, Refusal::NoCredential),
            };
        };
        if to.try_send(Box::new(asked)).is_err() {
            // It does not take its answers.
            self.count_dropped();
        }
    }

    async fn welcome(&self, socket: SocketRef, auth: Option<Value>) {
        self.hear(&socket);
        self.0.connections.begun(socket.id, socket.req_parts());
        if self.0.connections.has_ended(socket.id) {
            return self.disconnect(socket);
        }
        let welcome = json!({
            "message": "Welcome to Adaptive BI",
            "socketId": socket.id,
            "position": self.0.streams.position(),
        });
        self.note(&socket.emit("welcome", &welcome));
        let headers = &socket.req_parts().headers;
        let shown = credential(auth.as_ref()).or_else(|| Credential::of(headers));
        if shown.is_some() {
            Box::pin(self.authenticate(&socket, shown)).await;
        }
        self.0.connections.expect_token(socket.id);
    }

    /// Nobody is signed in on it any more.
    fn leave(&self, id: Sid) {
        self.open().remove(&id);
    }

    /// Ends a session, whether it is connected or not.
    fn end(&self, id: Sid) {
        match self.0.io.get_socket(id) {
            Some(socket) => self.disconnect(socket),
            None => self.0.connections.end_soon(id),
        }
    }

    /// Disconnects, and ends a session that goes on all the same.
    fn disconnect(&self, socket: SocketRef) {
        // A client that does not read cannot be told that it is disconnected, and then it is not.
        self.leave(socket.id);
        self.0.connections.end_soon(socket.id);
        let _ = socket.disconnect();
    }

    /// A map of connections is whole at every step.
    fn open(&self) -> MutexGuard<'_, HashMap<Sid, Open>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, sent: &Result<(), SendError>) {
        if sent.is_err() {
            self.count_dropped();
        }
    }

    fn count_dropped(&self) {
        counter!(telemetry::PUSH_DROPPED).increment(1);
        let before = self.0.dropped.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(before, "a connection does not keep up");
    }
}

/// The token or key in `{token}`, as clients of the Node services send it.
fn credential(shown: Option<&Value>) -> Option<Credential> {
    Some(Credential::of_text(shown?.get("token")?.as_str()?))
}

/// What a client is told whose credential is refused.
fn refused(problem: &Problem) -> Value {
    json!({ "success": false, "message": problem.message() })
}
