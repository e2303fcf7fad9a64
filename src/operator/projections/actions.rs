//! The actions on generations: making the next, stopping that, making another one live.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use utoipa::ToSchema;

use super::work::Working;
use crate::auth::audit::{Audit, Event, EventType};
use crate::auth::body::{BODY_BYTES_MAX, Fields};
use crate::causes::describe;
use crate::http::Routes;
use crate::http::client::Origin;
use crate::http::envelope::Envelope;
use crate::http::gate::By;
use crate::http::openapi::{Answer, Operation, Tag};
use crate::http::problem::{FieldError, Problem, ProblemType};
use crate::projector::generations::{Error, Generations};
use crate::projector::status::Halt;
use crate::projector::switch::Switched;
use crate::rights::access::Access;
use crate::rights::caller::Person;
use crate::rights::role::{Action, Resource};
use crate::store::Store;
use crate::store::work::Work;

/// A switch that takes longer is answered before it is over: it goes on, and `GET /api/projections`
/// shows it.
const SWITCHED_WITHIN: Duration = Duration::from_mins(1);

/// The dependencies of the actions.
#[derive(Clone)]
pub struct Actions {
    /// The store, as queries use it.
    pub store: Store,
    /// The commands about generations. Each command reports its own progress.
    pub generations: Generations,
    /// The threads that it runs on.
    pub threads: Handle,
    /// The tasks that the service waits for before it ends.
    pub tasks: TaskTracker,
    /// The signal that the service ends.
    pub stop: CancellationToken,
    /// The audit of the actions.
    pub audit: Audit,
}

/// The endpoints.
pub fn routes(actions: Actions) -> Routes {
    let execute = || Access::Allowed(Resource::System, Action::Execute);
    Routes::new()
        .post("/api/projections/rebuild", execute(), of_rebuild(), rebuild)
        .delete("/api/projections/rebuild", execute(), of_cancel(), cancel)
        .post("/api/projections/switch", execute(), of_switch(), switch)
        .body_limit(BODY_BYTES_MAX)
        .with_state(actions)
}

fn of_rebuild() -> Operation {
    let answer = Answer::data::<UnderWay>("It is under way, or at its end already.").status(202);
    Operation::new(Tag::Projections, "rebuild", "Makes the next generation", answer)
        .about("Queries go on with the live one. A generation that was begun before goes on.")
        .or_problems(&CONFLICTS)
}

fn of_cancel() -> Operation {
    let answer = Answer::data::<UnderWay>("The command that was under way, and is told to stop.");
    Operation::new(Tag::Projections, "cancelRebuild", "Stops the command that is under way", answer)
        .or_missing("Nothing is under way.")
}

fn of_switch() -> Operation {
    let switched = Answer::data::<Switch>("Another generation is live.");
    let later = Answer::data::<UnderWay>("It takes longer, and goes on.").status(202);
    Operation::new(Tag::Projections, "switch", "Makes another generation live", switched)
        .about("The newest that is complete, or the `generation` that is named.")
        .or(later)
        .body(&Fields::described(generation), &json!({ "generation": 2 }))
        .or_missing("There is no such generation.")
        .or_problems(&CONFLICTS)
}

/// The conflicts that keep a generation from being made or switched to.
const CONFLICTS: [ProblemType; 12] = [
    ProblemType::AlreadyUnderWay,
    ProblemType::NothingLive,
    ProblemType::LogIncomplete,
    ProblemType::AnotherIncarnation,
    ProblemType::LogBehind,
    ProblemType::LogGap,
    ProblemType::LogHole,
    ProblemType::AnotherMessage,
    ProblemType::AnotherFold,
    ProblemType::OlderFold,
    ProblemType::NewerFold,
    ProblemType::LogGone,
];

/// The work under way.
#[derive(Debug, Serialize, ToSchema)]
struct UnderWay {
    work: Working,
}

/// The result of a switch.
#[derive(Debug, Serialize, ToSchema)]
struct Switch {
    switch: FromTo,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SwitchedGenerations)]
struct FromTo {
    from: u32,
    to: u32,
    position: u64,
}

impl Actions {
    /// Commands that do nothing yet, and the channel of their work once they do.
    fn idle(&self) -> (Generations, watch::Receiver<Work>) {
        let work = watch::Sender::default();
        let generations = Generations { work, ..self.generations.clone() };
        let seen = generations.work.subscribe();
        (generations, seen)
    }

    async fn remember(&self, event: EventType, what: String, person: &Person, origin: &Origin) {
        let event = Event::done(event).by_user(&person.user_id).to("projections").detail(what);
        self.audit.record(event.from(origin)).await;
    }
}

