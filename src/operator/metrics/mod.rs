//! `GET /metrics`: everything in the text form of Prometheus.

mod generations;

use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::http::Routes;
use crate::http::openapi::{Answer, Operation, Tag};
use crate::operator::projections::Lag;
use crate::projector::status::{State as Doing, Status};
use crate::rights::access::Access;
use crate::rights::role::{Action, Resource};
use crate::rights::scope::Scope;
use crate::store::read::Snapshot;
use crate::store::{self, Store};
use crate::stream::Extent;
use crate::telemetry::{
    HALTED, LAG_EVENTS, LAG_SECONDS, LOG_BYTES, LOG_REFUSES, LOG_SUBJECTS, POSITION, QUARANTINED,
    STUCK, UP, UPGRADING,
};

/// A database that has not answered by then is down.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// The dependencies of the endpoint.
#[derive(Clone)]
pub struct Deps {
    /// The recorded metrics.
    pub recorder: PrometheusHandle,
    /// The database.
    pub store: Store,
    /// Whether NATS is connected.
    pub nats_up: watch::Receiver<bool>,
    /// Why the log takes no events, while it is known not to.
    pub log_refuses: watch::Receiver<Option<String>>,
    /// The status of the projector.
    pub projector: watch::Receiver<Status>,
    /// The extent of the log, while it is known.
    pub log_extent: watch::Receiver<Option<Extent>>,
}

/// The endpoint.
pub fn routes(deps: Deps) -> Routes {
    let read = Access::AllowedOrKey(Resource::System, Action::Read, Scope::MetricsScrape);
    Routes::new().get("/metrics", read, of_metrics(), metrics).with_state(deps)
}

fn of_metrics() -> Operation {
    let about = "Every metric, in the text form of Prometheus.";
    let answer = Answer::text("text/plain", about).headers(&["Cache-Control"]);
    Operation::new(
        Tag::Service,
        "getMetrics",
        "Gets the metrics of the service, for Prometheus",
        answer,
    )
}

async fn metrics(State(deps): State<Deps>) -> Response {
    let database = timeout(ANSWERS_WITHIN, deps.store.snapshot()).await;
    let flag = |is_it: bool| if is_it { 1.0 } else { 0.0 };
    gauge!(UP, "service" => "mongodb").set(flag(answers(&database)));
    gauge!(UP, "service" => "nats").set(flag(*deps.nats_up.borrow()));
    gauge!(LOG_REFUSES).set(flag(deps.log_refuses.borrow().is_some()));
    let doing = deps.projector.borrow().state.clone();
    gauge!(HALTED).set(flag(matches!(doing, Doing::Halted(_))));
    gauge!(STUCK).set(flag(matches!(doing, Doing::Stuck(_))));
    gauge!(UPGRADING).set(flag(matches!(doing, Doing::Upgrading(_))));
    let log = deps.log_extent.borrow().clone();
    if let Some(log) = &log {
        gauge!(LOG_BYTES).set(number(log.bytes));
        gauge!(LOG_SUBJECTS).set(number(log.subjects));
    }
    if let Ok(Ok(Some(snapshot))) = &database {
        let checkpoint = &snapshot.checkpoint;
        gauge!(POSITION).set(number(checkpoint.position));
        gauge!(QUARANTINED).set(number(checkpoint.root.counts.quarantined));
        if let Some(log) = log.as_ref().filter(|log| log.incarnation == checkpoint.incarnation) {
            let lag = Lag::of(checkpoint, log);
            gauge!(LAG_EVENTS).set(number(lag.events));
            gauge!(LAG_SECONDS).set(lag.seconds);
        }
    }
    let headers =
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    let mut text = deps.recorder.render();
    if answers(&database) {
        text.push_str(&of_generations(&deps.store, log.as_ref()).await);
    }
    (headers, text).into_response()
}

/// Whether the database answered, even with read models that a newer fold made.
fn answers(found: &Result<Result<Option<Snapshot>, store::Error>, Elapsed>) -> bool {
    matches!(found, Ok(Ok(_) | Err(store::Error::Newer { .. })))
}

/// The metrics of generations; none if the database does not answer.
async fn of_generations(store: &Store, log: Option<&Extent>) -> String {
    match timeout(ANSWERS_WITHIN, store.generations_and_works()).await {
        Ok(Ok((all, works))) => generations::rendered(&all, works.under_way.as_ref(), log),
        _ => String::new(),
    }
}

/// Prometheus has no other numbers; these are exact up to 2^53.
#[allow(clippy::cast_precision_loss)]
fn number(it: u64) -> f64 {
    it as f64
}
