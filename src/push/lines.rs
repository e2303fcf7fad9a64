//! The connections behind `WebSocket`s: Socket.IO disconnects a client and leaves it to close its
//! connection. One that stays on the line is hung up on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::sleep;

use crate::http::door::HangUp;

/// Who was disconnected has this long to close its connection.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// The connections, by the Socket.IO session that each is of.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(Arc<Mutex<HashMap<String, HangUp>>>);

impl Lines {
    /// Keeps the connection of a session that began as a WebSocket, given the request that began
    /// it. One that began by polling has none of its own until it becomes one.
    pub(super) fn begun(&self, session: &str, parts: &Parts) {
        if parameter(&parts.uri, "transport") == Some("websocket")
            && let Some(hang_up) = parts.extensions.get::<HangUp>()
        {
            self.keep(session, hang_up.clone());
        }
    }

    /// Hangs up on a session that was disconnected and is still there after a while.
    pub(super) fn end_soon(&self, session: String) {
        let lines = self.clone();
        tokio::spawn(async move {
            sleep(LEAVE_WITHIN).await;
            let hang_up = lines.all().remove(&session);
            if let Some(hang_up) = hang_up {
                hang_up.now();
            }
        });
    }

    /// Forgets those that have ended.
    pub(super) fn tidy(&self) {
        self.all().retain(|_, hang_up| !hang_up.is_over());
    }

    fn keep(&self, session: &str, hang_up: HangUp) {
        self.all().insert(session.to_owned(), hang_up);
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<String, HangUp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the connection of a session that goes on as a WebSocket. A connection becomes one once,
/// so there are no more of them than connections.
pub(super) async fn upgraded(State(lines): State<Lines>, request: Request, next: Next) -> Response {
    let session = parameter(request.uri(), "sid").map(str::to_owned);
    let hang_up = request.extensions().get::<HangUp>().cloned();
    let response = next.run(request).await;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let (Some(session), Some(hang_up)) = (session, hang_up)
    {
        lines.keep(&session, hang_up);
    }
    response
}

fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
}
