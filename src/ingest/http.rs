//! `POST /api/events` and `POST /api/events/{kind}`: a JSON array or NDJSON of events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use projections::event::{Kind, Reason};
use projections::time::Time;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, Object, ObjectBuilder, Type};

use super::envelope::{self, Edge};
use super::message_id::MessageIds;
use super::submit::{Outcome, Submitter};
use super::{body, schema};
use crate::http::Routes;
use crate::http::door::limits::Budget;
use crate::http::envelope::Envelope;
use crate::http::gate::By;
use crate::http::openapi::{Answer, Operation, Tag, schemas};
use crate::http::parameters::Parameter;
use crate::http::parameters::values::OneOf;
use crate::http::problem::{Problem, ProblemType};
use crate::rights::access::Access;
use crate::rights::caller::Caller;
use crate::rights::role::{Action, Resource};
use crate::rights::scope::Scope;
use crate::stream::Log;
use crate::telemetry::{self, traces};

/// The content types that a body may name.
const TYPES: [&str; 3] = ["application/json", "application/x-ndjson", "application/ndjson"];
/// The time that the log may take for all of them.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
/// The seconds that a caller is told to wait when the log does not take events.
const RETRY_AFTER_S: u32 = 5;

/// The dependencies of the routes.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The log.
    pub log: Log,
    /// The shop's currency.
    pub currency: String,
    /// The maker of the ids of messages.
    pub ids: Arc<MessageIds>,
}

const KIND: Parameter<OneOf<Kind>> =
    Parameter::path("kind", "The kind of all of them.", OneOf::new());

/// The endpoints.
pub fn routes(deps: Deps) -> Routes {
    let write = Access::AllowedOrKey(Resource::Events, Action::Create, Scope::EventsWrite(None));
    Routes::new()
        .post("/api/events", write, of_any_kind(), any_kind)
        .post("/api/events/{kind}", write, of_one_kind(), one_kind)
        .with_state(deps)
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
    let content = json!({ TYPES[0]: json, TYPES[1]: lines.clone(), TYPES[2]: lines });
    let operation = Operation::new(Tag::Events, id, summary, all)
        .about(
            "What is not taken because the log does not answer may be sent again as it is: what is on the \
             log is a duplicate then. The answer says of each event what became of it.",
        )
        .or(some.status(207))
        .content(&content, true)
        .or_refused(400, "No event of the batch is valid; `data.results` has the reasons.")
        .or_refused(415, "The body says that it is something else.")
        .or_refused(503, "The log does not take every event now; send the same batch again.");
    schema::payloads().fold(operation, |it, (name, payload)| it.knows(&name, payload))
}

/// The result of a batch; `data` of the answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventReport)]
struct Report {
    accepted: usize,
    duplicates: usize,
    rejected: usize,
    /// The highest position of the batch's events, where the log has any of them.
    position: Option<u64>,
    results: Vec<Line>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventResult)]
struct Line {
    /// Its place in the batch, from 0.
    index: usize,
    /// Its outcome; the last three may be sent again.
    #[schema(schema_with = outcomes)]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    position: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(schema_with = faults)]
    errors: Vec<Reason>,
}

/// The faults of an event: a field as its sender wrote it, and the values that are allowed.
fn faults() -> Array {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let fault = ObjectBuilder::new()
        .property("field", text())
        .required("field")
        .property("message", text())
        .required("message");
    Array::new(fault)
}

fn outcomes() -> Object {
    schemas::words(&["accepted", "duplicate", "rejected", "refused", "unknown", "unsent"])
}

async fn any_kind(
    State(deps): State<Deps>,
    By(caller): By<Caller>,
    Extension(budget): Extension<Budget>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    refuse_other_types(&headers)?;
    take(&deps, &caller, &budget, None, &body_of(body)?).await
}

async fn one_kind(
    State(deps): State<Deps>,
    By(caller): By<Caller>,
    Path(kind): Path<String>,
    Extension(budget): Extension<Budget>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    refuse_other_types(&headers)?;
    let kind = KIND.read(&kind).map_err(|error| Problem::invalid(vec![error]))?;
    if !caller.may_write(kind) {
        let needed = Scope::EventsWrite(Some(kind)).to_string();
        let message = format!("This needs an API key with {needed}");
        return Err(Problem::of(ProblemType::Forbidden, message).with("required", needed));
    }
    take(&deps, &caller, &budget, Some(kind), &body_of(body)?).await
}

