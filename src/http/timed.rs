//! The time and the trace of a route's requests.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use metrics::{Histogram, histogram};
use tokio::time::Instant;

use crate::telemetry::{HTTP_DURATION, traces};

/// A route, and the series of its times by status.
pub struct Timed {
    method: Method,
    route: &'static str,
    /// A series is looked up by its labels, which costs more than to record a time, so each is kept.
    series: Mutex<HashMap<StatusCode, Histogram>>,
}

impl Timed {
    /// A route that had no request yet.
    pub fn new(method: Method, route: &'static str) -> Self {
        Timed { method, route, series: Mutex::default() }
    }

    /// Times and traces a request, until the head of its answer. A refused request counts as well.
    pub async fn answer<F>(&self, request: Request, inner: impl FnOnce(Request) -> F) -> Response
    where
        F: Future<Output = Response>,
    {
        let since = Instant::now();
        let span = traces::Request::of(&request, self.route);
        let response = span.within(inner(request)).await;
        span.answered(response.status());
        self.of(response.status()).record(since.elapsed().as_secs_f64());
        response
    }

    fn of(&self, status: StatusCode) -> Histogram {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let labels = || {
            [
                ("http_request_method", self.method.as_str().to_owned()),
                ("http_route", self.route.to_owned()),
                ("http_response_status_code", status.as_str().to_owned()),
            ]
        };
        series.entry(status).or_insert_with(|| histogram!(HTTP_DURATION, &labels())).clone()
    }
}
