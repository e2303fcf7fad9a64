//! The checks of requests before Socket.IO has them: they bound the sessions that begin, leave
//! ended sessions unanswered, and bound the packets that come by polling.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use socketioxide::socket::Sid;

use super::lines::Lines;
use super::sessions::Sessions;
use super::socket_io::PAYLOAD_BYTES_MAX;
use crate::http::door::Line;
use crate::http::door::client::ClientAddr;
use crate::http::door::shares::Full;
use crate::http::problem::{Problem, ProblemType};
use crate::telemetry;

/// The seconds that a refused client is told to wait.
const RETRY_AFTER_S: u32 = 5;
/// The byte that Engine.IO sets between two packets.
const BETWEEN_PACKETS: u8 = 0x1e;

/// The state that the checks need.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    /// The path of Socket.IO.
    pub(super) path: Arc<str>,
    /// The bounds on sessions.
    pub(super) sessions: Sessions,
    /// The state of sessions.
    pub(super) lines: Lines,
}

/// Checks a request, Socket.IO's or not.
pub(super) async fn looked_at(
    State(requests): State<Requests>,
    request: Request,
    next: Next,
) -> Response {
    if !requests.are_of(request.uri()) {
        return next.run(request).await;
    }
    let line = request.extensions().get::<Line>().cloned();
    let session = session(request.uri());
    let response = match session {
        Some(id) if requests.lines.has_ended(id) => return unknown(),
        Some(id) => requests.go_on(id, request, next).await,
        None if begins_session(&request) => requests.begin(request, next).await,
        None => return next.run(request).await,
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(line) = line
    {
        line.becomes_web_socket();
        if let Some(id) = session {
            requests.lines.keep(id, line);
        }
    }
    response
}

impl Requests {
    /// Whether a target is Socket.IO's, as it is to Engine.IO.
    fn are_of(&self, uri: &Uri) -> bool {
        let rest = uri.path().strip_prefix(&*self.path);
        rest.is_some_and(|it| it.is_empty() || it.starts_with('/') || self.path.ends_with('/'))
    }

    /// A request that begins a session, if Engine.IO finds nothing wrong with it. It keeps the
    /// session for as long as it keeps the head of the request.
    async fn begin(&self, mut request: Request, next: Next) -> Response {
        let nowhere = ClientAddr(IpAddr::from([0, 0, 0, 0]));
        let ClientAddr(address) = request.extensions().get().copied().unwrap_or(nowhere);
        let session = match self.sessions.begin(address) {
            Ok(session) => Arc::new(session),
            Err(full) => return too_many_sessions(full).into_response(),
        };
        request.extensions_mut().insert(session.clone());
        let response = next.run(request).await;
        if response.status() != StatusCode::OK {
            return response;
        }
        // It polls, and has been told its id.
        let (head, body) = response.into_parts();
        let Ok(body) = to_bytes(body, PAYLOAD_BYTES_MAX).await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        if let Some(id) = opened(&body) {
            self.lines.polls(id, &session);
        }
        Response::from_parts(head, Body::from(body))
    }

    /// A request of a session. Packets that come by polling are counted before there are tasks for
    /// them.
    async fn go_on(&self, id: Sid, request: Request, next: Next) -> Response {
        let session = match *request.method() {
            Method::POST => self.lines.session(id),
            _ => None,
        };
        let Some(session) = session else { return next.run(request).await };
        let (head, body) = request.into_parts();
        let Ok(body) = to_bytes(body, PAYLOAD_BYTES_MAX).await else {
            return too_long().into_response();
        };
        if !session.polled.has_time_for(packets(&body)) {
            return too_many_packets().into_response();
        }
        next.run(Request::from_parts(head, Body::from(body))).await
    }
}

/// The number of packets.
fn packets(body: &[u8]) -> u32 {
    u32::try_from(body.split(|it| *it == BETWEEN_PACKETS).count()).unwrap_or(u32::MAX)
}

/// The session that Engine.IO says it has opened.
fn opened(body: &[u8]) -> Option<Sid> {
    #[derive(serde::Deserialize)]
    struct Open<'a> {
        sid: &'a str,
    }
    let open: Open<'_> = serde_json::from_slice(body.strip_prefix(b"0")?).ok()?;
    open.sid.parse().ok()
}

/// The answer to a client that can begin no session. Engine.IO has no message for it; its clients
/// try again after any status but 200.
fn too_many_sessions(full: Full) -> Problem {
    metrics::counter!(telemetry::PUSH_REFUSED, "bound" => full.name()).increment(1);
    match full {
        Full::OfOne => limited(
            "There are too many sessions from this address on which nobody is signed in; try again \
             soon",
        ),
        Full::InAll => Problem::unavailable(
            "There are too many sessions on which nobody is signed in; try again soon",
            RETRY_AFTER_S,
        ),
    }
}

fn too_many_packets() -> Problem {
    metrics::counter!(telemetry::PUSH_REFUSED, "bound" => "pace").increment(1);
    limited("Too many packets; try again soon")
}

fn limited(message: &'static str) -> Problem {
    Problem::of(ProblemType::RateLimited, message).retry_after(RETRY_AFTER_S)
}

fn too_long() -> Problem {
    let message = format!("The body must have {PAYLOAD_BYTES_MAX} bytes at most");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}

/// Engine.IO's answer for a session that it does not know.
fn unknown() -> Response {
    let body = axum::Json(json!({ "code": "1", "message": "Session ID unknown" }));
    (StatusCode::BAD_REQUEST, body).into_response()
}

/// Whether a request asks for a session.
fn begins_session(request: &Request) -> bool {
    request.method() == Method::GET && parameter(request.uri(), "sid=").is_none()
}

/// The session that a request is of, read as Engine.IO reads it.
fn session(uri: &Uri) -> Option<Sid> {
    parameter(uri, "sid=")?.parse().ok()
}

/// Whether a request that begins a session begins it as a `WebSocket`, read as Engine.IO reads it:
/// to it `transport=websocket=x` is one.
pub(super) fn begins_web_socket(uri: &Uri) -> bool {
    parameter(uri, "transport=").and_then(|it| it.split('=').next()) == Some("websocket")
}

fn parameter<'a>(uri: &'a Uri, begin: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_request_that_engine_io_takes_for_its_own_is_looked_at() {
        let (path, sessions, lines) = ("/socket.io".into(), Sessions::new(1), Lines::default());
        let requests = Requests { path, sessions, lines };
        for target in ["/socket.io", "/socket.io/", "/socket.io/x?EIO=4", "/socket.io?xsid=7"] {
            assert!(requests.are_of(&target.parse().unwrap()), "{target}");
        }
        for target in ["/socket.iox", "/", "/api/socket.io/"] {
            assert!(!requests.are_of(&target.parse().unwrap()), "{target}");
        }
    }

    #[test]
    fn packets_are_counted_and_a_session_that_is_opened_is_found() {
        assert_eq!((packets(b""), packets(b"2"), packets(b"2\x1e3\x1e")), (1, 1, 3));
        let id = Sid::new();
        let body = format!("0{{\"sid\":\"{id}\",\"upgrades\":[\"websocket\"]}}");
        assert_eq!(opened(body.as_bytes()), Some(id));
        assert_eq!(opened(b"{\"code\":\"1\"}"), None);
    }
}
