//! `POST /api/events` and `POST /api/events/{event}`: events in any of the forms that [`super::body`]
//! and [`super::media`] read.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use foldhash::HashMap;
use foldhash::fast::RandomState;
use projections::event::{Kind, Reason};
use projections::time::Time;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::body::{self, Part};
use super::deps::Deps;
use super::envelope::{self, Edge, Shape};
use super::media::{self, Attributes, Described, TYPES};
use super::report::{Report, report};
use super::submit::{Outcome, Submitter};
use super::{position, schema};
use crate::http::door::limits::Budget;
use crate::http::gate::By;
use crate::http::openapi::{Answer, Operation, Tag};
use crate::http::parameters::Parameter;
use crate::http::parameters::values::{OneOf, Text};
use crate::http::problem::{FieldError, Problem, ProblemType};
use crate::http::{Routes, prefer};
use crate::rights::access::Access;
use crate::rights::caller::Caller;
use crate::rights::role::{Action, Resource};
use crate::rights::scope::Scope;
use crate::stream::publish::Outgoing;
use crate::telemetry::{self, traces};

/// The time that the log may take for all of them.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
/// The seconds for which an answer waits at most for the figures.
const WAIT_SECONDS_MAX: u64 = 30;

const KIND: Parameter<OneOf<Kind>> =
    Parameter::path("event", "The kind of all of them.", OneOf::new());
const PREFER: Parameter<Text> = Parameter::header(
    "Prefer",
    "`wait=5` waits up to 5 seconds for the figures, and at most 30, and says of each event whether \
     they have it.",
    Text { min: 0, max: 256, allowed: "must be a preference, such as wait=5" },
)
.example("wait=5");

/// The endpoints.
pub fn routes(deps: Deps) -> Routes {
    let write = Access::AllowedOrKey(Resource::Events, Action::Create, Scope::EventsWrite(None));
    Routes::new()
        .post("/api/events", write, of_any_kind(), any_kind)
        .post("/api/events/{event}", write, of_one_kind(), one_kind)
        .get("/api/events/{event}", write, position::operation(), position::show)
        .with_state(Arc::new(deps))
}

fn of_any_kind() -> Operation {
    let event = json!({ "$ref": "#/components/schemas/Event" });
    let example = json!([{
        "kind": "transaction",
        "id": "t-1-made",
        "data": schema::example(Kind::Transaction),
    }]);
    operation("sendEvents", "Sends events of any kind", &event, &example)
        .knows("Event", schema::any_event())
}

fn of_one_kind() -> Operation {
    let payload = schema::any_payload();
    let example = json!([schema::example(Kind::Transaction)]);
    operation("sendEventsOfOneKind", "Sends events of one kind", &payload, &example).with(&KIND)
}

fn operation(id: &'static str, summary: &'static str, event: &Value, example: &Value) -> Operation {
    let all = Answer::data::<Report>("Every event is on the log, or was before.");
    let some = Answer::data::<Report>("Some are; `results` says what is wrong with the others.");
    let batch = json!({
        "anyOf": [
            { "type": "array", "minItems": 1, "maxItems": body::EVENTS_MAX, "items": event },
            event,
        ],
    });
    let json = json!({ "schema": batch, "example": example });
    let lines = json!({ "schema": { "type": "string", "description": "One event a line." } });
    let cloud = json!({ "schema": schema::cloud_event() });
    let clouds = json!({ "schema": { "type": "array", "items": schema::cloud_event() } });
    let content = json!({
        TYPES[0]: json, TYPES[1]: lines.clone(), TYPES[2]: lines, TYPES[3]: cloud, TYPES[4]: clouds,
    });
    let operation = Operation::new(Tag::Events, id, summary, all)
        .about(
            "What is not taken because the log does not answer may be sent again as it is: what is on the \
             log is a duplicate then. The answer says of each event what became of it. A body may be \
             compressed with gzip, deflate or zstd. With `ce-` headers it is the data of a CloudEvent.",
        )
        .with(&PREFER)
        .or(some.status(207))
        .content(&content, true)
        .or_refused(400, "No event of the batch is valid; `data.results` has the reasons.")
        .or_refused(415, "The body says that it is something else.")
        .or_refused(503, "The log does not take every event now; send the same batch again.");
    schema::payloads().fold(operation, |it, (name, payload)| it.knows(&name, payload))
}

async fn any_kind(
    State(deps): State<Arc<Deps>>,
    By(caller): By<Caller>,
    Extension(budget): Extension<Budget>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    take(&deps, &caller, &budget, None, &headers, body).await.unwrap_or_else(|refused| refused)
}

async fn one_kind(
    State(deps): State<Arc<Deps>>,
    By(caller): By<Caller>,
    Path(kind): Path<String>,
    Extension(budget): Extension<Budget>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let kind = match KIND.read(&kind) {
        Ok(kind) => kind,
        Err(error) => return Problem::invalid(vec![error]).into_response(),
    };
    if !caller.may_write(kind) {
        let needed = Scope::EventsWrite(Some(kind)).to_string();
        let message = format!("This needs an API key with {needed}");
        let problem = Problem::of(ProblemType::Forbidden, message).with("required", needed);
        return problem.into_response();
    }
    take(&deps, &caller, &budget, Some(kind), &headers, body)
        .await
        .unwrap_or_else(|refused| refused)
}

