//! One connection: its phase, the time that it may take for that, and its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
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
use tokio::sync::watch;
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
    /// The answer is there, and takes the socket over.
    TakesOver,
}

/// An answer that takes the socket over.
type TakesOver = Arc<Mutex<Option<Response>>>;

impl Phase {
    fn deadline(self, timeouts: Timeouts) -> Option<Instant> {
        match self {
            Phase::Idle(since) => Some(since + timeouts.idle),
            Phase::Head(since) => Some(since + timeouts.head),
            Phase::Request | Phase::TakesOver => None,
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
    let phase = Arc::new(watch::Sender::new(Phase::Head(Instant::now())));
    let mut changes = phase.subscribe();
    let heard = phase.clone();
    let heard = move || {
        heard.send_if_modified(|phase| {
            let is_first = matches!(phase, Phase::Idle(_));
            if is_first {
                *phase = Phase::Head(Instant::now());
            }
            is_first
        });
    };
    let handle = place.handle().clone();
    let socket = Lent::new(Socket::new(stream, heard, timeouts.write, place));
    let (io, last) = (TokioIo::new(socket.clone()), TakesOver::default());
    let taker = last.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(handle.clone());
        answer(router.clone(), peer, (phase.clone(), taker.clone()), request)
    });
    let connection = http1::Builder::new()
        .keep_alive(keep_alive)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(io, service)
        .with_upgrades();
    // Boxed: it goes where an answer takes the socket over.
    let mut connection = Box::pin(connection);
    let mut is_stopping = false;
    let response = loop {
        let mut deadline = changes.borrow_and_update().deadline(timeouts);
        if is_stopping {
            deadline = deadline.map(|deadline| deadline.min(Instant::now() + STOPPING));
        }
        let late = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "a connection broke");
                }
                return;
            }
            () = late => {
                tracing::debug!(%peer, "a connection took too long and was closed");
                return;
            }
            _ = changes.changed() => {
                let last = last.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(response) = last {
                    break response;
                }
            }
            () = stop.cancelled(), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = kill.cancelled() => return,
        }
    };
    drop(connection);
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
    (phase, last): (Arc<watch::Sender<Phase>>, TakesOver),
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    phase.send_replace(Phase::Request);
    request.extensions_mut().insert(Peer(peer));
    let has_chunks = request.method() == Method::GET && request.version() == Version::HTTP_11;
    let response = router.call(request.map(Body::new)).await?;
    if has_chunks && response.extensions().get::<EventStream>().is_some() {
        *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
        phase.send_replace(Phase::TakesOver);
        return std::future::pending().await;
    }
    let ended = move |_| {
        phase.send_replace(Phase::Idle(Instant::now()));
    };
    Ok(response.map(|body| Body::new(Ending::new(body, ended))))
}
