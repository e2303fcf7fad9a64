//! The layer that times and traces a route.

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::histogram;
use tokio::time::Instant;

use crate::telemetry::{HTTP_DURATION, traces};

/// Times and traces a route, from its request to the head of its answer. A refused request counts
/// as well.
pub async fn timed(
    State((method, route)): State<(Method, &'static str)>,
    request: Request,
    next: Next,
) -> Response {
    let since = Instant::now();
    let span = traces::Request::of(&request, route);
    let response = span.within(next.run(request)).await;
    span.answered(response.status());
    let labels = [
        ("http_request_method", method.as_str().to_owned()),
        ("http_route", route.to_owned()),
        ("http_response_status_code", response.status().as_str().to_owned()),
    ];
    histogram!(HTTP_DURATION, &labels).record(since.elapsed().as_secs_f64());
    response
}
