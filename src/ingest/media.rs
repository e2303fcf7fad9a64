//! What the headers of a request say of its body: its content type, its codings, and whether it is the
//! data of a `CloudEvent` whose attributes are headers.

use axum::body::Bytes;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use projections::event::{Kind, Reason};

use super::coding::{self, Refusal};
use super::envelope::{self, Shape};
use crate::http::BODY_BYTES_MAX;
use crate::http::problem::{FieldError, Location, Problem};

/// The content types that a body may name, those of the API's document first.
pub const TYPES: [&str; 5] =
    ["application/json", "application/x-ndjson", "application/ndjson", STRUCTURED, BATCH];
/// Others that stand for lines or records of JSON.
const LINES: [&str; 7] = [
    "application/jsonl",
    "application/x-jsonl",
    "application/jsonlines",
    "application/x-jsonlines",
    "application/json-lines",
    "application/json-seq",
    "application/stream+json",
];
const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

/// The attributes of a `CloudEvent` in its binary form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// The kind that its type names, unless the path does.
    pub kind: Option<Kind>,
    /// Its source, if stated.
    pub source: Option<String>,
    /// Its id, if stated.
    pub id: Option<String>,
}

/// A body, as its headers describe it.
#[derive(Debug)]
pub struct Described {
    /// What its events are.
    pub shape: Shape,
    /// Of a `CloudEvent` in its binary form, of which the body is the data.
    pub attributes: Option<Attributes>,
    /// The body without its codings.
    pub body: Bytes,
}

/// Reads the headers and takes the codings off the body; `kind` is that of the path.
///
/// # Errors
/// 415 for a type or coding that is not taken, 413 for a body that comes to more than a body may
/// have, 400 for one that is damaged, and for attributes that are wrong.
pub fn describe(
    headers: &HeaderMap,
    body: Bytes,
    kind: Option<Kind>,
) -> Result<Described, Box<Response>> {
    let is_cloud = is_cloud(headers).map_err(refused)?;
    let attributes = attributes(headers, kind).map_err(refused)?;
    let body = decoded(headers, body)?;
    let kind = kind.or(attributes.as_ref().and_then(|it| it.kind));
    let shape = match kind {
        _ if is_cloud && attributes.is_none() => Shape::Cloud(kind),
        Some(kind) => Shape::Of(kind),
        None => Shape::Enveloped,
    };
    Ok(Described { shape, attributes, body })
}

/// Whether the body is of `CloudEvents` in their structured form. A body that names no type is taken
/// for what it is; one that names another is refused: a page of another origin can send plain text
/// and forms without a preflight request.
fn is_cloud(headers: &HeaderMap) -> Result<bool, Problem> {
    let Some(given) = headers.get(CONTENT_TYPE) else { return Ok(false) };
    let essence = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is = |allowed: &[&str]| allowed.iter().any(|it| essence.eq_ignore_ascii_case(it));
    if is(&[STRUCTURED, BATCH]) {
        return Ok(true);
    }
    if essence.is_empty() || is(&TYPES) || is(&LINES) {
        return Ok(false);
    }
    let hint = match essence.to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => {
            "; curl -d names a form's type unless you add -H 'content-type: application/json' (and \
             --data-binary in place of -d keeps the lines of a file)"
        }
        "multipart/form-data" => "; send the file as the body itself (curl --data-binary @FILE)",
        "text/plain" | "text/csv" | "text/html" => {
            "; pages of other origins can send plain text without being asked, so it is not taken"
        }
        "application/gzip" | "application/x-gzip" | "application/zstd" => {
            "; what is compressed is said by content-encoding"
        }
        _ => "",
    };
    let message = format!("the content type must be {} or left out{hint}", TYPES.join(", "));
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
}

/// The attributes among the headers; none where the body is no `CloudEvent`'s data.
fn attributes(headers: &HeaderMap, kind: Option<Kind>) -> Result<Option<Attributes>, Problem> {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    let Some(version) = headers.get("ce-specversion") else { return Ok(None) };
    if version.to_str().map(str::trim).ok() != Some("1.0") {
        return Err(invalid(&Reason::new("ce-specversion", "must be 1.0")));
    }
    let kind = if kind.is_none() {
        let kind = envelope::kind_of_type(text("ce-type").unwrap_or_default(), "ce-type");
        Some(kind.map_err(|reasons| reasons.first().map_or_else(Problem::no_route, invalid))?)
    } else {
        None
    };
    let owned = |name: &str| text(name).map(str::to_owned);
    Ok(Some(Attributes { kind, source: owned("ce-source"), id: owned("ce-id") }))
}

#[expect(clippy::unnecessary_box_returns, reason = "it is an error, which a result has boxed")]
fn refused(problem: Problem) -> Box<Response> {
    Box::new(problem.into_response())
}

fn invalid(reason: &Reason) -> Problem {
    let error = FieldError::new(reason.field.clone(), reason.message.clone());
    Problem::invalid(vec![error.at(Location::Headers)])
}

fn decoded(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Box<Response>> {
    let stated = headers.get_all(CONTENT_ENCODING).iter();
    let stated = stated.map(|it| it.to_str().unwrap_or("unreadable"));
    let codings = coding::codings(stated);
    codings.and_then(|it| coding::decode(body, &it, BODY_BYTES_MAX)).map_err(
        |refusal| match refusal {
            Refusal::Unknown => {
                let message = format!(
                    "the content encoding must be {} (at most three) or left out",
                    coding::TAKEN
                );
                let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
                let mut response = problem.into_response();
                response
                    .headers_mut()
                    .insert(ACCEPT_ENCODING, HeaderValue::from_static(coding::TAKEN));
                Box::new(response)
            }
            Refusal::TooLong => {
                let message = "the body must be at most 10 MB, also once it is decompressed";
                refused(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message))
            }
            Refusal::Damaged(coding) => {
                let message = format!("is not {}, or it is cut", coding.as_str());
                refused(Problem::invalid(vec![FieldError::new("", message)]))
            }
        },
    )
}
