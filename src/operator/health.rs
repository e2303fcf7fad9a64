//! Whether the program is up, and whether it can do its work.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use projections::time::Time;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::pulse::Pulse;
use crate::http::Routes;
use crate::http::clock::now;
use crate::http::openapi::{Answer, Operation, Tag, schemas};
use crate::projector::status::{State as Doing, Status, Stuck, Upgrade};
use crate::query::latest::Latest;
use crate::rights::access::Access::Public;
use crate::store::read::Snapshot;
use crate::store::{self, Store};
use crate::stream::Extent;

/// A database that has not answered by then is down.
pub(super) const DATABASE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// What is pushed stands still where the newest snapshot was not read for so long.
const PUSH_STANDS_AFTER: Duration = Duration::from_secs(10);

/// The dependencies of the endpoints.
#[derive(Debug, Clone)]
pub struct Health {
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
    /// The newest snapshot, which all that is pushed follows.
    pub latest: watch::Receiver<Option<Latest>>,
    /// The signs of life of what pushes.
    pub pulse: Pulse,
    /// The time at which the program was started.
    pub started: Instant,
}

/// `GET /health`, `/health/live`, `/health/ready`.
pub fn routes(health: Health) -> Routes {
    Routes::new()
        .get("/health", Public, of_about(), about)
        .get("/health/live", Public, of_live(), live)
        .get("/health/ready", Public, of_ready(), ready)
        .with_state(health)
}

fn of_about() -> Operation {
    let answer = Answer::whole::<About>("It is up.").headers(&["Cache-Control"]);
    Operation::new(Tag::Service, "getHealth", "The program itself", answer)
}

fn of_live() -> Operation {
    let answer = Answer::whole::<Liveness>("It is up.").headers(&["Cache-Control"]);
    Operation::new(Tag::Service, "getLiveness", "Whether the program is up", answer)
}

fn of_ready() -> Operation {
    let ready = Answer::whole::<Readiness>("It can answer and take events.");
    let not = Answer::whole::<Readiness>("It cannot; `services` says why.").status(503);
    let summary = "Whether the service can do its work";
    Operation::new(Tag::Service, "getReadiness", summary, ready.headers(&["Cache-Control"]))
        .about("Being behind is no reason not to be ready; the lag is only told.")
        .or(not.headers(&["Cache-Control"]))
}

/// The answer of `/health`.
#[derive(Debug, Serialize, ToSchema)]
struct About {
    status: &'static str,
    #[schema(format = DateTime)]
    timestamp: String,
    /// Seconds.
    uptime: u64,
    memory: Memory,
    version: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
struct Memory {
    /// Bytes; null where the system does not tell.
    rss: Option<u64>,
}

/// The answer of `/health/live`.
#[derive(Debug, Serialize, ToSchema)]
struct Liveness {
    status: &'static str,
    #[schema(format = DateTime)]
    timestamp: String,
}

/// The answer of `/health/ready`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    #[schema(schema_with = ready_or_not)]
    pub(super) status: &'static str,
    #[schema(format = DateTime)]
    pub(super) timestamp: String,
    pub(super) services: Services,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServicesHealth)]
pub(super) struct Services {
    pub(super) database: Service,
    pub(super) nats: Nats,
    pub(super) projector: Projector,
    pub(super) push: Push,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PushHealth)]
pub(super) struct Push {
    #[schema(schema_with = up_or_stands)]
    status: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DatabaseHealth)]
pub(super) struct Service {
    #[schema(schema_with = up_or_down)]
    pub(super) status: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NatsHealth)]
pub(super) struct Nats {
    #[schema(schema_with = up_or_down_or_refuses)]
    status: &'static str,
    /// Why it refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
    /// The fill of the log, while it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    log: Option<Fill>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LogFill)]
pub(super) struct Fill {
    bytes: u64,
    max_bytes: Option<u64>,
    percent: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProjectorHealth)]
pub(super) struct Projector {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    halted: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stuck: Option<StuckAt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    upgrading: Option<Upgrading>,
    position: Option<u64>,
    lag: Option<u64>,
}

/// An exchange of the live read models for those of a newer fold, as it is shown.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Upgrading {
    /// The version of the fold that made the live read models.
    from: u32,
    /// The version that the next are of.
    to: u32,
}

impl Upgrading {
    pub(super) fn of(state: &Doing) -> Option<Self> {
        match *state {
            Doing::Upgrading(Upgrade { from, to }) => Some(Upgrading { from, to }),
            _ => None,
        }
    }
}

/// A fold that does not move on, as it is shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StuckAt {
    position: u64,
    #[schema(format = DateTime)]
    since: String,
    /// The error that ended the last session since then.
    last_error: Option<String>,
}