/// Refuses a body that names another content type; one that names none is taken for what it is. A
/// page of another origin can send plain text and forms without a preflight request.
fn refuse_other_types(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(given) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let essence = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if TYPES.iter().any(|allowed| essence.eq_ignore_ascii_case(allowed)) {
        return Ok(());
    }
    let message = format!("the content type must be {} or left out", TYPES.join(", "));
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
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
    body: &[u8],
) -> Result<Response, Problem> {
    let events =
        body::split(envelope::without_mark(body)).map_err(|error| Problem::invalid(vec![error]))?;
    budget.spend(events.len())?;
    let now = Time(chrono::Utc::now().timestamp_millis());
    let edge = Edge { now, currency: &deps.currency, ids: Some(&deps.ids) };
    let publishing = traces::Publishing::begin();
    let outcomes = publishing.within(submit(deps, caller, kind, &events, edge)).await;
    let report = report(outcomes);
    let untaken = report.results.len() - report.accepted - report.duplicates - report.rejected;
    publishing.answered(report.accepted + report.duplicates, untaken);
    telemetry::published("accepted", report.accepted);
    telemetry::published("duplicate", report.duplicates);
    telemetry::published("rejected", report.rejected);
    telemetry::published("untaken", untaken);
    Ok(answer(report))
}

/// Sends the events of a batch, and keeps the errors of those that are none.
async fn submit(
    deps: &Deps,
    caller: &Caller,
    kind: Option<Kind>,
    events: &[&[u8]],
    edge: Edge<'_>,
) -> HashMap<usize, Outcome> {
    let mut submitter = Submitter::new(&deps.log, TAKEN_WITHIN);
    for (index, text) in events.iter().enumerate() {
        let event = match kind {
            Some(kind) => envelope::of_kind(kind, text, edge),
            None => envelope::of_any_kind(text, edge),
        };
        match event {
            Ok(event) if !caller.may_write(event.kind) => {
                let message = format!("must not be {}: the API key may not", event.kind.as_str());
                submitter.reject(index, vec![Reason::new("kind", message)]);
            }
            Ok(event) => submitter.push(index, event).await,
            Err(reasons) => submitter.reject(index, reasons),
        }
    }
    submitter.finish().await
}

fn report(outcomes: HashMap<usize, Outcome>) -> Report {
    let mut outcomes: Vec<_> = outcomes.into_iter().collect();
    outcomes.sort_unstable_by_key(|(index, _)| *index);
    let mut report =
        Report { accepted: 0, duplicates: 0, rejected: 0, position: None, results: vec![] };
    for (index, outcome) in outcomes {
        let (status, position, errors) = match outcome {
            Outcome::Accepted(position) => ("accepted", Some(position), vec![]),
            Outcome::Duplicate(position) => ("duplicate", Some(position), vec![]),
            Outcome::Rejected(reasons) => ("rejected", None, reasons),
            Outcome::Refused(reason) => {
                tracing::debug!(reason, "the log refused an event");
                ("refused", None, vec![])
            }
            Outcome::Unknown => ("unknown", None, vec![]),
            Outcome::Unsent => ("unsent", None, vec![]),
        };
        report.accepted += usize::from(status == "accepted");
        report.duplicates += usize::from(status == "duplicate");
        report.rejected += usize::from(status == "rejected");
        report.position = report.position.max(position);
        report.results.push(Line { index, status, position, errors });
    }
    report
}

fn answer(report: Report) -> Response {
    let taken = report.accepted + report.duplicates;
    let (all, rejected) = (report.results.len(), report.rejected);
    if taken + rejected < all {
        let message = "the log does not take every event now; send the same batch again";
        return Problem::unavailable(message, RETRY_AFTER_S)
            .with("data", written(&report))
            .into_response();
    }
    if rejected == all {
        let message = "no event of the batch is valid; data.results has the reasons";
        return Problem::new(StatusCode::BAD_REQUEST, message)
            .with("data", written(&report))
            .into_response();
    }
    let status = if rejected == 0 { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    (status, Json(Envelope::of(report))).into_response()
}

fn written(report: &Report) -> Value {
    serde_json::to_value(report).unwrap_or_default()
}
