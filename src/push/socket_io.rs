//! The Socket.IO transport: `welcome`, `currentMetrics` on request, `realtimeSalesUpdate` when
//! sales change.
//!
//! Every connection has a queue of 128 packets. To one that does not keep up, what does not fit
//! is not sent, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use serde_json::json;
use socketioxide::extract::SocketRef;
use socketioxide::{BroadcastError, SendError, SocketIo};
use tokio_util::sync::CancellationToken;
use tower::Layer;

use super::Hub;
use crate::http::problem::Problem;
use crate::query;

/// Nothing a client sends here is longer.
const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// The Socket.IO side of the program.
#[derive(Clone)]
pub struct SocketIoPush {
    io: SocketIo,
    hub: Arc<Hub>,
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
pub fn around(router: Router, hub: Arc<Hub>, options: Options<'_>) -> (Router, SocketIoPush) {
    let (layer, io) = SocketIo::builder()
        .req_path(options.path.to_owned())
        .ping_interval(options.ping_interval)
        .ping_timeout(options.ping_timeout)
        .max_payload(PAYLOAD_BYTES_MAX as u64)
        .ws_max_message_size(PAYLOAD_BYTES_MAX)
        .ws_max_frame_size(PAYLOAD_BYTES_MAX)
        .build_layer();
    let push = SocketIoPush { io: io.clone(), hub, dropped: Arc::default() };
    let connected = push.clone();
    io.ns("/", move |socket: SocketRef| {
        let push = connected.clone();
        async move { push.welcome(&socket) }
    });
    (Router::new().fallback_service(layer.layer(router)), push)
}

impl SocketIoPush {
    /// Sends updates until `cancel`; then says goodbye and closes every connection.
    pub async fn run(self, cancel: CancellationToken) {
        let mut updates = self.hub.updates();
        loop {
            let update = tokio::select! {
                () = cancel.cancelled() => break,
                update = updates.next(|| !self.io.sockets().is_empty()) => update,
            };
            let Some(current) = update else { break };
            let sent = self.io.emit("realtimeSalesUpdate", &*current).await;
            self.count(match &sent {
                Err(BroadcastError::Socket(sockets)) => sockets.len(),
                Err(_) => 1,
                Ok(()) => 0,
            });
        }
        let goodbye = json!({ "message": "The server is stopping" });
        let _ = self.io.emit("server_shutdown", &goodbye).await;
        self.io.close().await;
    }

    /// How many packets were not sent because their connection did not keep up.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn welcome(&self, socket: &SocketRef) {
        let push = self.clone();
        socket.on("requestCurrentMetrics", move |socket: SocketRef| {
            let push = push.clone();
            async move { push.answer(&socket).await }
        });
        let welcome = json!({
            "message": "Welcome to Adaptive BI",
            "socketId": socket.id,
            "position": self.hub.position(),
        });
        self.note(&socket.emit("welcome", &welcome));
    }

    async fn answer(&self, socket: &SocketRef) {
        match self.hub.current().await {
            Ok(current) => self.note(&socket.emit("currentMetrics", &*current)),
            Err(error) => {
                let message = told(error);
                self.note(&socket.emit("error", &json!({ "message": message })));
            }
        }
    }

    fn note(&self, sent: &Result<(), SendError>) {
        self.count(usize::from(sent.is_err()));
    }

    fn count(&self, dropped: usize) {
        if dropped > 0 {
            let before = self.dropped.fetch_add(dropped as u64, Ordering::Relaxed);
            tracing::debug!(dropped, before, "a connection does not keep up");
        }
    }
}

/// What a client is told of an error; the log is told the rest.
fn told(error: query::Error) -> String {
    tracing::warn!(%error, "current metrics could not be read");
    Problem::from(error).message().to_owned()
}