fn ready_or_not() -> Object {
    schemas::words(&["ready", "unavailable"])
}

fn up_or_down() -> Object {
    schemas::words(&["up", "down"])
}

fn up_or_stands() -> Object {
    schemas::words(&["up", "stands"])
}

fn up_or_down_or_refuses() -> Object {
    schemas::words(&["up", "down", "refuses"])
}

impl From<&Stuck> for StuckAt {
    fn from(stuck: &Stuck) -> Self {
        StuckAt {
            position: stuck.position,
            since: Time(stuck.since).to_rfc3339(),
            last_error: stuck.fault.as_ref().map(|fault| fault.message.clone()),
        }
    }
}

async fn about(State(health): State<Health>) -> impl IntoResponse {
    let about = About {
        status: "healthy",
        timestamp: now(),
        uptime: health.started.elapsed().as_secs(),
        memory: Memory { rss: rss_bytes() },
        version: env!("CARGO_PKG_VERSION"),
    };
    uncached(StatusCode::OK, about)
}

async fn live() -> impl IntoResponse {
    uncached(StatusCode::OK, Liveness { status: "alive", timestamp: now() })
}

impl Health {
    /// Whether the process can do its work.
    pub(super) async fn readiness(&self) -> Readiness {
        let snapshot = timeout(DATABASE_ANSWERS_WITHIN, self.store.snapshot()).await;
        let database = position(snapshot.map_err(|_| ()));
        let nats = *self.nats_up.borrow();
        let projector = self.projector.borrow().clone();
        let extent = self.log_extent.borrow().clone();
        let refuses = self.log_refuses.borrow().clone();
        let log = Log { is_up: nats, refuses, extent: extent.as_ref() };
        let is_old = |latest: &Latest| latest.age() > PUSH_STANDS_AFTER;
        let stands = self.latest.borrow().as_ref().is_some_and(is_old) || self.pulse.is_missed();
        judge(database, log, &projector, !stands)
    }
}

/// The position of the read models, where the database has answered.
fn position(
    snapshot: Result<Result<Option<Snapshot>, store::Error>, ()>,
) -> Result<Option<u64>, ()> {
    match snapshot {
        Ok(Ok(snapshot)) => Ok(snapshot.map(|snapshot| snapshot.checkpoint.position)),
        // It is up, and has nothing for this program.
        Ok(Err(store::Error::Newer { .. })) => Ok(None),
        Ok(Err(error)) => {
            tracing::debug!(%error, "the database is not ready");
            Err(())
        }
        Err(()) => Err(()),
    }
}

async fn ready(State(health): State<Health>) -> impl IntoResponse {
    let readiness = health.readiness().await;
    let status = match readiness.status {
        "ready" => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    uncached(status, readiness)
}

/// The known state of the log.
struct Log<'a> {
    is_up: bool,
    refuses: Option<String>,
    extent: Option<&'a Extent>,
}

/// `database` is the position of the read models, or an error if it did not answer. A process is
/// ready if it can answer and take events, and its figures move on, even if another process folds;
/// being behind is no reason to send callers elsewhere, so the lag is only reported. One that pushes
/// nothing any more is one: its subscribers would take old figures for new.
fn judge(
    database: Result<Option<u64>, ()>,
    log: Log<'_>,
    projector: &Status,
    pushes: bool,
) -> Readiness {
    let (halted, stuck) = match &projector.state {
        Doing::Halted(halt) => (Some(halt.name()), None),
        Doing::Stuck(stuck) => (None, Some(StuckAt::from(stuck))),
        _ => (None, None),
    };
    let upgrading = Upgrading::of(&projector.state);
    let position = database.unwrap_or(Some(projector.position));
    let lag = log.extent.zip(position).map(|(log, position)| log.last.saturating_sub(position));
    let up = |up: bool| if up { "up" } else { "down" };
    let fill =
        |log: &Extent| Fill { bytes: log.bytes, max_bytes: log.max_bytes, percent: log.percent() };
    let reason = log.refuses.filter(|_| log.is_up);
    let is_ready = database.is_ok_and(|position| position.is_some())
        && log.is_up
        && reason.is_none()
        && projector.state.moves_on()
        && pushes;
    Readiness {
        status: if is_ready { "ready" } else { "unavailable" },
        timestamp: now(),
        services: Services {
            database: Service { status: up(database.is_ok()) },
            nats: Nats {
                status: if reason.is_some() { "refuses" } else { up(log.is_up) },
                reason,
                log: log.extent.map(fill),
            },
            projector: Projector {
                status: projector.state.name(),
                halted,
                stuck,
                upgrading,
                position,
                lag,
            },
            push: Push { status: if pushes { "up" } else { "stands" } },
        },
    }
}

