//! The Socket.IO transport: `welcome`; to who is signed in `currentMetrics` on request and
//! `realtimeSalesUpdate` when sales change.
//!
//! A token or an API key comes in the handshake, as its `auth` or in a header, or by the event
//! `authenticate`; who shows none in time is disconnected. It is looked at again every second for
//! as long as the connection is open.
//!
//! Every connection has a queue of 128 packets. To one that does not keep up, what does not fit
//! is not sent, and counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::{Router, middleware};
use serde_json::{Value, json};
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::socket::{DisconnectReason, Sid};
use socketioxide::{BroadcastError, SendError, SocketIo};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::Layer;

use super::Hub;
use super::lines::{self, Lines};
use crate::auth::access::Access;
use crate::auth::caller::Caller;
use crate::auth::gate::{Credential, Gate, Refusal};
use crate::auth::role::{Action, Resource};
use crate::auth::scope::Scope;
use crate::auth::watch;
use crate::http::client::Origin;
use crate::http::problem::Problem;
use crate::query;
use crate::store::Store;
use crate::telemetry;

/// Nothing a client sends here is longer.
const PAYLOAD_BYTES_MAX: usize = 64 * 1024;
/// Who is to be told.
const ACCESS: Access = Access::AllowedOrKey(Resource::Metrics, Action::Read, Scope::PushSubscribe);
/// The room of all who are.
const ROOM: &str = "signed-in";
/// Who has shown no token by then is disconnected.
const SHOW_TOKEN_WITHIN: Duration = Duration::from_secs(10);
/// Who has shown so many that are not good, and none that is, too.
const REFUSED_MAX: u32 = 5;
/// How often it is looked whether those who are connected still may be.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The Socket.IO side of the program.
#[derive(Clone)]
pub struct SocketIoPush {
    io: SocketIo,
    hub: Arc<Hub>,
    gate: Gate,
    store: Store,
    /// Who is signed in on which connection.
    callers: Arc<Mutex<HashMap<Sid, Caller>>>,
    lines: Lines,
    dropped: Arc<AtomicU64>,
}

/// Where it is and how it finds out who is gone.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The path.
    pub path: &'a str,
    /// The time between two pings.
    pub ping_interval: Duration,
    /// The time in which one has to be answered.
    pub ping_timeout: Duration,
}

impl std::fmt::Debug for SocketIoPush {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocketIoPush").field("dropped", &self.dropped).finish_non_exhaustive()
    }
}

/// Answers Socket.IO at its path, and all else by `router`; and what sends through it. Goes around
/// the finished router, as it answers errors in its own protocol.
///
/// Sessions live in the service that the layer makes, and axum would have it made anew for every
/// request that falls through to a handler: so it is made once here, and is what falls through.
pub fn around(
    router: Router,
    hub: Arc<Hub>,
    gate: Gate,
    store: Store,
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
        .build_layer();
    let lines = Lines::new(options.ping_interval, options.ping_timeout);
    let (callers, dropped) = (Arc::default(), Arc::default());
    let push =
        SocketIoPush { io: io.clone(), hub, gate, store, callers, lines: lines.clone(), dropped };
    let connected = push.clone();
    io.ns("/", move |socket: SocketRef, TryData(auth): TryData<Value>| {
        let push = connected.clone();
        async move { push.welcome(socket, auth.ok()).await }
    });
    let of_sessions = middleware::from_fn_with_state(lines, lines::of_sessions);
    (Router::new().fallback_service(layer.layer(router)).layer(of_sessions), push)
}

impl SocketIoPush {
    /// Sends updates until `cancel`; then says goodbye and closes every connection.
    pub async fn run(self, cancel: CancellationToken) {
        let mut updates = self.hub.updates();
        loop {
            let update = tokio::select! {
                () = cancel.cancelled() => break,
                update = updates.next(|| !self.callers().is_empty()) => update,
            };
            let Some(current) = update else { break };
            metrics::counter!(telemetry::PUSHES).increment(1);
            let sent = self.io.to(ROOM).emit("realtimeSalesUpdate", &*current).await;
            updates.sent();
            self.count(match &sent {
                Err(BroadcastError::Socket(sockets)) => sockets.len(),
                Err(_) => 1,
                Ok(()) => 0,
            });
        }
        let goodbye = json!({ "message": "The server is stopping" });
        let _ = self.io.to(ROOM).emit("server_shutdown", &goodbye).await;
        self.io.close().await;
    }

