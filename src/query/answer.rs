//! How every query is answered: parse, one snapshot, the headers that say what it reflects.

use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::answers::Question;
use super::memory::Reading;
use super::params::Asked;
use super::wait::{self, Least};
use super::{Deps, Error};
use crate::auth::caller::Caller;
use crate::auth::role::Rights;
use crate::http::problem::Problem;
use crate::projector::status::State as Projector;
use crate::store;
use crate::store::read::Snapshot;

const X_POSITION: HeaderName = HeaderName::from_static("x-position");
const X_LAG: HeaderName = HeaderName::from_static("x-lag");
const X_HALTED: HeaderName = HeaderName::from_static("x-halted");
const X_STUCK: HeaderName = HeaderName::from_static("x-stuck");

/// A snapshot whose time has gone by is taken anew this often.
const ATTEMPTS: usize = 3;

/// One endpoint: what it reads of a snapshot.
pub trait View: Serialize + Sized + Send {
    /// Where it is.
    const PATH: &'static str;
    /// How many local days its trend has where no range is given.
    const TREND_DAYS: u64;

    /// Reads it.
    ///
    /// # Errors
    /// As [`Reading::rollups`].
    fn read(
        from: Reading<'_>,
        asked: &Asked,
    ) -> impl Future<Output = Result<Self, store::Error>> + Send;
}

/// Answers a `GET` of a view.
pub async fn get<V: View>(
    State(deps): State<Deps>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    answer::<V>(&deps, caller.rights(), &uri, &headers).await.unwrap_or_else(|error| {
        let mut headers = HeaderMap::new();
        if let Error::Behind { position } = error {
            headers.insert(X_POSITION, position.into());
        }
        (headers, Problem::from(error)).into_response()
    })
}

async fn answer<V: View>(
    deps: &Deps,
    rights: Rights,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let asked = Asked::parse(uri, (deps.now)(), V::TREND_DAYS).map_err(Error::Invalid)?;
    let mut snapshot = wait::snapshot(deps, Least::of(headers)?).await?;
    let question = Question::of::<V>(&asked, rights);
    let mut attempt = 1;
    loop {
        let etag = question.etag(&snapshot);
        let provenance = provenance(deps, &snapshot, &etag);
        if is_known(headers, &etag) {
            return Ok((StatusCode::NOT_MODIFIED, provenance).into_response());
        }
        match deps.answers.get::<V>(question.clone(), &snapshot, &asked).await {
            Ok(body) => {
                let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
                return Ok((provenance, [json], body).into_response());
            }
            Err(error) if error.is_snapshot_gone() && attempt < ATTEMPTS => {
                snapshot = wait::read(deps).await?.ok_or(Error::NoGeneration)?;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Says which position of the log an answer reflects and how far the log is ahead of it.
fn provenance(deps: &Deps, snapshot: &Snapshot, etag: &str) -> HeaderMap {
    let position = snapshot.checkpoint.position;
    let mut headers = HeaderMap::new();
    headers.insert(X_POSITION, position.into());
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
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(ETAG, etag);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    // A 304 has to say it as well, and nothing further out would.
    headers.insert(VARY, ACCEPT_ENCODING.into());
    headers
}

/// Whether the caller has this answer, by RFC 9110's weak comparison.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|tag| {
        let tag = opaque(tag);
        tag == "*" || tag == opaque(etag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_NONE_MATCH, value.parse().unwrap());
        }
        is_known(&headers, "W/\"abc\"")
    }

    #[test]
    fn an_answer_the_caller_has_is_known_by_its_tag() {
        assert!(known(&["W/\"abc\""]) && known(&["\"abc\""]) && known(&["*"]));
        assert!(known(&["\"x\", W/\"abc\""]) && known(&["\"x\"", "\"abc\""]));
        assert!(!known(&[]) && !known(&["\"ab\""]) && !known(&["abc"]));
    }
}
