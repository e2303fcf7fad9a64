//! How every query is answered: parse, one snapshot, the headers that say what it reflects.

use std::fmt::Write;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use moka::future::Cache;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::ids::Ids;
use super::params::Asked;
use super::wait::{self, Least, READ_WITHIN};
use super::{Deps, Error};
use crate::http::envelope::Envelope;
use crate::http::problem::Problem;
use crate::projector::status::State as Projector;
use crate::store;
use crate::store::read::Snapshot;

const X_POSITION: HeaderName = HeaderName::from_static("x-position");
const X_LAG: HeaderName = HeaderName::from_static("x-lag");
const X_HALTED: HeaderName = HeaderName::from_static("x-halted");

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
    /// As [`Snapshot::rollups`].
    fn read(
        snapshot: &Snapshot,
        asked: &Asked,
        ids: &Ids,
    ) -> impl Future<Output = Result<Self, store::Error>> + Send;
}

/// Answers a `GET` of a view.
pub async fn get<V: View>(State(deps): State<Deps>, uri: Uri, headers: HeaderMap) -> Response {
    answer::<V>(&deps, &uri, &headers).await.unwrap_or_else(|error| {
        let mut headers = HeaderMap::new();
        if let Error::Behind { position } = error {
            headers.insert(X_POSITION, position.into());
        }
        (headers, Problem::from(error)).into_response()
    })
}

async fn answer<V: View>(deps: &Deps, uri: &Uri, headers: &HeaderMap) -> Result<Response, Error> {
    let asked = Asked::parse(uri, (deps.now)(), V::TREND_DAYS).map_err(Error::Invalid)?;
    let mut snapshot = wait::snapshot(deps, Least::of(headers)?).await?;
    let mut attempt = 1;
    loop {
        let etag = etag(V::PATH, &snapshot, &asked);
        let provenance = provenance(deps, &snapshot, &etag);
        if is_known(headers, &etag) {
            return Ok((StatusCode::NOT_MODIFIED, provenance).into_response());
        }
        let body = deps.answers.try_get_with(etag, read::<V>(deps, &snapshot, &asked)).await;
        match body {
            Ok(body) => {
                let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
                return Ok((provenance, [json], body).into_response());
            }
            Err(error) if error.is_snapshot_gone() && attempt < ATTEMPTS => {
                snapshot = wait::read(deps).await?.ok_or(Error::NoGeneration)?;
                attempt += 1;
            }
            Err(error) => return Err(Error::Shared(error)),
        }
    }
}

/// Answers by their `ETag`, as JSON. Many dashboards ask for the same: the first is read for,
/// and the others share it, those that ask meanwhile as well.
pub type Answers = Cache<String, Bytes>;

/// Memory for answers, in bytes.
const ANSWERS_BYTES_MAX: u64 = 64 << 20;
/// A commit makes all answers old; what nobody asked for in this time is dropped.
const ANSWERS_IDLE: Duration = Duration::from_secs(5);

/// No answers yet.
#[must_use]
pub fn answers() -> Answers {
    let weigh =
        |etag: &String, body: &Bytes| u32::try_from(etag.len() + body.len()).unwrap_or(u32::MAX);
    Cache::builder()
        .weigher(weigh)
        .max_capacity(ANSWERS_BYTES_MAX)
        .time_to_idle(ANSWERS_IDLE)
        .build()
}

async fn read<V: View>(deps: &Deps, snapshot: &Snapshot, asked: &Asked) -> Result<Bytes, Error> {
    let view = timeout(READ_WITHIN, V::read(snapshot, asked, &deps.ids)).await;
    let view = view.map_err(|_| Error::TimedOut)??;
    serde_json::to_vec(&Envelope::of(view)).map(Bytes::from).map_err(Error::Unwritable)
}

/// Says which position of the log an answer reflects and how far the log is ahead of it.
fn provenance(deps: &Deps, snapshot: &Snapshot, etag: &str) -> HeaderMap {
    let position = snapshot.checkpoint.position;
    let mut headers = HeaderMap::new();
    headers.insert(X_POSITION, position.into());
    if let Some(end) = *deps.log_end.borrow() {
        headers.insert(X_LAG, end.saturating_sub(position).into());
    }
    if let Projector::Halted(halt) = &deps.projector.borrow().state {
        headers.insert(X_HALTED, HeaderValue::from_static(halt.name()));
    }
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(ETAG, etag);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // A 304 has to say it as well, and nothing further out would.
    headers.insert(VARY, ACCEPT_ENCODING.into());
    headers
}

/// The same for the same answer alone: this program's, of this generation at this position, to
/// the request with its ranges resolved. Weak, for it may be compressed.
fn etag(path: &str, snapshot: &Snapshot, asked: &Asked) -> String {
    let checkpoint = &snapshot.checkpoint;
    let version = env!("CARGO_PKG_VERSION");
    let (generation, incarnation) = (checkpoint.generation, &checkpoint.incarnation);
    let position = checkpoint.position;
    hashed(&format!("{version}|{incarnation}|{generation}|{position}|{path}|{asked:?}"))
}

fn hashed(text: &str) -> String {
    let mut etag = String::from("W/\"");
    for byte in &Sha256::digest(text)[..16] {
        // Writing to a string does not fail.
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    etag
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

    #[test]
    fn a_tag_is_short_and_changes_with_its_text() {
        assert_eq!(hashed("a").len(), 36);
        assert_eq!(hashed("a"), hashed("a"));
        assert_ne!(hashed("a"), hashed("b"));
    }
}
