//! Whether the program is up, and whether it can do its work.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::Routes;
use crate::auth::access::Access::Public;
use crate::projector::status::{self, Status};
use crate::store::Store;
use crate::stream::Extent;

/// A database that has not answered by then is down.
const DATABASE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// What health is told of the rest.
#[derive(Debug, Clone)]
pub struct Health {
    /// The database.
    pub store: Store,
    /// Whether NATS is connected.
    pub nats_up: watch::Receiver<bool>,
    /// What the projector is doing.
    pub projector: watch::Receiver<Status>,
    /// How far the log goes and how full it is, while it is known.
    pub log_extent: watch::Receiver<Option<Extent>>,
    /// When the program was started.
    pub started: Instant,
}

/// `GET /health`, `/health/live`, `/health/ready`.
pub fn routes(health: Health) -> Routes {
    Routes::new()
        .get("/health", Public, about)
        .get("/health/live", Public, live)
        .get("/health/ready", Public, ready)
        .with_state(health)
}

/// The answer of `/health/ready`.
#[derive(Debug, Serialize)]
struct Readiness {
    status: &'static str,
    timestamp: String,
    services: Services,
}

#[derive(Debug, Serialize)]
struct Services {
    database: Service,
    nats: Nats,
    projector: Projector,
}

#[derive(Debug, Serialize)]
struct Service {
    status: &'static str,
}

#[derive(Debug, Serialize)]
struct Nats {
    status: &'static str,
    /// How full the log is, while it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<Fill>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fill {
    bytes: u64,
    max_bytes: Option<u64>,
    percent: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Projector {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    halted: Option<&'static str>,
    position: Option<u64>,
    lag: Option<u64>,
}

async fn about(State(health): State<Health>) -> impl IntoResponse {
    let about = json!({
        "status": "healthy",
        "timestamp": super::now(),
        "uptime": health.started.elapsed().as_secs(),
        "memory": { "rss": rss_bytes() },
        "version": env!("CARGO_PKG_VERSION"),
    });
    uncached(StatusCode::OK, about)
}

async fn live() -> impl IntoResponse {
    uncached(StatusCode::OK, json!({ "status": "alive", "timestamp": super::now() }))
}

async fn ready(State(health): State<Health>) -> impl IntoResponse {
    let snapshot = timeout(DATABASE_ANSWERS_WITHIN, health.store.snapshot()).await;
    let database = match snapshot {
        Ok(Ok(snapshot)) => Ok(snapshot.map(|snapshot| snapshot.checkpoint.position)),
        Ok(Err(error)) => {
            tracing::debug!(%error, "the database is not ready");
            Err(())
        }
        Err(_) => Err(()),
    };
    let nats = *health.nats_up.borrow();
    let projector = health.projector.borrow().clone();
    let extent = health.log_extent.borrow().clone();
    let readiness = judge(database, nats, &projector, extent.as_ref());
    let status = match readiness.status {
        "ready" => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    uncached(status, readiness)
}

/// `database` is the position it has the read models at, or that it did not answer. Ready is who
/// can answer and whose figures move on, be it that another process folds; being behind is no
/// reason to send callers elsewhere, so the lag is only told.
fn judge(
    database: Result<Option<u64>, ()>,
    nats: bool,
    projector: &Status,
    log: Option<&Extent>,
) -> Readiness {
    let (status, halted) = match &projector.state {
        status::State::Starting => ("starting", None),
        status::State::Standby => ("standby", None),
        status::State::Running => ("running", None),
        status::State::Halted(halt) => ("halted", Some(halt.name())),
        status::State::Stopped => ("stopped", None),
    };
    let folds = matches!(projector.state, status::State::Running | status::State::Standby);
    let position = database.unwrap_or(Some(projector.position));
    let lag = log.zip(position).map(|(log, position)| log.last.saturating_sub(position));
    let up = |up: bool| if up { "up" } else { "down" };
    let fill =
        |log: &Extent| Fill { bytes: log.bytes, max_bytes: log.max_bytes, percent: log.percent() };
    let is_ready = database.is_ok_and(|position| position.is_some()) && nats && folds;
    Readiness {
        status: if is_ready { "ready" } else { "unavailable" },
        timestamp: super::now(),
        services: Services {
            database: Service { status: up(database.is_ok()) },
            nats: Nats { status: up(nats), log: log.map(fill) },
            projector: Projector { status, halted, position, lag },
        },
    }
}

fn uncached(status: StatusCode, body: impl Serialize) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// The memory the process holds, in bytes, where the system tells.
fn rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projector::status::Halt;

    fn at(state: status::State) -> Status {
        Status { state, position: 5 }
    }

    fn log() -> Extent {
        let incarnation = String::new();
        Extent {
            first: 1,
            last: 10,
            last_at: projections::time::Time(0),
            bytes: 85,
            max_bytes: Some(100),
            incarnation,
        }
    }

    #[test]
    fn ready_is_who_can_answer_and_whose_figures_move_on() {
        let running = at(status::State::Running);
        let readiness = judge(Ok(Some(7)), true, &running, Some(&log()));
        assert_eq!(readiness.status, "ready");
        assert_eq!(readiness.services.projector.lag, Some(3));
        assert_eq!(readiness.services.nats.log.and_then(|log| log.percent), Some(85));
        assert_eq!(judge(Ok(Some(7)), true, &at(status::State::Standby), None).status, "ready");
        assert_eq!(judge(Err(()), true, &running, Some(&log())).status, "unavailable");
        assert_eq!(judge(Ok(None), true, &running, Some(&log())).status, "unavailable");
        assert_eq!(judge(Ok(Some(7)), false, &running, Some(&log())).status, "unavailable");
        assert_eq!(
            judge(Ok(Some(7)), true, &at(status::State::Starting), None).status,
            "unavailable"
        );
    }

    #[test]
    fn a_halt_is_named() {
        let halted = at(status::State::Halted(Halt::AnotherFold));
        let readiness = judge(Ok(Some(7)), true, &halted, None);
        assert_eq!(readiness.status, "unavailable");
        assert_eq!(readiness.services.projector.halted, Some("another-fold"));
        assert_eq!(readiness.services.projector.lag, None);
    }

    #[test]
    fn the_memory_in_use_is_known_here() {
        assert!(cfg!(not(target_os = "linux")) || rss_bytes().is_some_and(|bytes| bytes > 100_000));
    }
}