/// Begins a rebuild, and answers once it is under way, or with the error that prevents it.
async fn rebuild(
    State(actions): State<Actions>,
    By(person): By<Person>,
    origin: Origin,
) -> Result<Response, Problem> {
    let (generations, mut seen) = actions.idle();
    let stop = actions.stop.child_token();
    let task = async move {
        let made = generations.rebuild(&stop).await;
        match &made {
            Ok(generation) => info!(generation, "the next generation has caught up"),
            Err(error) => warn!(error = describe(error), "a rebuild ended"),
        }
        made
    };
    let mut task: JoinHandle<_> = actions.tasks.spawn_on(task, &actions.threads);
    let began = seen.wait_for(|work| work.generation > 0);
    let working = tokio::select! {
        biased;
        ended = &mut task => {
            let generation = ended.map_err(Problem::internal)??;
            Work { doing: "caught up".to_owned(), generation, ..Work::default() }
        }
        Ok(work) = began => work.clone(),
    };
    let what = format!("generation {}", working.generation);
    actions.remember(EventType::ProjectionRebuild, what, &person, &origin).await;
    Ok(answer(StatusCode::ACCEPTED, UnderWay { work: Working::of(&working) }))
}

/// Stops the work under way, in whichever process it runs.
async fn cancel(
    State(actions): State<Actions>,
    By(person): By<Person>,
    origin: Origin,
) -> Result<Response, Problem> {
    let store = &actions.store;
    let work = store.works().await.map_err(Error::from)?.under_way;
    let (Some(work), true) = (work, store.ask_to_stop().await.map_err(Error::from)?) else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "Nothing is under way"));
    };
    let what = format!("{} of generation {}", work.doing, work.generation);
    actions.remember(EventType::ProjectionCancel, what, &person, &origin).await;
    Ok(answer(StatusCode::OK, UnderWay { work: Working::of(&work) }))
}

async fn switch(
    State(actions): State<Actions>,
    By(person): By<Person>,
    origin: Origin,
    mut body: Fields,
) -> Result<Response, Problem> {
    let to = generation(&mut body);
    body.finish()?;
    let (generations, seen) = actions.idle();
    let stop = actions.stop.child_token();
    let audit = (actions.clone(), person, origin);
    let task = async move {
        let (actions, person, origin) = audit;
        let switched = generations.switch(to, &stop).await;
        match &switched {
            Ok(Switched { from, to, .. }) => {
                info!(from, to, "another generation is live");
                let what = format!("from {from} to {to}");
                actions.remember(EventType::ProjectionSwitch, what, &person, &origin).await;
            }
            Err(error) => warn!(error = describe(error), "nothing was switched"),
        }
        switched
    };
    let task: JoinHandle<_> = actions.tasks.spawn_on(task, &actions.threads);
    let Ok(ended) = timeout(SWITCHED_WITHIN, task).await else {
        let work = Working::of(&seen.borrow());
        return Ok(answer(StatusCode::ACCEPTED, UnderWay { work }));
    };
    let Switched { from, to, position } = ended.map_err(Problem::internal)??;
    Ok(answer(StatusCode::OK, Switch { switch: FromTo { from, to, position } }))
}

fn generation(body: &mut Fields) -> Option<u32> {
    let schema = || json!({ "type": ["integer", "null"], "minimum": 0, "maximum": u32::MAX });
    let given = body.value("generation", schema)?;
    let number = given.as_u64().and_then(|it| u32::try_from(it).ok());
    if number.is_none() {
        body.wrong("generation", "must be the number of a generation");
    }
    number
}

fn answer(status: StatusCode, data: impl Serialize) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Envelope::of(data)).into_response()
}

/// The type of the problem that a halt is; it has the halt's name.
fn of_halt(halt: &Halt) -> ProblemType {
    match halt {
        Halt::AnotherIncarnation { .. } => ProblemType::AnotherIncarnation,
        Halt::LogBehind { .. } => ProblemType::LogBehind,
        Halt::LogGap { .. } => ProblemType::LogGap,
        Halt::LogHole { .. } => ProblemType::LogHole,
        Halt::AnotherMessage { .. } => ProblemType::AnotherMessage,
        Halt::AnotherFold => ProblemType::AnotherFold,
        Halt::OlderFold { .. } => ProblemType::OlderFold,
        Halt::NewerFold { .. } => ProblemType::NewerFold,
        Halt::LogGone => ProblemType::LogGone,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let conflict = |kind| Problem::of(kind, describe(&error));
        match &error {
            Error::Busy(_) => conflict(ProblemType::AlreadyUnderWay),
            Error::NothingLive => conflict(ProblemType::NothingLive),
            Error::LogBegins { .. } => conflict(ProblemType::LogIncomplete),
            Error::NoSuch(_) => Problem::new(StatusCode::NOT_FOUND, error.to_string()),
            Error::Live => Problem::invalid(vec![FieldError::new("generation", error.to_string())]),
            Error::Halted { halt, .. } => conflict(of_halt(halt)),
            Error::Moved => Problem::unavailable(error.to_string(), 1),
            Error::Stopped | Error::Cancelled => Problem::unavailable("It was stopped", 1),
            Error::Fold(_) | Error::Log(_) => {
                Problem::unavailable("The log or the database does not answer", 5).caused_by(error)
            }
            Error::Store(_) => match error {
                Error::Store(store) => crate::auth::error::Error::from(store).into(),
                other => Problem::internal(other),
            },
        }
    }
}
