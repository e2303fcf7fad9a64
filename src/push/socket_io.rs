//! The Socket.IO transport: `welcome`, and after sign-in the figures of each [topic](super::topics),
//! on request and when they change.
//!
//! A token or an API key comes in the handshake, as its `auth` or in a header, or by the event
//! `authenticate`; a client that shows none in time is disconnected. The credential is checked
//! again every second for as long as the connection is open.
//!
//! Every connection has a queue of so many short packets. Packets that do not fit the queue of a
//! slow connection are not sent, and counted. Incoming messages have a pace.
//!
//! # Layout
//!
//! - here: the service, its events and its messages; `sign_in`: signing in.

mod sign_in;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::{Router, middleware};
use futures_util::future::join_all;
use serde_json::{Value, json};
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::socket::{DisconnectReason, Sid};
use socketioxide::{BroadcastError, ParserConfig, SendError, SocketIo};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tower::Layer;

use super::connections::{Connections, SHOW_TOKEN_WITHIN};
use super::engine_io::PAYLOAD_BYTES_MAX;
use super::hub::Hub;
use super::pace::Verdict;
use super::requests::{self, Requests};
use super::sessions::{Sessions, begun_by};
use crate::auth::watch;
use crate::http::gate::{Credential, Gate, Refusal};
use crate::http::problem::Problem;
use crate::query;
use crate::rights::access::Access;
use crate::rights::caller::Caller;
use crate::rights::role::{Action, Resource};
use crate::rights::scope::Scope;
use crate::store::platform::Platform;
use crate::telemetry;

/// Packets that wait to be sent on a connection. None is longer than a client's message: an
/// overview has a week's rows, under 1 KB. So this is a bound on bytes as well, 128 KB.
const QUEUE_PACKETS: usize = 32;
/// The right that updates need.
const ACCESS: Access = Access::AllowedOrKey(Resource::Metrics, Action::Read, Scope::PushSubscribe);
/// The room of all signed-in connections.
const ROOM: &str = "signed-in";
/// The time between two checks of the credentials of open connections.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The time between two checks of deadlines of sessions.
const LOOK_AT_SESSIONS: Duration = Duration::from_millis(250);

/// The Socket.IO side of the program.
#[derive(Clone)]
pub struct SocketIoPush {
    io: SocketIo,
    /// One for each topic.
    hubs: Arc<[Arc<Hub>]>,
    gate: Gate,
    store: Platform,
    /// The caller of each connection.
    callers: Arc<Mutex<HashMap<Sid, Caller>>>,
    sessions: Sessions,
    connections: Connections,
    dropped: Arc<AtomicU64>,
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
        f.debug_struct("SocketIoPush").field("dropped", &self.dropped).finish_non_exhaustive()
    }
}

