//! `/api/quarantine`: the messages that were not understood, and the actions on them.

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use projections::event::Kind;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::error::Error;
use super::parameters::{IsDry, Page, Sweep};
use super::shown::{Outcome, Shown, ShownWhole};
use super::{Edit, Quarantine, Swept, Who};
use crate::auth::body::{BODY_BYTES_MAX, Fields};
use crate::http::Routes;
use crate::http::client::Origin;
use crate::http::envelope::Envelope;
use crate::http::gate::By;
use crate::http::openapi::{Answer, Operation, Tag};
use crate::http::parameters::values::{Own, POSITION, Word};
use crate::http::parameters::{Parameter, Params};
use crate::http::problem::{FieldError, Problem, ProblemType};
use crate::rights::access::Access;
use crate::rights::caller::Person;
use crate::rights::role::{Action, Resource};
use crate::store::quarantine::QuarantineWanted;

/// The most characters of the reason for a discard.
pub const REASON_CHARACTERS_MAX: usize = 200;

/// The position of a message. A text that is no position has no message.
const AT: Parameter<Own<u64>> =
    Parameter::path("position", "The message's position on the log.", POSITION);
const NOT_THERE: &str = "No message is quarantined at this position.";

/// The endpoints.
pub fn routes(quarantine: Quarantine) -> Routes {
    let events = |action| Access::Allowed(Resource::Events, action);
    Routes::new()
        .get("/api/quarantine", events(Action::Read), of_list(), list)
        .get("/api/quarantine/{position}", events(Action::Read), of_show(), show)
        .post("/api/quarantine/{position}/discard", events(Action::Update), of_discard(), discard)
        .post("/api/quarantine/replay", events(Action::Update), of_sweep(), sweep)
        .body_limit(BODY_BYTES_MAX)
        .post("/api/quarantine/{position}/replay", events(Action::Update), of_replay(), replay)
        .with_state(quarantine)
}

fn of_list() -> Operation {
    let answer = Answer::data::<Listed>("A page of messages.");
    let summary = "Messages that could not be understood, the oldest first";
    Operation::new(Tag::Quarantine, "listQuarantine", summary, answer).takes::<Page>()
}

fn of_show() -> Operation {
    let answer = Answer::data::<OneEvent>("The message, with its headers and its body.");
    Operation::new(Tag::Quarantine, "getQuarantined", "One message, whole", answer)
        .with(&AT)
        .or_missing(NOT_THERE)
}

fn of_discard() -> Operation {
    let answer = Answer::data::<OneDiscard>("The message is given up.");
    Operation::new(Tag::Quarantine, "discardQuarantined", "Gives a message up", answer)
        .with(&AT)
        .takes::<IsDry>()
        .body(&Fields::described(reason), &json!({ "reason": "sent by a test" }))
        .or_missing(NOT_THERE)
        .or_problems(&[ProblemType::AlreadyResolved, ProblemType::ReplayUnderWay])
}

fn of_replay() -> Operation {
    let answer = Answer::data::<OneReplay>("The outcome that the fold gives it.");
    let payload = json!({ "description": "Another body, of any JSON." });
    let schema = json!({
        "type": "object",
        "properties": { "payload": payload, "kind": one_of_kinds() },
        "additionalProperties": false,
    });
    let example = json!({
        "kind": "stock",
        "payload": { "productId": "mug", "stock": 38 },
    });
    let content = json!({ "application/json": { "schema": schema, "example": example } });
    Operation::new(Tag::Quarantine, "replayQuarantined", "Sends a message again", answer)
        .about("As it was, or with another body or kind. It ranks where it stood at first.")
        .with(&AT)
        .takes::<IsDry>()
        .content(&content, false)
        .or_missing(NOT_THERE)
        .or_problems(&[
            ProblemType::StillQuarantined,
            ProblemType::AlreadyResolved,
            ProblemType::ReplayUnderWay,
            ProblemType::AnotherLog,
        ])
}

fn of_sweep() -> Operation {
    let answer = Answer::data::<OneSweep>("What became of the messages of the page.");
    let summary = "Sends a page of the messages again that wait for another event";
    Operation::new(Tag::Quarantine, "replayAllQuarantined", summary, answer)
        .about("As they were, the oldest first. Ask again with `cursor` while there is a `next`.")
        .takes::<Sweep>()
        .or_problems(&[ProblemType::AnotherLog])
}

/// One of the kinds of events.
#[must_use]
pub fn one_of_kinds() -> Value {
    json!({ "type": "string", "enum": Kind::ALL.map(Kind::as_str) })
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuarantineList)]
struct Listed {
    events: Vec<Shown>,
    pagination: Pagination,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaginationByPosition)]
struct Pagination {
    limit: u32,
    /// The `cursor` of the next page; null at the end.
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OneQuarantined)]
struct OneEvent {
    event: ShownWhole,
}

#[derive(Debug, Serialize, ToSchema)]
struct OneReplay {
    replay: Outcome,
}

