//! The shape of an error: RFC 9457 `application/problem+json` that has the members of the
//! envelope as well, since clients of the services before this one read those.

mod types;

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

pub use types::ProblemType;

use super::clock::now;

/// The media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The part of a request that a field is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// The body.
    Body,
    /// The query string.
    Query,
    /// The path.
    Params,
    /// The headers.
    Headers,
}

/// An error of one field of a request, and the values that are allowed. It never repeats the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "ShownError")]
pub struct FieldError {
    /// The field, parameter or header.
    pub field: Cow<'static, str>,
    /// The error, and the values that are allowed.
    pub message: Cow<'static, str>,
    location: Location,
}

/// The same as clients read it, under the names of express-validator as well.
#[derive(Debug, Serialize, ToSchema)]
struct ShownError {
    /// The field, parameter or header.
    field: String,
    /// The error, and the values that are allowed.
    message: String,
    /// As `field`.
    path: String,
    /// As `message`.
    msg: String,
    #[schema(inline)]
    location: Location,
    /// Always `field`.
    r#type: &'static str,
}

impl FieldError {
    /// An error of a field of the body.
    pub fn new(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        FieldError { field: field.into(), message: message.into(), location: Location::Body }
    }

    /// The same of a field in another part of the request.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = location;
        self
    }
}

impl From<FieldError> for ShownError {
    fn from(error: FieldError) -> Self {
        let (field, message) = (error.field.into_owned(), error.message.into_owned());
        let (path, msg) = (field.clone(), message.clone());
        ShownError { field, message, path, msg, location: error.location, r#type: "field" }
    }
}

impl PartialSchema for FieldError {
    fn schema() -> RefOr<Schema> {
        ShownError::schema()
    }
}

impl ToSchema for FieldError {
    fn name() -> Cow<'static, str> {
        "FieldError".into()
    }
}

/// The errors of the fields of a request, all of them at once.
#[derive(Debug, Clone, Default)]
pub struct FieldErrors(Vec<(usize, FieldError)>);

impl FieldErrors {
    /// Keeps an error of a field.
    pub fn wrong(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) {
        self.add(0, FieldError::new(field, message));
    }

    /// Keeps an error of the field at a place of the request.
    pub fn add(&mut self, place: usize, error: FieldError) {
        self.0.push((place, error));
    }

    /// Adds the errors within a field.
    pub fn within(&mut self, field: &'static str, inner: FieldErrors) {
        let outer = |(place, it): (_, FieldError)| {
            let name = format!("{field}.{}", it.field);
            (place, FieldError { field: name.into(), ..it })
        };
        self.0.extend(inner.0.into_iter().map(outer));
    }

    /// Whether there is no error.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of errors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Succeeds if there is no error.
    ///
    /// # Errors
    /// Fails with all errors, in the order of the places.
    pub fn finish(mut self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort_by_key(|(place, _)| *place);
        Err(self.0.into_iter().map(|(_, error)| error).collect())
    }
}

/// Why a request gets no answer.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    kind: Option<ProblemType>,
    message: Cow<'static, str>,
    errors: Vec<FieldError>,
    retry_after_s: Option<u32>,
    members: Map<String, Value>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// The data of a request, for an answer that is a problem; only the outermost layer knows them.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestInfo<'a> {
    pub(super) path: &'a str,
    pub(super) request_id: &'a str,
}

