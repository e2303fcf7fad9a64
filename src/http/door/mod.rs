//! The door: the layers between the network and the handlers.
//!
//! ```text
//! connection ─▶ client ─▶ access ─▶ headers ─▶ cors ─▶ body ─▶ host ─▶ Socket.IO
//!                                                                  └─▶ compress ─▶ limits by address
//!                                                                         ─▶ the rest ─▶ limits by caller
//! ```
//!
//! # Layout
//!
//! - [`server`]: the accept loop, draining; [`places`]: the cap on connections, in all and by
//!   address; [`shares`]: so many for each and so many in all; [`connection`]: one connection and
//!   its deadlines; [`event_stream`]: answers that take its socket over; [`io`]: its socket; [`trickle`]:
//!   the rate at which a `WebSocket` is read; [`body`]: bodies that say when they end or are late;
//! - [`client`]: the client, and the claims of a proxy that are believed; [`host`]: the host that
//!   the request is for;
//! - [`access`]: request ids and the access log; [`headers`]: security headers; [`cors`];
//! - [`gcra`]: a limit with memory for so many keys; [`limits`]: the requests that count against
//!   each;
//! - [`settings`]: its settings.

mod access;
mod body;
pub mod client;
mod connection;
pub mod cors;
mod event_stream;
mod gcra;
mod headers;
mod host;
mod io;
pub mod limits;
mod places;
pub mod server;
pub mod settings;
pub mod shares;
mod trickle;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use axum::middleware::{self, Next};
use axum::response::Response;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};

use self::client::TrustedProxies;
use self::cors::Origins;
use self::limits::RateLimits;
use self::settings::{DoorSettings, Timeouts};
use self::shares::Full;
use super::one::as_one;
use super::problem::{Problem, ProblemType};
pub(super) use access::REQUEST_ID;
#[cfg(test)]
pub(super) use access::logged;
pub use body::BODY_BYTES_MAX;
pub use event_stream::EventStream;
pub use places::{ConnectionHandle, Taken};

/// Shorter answers are sent as they are: a packet is a packet.
const COMPRESSED_FROM_BYTES: u16 = 1_024;
/// The seconds that a client is told to wait when there are too many connections.
const FULL_RETRY_AFTER_S: u32 = 5;

/// The layers of the door, as they were set. A clone has the same limits.
#[derive(Debug, Clone)]
pub struct Door {
    proxies: Arc<TrustedProxies>,
    origins: Origins,
    limits: Arc<RateLimits>,
    timeouts: Timeouts,
}

impl Door {
    /// A door that has let nobody in yet.
    #[must_use]
    pub fn new(settings: &DoorSettings) -> Self {
        Door {
            proxies: Arc::new(settings.trusted_proxies.clone()),
            origins: settings.cors_origin.clone(),
            limits: Arc::new(RateLimits::new(settings)),
            timeouts: settings.timeouts,
        }
    }

    /// A door without limits.
    #[cfg(test)]
    pub(super) fn open() -> Self {
        Door::new(&settings::parse(&[
            "--rate-limit-max-requests=0",
            "--rate-limit-max-address-requests=0",
            "--rate-limit-max-events=0",
            "--rate-limit-max-sign-in-failures=0",
        ]))
    }

    /// Limits by caller: they stand between authentication and a handler.
    pub(super) async fn by_caller<F>(
        &self,
        request: Request,
        handler: impl FnOnce(Request) -> F,
    ) -> Response
    where
        F: Future<Output = Response>,
    {
        limits::by_caller(&self.limits, request, handler).await
    }

    /// Limits by address: they stand before authentication.
    pub(super) async fn by_address<F>(
        &self,
        request: Request,
        inner: impl FnOnce(Request) -> F,
    ) -> Response
    where
        F: Future<Output = Response>,
    {
        limits::by_address(&self.limits, request, inner).await
    }

    /// Adds what is around everything, Socket.IO included.
    pub fn around(&self, router: Router) -> Router {
        let (door, router) = (self.clone(), as_one(router));
        let Some(cors) = self.origins.layer() else {
            let all = async |State(door): State<Door>, request: Request, next: Next| {
                let inside = |request| door.inside(request, |request| next.run(request));
                door.outside(request, inside).await
            };
            return router.layer(middleware::from_fn_with_state(door, all));
        };
        let outside = async |State(door): State<Door>, request: Request, next: Next| {
            door.outside(request, |request| next.run(request)).await
        };
        let inside = async |State(door): State<Door>, request: Request, next: Next| {
            door.inside(request, |request| next.run(request)).await
        };
        let outside = middleware::from_fn_with_state(door.clone(), outside);
        let inside = middleware::from_fn_with_state(door, inside);
        router.layer((outside, cors, inside))
    }

    /// The client's address, the access log and the security headers, which CORS is inside of.
    async fn outside<F>(&self, request: Request, inner: impl FnOnce(Request) -> F) -> Response
    where
        F: Future<Output = Response>,
    {
        let secured = |request| headers::secure(request, inner);
        let logged = |request| access::logged(request, secured);
        client::resolve(&self.proxies, request, logged).await
    }

    /// The time that a body has, and the check of `Host`: CORS is outside of both.
    async fn inside<F>(&self, request: Request, inner: impl FnOnce(Request) -> F) -> Response
    where
        F: Future<Output = Response>,
    {
        let checked = |request| host::checked(request, inner);
        body::in_time(self.timeouts.body, request, checked).await
    }

    /// The router that answers instead when there are too many connections; a request's body has to
    /// arrive `within` that time.
    fn full(&self, full: Full, within: Duration) -> Router {
        let timeouts = Timeouts { body: within, ..self.timeouts };
        let door = Door { timeouts, ..self.clone() };
        door.around(Router::new().fallback(move || async move { too_many_connections(full) }))
    }
}

/// The answer to a client that finds no place.
fn too_many_connections(full: Full) -> Problem {
    match full {
        Full::InAll => Problem::unavailable(
            "There are too many connections; try again soon",
            FULL_RETRY_AFTER_S,
        ),
        Full::OfOne => Problem::of(
            ProblemType::RateLimited,
            "There are too many connections from this address; try again soon",
        )
        .retry_after(FULL_RETRY_AFTER_S),
    }
}

/// JSON and pages are compressed where they are long enough; an event stream never is. Entity tags
/// are weak, so they are the same for both forms.
pub(super) fn compression() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(COMPRESSED_FROM_BYTES).and(is_text))
}

fn is_text(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    matches!(
        kind,
        "application/json"
            | "application/problem+json"
            | "text/html"
            | "text/css"
            | "text/csv"
            | "text/javascript"
    )
}