/// Answers Socket.IO at its path, and everything else by `router`; returns the sender of its
/// messages as well. It goes around the finished router, since it answers errors in its own
/// protocol.
///
/// Sessions live in the service that the layer makes, and axum would make it anew for every request
/// that falls through to a handler: so it is made once here, as the fallback.
pub fn around(
    router: Router,
    hubs: Vec<Arc<Hub>>,
    gate: Gate,
    store: Platform,
    options: Options<'_>,
) -> (Router, SocketIoPush) {
    let (layer, io) = SocketIo::builder()
        .req_path(options.path.to_owned())
        .ping_interval(options.ping_interval)
        .ping_timeout(options.ping_timeout)
        .connect_timeout(SHOW_TOKEN_WITHIN)
        .max_payload(PAYLOAD_BYTES_MAX as u64)
        .ws_max_message_size(PAYLOAD_BYTES_MAX)
        .ws_max_frame_size(PAYLOAD_BYTES_MAX)
        .max_buffer_size(QUEUE_PACKETS)
        // No message here has attachments, which would be held until all have come.
        .with_parser(ParserConfig::common().max_incoming_binaries(0))
        .build_layer();
    let (sessions, connections) = (options.sessions, Connections::default());
    let path = options.path.into();
    let requests = Requests { path, sessions: sessions.clone(), connections: connections.clone() };
    let (hubs, callers, dropped) = (hubs.into(), Arc::default(), Arc::default());
    let push =
        SocketIoPush { io: io.clone(), hubs, gate, store, callers, sessions, connections, dropped };
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
    /// Sends updates until `cancel`; then says goodbye and closes every connection.
    pub async fn run(self, cancel: CancellationToken) {
        join_all(self.hubs.iter().map(|hub| self.update(hub, &cancel))).await;
        let goodbye = json!({ "message": "The server is stopping" });
        let _ = self.io.to(ROOM).emit("server_shutdown", &goodbye).await;
        self.io.close().await;
    }

    /// Sends the updates of one topic until `cancel`.
    async fn update(&self, hub: &Arc<Hub>, cancel: &CancellationToken) {
        let mut updates = hub.updates();
        loop {
            let update = tokio::select! {
                () = cancel.cancelled() => return,
                update = updates.next(|| !self.callers().is_empty()) => update,
            };
            let Some(current) = update else { return };
            metrics::counter!(telemetry::PUSHES).increment(1);
            let sent = self.io.to(ROOM).emit(hub.topic.update, &current.json).await;
            updates.sent();
            self.count(match &sent {
                Err(BroadcastError::Socket(sockets)) => sockets.len(),
                Err(_) => 1,
                Ok(()) => 0,
            });
        }
    }

    /// Disconnects, until `cancel`, callers who have lost their access (signed out, deactivated,
    /// with another role, with a revoked key) and clients that stay strangers for too long.
    pub async fn watch(self, cancel: CancellationToken) {
        tokio::join!(self.watch_callers(&cancel), self.watch_sessions(&cancel));
    }

    async fn watch_callers(&self, cancel: &CancellationToken) {
        let mut tick = interval(LOOK_AGAIN);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = tick.tick() => {}
            }
            self.callers().retain(|id, _| self.io.get_socket(*id).is_some());
            let connections = u32::try_from(self.callers().len()).unwrap_or(u32::MAX);
            metrics::gauge!(telemetry::PUSH_CONNECTIONS).set(f64::from(connections));
            let callers: Vec<_> =
                self.callers().iter().map(|(id, caller)| (*id, caller.clone())).collect();
            let looked = watch::turned_away(&self.store, ACCESS, &callers);
            match timeout(query::READ_WITHIN, looked).await {
                Ok(Ok(turned_away)) => turned_away.into_iter().for_each(|id| self.turn_away(id)),
                // Updates are read from the same store, so they stop as well.
                Ok(Err(error)) => tracing::warn!(%error, "open connections were not looked at"),
                Err(_) => tracing::warn!("open connections were not looked at in time"),
            }
        }
    }

    /// This goes on whatever the store does, since strangers do not depend on it.
    async fn watch_sessions(&self, cancel: &CancellationToken) {
        let mut tick = interval(LOOK_AT_SESSIONS);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = tick.tick() => {}
            }
            for id in self.connections.look() {
                self.end(id);
            }
            self.sessions.tell();
        }
    }

    /// The number of packets that were not sent because their connection did not keep up.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts a message, and says whether it is answered. A client that sends too many gets one
    /// error, and is disconnected if it goes on.
    fn hears(&self, socket: &SocketRef) -> bool {
        let verdict = begun_by(socket.req_parts()).map(|session| session.pace.count());
        if verdict.is_some_and(|it| it != Verdict::Answer) {
            metrics::counter!(telemetry::PUSH_REFUSED, "bound" => "pace").increment(1);
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

    /// Handles a socket's messages. Whether a message is answered is known before the task that
    /// answers it waits for anything, so unanswered ones leave nothing behind.
    fn hear(&self, socket: &SocketRef) {
        for hub in &*self.hubs {
            let (push, hub) = (self.clone(), hub.clone());
            socket.on(hub.topic.request, move |socket: SocketRef| {
                let is_heard = push.hears(&socket);
                async move {
                    if is_heard {
                        Box::pin(push.answer(&socket, &hub)).await;
                    }
                }
            });
        }
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
            push.callers().remove(&socket.id);
            if reason == DisconnectReason::ClientNSDisconnect {
                // It left, and may have kept its connection.
                push.connections.left(socket.id);
            }
        });
    }

    async fn welcome(&self, socket: SocketRef, auth: Option<Value>) {
        self.hear(&socket);
        self.connections.begun(socket.id, socket.req_parts());
        if self.connections.has_ended(socket.id) {
            return self.disconnect(socket);
        }
        let welcome = json!({
            "message": "Welcome to Adaptive BI",
            "socketId": socket.id,
            "position": self.hubs.first().map_or(0, |hub| hub.position()),
        });
        self.note(&socket.emit("welcome", &welcome));
        let headers = &socket.req_parts().headers;
        let shown = credential(auth.as_ref()).or_else(|| Credential::of(headers));
        if shown.is_some() {
            self.authenticate(&socket, shown).await;
        }
        self.connections.expect_token(socket.id);
    }

    fn turn_away(&self, id: Sid) {
        if let Some(socket) = self.io.get_socket(id) {
            self.refuse(&socket, Refusal::SessionEnded);
        }
        self.end(id);
    }

    /// Ends a session, whether it is connected or not.
    fn end(&self, id: Sid) {
        match self.io.get_socket(id) {
            Some(socket) => self.disconnect(socket),
            None => self.connections.end_soon(id),
        }
    }

    /// Disconnects, and ends a session that goes on all the same.
    fn disconnect(&self, socket: SocketRef) {
        self.callers().remove(&socket.id);
        // A client that does not read cannot be told that it is disconnected, and then it is not.
        socket.leave(ROOM);
        self.connections.end_soon(socket.id);
        let _ = socket.disconnect();
    }

    async fn answer(&self, socket: &SocketRef, hub: &Hub) {
        if !self.callers().contains_key(&socket.id) {
            return self.refuse(socket, Refusal::NoCredential);
        }
        match hub.current().await {
            Ok(current) => self.note(&socket.emit(hub.topic.snapshot, &current.json)),
            Err(error) => {
                let message = told(error);
                self.note(&socket.emit("error", &json!({ "message": message })));
            }
        }
    }

    fn callers(&self) -> std::sync::MutexGuard<'_, HashMap<Sid, Caller>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, sent: &Result<(), SendError>) {
        self.count(usize::from(sent.is_err()));
    }

    fn count(&self, dropped: usize) {
        if dropped > 0 {
            metrics::counter!(telemetry::PUSH_DROPPED).increment(dropped as u64);
            let before = self.dropped.fetch_add(dropped as u64, Ordering::Relaxed);
            tracing::debug!(dropped, before, "a connection does not keep up");
        }
    }
}

/// The message of an error for clients; the log has the rest.
fn told(error: query::Error) -> String {
    tracing::warn!(%error, "current figures could not be read");
    Problem::from(error).message().to_owned()
}

/// The token or key in `{token}`, as clients of the Node services send it.
fn credential(shown: Option<&Value>) -> Option<Credential> {
    Some(Credential::of_text(shown?.get("token")?.as_str()?))
}
