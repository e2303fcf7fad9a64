//! The connections behind `WebSocket`s, and the sessions that are over. Socket.IO disconnects a
//! client and leaves it to close its connection, or to go on polling; who stays is hung up on, and
//! a session that was ended is not answered any more, however it goes on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use socketioxide::socket::Sid;
use tokio::time::{Instant, sleep};

use crate::http::door::HangUp;

/// Who was disconnected has this long to hear of it and to close its connection.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// What is kept of sessions, by their ids.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    sessions: Arc<Mutex<HashMap<Sid, Session>>>,
    /// Engine.IO itself has given a session up by then, if nothing of it is answered.
    forget_after: Duration,
}

#[derive(Debug, Default)]
struct Session {
    /// Its `WebSocket`; several where a client tries to have more than the one it may.
    connections: Vec<HangUp>,
    ended: Option<Instant>,
}

impl Lines {
    /// None yet. Engine.IO asks every `ping_interval` and waits for `ping_timeout`.
    pub(super) fn new(ping_interval: Duration, ping_timeout: Duration) -> Self {
        // An answer may be at hand already when the session ends, and count for the next ping.
        Lines { sessions: Arc::default(), forget_after: 3 * (ping_interval + ping_timeout) }
    }

    /// Keeps the connection of a session that began as a `WebSocket`, given the request that began
    /// it. One that began by polling has none of its own until it becomes one.
    pub(super) fn begun(&self, session: Sid, parts: &Parts) {
        if begins_web_socket(&parts.uri)
            && let Some(hang_up) = parts.extensions.get::<HangUp>()
        {
            self.keep(session, hang_up.clone());
        }
    }

    /// Ends a session that was disconnected, whatever it does, as soon as it has heard of that.
    pub(super) fn end_soon(&self, session: Sid) {
        let lines = self.clone();
        tokio::spawn(async move {
            sleep(LEAVE_WITHIN).await;
            lines.end(session);
        });
    }

    /// Whether a session was ended.
    pub(super) fn has_ended(&self, session: Sid) -> bool {
        self.all().get(&session).is_some_and(|session| session.ended.is_some())
    }

    /// Forgets what is over.
    pub(super) fn tidy(&self) {
        self.all().retain(|_, session| {
            session.connections.retain(|it| !it.is_over());
            let is_remembered = session.ended.is_some_and(|at| at.elapsed() < self.forget_after);
            is_remembered || !session.connections.is_empty()
        });
    }

    fn end(&self, session: Sid) {
        let mut all = self.all();
        let session = all.entry(session).or_default();
        session.ended = Some(Instant::now());
        session.connections.drain(..).for_each(|it| it.now());
    }

    /// A connection is kept once, so there are no more of them than connections.
    fn keep(&self, session: Sid, hang_up: HangUp) {
        let mut all = self.all();
        let session = all.entry(session).or_default();
        match session.ended {
            Some(_) => hang_up.now(),
            None => session.connections.push(hang_up),
        }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<Sid, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses what is of a session that was ended, and keeps the connection of one that goes on as a
/// `WebSocket`.
pub(super) async fn of_sessions(
    State(lines): State<Lines>,
    request: Request,
    next: Next,
) -> Response {
    let Some(session) = session(request.uri()) else {
        return next.run(request).await;
    };
    if lines.has_ended(session) {
        return unknown();
    }
    let hang_up = request.extensions().get::<HangUp>().cloned();
    let response = next.run(request).await;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(hang_up) = hang_up
    {
        lines.keep(session, hang_up);
    }
    response
}

/// What Engine.IO says of a session that it does not know.
fn unknown() -> Response {
    let body = axum::Json(json!({ "code": "1", "message": "Session ID unknown" }));
    (StatusCode::BAD_REQUEST, body).into_response()
}

/// The session that a request is of, read as Engine.IO reads it.
fn session(uri: &Uri) -> Option<Sid> {
    parameter(uri, "sid=")?.parse().ok()
}

/// Whether a request that begins a session begins it as a `WebSocket`, read as Engine.IO reads it:
/// to it `transport=websocket=x` is one.
fn begins_web_socket(uri: &Uri) -> bool {
    parameter(uri, "transport=").and_then(|it| it.split('=').next()) == Some("websocket")
}

fn parameter<'a>(uri: &'a Uri, begin: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn every_connection_of_a_session_that_ends_is_hung_up_on_and_so_is_any_later_one() {
        let (lines, session, other) = (Lines::new(SECOND, SECOND), Sid::new(), Sid::new());
        let [first, second, late, others] = [(); 4].map(|()| HangUp::new());
        lines.keep(session, first.clone());
        lines.keep(session, second.clone());
        lines.keep(other, others.clone());
        lines.end_soon(session);
        sleep(LEAVE_WITHIN / 2).await;
        assert!(!first.is_over() && !lines.has_ended(session), "it is told first");
        sleep(LEAVE_WITHIN).await;
        assert!(first.is_over() && second.is_over() && lines.has_ended(session));
        lines.keep(session, late.clone());
        assert!(late.is_over());
        assert!(!others.is_over() && !lines.has_ended(other));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_over_is_forgotten_and_no_sooner() {
        let (lines, session, other) = (Lines::new(SECOND, SECOND), Sid::new(), Sid::new());
        let open = HangUp::new();
        lines.keep(other, open.clone());
        lines.end(session);
        sleep(5 * SECOND).await;
        lines.tidy();
        assert!(lines.has_ended(session));
        sleep(2 * SECOND).await;
        lines.tidy();
        assert!(!lines.has_ended(session));
        assert_eq!(lines.all().len(), 1);
        open.now();
        lines.tidy();
        assert!(lines.all().is_empty());
    }

    #[test]
    fn a_request_is_read_as_engine_io_reads_it() {
        let uri = |query: &str| format!("/socket.io/?{query}").parse::<Uri>().unwrap();
        for query in ["transport=websocket", "EIO=4&transport=websocket=&transport=polling"] {
            assert!(begins_web_socket(&uri(query)), "{query}");
        }
        for query in ["transport=polling", "transport=polling&transport=websocket", "websocket"] {
            assert!(!begins_web_socket(&uri(query)), "{query}");
        }
        let (one, two) = (Sid::new(), Sid::new());
        assert_eq!(session(&uri(&format!("EIO=4&sid={one}&sid={two}"))), Some(one));
        assert_eq!(session(&uri("sid=7")), None);
    }
}
