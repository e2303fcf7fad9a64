//! The answer to every query: parse, one snapshot, the headers that say what it reflects.

use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::deps::Deps;
use super::error::Error;
use super::question::Question;
use super::view::View;
use super::wait::{self, Least};
use crate::http::gate::By;
use crate::http::openapi::{Answer, Get, Operation, PROVENANCE};
use crate::http::problem::{Problem, ProblemType};
use crate::http::{Routes, etag};
use crate::projector::status::{State as Projector, Upgrade};
use crate::rights::caller::Caller;
use crate::store::read::Snapshot;

const X_POSITION: HeaderName = HeaderName::from_static("x-position");
const X_GENERATION: HeaderName = HeaderName::from_static("x-generation");
const X_UPGRADING: HeaderName = HeaderName::from_static("x-upgrading");
const X_LAG: HeaderName = HeaderName::from_static("x-lag");
const X_HALTED: HeaderName = HeaderName::from_static("x-halted");
const X_STUCK: HeaderName = HeaderName::from_static("x-stuck");

/// A snapshot whose time has gone by is taken anew this often.
pub(super) const ATTEMPTS: usize = 3;

/// Adds the route of a view, documented by its type.
pub fn route<V: View>(routes: Routes<Deps>) -> Routes<Deps> {
    routes.get(V::ROUTE.path, V::ROUTE.access, operation::<V>(), get::<V>)
}

/// The description of a view's route.
#[must_use]
pub fn operation<V: View>() -> Operation {
    let Get { id, tag, summary, about, .. } = V::ROUTE;
    let answer = Answer::data::<V>("The figures.").headers(PROVENANCE);
    let known = Answer::empty(304, "The caller has this answer.").headers(PROVENANCE);
    let operation = Operation::new(tag, id, summary, answer)
        .about(about)
        .or(known)
        .takes::<V::Parameters>()
        .with(&wait::MIN_POSITION)
        .with(&wait::PREFER)
        .with(&etag::PARAMETER)
        .or_problems(&[ProblemType::ProjectionBehind, ProblemType::NotYetMade]);
    match V::MISSING {
        Some(message) => operation.or_missing(message),
        None => operation,
    }
}

/// Answers a `GET` of a view.
async fn get<V: View>(
    State(deps): State<Deps>,
    By(caller): By<Caller>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let question = Question::to::<V>(&uri, caller.rights(), (deps.now)(), deps.cache.language());
    match question {
        Ok(question) => respond(&deps, &question, &headers).await,
        Err(error) => refuse(error),
    }
}

/// The answer to a question.
pub async fn respond(deps: &Deps, question: &Question, headers: &HeaderMap) -> Response {
    answer(deps, question, headers).await.unwrap_or_else(refuse)
}

/// The answer where there are no figures.
pub(super) fn refuse(error: Error) -> Response {
    let mut headers = HeaderMap::new();
    if let Error::Behind { position } = error {
        headers.insert(X_POSITION, position.into());
    }
    (headers, Problem::from(error)).into_response()
}

async fn answer(deps: &Deps, question: &Question, headers: &HeaderMap) -> Result<Response, Error> {
    let mut snapshot = wait::snapshot(deps, Least::of(headers)?).await?;
    let mut attempt = 1;
    loop {
        let etag = question.etag(&snapshot);
        let provenance = provenance(deps, &snapshot, Some(&etag));
        if etag::is_known(headers, &etag) {
            return Ok((StatusCode::NOT_MODIFIED, provenance).into_response());
        }
        match deps.cache.get(question, &etag, &snapshot).await {
            Ok(body) => return Ok(whole(provenance, body)),
            Err(error) if error.is_snapshot_gone() && attempt < ATTEMPTS => {
                snapshot = wait::read(deps).await?.ok_or(Error::NoGeneration)?;
                attempt += 1;
            }
            Err(error) if error.is_not_found() => {
                let provenance = self::provenance(deps, &snapshot, None);
                return Ok((provenance, Problem::from(error)).into_response());
            }
            Err(error) => return Err(error),
        }
    }
}

/// An answer that is written already.
pub(super) fn whole(provenance: HeaderMap, body: Bytes) -> Response {
    let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (provenance, [json], body).into_response()
}

/// Says which position of the log an answer reflects and how far the log is ahead of it.
pub fn provenance(deps: &Deps, snapshot: &Snapshot, etag: Option<&str>) -> HeaderMap {
    let position = snapshot.checkpoint.position;
    let mut headers = HeaderMap::new();
    headers.insert(X_POSITION, position.into());
    headers.insert(X_GENERATION, snapshot.checkpoint.generation.into());
    if let Some(end) = *deps.log_end.borrow() {
        headers.insert(X_LAG, end.saturating_sub(position).into());
    }
    let projector = deps.projector.borrow().state.clone();
    if let Some(reason) = projector.stands_still() {
        headers.insert(X_HALTED, HeaderValue::from_static(reason));
    }
    if let Projector::Stuck(stuck) = &projector
        && let Ok(stuck) = HeaderValue::from_str(&stuck.in_short())
    {
        headers.insert(X_STUCK, stuck);
    }
    let made_by = snapshot.checkpoint.settings.fold_version;
    if let Projector::Upgrading(Upgrade { to, .. }) = projector
        && made_by < to
        && let Ok(upgrade) = HeaderValue::from_str(&format!("from={made_by}; to={to}"))
    {
        headers.insert(X_UPGRADING, upgrade);
    }
    if let Some(Ok(etag)) = etag.map(HeaderValue::from_str) {
        headers.insert(ETAG, etag);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    // A 304 has to say it as well, and nothing further out would.
    headers.insert(VARY, ACCEPT_ENCODING.into());
    headers
}
