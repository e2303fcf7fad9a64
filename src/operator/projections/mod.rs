//! `/api/projections`: the positions of the read models, their rate, and why they stand still;
//! [`actions`]: the actions on generations; [`work`]: the progress of those.

pub mod actions;
mod work;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use projections::fold::root::Counts;
use projections::time::Time;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};

use self::work::{LastCommand, Working};
use super::health::{StuckAt, Upgrading};
use crate::auth::error::Error;
use crate::http::Routes;
use crate::http::envelope::Envelope;
use crate::http::openapi::{Answer, Operation, Tag, schemas};
use crate::http::problem::Problem;
use crate::projector::status::{State as Doing, Status};
use crate::query::latest::Latest;
use crate::rights::access::Access;
use crate::rights::role::{Action, Resource};
use crate::store::generation::Checkpoint;
use crate::store::generations::{self, GenerationState};
use crate::store::holes::AcceptedHole;
use crate::store::work::{Work, Works};
use crate::store::{Store, time};
use crate::stream::Extent;

/// The pause between two looks at the position, for the rate.
const LOOK: Duration = Duration::from_secs(1);
/// The number of looks that the rate is measured over.
const LOOKS: usize = 10;

/// The dependencies of the endpoint.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The store.
    pub store: Store,
    /// The status of the projector.
    pub projector: watch::Receiver<Status>,
    /// The extent of the log, while it is known.
    pub log_extent: watch::Receiver<Option<Extent>>,
    /// The rate of the live read models, once it is known.
    pub rate: watch::Receiver<Option<f64>>,
}

/// The endpoint.
pub fn routes(deps: Deps) -> Routes {
    let read = Access::Allowed(Resource::System, Action::Read);
    Routes::new().get("/api/projections", read, of_projections(), projections).with_state(deps)
}

fn of_projections() -> Operation {
    let answer = Answer::data::<Shown>("The log, the fold and each generation.");
    let summary = "Gets the position of the read models, their rate, and what stops them";
    Operation::new(Tag::Projections, "getProjections", summary, answer)
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Projections)]
struct Shown {
    /// The log, while it is known.
    log: Option<End>,
    projector: Projector,
    generations: Vec<Generation>,
    /// The work on them that is under way.
    work: Option<Working>,
    /// The result of the last command about them.
    last_command: Option<LastCommand>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LogExtent)]
struct End {
    first: u64,
    last: u64,
    #[schema(format = DateTime)]
    last_at: String,
    bytes: u64,
    max_bytes: Option<u64>,
    incarnation: String,
    /// The positions that it lacks and is accepted to lack.
    accepted: Vec<Accepted>,
}

/// Positions without a message, both ends included.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AcceptedHole)]
struct Accepted {
    from: u64,
    to: u64,
    /// The time at which they were accepted.
    #[schema(format = DateTime)]
    at: String,
}

impl From<AcceptedHole> for Accepted {
    fn from(AcceptedHole { from, to, at }: AcceptedHole) -> Self {
        Accepted { from, to, at: time::rfc3339(at) }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Projector {
    /// The state of the projector of the process that answers, unless the store says otherwise.
    state: &'static str,
    halted: Option<Halted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stuck: Option<StuckAt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    upgrading: Option<Upgrading>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Halt)]
struct Halted {
    reason: &'static str,
    message: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Generation {
    #[serde(rename = "generation")]
    number: u32,
    #[schema(schema_with = states)]
    state: GenerationState,
    live: bool,
    position: u64,
    #[schema(format = DateTime)]
    log_time: Option<String>,
    #[schema(format = DateTime)]
    committed_at: Option<String>,
    lag: Option<Lag>,
    /// Events a second: over the last ten seconds for the live generation, lately for one that is
    /// made.
    rate: Option<f64>,
    /// Null, as the next field is, before a bulk load has come to its end.
    fold_version: Option<u32>,
    #[schema(value_type = Option<Counted>)]
    events: Option<Counts>,
}

fn states() -> Object {
    schemas::words(&["bulk", "unfinished", "catching-up", "ready", "live", "kept"])
}

/// The outcomes of the events read, as they are documented: one number for each.
struct Counted;

impl PartialSchema for Counted {
    fn schema() -> RefOr<Schema> {
        let counts = serde_json::to_value(Counts::default()).unwrap_or_default();
        let names = counts.as_object().into_iter().flat_map(|it| it.keys());
        let counts = names.fold(ObjectBuilder::new(), |object, name| {
            object.property(name, u64::schema()).required(name)
        });
        counts.into()
    }
}

impl ToSchema for Counted {
    fn name() -> Cow<'static, str> {
        "EventCounts".into()
    }
}

/// The lag of a generation behind the log.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Lag {
    /// Events that are on the log and not folded.
    pub events: u64,
    /// From the time of the last one folded to that of the last one on the log.
    pub seconds: f64,
}

impl Lag {
    /// Of a checkpoint behind the end of its log.
    #[must_use]
    pub fn of(checkpoint: &Checkpoint, log: &Extent) -> Self {
        let events = log.last.saturating_sub(checkpoint.position);
        // Before its first event the log's time is not known.
        let ms = if events == 0 || checkpoint.position == 0 {
            0
        } else {
            log.last_at.0.saturating_sub(checkpoint.root.log_time.0).max(0)
        };
        let seconds = Duration::from_millis(ms.unsigned_abs()).as_secs_f64();
        Lag { events, seconds }
    }
}

