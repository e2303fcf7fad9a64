//! `GET /api/events/{event}`: what became of the event at a position.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use projections::event::{Kind, Reason};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::deps::Deps;
use super::outcome::{There, Unanswered, words};
use super::report::faults;
use crate::http::envelope::Envelope;
use crate::http::gate::By;
use crate::http::openapi::{Answer, Operation, Tag};
use crate::http::parameters::Parameter;
use crate::http::parameters::values::{Own, POSITION};
use crate::http::problem::{Problem, ProblemType};
use crate::rights::caller::Caller;
use crate::rights::scope::Scope;

const AT: Parameter<Own<u64>> =
    Parameter::path("event", "The position of the event on the log.", POSITION);

/// What became of one event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventOutcome)]
pub(super) struct Told {
    position: u64,
    /// The kind that its subject names.
    #[schema(required = true)]
    kind: Option<&'static str>,
    /// Folded: in the figures, or nothing new to them.
    #[schema(schema_with = words)]
    outcome: &'static str,
    /// Why it is quarantined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(schema_with = faults)]
    errors: Vec<Reason>,
    /// Where it was sent again, once it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    replayed_at: Option<u64>,
}

pub(super) fn operation() -> Operation {
    let told = Answer::data::<Told>("What became of it.");
    Operation::new(Tag::Events, "showEventOutcome", "What became of an event", told)
        .about(
            "Asked for with the position that an answer to sending it has. An API key for some kinds sees \
             events of those kinds.",
        )
        .with(&AT)
        .or_missing("The log has no event there, or not yet.")
        .or_refused(503, "The log or the database does not answer at the moment.")
}

/// The event at a position: one that the caller may send.
pub(super) async fn show(
    State(deps): State<Arc<Deps>>,
    By(caller): By<Caller>,
    Path(position): Path<String>,
) -> Result<Json<Envelope<Told>>, Problem> {
    let position = AT.read(&position).map_err(|error| Problem::invalid(vec![error]))?;
    let kind = match (deps.position)(position).await.map_err(unanswered)? {
        There::Event(kind) => kind,
        There::Hole => return Err(missing(format!("The log has no event at {position}"))),
        There::Beyond(end) => {
            return Err(missing(format!("The log ends at {end}; {position} is not there yet")));
        }
    };
    let may_see = match kind {
        Some(kind) => caller.may_write(kind),
        None => Kind::ALL.into_iter().all(|kind| caller.may_write(kind)),
    };
    if !may_see {
        let needed = Scope::EventsWrite(kind).to_string();
        let message = format!("This needs an API key with {needed}");
        return Err(Problem::of(ProblemType::Forbidden, message).with("required", needed));
    }
    let known = (deps.outcomes)(vec![position], Instant::now()).await.map_err(unanswered)?;
    let (outcome, errors) = known.of(position);
    let replayed_at = known.quarantined.get(&position).and_then(|it| it.replayed_at);
    let kind = kind.map(Kind::as_str);
    Ok(Json(Envelope::of(Told { position, kind, outcome, errors, replayed_at })))
}

fn missing(message: String) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, message)
}

fn unanswered(error: Unanswered) -> Problem {
    Problem::unavailable("What became of it cannot be told at the moment", 2).caused_by(error)
}