    /// Disconnects, until `cancel`, whoever may not be here any more: signed out, deactivated,
    /// with another role, with a key that was revoked.
    pub async fn watch(self, cancel: CancellationToken) {
        let mut tick = interval(LOOK_AGAIN);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = tick.tick() => {}
            }
            self.lines.tidy();
            self.callers().retain(|id, _| self.io.get_socket(*id).is_some());
            let connections = u32::try_from(self.callers().len()).unwrap_or(u32::MAX);
            metrics::gauge!(telemetry::PUSH_CONNECTIONS).set(f64::from(connections));
            let callers: Vec<_> =
                self.callers().iter().map(|(id, caller)| (*id, caller.clone())).collect();
            let looked = watch::turned_away(&self.store, ACCESS, &callers);
            match timeout(query::wait::READ_WITHIN, looked).await {
                Ok(Ok(turned_away)) => turned_away.into_iter().for_each(|id| self.turn_away(id)),
                // What is pushed is read from the same store.
                Ok(Err(error)) => tracing::warn!(%error, "open connections were not looked at"),
                Err(_) => tracing::warn!("open connections were not looked at in time"),
            }
        }
    }

    /// How many packets were not sent because their connection did not keep up.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    async fn welcome(&self, socket: SocketRef, auth: Option<Value>) {
        let push = self.clone();
        socket.on("requestCurrentMetrics", move |socket: SocketRef| {
            let push = push.clone();
            async move { push.answer(&socket).await }
        });
        let (push, refused) = (self.clone(), Arc::new(AtomicU32::new(0)));
        socket.on("authenticate", move |socket: SocketRef, TryData(shown): TryData<Value>| {
            let (push, refused) = (push.clone(), refused.clone());
            async move { push.try_again(socket, shown.ok(), &refused).await }
        });
        let push = self.clone();
        socket.on_disconnect(async move |socket: SocketRef, reason: DisconnectReason| {
            push.callers().remove(&socket.id);
            if reason == DisconnectReason::ClientNSDisconnect {
                // It left, and may have kept its connection.
                push.expect_token(socket.id);
            }
        });
        self.lines.begun(socket.id, socket.req_parts());
        if self.lines.has_ended(socket.id) {
            return self.disconnect(socket);
        }
        let welcome = json!({
            "message": "Welcome to Adaptive BI",
            "socketId": socket.id,
            "position": self.hub.position(),
        });
        self.note(&socket.emit("welcome", &welcome));
        let headers = &socket.req_parts().headers;
        let shown = credential(auth.as_ref()).or_else(|| Credential::of(headers));
        if shown.is_some() {
            self.authenticate(&socket, shown).await;
        }
        self.expect_token(socket.id);
    }

    /// Ends a session that nobody is signed in on after a while, connected or not.
    fn expect_token(&self, id: Sid) {
        let push = self.clone();
        tokio::spawn(async move {
            sleep(SHOW_TOKEN_WITHIN).await;
            if !push.callers().contains_key(&id) {
                push.end(id);
            }
        });
    }

    /// Looks at what is shown by the event `authenticate`, a few times. A try counts as refused
    /// before it is looked at, so that many at once are no more than many in a row.
    async fn try_again(&self, socket: SocketRef, shown: Option<Value>, refused: &AtomicU32) {
        let before = refused.fetch_add(1, Ordering::Relaxed);
        if before < REFUSED_MAX && self.authenticate(&socket, credential(shown.as_ref())).await {
            refused.store(0, Ordering::Relaxed);
        } else if before + 1 >= REFUSED_MAX {
            self.disconnect(socket);
        }
    }

    /// Whether somebody is let in.
    async fn authenticate(&self, socket: &SocketRef, shown: Option<Credential>) -> bool {
        let origin = Origin::of_parts(socket.req_parts());
        match self.gate.admit(ACCESS, shown, origin).await {
            Ok(caller) => {
                self.callers().insert(socket.id, caller);
                socket.join(ROOM);
                let message = "You are signed in";
                let told = json!({ "success": true, "message": message });
                self.note(&socket.emit("authenticated", &told));
                true
            }
            Err(refusal) => {
                self.refuse(socket, refusal);
                false
            }
        }
    }

    fn refuse(&self, socket: &SocketRef, refusal: Refusal) {
        let problem = Problem::from(refusal);
        if problem.status().is_server_error() {
            tracing::warn!(status = problem.status().as_u16(), "a token could not be looked up");
        }
        let told = json!({ "success": false, "message": problem.message() });
        self.note(&socket.emit("authentication_error", &told));
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
            None => self.lines.end_soon(id),
        }
    }

    /// Disconnects, and ends a session that goes on all the same.
    fn disconnect(&self, socket: SocketRef) {
        self.callers().remove(&socket.id);
        // To one that does not read there is no way of saying that it is disconnected, and then it
        // is not.
        socket.leave(ROOM);
        self.lines.end_soon(socket.id);
        let _ = socket.disconnect();
    }

    async fn answer(&self, socket: &SocketRef) {
        if !self.callers().contains_key(&socket.id) {
            return self.refuse(socket, Refusal::NoCredential);
        }
        match self.hub.current().await {
            Ok(current) => self.note(&socket.emit("currentMetrics", &*current)),
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

/// The token or key in `{token}`, as clients of the Node services send it.
fn credential(shown: Option<&Value>) -> Option<Credential> {
    let text = shown?.get("token")?.as_str()?.trim();
    Some(Credential::parse(text.strip_prefix("Bearer ").unwrap_or(text)))
}

/// What a client is told of an error; the log is told the rest.
fn told(error: query::Error) -> String {
    tracing::warn!(%error, "current metrics could not be read");
    Problem::from(error).message().to_owned()
}
