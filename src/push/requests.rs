//! The checks of requests before Socket.IO has them: they bound the sessions that begin, leave
//! ended sessions unanswered, and bound the packets that come by polling.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use socketioxide::socket::Sid;

use super::connections::Connections;
use super::engine_io::{PAYLOAD_BYTES_MAX, is_of_a_session, number, opened, packets, session};
use super::sessions::{Session, Sessions};
use crate::http::door::ConnectionHandle;
use crate::http::door::client::ClientAddr;
use crate::http::door::shares::Full;
use crate::http::problem::{Problem, ProblemType};
use crate::telemetry;

/// The seconds that a refused client is told to wait.
const RETRY_AFTER_S: u32 = 5;

/// The state that the checks need.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    /// The path of Socket.IO.
    pub(super) path: Arc<str>,
    /// The bounds on sessions.
    pub(super) sessions: Sessions,
    /// The state of sessions.
    pub(super) connections: Connections,
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
    let connection = request.extensions().get::<ConnectionHandle>().cloned();
    let session = session(request.uri());
    let response = match session {
        Some(id) if requests.connections.has_ended(id) => return unknown(),
        Some(id) => requests.go_on(id, request, next).await,
        None if begins_session(&request) => requests.begin(request, next).await,
        None => return next.run(request).await,
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(connection) = connection
    {
        connection.becomes_web_socket();
        if let Some(id) = session {
            if let Some(session) = requests.connections.session(id) {
                connection.tells(session.flow.clone());
            }
            requests.connections.keep(id, connection);
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
        let connection = request.extensions().get::<ConnectionHandle>().cloned();
        let response = next.run(on_its_own(request)).await;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(connection) = &connection
        {
            connection.tells(session.flow.clone());
        }
        if response.status() != StatusCode::OK {
            return response;
        }
        // It polls, and has been told its id.
        let (head, body) = response.into_parts();
        let Ok(body) = to_bytes(body, PAYLOAD_BYTES_MAX).await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        if let Some(id) = opened(&body) {
            self.connections.polls(id, &session);
        }
        Response::from_parts(head, Body::from(body))
    }

    /// A request of a session. Packets that come by polling are counted before there are tasks for
    /// them, and those that go out when they are taken.
    async fn go_on(&self, id: Sid, request: Request, next: Next) -> Response {
        let Some(session) = self.connections.session(id) else { return next.run(request).await };
        match *request.method() {
            Method::POST => take_in(&session, request, next).await,
            Method::GET => give_out(&session, next.run(request).await).await,
            _ => next.run(request).await,
        }
    }
}

/// The same request with a head of its own: Engine.IO keeps the head as long as the session, and as it
/// came each of its values holds on to the 8 KB that it was read into.
fn on_its_own(request: Request) -> Request {
    let (mut head, body) = request.into_parts();
    for value in head.headers.values_mut() {
        if let Ok(mut own) = HeaderValue::from_bytes(value.as_bytes()) {
            own.set_sensitive(value.is_sensitive());
            *value = own;
        }
    }
    if let Ok(own) = head.uri.to_string().parse::<Uri>() {
        // The router notes the target too.
        head.extensions.insert(OriginalUri(own.clone()));
        head.uri = own;
    }
    Request::from_parts(head, body)
}

async fn take_in(session: &Session, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, PAYLOAD_BYTES_MAX).await else {
        return too_long().into_response();
    };
    if !session.polled.has_time_for(number(&body)) {
        return too_many_packets().into_response();
    }
    next.run(Request::from_parts(head, Body::from(body))).await
}

/// Engine.IO makes the body at once and as a whole.
async fn give_out(session: &Session, response: Response) -> Response {
    if response.status() != StatusCode::OK {
        return response;
    }
    let (head, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    packets(&body).for_each(|packet| session.flow.polled(packet.len()));
    Response::from_parts(head, Body::from(body))
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
    request.method() == Method::GET && !is_of_a_session(request.uri())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn the_head_that_a_session_keeps_is_a_copy() {
        let read = Bytes::from_static(b"Bearer x /socket.io/?EIO=4");
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = Uri::from_maybe_shared(read.slice(9..)).unwrap();
        let mut shown = HeaderValue::from_maybe_shared(read.slice(..8)).unwrap();
        shown.set_sensitive(true);
        request.headers_mut().insert("authorization", shown);
        let own = on_its_own(request);
        let (uri, shown) = (own.uri(), &own.headers()["authorization"]);
        assert_eq!(
            (uri.to_string().as_str(), shown.as_bytes()),
            ("/socket.io/?EIO=4", &b"Bearer x"[..])
        );
        assert!(shown.is_sensitive() && !read.as_ptr_range().contains(&shown.as_bytes().as_ptr()));
        let noted =
            own.extensions().get::<OriginalUri>().map(|OriginalUri(uri)| uri.path().as_ptr());
        for path in [Some(uri.path().as_ptr()), noted] {
            assert!(path.is_some_and(|path| !read.as_ptr_range().contains(&path)));
        }
    }

    #[test]
    fn a_request_that_engine_io_takes_for_its_own_is_looked_at() {
        let (path, sessions, connections) =
            ("/socket.io".into(), Sessions::new(1), Connections::default());
        let requests = Requests { path, sessions, connections };
        for target in ["/socket.io", "/socket.io/", "/socket.io/x?EIO=4", "/socket.io?xsid=7"] {
            assert!(requests.are_of(&target.parse().unwrap()), "{target}");
        }
        for target in ["/socket.iox", "/", "/api/socket.io/"] {
            assert!(!requests.are_of(&target.parse().unwrap()), "{target}");
        }
    }
}