async fn projections(State(deps): State<Deps>) -> Result<Response, Problem> {
    let both = deps.store.generations_and_works().await.map_err(Error::from)?;
    let (all, Works { under_way, last }) = both;
    let log = deps.log_extent.borrow().clone();
    let accepted = match &log {
        Some(log) => deps.store.accepted_holes(&log.incarnation).await.map_err(Error::from)?,
        None => Vec::new(),
    };
    let rate = *deps.rate.borrow();
    let generations = all.iter().map(|it| generation(it, log.as_ref(), rate, under_way.as_ref()));
    let shown = Shown {
        generations: generations.collect(),
        projector: projector(&deps.projector.borrow()),
        work: under_way.as_ref().map(Working::of),
        last_command: last.map(LastCommand::from),
        log: log.map(|log| End {
            first: log.first,
            last: log.last,
            last_at: log.last_at.to_rfc3339(),
            bytes: log.bytes,
            max_bytes: log.max_bytes,
            incarnation: log.incarnation,
            accepted: accepted.into_iter().map(Accepted::from).collect(),
        }),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Envelope::of(shown)).into_response())
}

fn generation(
    it: &generations::Generation,
    log: Option<&Extent>,
    rate: Option<f64>,
    work: Option<&Work>,
) -> Generation {
    let live = it.state == GenerationState::Live;
    let work = work.filter(|work| work.generation == it.number);
    let checkpoint = it.checkpoint.as_ref();
    let instant = |ms: i64| (ms > 0).then(|| Time(ms).to_rfc3339());
    // A log of another identity has an end of its own.
    let log = log.zip(checkpoint).filter(|(log, at)| log.incarnation == at.incarnation);
    let making = || work.map(|work| f64::from(u32::try_from(work.rate).unwrap_or(u32::MAX)));
    Generation {
        number: it.number,
        state: it.state,
        live,
        position: checkpoint.map_or(0, |it| it.position),
        log_time: checkpoint.and_then(|it| instant(it.root.log_time.0)),
        committed_at: checkpoint.and_then(|it| instant(it.committed_at)),
        lag: log.map(|(log, at)| Lag::of(at, log)),
        rate: if live { rate } else { making() },
        fold_version: checkpoint.map(|it| it.settings.fold_version),
        events: checkpoint.map(|it| it.root.counts),
    }
}

fn projector(status: &Status) -> Projector {
    let (halted, stuck) = match &status.state {
        Doing::Halted(halt) => {
            (Some(Halted { reason: halt.name(), message: halt.to_string() }), None)
        }
        Doing::Stuck(stuck) => (None, Some(StuckAt::from(stuck))),
        _ => (None, None),
    };
    let upgrading = Upgrading::of(&status.state);
    Projector { state: status.state.name(), halted, stuck, upgrading }
}

/// Measures the rate of the live read models, whichever process folds, until `stop`.
pub async fn follow_rate(
    latest: watch::Receiver<Option<Latest>>,
    rate: watch::Sender<Option<f64>>,
    stop: CancellationToken,
) {
    let mut looks: VecDeque<(Instant, u32, u64)> = VecDeque::new();
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let at = latest.borrow().as_ref().map(|it| {
            let checkpoint = &it.snapshot.checkpoint;
            (checkpoint.generation, checkpoint.position)
        });
        let Some((generation, position)) = at else { continue };
        // Another generation is at a position of its own.
        looks.retain(|(_, of, was)| *of == generation && *was <= position);
        looks.push_back((Instant::now(), generation, position));
        if looks.len() > LOOKS {
            looks.pop_front();
        }
        rate.send_replace(looks.front().and_then(|(since, _, from)| {
            let events = u32::try_from(position - from).unwrap_or(u32::MAX);
            let seconds = since.elapsed().as_secs_f64();
            (looks.len() > 1).then(|| f64::from(events) / seconds)
        }));
    }
}

#[cfg(test)]
mod tests {
    use projections::fold::root::{FoldSettings, Root};

    use super::*;

    #[test]
    fn who_is_caught_up_has_no_lag_however_old_the_last_event_is() {
        let at = |position, log_time| Checkpoint {
            generation: 1,
            position,
            incarnation: String::new(),
            anchor: None,
            committed_at: 0,
            settings: FoldSettings::new("GBP"),
            root: Root { log_time: Time(log_time), ..Root::default() },
            left_at: None,
        };
        let log = Extent {
            first: 1,
            last: 10,
            last_at: Time(9_500),
            bytes: 0,
            max_bytes: None,
            subjects: 1,
            incarnation: String::new(),
        };
        assert_eq!(Lag::of(&at(10, 1), &log), Lag { events: 0, seconds: 0.0 });
        assert_eq!(Lag::of(&at(7, 2_000), &log), Lag { events: 3, seconds: 7.5 });
        assert_eq!(Lag::of(&at(0, 0), &log), Lag { events: 10, seconds: 0.0 });
    }
}
