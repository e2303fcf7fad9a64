//! `/api/quarantine`: what was not understood, and what is done about it.

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::Uri;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use projections::event::Kind;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::error::Error;
use super::parameters::{is_dry, wanted};
use super::shown::{Outcome, Shown};
use super::{Edit, Quarantine, Who};
use crate::auth::access::Access;
use crate::auth::body::{BODY_BYTES_MAX, Fields};
use crate::auth::caller::Person;
use crate::auth::role::{Action, Resource};
use crate::http::Routes;
use crate::http::client::Origin;
use crate::http::envelope::Envelope;
use crate::http::problem::{FieldError, Problem};

/// Why something is discarded is said in so many characters at most.
pub const REASON_CHARACTERS_MAX: usize = 200;

/// The endpoints.
pub fn routes(quarantine: Quarantine) -> Routes {
    let events = |action| Access::Allowed(Resource::Events, action);
    Routes::new()
        .get("/api/quarantine", events(Action::Read), list)
        .get("/api/quarantine/{position}", events(Action::Read), show)
        .post("/api/quarantine/{position}/discard", events(Action::Update), discard)
        .body_limit(BODY_BYTES_MAX)
        .post("/api/quarantine/{position}/replay", events(Action::Update), replay)
        .with_state(quarantine)
}

#[derive(Debug, Serialize)]
struct Listed {
    events: Vec<Shown>,
    pagination: Pagination,
}

#[derive(Debug, Serialize)]
struct Pagination {
    limit: u32,
    /// The `cursor` that gets what comes after; null at the end.
    next: Option<String>,
}

/// What somebody does about one message.
struct Deed {
    position: u64,
    /// Nothing is sent and nothing noted.
    dry: bool,
    who: Who,
}

impl<S: Send + Sync> FromRequestParts<S> for Deed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let person = Person::from_request_parts(parts, state).await?;
        let position = Path::<String>::from_request_parts(parts, state).await;
        let Path(position) = position.map_err(|_| Error::NotThere)?;
        let (position, dry) = (position_of(&position)?, is_dry(&parts.uri)?);
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

async fn list(State(quarantine): State<Quarantine>, uri: Uri) -> Result<Response, Problem> {
    let (mut wanted, limit) = wanted(&uri, &quarantine.prefix)?;
    // One more than is shown says whether there are more.
    wanted.limit = limit + 1;
    let mut kept = quarantine.list(&wanted).await?;
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
    Ok(unkept(json!({ "event": Shown::whole(kept, &quarantine.prefix) })))
}

async fn replay(
    State(quarantine): State<Quarantine>,
    to: Deed,
    body: Bytes,
) -> Result<Response, Problem> {
    let edit = edit_of(&body)?;
    let replay = quarantine.replay(to.position, edit, to.dry, &to.who).await?;
    Ok(unkept(json!({ "replay": Outcome::from(replay) })))
}

async fn discard(
    State(quarantine): State<Quarantine>,
    to: Deed,
    mut body: Fields,
) -> Result<Response, Problem> {
    let reason = body.text("reason").trim().to_owned();
    if body.get("reason").is_some_and(serde_json::Value::is_string)
        && !(1..=REASON_CHARACTERS_MAX).contains(&reason.chars().count())
    {
        body.wrong("reason", "must have 1 to 200 characters");
    }
    body.finish()?;
    quarantine.discard(to.position, &reason, to.dry, &to.who).await?;
    Ok(unkept(json!({ "discard": { "dryRun": to.dry, "reason": reason } })))
}

/// What is no position has nothing at it.
fn position_of(text: &str) -> Result<u64, Error> {
    text.parse().map_err(|_| Error::NotThere)
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