pub(super) fn uncached(status: StatusCode, body: impl Serialize) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// The memory the process holds, in bytes, where the system tells.
pub(super) fn rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::projector::status::Halt;
    use crate::store::folder::Fault;

    const UP: Log<'_> = Log { is_up: true, refuses: None, extent: None };

    fn at(state: Doing) -> Status {
        Status { state, position: 5 }
    }

    fn is_ready(log: Log<'_>, state: Doing) -> bool {
        judge(Ok(Some(7)), log, &at(state), true).status == "ready"
    }

    #[test]
    fn ready_is_who_can_answer_and_whose_figures_move_on() {
        let log = Extent {
            first: 1,
            last: 10,
            last_at: Time(0),
            bytes: 85,
            max_bytes: Some(100),
            subjects: 1,
            incarnation: String::new(),
        };
        let running = at(Doing::Running);
        let readiness = judge(Ok(Some(7)), Log { extent: Some(&log), ..UP }, &running, true);
        assert_eq!((readiness.status, readiness.services.nats.status), ("ready", "up"));
        assert_eq!(readiness.services.projector.lag, Some(3));
        assert_eq!(readiness.services.nats.log.and_then(|log| log.percent), Some(85));
        assert_eq!(judge(Err(()), UP, &running, true).status, "unavailable");
        assert_eq!(judge(Ok(None), UP, &running, true).status, "unavailable");
        assert!(!is_ready(Log { is_up: false, ..UP }, Doing::Running));
    }

    #[test]
    fn who_has_the_fold_held_or_taken_over_or_begins_again_stays_ready() {
        let fault = || Fault { kind: "log".to_owned(), message: String::new(), at: 0 };
        for state in [Doing::Standby, Doing::Held, Doing::TakenOver, Doing::Again(fault())] {
            assert!(is_ready(UP, state));
        }
        assert!(!is_ready(UP, Doing::Starting) && !is_ready(UP, Doing::Stopped));
    }

    #[test]
    fn who_serves_older_read_models_until_they_are_exchanged_is_ready_and_says_so() {
        let state = Doing::Upgrading(Upgrade { from: 1, to: 2 });
        let readiness = judge(Ok(Some(7)), UP, &at(state), true);
        let projector = serde_json::to_value(readiness.services.projector).unwrap();
        assert_eq!((readiness.status, &projector["status"]), ("ready", &json!("upgrading")));
        assert_eq!(projector["upgrading"], json!({ "from": 1, "to": 2 }));
    }

    #[test]
    fn a_log_that_refuses_events_is_not_ready_and_says_why() {
        let full = || Some("the disk is full".to_owned());
        let refuses = judge(Ok(Some(7)), Log { refuses: full(), ..UP }, &at(Doing::Running), true);
        assert_eq!((refuses.status, refuses.services.nats.status), ("unavailable", "refuses"));
        assert_eq!(refuses.services.nats.reason, full());
        let down = Log { is_up: false, refuses: full(), extent: None };
        let down = judge(Ok(Some(7)), down, &at(Doing::Running), true);
        assert_eq!((down.services.nats.status, down.services.nats.reason), ("down", None));
    }

    #[test]
    fn a_fold_that_is_stuck_says_where_since_when_and_what_was_last_wrong() {
        let fault = Fault { kind: "log".to_owned(), message: "a hole".to_owned(), at: 9 };
        let stuck = Stuck { position: 7, since: 1_000, fault: Some(fault) };
        let readiness = judge(Ok(Some(7)), UP, &at(Doing::Stuck(stuck)), true);
        let Projector { status, halted, stuck, .. } = readiness.services.projector;
        assert_eq!((readiness.status, status, halted), ("unavailable", "stuck", None));
        let stuck = serde_json::to_value(stuck).unwrap();
        let since = "1970-01-01T00:00:01.000Z";
        assert_eq!(stuck, json!({ "position": 7, "since": since, "lastError": "a hole" }));
    }

    #[test]
    fn a_push_that_stands_still_is_not_ready() {
        let readiness = judge(Ok(Some(7)), UP, &at(Doing::Running), false);
        assert_eq!((readiness.status, readiness.services.push.status), ("unavailable", "stands"));
    }

    #[test]
    fn a_halt_is_named() {
        let halted = at(Doing::Halted(Halt::AnotherFold));
        let readiness = judge(Ok(Some(7)), UP, &halted, true);
        assert_eq!(readiness.status, "unavailable");
        assert_eq!(readiness.services.projector.halted, Some("another-fold"));
        assert_eq!(readiness.services.projector.lag, None);
    }

    #[test]
    fn the_memory_in_use_is_known_here() {
        assert!(cfg!(not(target_os = "linux")) || rss_bytes().is_some_and(|bytes| bytes > 100_000));
    }
}
