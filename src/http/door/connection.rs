//! One connection: its phase, the time that it may take for that, and its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Version};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::body::Ending;
use super::client::Peer;
use super::event_stream::{self, EventStream, Lent};
use super::io::Socket;
use super::places::Place;
use super::settings::Timeouts;

/// A request's head is no longer.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The most bytes that are read ahead of a body.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// The time for a request that has not come as a whole yet when the server stops.
const STOPPING: Duration = Duration::from_millis(500);

/// The phase of a connection.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Nothing since then.
    Idle(Instant),
    /// The head of a request is on its way since then.
    Head(Instant),
    /// A request is being answered; it has deadlines of its own.
    Request,
}

impl Phase {
    /// The end of its time, where the server stops since `stopped`.
    fn deadline(self, timeouts: Timeouts, stopped: Option<Instant>) -> Option<Instant> {
        let (since, within) = match self {
            Phase::Idle(since) => (since, timeouts.idle),
            Phase::Head(since) => (since, timeouts.head),
            Phase::Request => return None,
        };
        let end = since + within;
        Some(stopped.map_or(end, |stopped| end.min(since.max(stopped) + STOPPING)))
    }
}

/// What both sides of hyper know of a connection.
struct Known {
    phase: Mutex<Phase>,
    /// An answer that takes the socket over, once there is one.
    last: Mutex<Option<Response>>,
    is_there: Notify,
}

impl Known {
    fn new() -> Self {
        let phase = Mutex::new(Phase::Head(Instant::now()));
        Known { phase, last: Mutex::default(), is_there: Notify::new() }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> MutexGuard<'_, Option<Response>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that bytes came in.
    fn heard(&self) {
        let mut phase = self.phase();
        if matches!(*phase, Phase::Idle(_)) {
            *phase = Phase::Head(Instant::now());
        }
    }

    /// Waits until a phase is past its time. A phase that begins wakes nobody: its time is not over
    /// before the shortest of all, so it is looked at by then.
    async fn is_late(&self, timeouts: Timeouts, stopped: Option<Instant>) {
        let shortest = timeouts.idle.min(timeouts.head);
        let shortest = if stopped.is_some() { shortest.min(STOPPING) } else { shortest };
        loop {
            let now = Instant::now();
            let deadline = self.phase().deadline(timeouts, stopped);
            if deadline.is_some_and(|it| it <= now) {
                return;
            }
            let next = now + shortest;
            sleep_until(deadline.map_or(next, |it| it.min(next))).await;
        }
    }
}

/// The manner in which connections are served.
#[derive(Debug, Clone)]
pub(super) struct Manner {
    /// The router that answers.
    pub(super) router: Router,
    /// Whether there may be another request after the first.
    pub(super) keep_alive: bool,
    pub(super) timeouts: Timeouts,
    /// Asks connections to end after the request that they are at.
    pub(super) stop: CancellationToken,
    /// Ends them.
    pub(super) kill: CancellationToken,
}

/// Serves a connection until it ends, or becomes a WebSocket that others care for.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, place: Place, manner: Manner) {
    // Answers are written as a whole: there is nothing to gain by waiting for more.
    let _ = stream.set_nodelay(true);
    let Manner { router, keep_alive, timeouts, stop, kill } = manner;
    let known = Arc::new(Known::new());
    let hearing = known.clone();
    let heard = move || hearing.heard();
    let handle = place.handle().clone();
    let socket = Lent::new(Socket::new(stream, heard, timeouts.write, place));
    let (io, answering) = (TokioIo::new(socket.clone()), known.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(handle.clone());
        answer(router.clone(), peer, answering.clone(), request)
    });
    let connection = http1::Builder::new()
        .keep_alive(keep_alive)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(io, service)
        .with_upgrades();
    // Boxed: it goes where an answer takes the socket over.
    let mut connection = Box::pin(connection);
    let mut late = Box::pin(known.is_late(timeouts, None));
    let mut is_stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "a connection broke");
                }
                return;
            }
            () = late.as_mut() => {
                tracing::debug!(%peer, "a connection took too long and was closed");
                return;
            }
            () = known.is_there.notified() => break,
            () = stop.cancelled(), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
                late.set(known.is_late(timeouts, Some(Instant::now())));
            }
            () = kill.cancelled() => return,
        }
    }
    drop((connection, late));
    let Some(response) = known.last().take() else { return };
    let Some(socket) = socket.call_in() else { return };
    take_over(socket, response, peer, &kill).await;
}

/// Writes a stream of events until it ends or the connection is ended.
async fn take_over(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    response: Response,
    peer: SocketAddr,
    kill: &CancellationToken,
) {
    tokio::select! {
        ended = event_stream::write(socket, response) => {
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "a stream of events broke");
            }
        }
        () = kill.cancelled() => {}
    }
}

/// Answers one request, and notes when it begins and when its answer was handed over.
async fn answer(
    mut router: Router,
    peer: SocketAddr,
    known: Arc<Known>,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    *known.phase() = Phase::Request;
    request.extensions_mut().insert(Peer(peer));
    let has_chunks = request.method() == Method::GET && request.version() == Version::HTTP_11;
    let response = router.call(request.map(Body::new)).await?;
    if has_chunks && response.extensions().get::<EventStream>().is_some() {
        *known.last() = Some(response);
        known.is_there.notify_one();
        return std::future::pending().await;
    }
    let ended = move |_| *known.phase() = Phase::Idle(Instant::now());
    Ok(response.map(|body| Body::new(Ending::new(body, ended))))
}