impl Problem {
    /// A problem that its status says all about.
    pub fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Problem {
            status,
            kind: None,
            message: message.into(),
            errors: Vec::new(),
            retry_after_s: None,
            members: Map::new(),
            source: None,
        }
    }

    /// 400 for the fields that are wrong.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "Validation failed");
        if let [FieldError { field, message, .. }] = &*errors {
            problem.message = format!("Validation failed: {field} {message}").into();
        }
        problem.errors = errors;
        problem
    }

    /// 413 for a body of more than so many bytes.
    #[must_use]
    pub fn too_large(bytes_max: usize) -> Self {
        let (kb, mb) = (bytes_max >> 10, bytes_max >> 20);
        let most = if mb > 0 { format!("{mb} MB") } else { format!("{kb} KB") };
        let message = format!("the body must be at most {most}");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// 404 for a path that nothing is at.
    #[must_use]
    pub fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Route not found")
    }

    /// 500 that tells the log `source` and the client nothing.
    pub fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        let message = "Something went wrong here; the request id helps to find out what";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message).caused_by(source)
    }

    /// A 503 that may be tried again after so many seconds.
    pub fn unavailable(message: impl Into<Cow<'static, str>>, retry_after_s: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(retry_after_s)
    }

    /// A problem of a type, with its status.
    pub fn of(kind: ProblemType, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(kind.status(), message).of_type(kind)
    }

    /// Names the type of the problem, for clients to tell it by; the status is the type's.
    #[must_use]
    pub fn of_type(mut self, kind: ProblemType) -> Self {
        (self.kind, self.status) = (Some(kind), kind.status());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Adds a member of the type's own.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    /// Names a field as the request did.
    #[must_use]
    pub fn renamed(mut self, field: &str, to: &'static str) -> Self {
        for error in self.errors.iter_mut().filter(|error| error.field == field) {
            error.field = to.into();
        }
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The cause, for the log.
    pub(super) fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.source.as_deref()
    }

    /// The body, with the data of the request if they are known.
    pub(super) fn body(&self, asked: Option<RequestInfo<'_>>) -> Map<String, Value> {
        let code = self.status.as_u16();
        let kind = if self.status.is_server_error() { "error" } else { "fail" };
        let title = self.status.canonical_reason().unwrap_or("Error");
        let mut body = Map::new();
        let mut put = |member: &str, value: Value| body.insert(member.to_owned(), value);
        put("type", self.kind.map_or("about:blank", ProblemType::as_str).into());
        put("title", title.into());
        put("status", code.into());
        put("detail", (*self.message).into());
        put("success", false.into());
        put("message", (*self.message).into());
        put("error", json!({ "message": self.message, "code": code, "status": kind }));
        put("timestamp", now().into());
        if !self.errors.is_empty() {
            put("errors", json!(self.errors));
        }
        if let Some(seconds) = self.retry_after_s {
            put("retryAfter", seconds.into());
        }
        if let Some(asked) = asked {
            if matches!(self.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) {
                put("path", asked.path.into());
            }
            if self.status.is_server_error() {
                put("requestId", asked.request_id.into());
            }
        }
        body.extend(self.members.clone());
        body
    }

    /// The body, for a part of another answer.
    #[must_use]
    pub fn told(&self) -> Value {
        Value::Object(self.body(None))
    }

    /// The message for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

/// The answer carries the problem with it, so that [`super::finish`] can write it again with the
/// request's path and id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Value::Object(self.body(None)).to_string();
        let mut response = (self.status, Body::from(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_can_be_read_in_all_three_shapes() {
        let error = FieldError::new("tz", "must be a zone").at(Location::Query);
        let problem = Problem::invalid(vec![error]);
        let body = problem.body(None);
        assert_eq!(body["status"], 400);
        assert_eq!(body["success"], false);
        let (field, message) = ("tz", "must be a zone");
        let error = json!({
            "field": field, "message": message, "path": field, "msg": message,
            "location": "query", "type": "field",
        });
        assert_eq!(body["errors"], json!([error]));
        assert_eq!(body["error"]["code"], 400);
        assert_eq!(body["error"]["status"], "fail");
        assert_eq!(body["error"]["message"], body["message"]);
        assert!(!body.contains_key("path") && !body.contains_key("requestId"));
    }

    #[test]
    fn a_fault_of_ours_says_its_request_id_and_nothing_of_the_inside() {
        let problem = Problem::internal(std::io::Error::other("password=hunter2"));
        let asked = RequestInfo { path: "/x", request_id: "r-1" };
        let body = problem.body(Some(asked));
        assert_eq!(body["requestId"], "r-1");
        assert_eq!(body["error"]["status"], "error");
        assert!(!Value::Object(body).to_string().contains("hunter2"));
        assert!(problem.cause().is_some());
    }

    #[test]
    fn what_is_not_there_says_where_it_was_looked_for() {
        let body = Problem::no_route().body(Some(RequestInfo { path: "/api/x", request_id: "r" }));
        assert_eq!(
            (&body["message"], &body["path"]),
            (&json!("Route not found"), &json!("/api/x"))
        );
        assert!(!body.contains_key("requestId"));
    }
}