fn body_of(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body must be at most 10 MB")
        }
        status => Problem::new(status, "the body could not be read"),
    })
}

async fn take(
    deps: &Deps,
    caller: &Caller,
    budget: &Budget,
    kind: Option<Kind>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Response> {
    let body = body_of(body).map_err(IntoResponse::into_response)?;
    let described = media::describe(headers, body, kind).map_err(|refused| *refused)?;
    let events =
        split(&described).map_err(|error| Problem::invalid(vec![error]).into_response())?;
    budget.spend(events.len()).map_err(IntoResponse::into_response)?;
    let now = Time(chrono::Utc::now().timestamp_millis());
    let edge = Edge { now, currency: &deps.currency, ids: Some(&deps.ids) };
    let publishing = traces::Publishing::begin();
    let batch = Batch { shape: described.shape, attributes: described.attributes, events };
    let mut notes = HashMap::default();
    let outcomes = publishing.within(submit(deps, caller, &batch, edge, &mut notes)).await;
    let mut report = report(outcomes, &notes);
    let untaken = report.results.len() - report.accepted - report.duplicates - report.rejected;
    publishing.answered(report.accepted + report.duplicates, untaken);
    telemetry::published("accepted", report.accepted);
    telemetry::published("duplicate", report.duplicates);
    telemetry::published("rejected", report.rejected);
    telemetry::published("untaken", untaken);
    let wait = prefer::wait(headers, Some(WAIT_SECONDS_MAX));
    let wait = wait.map(|it| it.min(Duration::from_secs(WAIT_SECONDS_MAX)));
    if let Some(wait) = wait {
        let positions = report.positions();
        // Events that are on the log are on the log, also where nobody can tell the rest.
        let known = (deps.outcomes)(positions, Instant::now() + wait).await.unwrap_or_default();
        report.tell(&known);
    }
    Ok(report.answer(wait.map(|it| it.as_secs())))
}

/// The events of a body. The data of a `CloudEvent` is one.
fn split(described: &Described) -> Result<Vec<Part>, FieldError> {
    let events = body::split(&described.body)?;
    if described.attributes.is_some() && events.len() > 1 {
        return Err(FieldError::new("", "the body must be the data of one CloudEvent"));
    }
    Ok(events)
}

struct Batch {
    shape: Shape,
    attributes: Option<Attributes>,
    events: Vec<Part>,
}

impl Batch {
    fn read(&self, part: &Part, edge: Edge<'_>) -> Result<Outgoing, Vec<Reason>> {
        if let Some(fault) = &part.fault {
            return Err(vec![Reason::new("", fault.clone())]);
        }
        let mut event = envelope::read(self.shape, &part.text, edge)?;
        if let Some(Attributes { source, id: Some(id), .. }) = &self.attributes {
            let body = String::from_utf8_lossy(&part.text);
            event.message_id = envelope::cloud_id(event.kind, source.as_deref(), id, &body, edge);
        }
        Ok(event)
    }
}

/// Sends the events of a batch, and keeps the errors of those that are none.
async fn submit(
    deps: &Deps,
    caller: &Caller,
    batch: &Batch,
    edge: Edge<'_>,
    notes: &mut HashMap<usize, &'static str>,
) -> HashMap<usize, Outcome> {
    let mut submitter = Submitter::new(&deps.log, TAKEN_WITHIN);
    let (mut seen, hasher) = (HashMap::default(), RandomState::default());
    let is_one = batch.events.len() == 1;
    for (index, part) in batch.events.iter().enumerate() {
        match batch.read(part, edge) {
            Ok(event) if !caller.may_write(event.kind) => {
                let message = format!("must not be {}: the API key may not", event.kind.as_str());
                submitter.reject(index, vec![Reason::new("kind", message)]);
            }
            Ok(event) => {
                if !is_one {
                    let about = hasher.hash_one((event.kind, &event.entity));
                    note(index, &event, about, &mut seen, notes);
                }
                submitter.push(index, event).await;
            }
            Err(reasons) => submitter.reject(index, reasons),
        }
    }
    submitter.finish().await
}

/// Notes that several different events of a batch are about one thing: their sender may have meant
/// several things. What it is about is known by its hash.
fn note(
    index: usize,
    event: &Outgoing,
    about: u64,
    seen: &mut HashMap<u64, (usize, Bytes)>,
    notes: &mut HashMap<usize, &'static str>,
) {
    let said = match event.kind {
        Kind::Activity => {
            "another event of the batch has this activityId: one id is one fact, and the first counts"
        }
        Kind::Transaction => {
            "another event of the batch has this transactionId: what the newest says counts, so lines \
             need ids of their own (and the orderId that they share)"
        }
        Kind::Order | Kind::Refund | Kind::Feedback | Kind::Session => {
            "another event of the batch has this id: what the newest says counts"
        }
        _ => return,
    };
    let (first, body) = seen.entry(about).or_insert_with(|| (index, event.body.clone()));
    if *body != event.body {
        notes.extend([(*first, said), (index, said)]);
    }
}
