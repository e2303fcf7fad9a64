//! `/api/health` and `/api/health/detailed`: the state of the service and of all that it needs.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::health::{
    DATABASE_ANSWERS_WITHIN, Health, Nats, Projector, Push, Services, rss_bytes, uncached,
};
use crate::http::Routes;
use crate::http::openapi::{Answer, Operation, Tag, schemas};
use crate::rights::access::Access::{Allowed, Public};
use crate::rights::role::{Action, Resource};

/// The endpoints.
pub fn routes(health: Health) -> Routes {
    let system = Allowed(Resource::System, Action::Read);
    Routes::new()
        .get("/api/health", Public, of_state(), state)
        .get("/api/health/detailed", system, of_details(), details)
        .with_state(health)
}

fn of_state() -> Operation {
    let up = Answer::whole::<State>("It does its work.").headers(&["Cache-Control"]);
    let not = Answer::whole::<State>("It does not; `services` says why.").status(503);
    let summary = "The state of the service and of all that it needs";
    Operation::new(Tag::Service, "getApiHealth", summary, up)
        .about(
            "`degraded`: it answers, but takes no events, or its figures do not move on. `unhealthy`: it \
             cannot answer. Memory is in MB.",
        )
        .or(not.headers(&["Cache-Control"]))
}

fn of_details() -> Operation {
    let up = Answer::whole::<Detailed>("It does its work.").headers(&["Cache-Control"]);
    let not = Answer::whole::<Detailed>("It does not; `services` says why.").status(503);
    let summary = "The same, and the size of the database";
    Operation::new(Tag::Service, "getDetailedHealth", summary, up)
        .or(not.headers(&["Cache-Control"]))
}

/// The answer of `/api/health`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ServiceState)]
pub struct State {
    /// `healthy`, `degraded` or `unhealthy`.
    #[schema(schema_with = healthy_or_not)]
    pub status: &'static str,
    /// `OK` where it is healthy.
    message: &'static str,
    /// The time of the answer.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// Seconds.
    uptime: u64,
    #[schema(schema_with = connected_or_not)]
    mongo_db_status: &'static str,
    /// Milliseconds.
    response_time: u64,
    /// The parts.
    pub services: Parts,
    build_info: BuildInfo,
}

/// The parts of the service.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PartsOfService)]
pub struct Parts {
    /// The database.
    pub database: Part,
    /// Insights are made by this program.
    pub ai_service: Part,
    nats: Nats,
    projector: Projector,
    push: Push,
    /// The program.
    pub system: System,
}

/// The state of one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PartOfService)]
pub struct Part {
    /// `healthy` or `unhealthy`.
    pub status: &'static str,
    details: &'static str,
    /// Milliseconds.
    response_time: u64,
    version: Option<&'static str>,
}

/// The program.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SystemState)]
pub struct System {
    /// Seconds.
    pub uptime: u64,
    /// In MB.
    pub memory: Megabytes,
    cpu: Cpu,
    environment: &'static str,
    /// Always null.
    node_version: Option<&'static str>,
}

/// Memory in MB.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MemoryInMegabytes)]
pub struct Megabytes {
    /// Null where the system does not tell.
    rss: Option<u64>,
}

/// The time that the program has worked, in microseconds; null where the system does not tell.
#[derive(Debug, Serialize, ToSchema)]
struct Cpu {
    user: Option<u64>,
    system: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BuildInfo {
    version: &'static str,
    /// Always null: the same sources make the same program whenever it is built.
    build_date: Option<&'static str>,
}

/// The answer of `/api/health/detailed`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DetailedState)]
struct Detailed {
    #[serde(flatten)]
    state: State,
    /// Null where the database does not tell.
    size: Option<Size>,
}

/// The size of the database.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SizeOfDatabase)]
struct Size {
    collections: u64,
    documents: u64,
    total_bytes: u64,
    index_bytes: u64,
}

fn healthy_or_not() -> Object {
    schemas::words(&["healthy", "degraded", "unhealthy"])
}

fn connected_or_not() -> Object {
    schemas::words(&["Connected", "Disconnected"])
}

async fn state(Shared(health): Shared<Health>) -> impl IntoResponse {
    let state = State::of(&health).await;
    uncached(state.code(), state)
}

async fn details(Shared(health): Shared<Health>) -> impl IntoResponse {
    let (state, size) = tokio::join!(
        State::of(&health),
        timeout(DATABASE_ANSWERS_WITHIN, health.store.database_size())
    );
    let size = size.ok().and_then(Result::ok).map(|size| Size {
        collections: size.collections,
        documents: size.documents,
        total_bytes: size.total_bytes,
        index_bytes: size.index_bytes,
    });
    uncached(state.code(), Detailed { state, size })
}

impl State {
    fn code(&self) -> StatusCode {
        match self.status {
            "healthy" => StatusCode::OK,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The present state.
    pub async fn of(health: &Health) -> State {
        let asked = Instant::now();
        let readiness = health.readiness().await;
        let response_time = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Services { database, nats, projector, push } = readiness.services;
        let is_up = database.status == "up";
        let status = match readiness.status {
            "ready" => "healthy",
            _ if is_up => "degraded",
            _ => "unhealthy",
        };
        let (version, uptime) = (env!("CARGO_PKG_VERSION"), health.started.elapsed().as_secs());
        let connected = if is_up { "Connected" } else { "Disconnected" };
        State {
            status,
            message: if status == "healthy" { "OK" } else { "Not all parts do their work" },
            timestamp: readiness.timestamp,
            uptime,
            mongo_db_status: connected,
            response_time,
            services: Parts {
                database: Part {
                    status: if is_up { "healthy" } else { "unhealthy" },
                    details: connected,
                    response_time,
                    version: None,
                },
                ai_service: Part {
                    status: "healthy",
                    details: "built in",
                    response_time: 0,
                    version: Some(version),
                },
                nats,
                projector,
                push,
                system: System {
                    uptime,
                    memory: Megabytes { rss: rss_bytes().map(|bytes| bytes >> 20) },
                    cpu: Cpu::now(),
                    environment: "production",
                    node_version: None,
                },
            },
            build_info: BuildInfo { version, build_date: None },
        }
    }
}

impl Cpu {
    /// Of all threads; the kernel counts in hundredths of a second.
    fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The name of the program stands in parentheses, and may have blanks.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = |place| rest.split_whitespace().nth(place)?.parse::<u64>().ok();
        let micros = |place| Some(ticks(place)?.saturating_mul(10_000));
        Cpu { user: micros(11), system: micros(12) }
    }
}