#[derive(Debug, Serialize, ToSchema)]
struct OneSweep {
    replays: Replays,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Replays {
    /// Whether nothing was sent.
    dry_run: bool,
    /// The number of those that were sent, or would be.
    sent: u64,
    /// The number of those that would be quarantined again, or are decided meanwhile.
    refused: u64,
    /// The `cursor` of the next page; null at the end.
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct OneDiscard {
    discard: Discarded,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Discarded {
    /// Whether nothing was noted.
    dry_run: bool,
    reason: String,
}

/// An action on one message.
struct Deed {
    position: u64,
    /// Nothing is sent and nothing noted.
    dry: bool,
    who: Who,
}

impl<S: Send + Sync> FromRequestParts<S> for Deed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let By(person) = By::<Person>::from_request_parts(parts, state).await?;
        let position = Path::<String>::from_request_parts(parts, state).await;
        let Path(position) = position.map_err(|_| Error::NotThere)?;
        let position = position_of(&position)?;
        let Params(IsDry(dry)) = Params::from_request_parts(parts, state).await?;
        let (name, origin) = (format!("user:{}", person.user_id), Origin::of_parts(parts));
        Ok(Deed { position, dry, who: Who { name, origin } })
    }
}

/// Another body and kind; the body is taken as it is written, since numbers are.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edited<'a> {
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
    #[serde(default)]
    kind: Option<String>,
}

async fn list(
    State(quarantine): State<Quarantine>,
    Params(page): Params<Page>,
) -> Result<Response, Problem> {
    let limit = page.limit;
    let mut kept = quarantine.list(&page.wanted(&quarantine.prefix)).await?;
    let has_more = kept.len() > limit as usize;
    kept.truncate(limit as usize);
    let next = kept.last().filter(|_| has_more).map(|it| it.row.position.to_string());
    let events = kept.into_iter().map(|it| Shown::of(it, &quarantine.prefix)).collect();
    Ok(unkept(Listed { events, pagination: Pagination { limit, next } }))
}

async fn show(
    State(quarantine): State<Quarantine>,
    Path(position): Path<String>,
) -> Result<Response, Problem> {
    let kept = quarantine.show(position_of(&position)?).await?;
    Ok(unkept(OneEvent { event: Shown::whole(kept, &quarantine.prefix) }))
}

async fn replay(
    State(quarantine): State<Quarantine>,
    to: Deed,
    body: Bytes,
) -> Result<Response, Problem> {
    let edit = edit_of(&body)?;
    let replay = quarantine.replay(to.position, edit, to.dry, &to.who).await?;
    Ok(unkept(OneReplay { replay: replay.into() }))
}

async fn sweep(
    State(quarantine): State<Quarantine>,
    By(person): By<Person>,
    origin: Origin,
    Params(page): Params<Sweep>,
) -> Result<Response, Problem> {
    let wanted = QuarantineWanted {
        reason: Some(page.reason.word().to_owned()),
        after: page.after,
        limit: page.limit,
        ..QuarantineWanted::default()
    };
    let who = Who { name: format!("user:{}", person.user_id), origin };
    let swept = quarantine.replay_page(wanted, page.dry, &who, |_, _| {}).await?;
    let Swept { sent, refused, next } = swept;
    let next = next.map(|position| position.to_string());
    Ok(unkept(OneSweep { replays: Replays { dry_run: page.dry, sent, refused, next } }))
}

async fn discard(
    State(quarantine): State<Quarantine>,
    to: Deed,
    mut body: Fields,
) -> Result<Response, Problem> {
    let reason = reason(&mut body);
    body.finish()?;
    quarantine.discard(to.position, &reason, to.dry, &to.who).await?;
    Ok(unkept(OneDiscard { discard: Discarded { dry_run: to.dry, reason } }))
}

fn reason(body: &mut Fields) -> String {
    let allowed = "must have 1 to 200 characters";
    body.text("reason", 1..=REASON_CHARACTERS_MAX, |_| true, allowed)
}

/// A text that is no position has no message.
fn position_of(text: &str) -> Result<u64, Error> {
    AT.read(text).map_err(|_| Error::NotThere)
}

fn edit_of(body: &[u8]) -> Result<Edit, Problem> {
    if body.trim_ascii().is_empty() {
        return Ok(Edit::default());
    }
    let edited: Edited<'_> = serde_json::from_slice(body).map_err(|_| {
        let message = "the body must be empty, or a JSON object with payload, kind or both";
        Problem::invalid(vec![FieldError::new("", message)])
    })?;
    let kind = match edited.kind.as_deref() {
        None => None,
        Some(name) => Some(Kind::parse(name).ok_or(Error::KindNeeded)?),
    };
    let payload = edited.payload.map(|it| Bytes::copy_from_slice(it.get().as_bytes()));
    Ok(Edit { payload, kind })
}

fn unkept(data: impl Serialize) -> Response {
    ([(CACHE_CONTROL, "no-store")], Envelope::of(data)).into_response()
}
