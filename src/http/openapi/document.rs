//! The document: each route as it is declared, and the parts that all of them have in common.

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::headers::{self, ALWAYS, LIMITED};
use super::operation::{Answer, Operation, Tag};
use super::schemas::{self, Schemas};
use crate::http::door::limits;
use crate::http::gate::X_API_KEY;
use crate::http::problem::{FieldError, PROBLEM_JSON, ProblemType};
use crate::http::routes::Route;
use crate::rights::access::Access;

const ABOUT: &str = "A shop's events, folded exactly once into live figures.

A success is `{\"success\": true, \"message\"?, \"data\"}`; an error is a problem of RFC 9457 with a `type` \
to tell it by. What is wrong with a request is said all at once, field by field, with 400. Money is a \
JSON number, an instant is RFC 3339 of UTC, and a day is `YYYY-MM-DD`.

Programs authenticate with an API key, in `X-API-Key` or as a bearer; people with the token that \
`POST /api/auth/login` gives. Figures are also pushed by Socket.IO, at `/socket.io`, which is no part of \
this document.";

/// The types of problems with which authentication refuses a request.
const UNAUTHENTICATED: [ProblemType; 5] = [
    ProblemType::Unauthenticated,
    ProblemType::TokenExpired,
    ProblemType::TokenInvalid,
    ProblemType::SessionEnded,
    ProblemType::KeyInvalid,
];

/// The document of a table of routes.
#[must_use]
pub fn of(table: &[Route]) -> Value {
    let mut schemas = Schemas::default();
    schemas.add("Problem", problem());
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in table {
        schemas.merge(route.operation.schemas.clone());
        let method = route.method.as_str().to_lowercase();
        paths.entry(route.path).or_default().insert(method, operation(route));
    }
    let tag = |tag: Tag| json!({ "name": tag.name(), "description": tag.about() });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Adaptive BI",
            "description": ABOUT,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": Tag::ALL.map(tag),
        "paths": paths,
        "components": {
            "schemas": schemas.0,
            "headers": headers::components(),
            "responses": responses(),
            "securitySchemes": security_schemes(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let Operation { tag, id, summary, about, parameters, body, .. } = &*route.operation;
    let needs = match route.access {
        Access::Public => "Needs no credential.".to_owned(),
        access => format!("Needs {}.", in_code(&access.to_string())),
    };
    let description = format!("{about}\n\n{needs}");
    let mut operation = json!({
        "tags": [tag.name()],
        "operationId": id,
        "summary": summary,
        "description": description.trim_start(),
        "parameters": parameters,
        "responses": answers(route),
        "security": security(route.access),
    });
    if let Some(body) = body {
        operation["requestBody"] = body.clone();
    }
    operation
}

/// `users:read`, where it is a permission; words are left as they are.
fn in_code(needed: &str) -> String {
    let word = |word: &str| match word.trim_end_matches(',') {
        it if it.contains(':') => word.replace(it, &format!("`{it}`")),
        _ => word.to_owned(),
    };
    needed.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::SignedIn | Access::Allowed(..) => json!([{ "token": [] }]),
        Access::AllowedOrKey(_, _, scope) => {
            json!([{ "token": [] }, { "key": [scope.to_string()] }])
        }
    }
}

fn security_schemes() -> Value {
    json!({
        "token": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `token` of `POST /api/auth/login`. An API key may be sent this way as well.",
        },
        "key": {
            "type": "apiKey",
            "in": "header",
            "name": X_API_KEY,
            "description": "An API key; what it may do are its scopes.",
        },
    })
}

/// Every answer of a route by its status, problems included.
fn answers(route: &Route) -> BTreeMap<String, Value> {
    let mut answers: BTreeMap<String, Value> = BTreeMap::new();
    let is_limited = limits::counts(route.path);
    for (status, (types, when)) in problems(route) {
        answers.insert(status.to_string(), refusal(status, &types, &when));
    }
    for answer in &route.operation.answers {
        let status = answer.status.to_string();
        let mut written = written(answer, is_limited);
        // A status that problems have as well has either form.
        if let Some(problem) = answers.get(&status).cloned() {
            let problem = match problem.get("$ref") {
                Some(_) => refusal_in_full(answer.status, &[], ""),
                None => problem,
            };
            written["content"][PROBLEM_JSON] = problem["content"][PROBLEM_JSON].clone();
        }
        answers.insert(status, written);
    }
    answers
}

fn written(answer: &Answer, is_limited: bool) -> Value {
    let limited = if is_limited { LIMITED } else { &[] };
    let names = answer.headers.iter().chain(ALWAYS).chain(limited);
    let mut written = json!({
        "description": answer.about,
        "headers": headers::references(names),
    });
    if let Some((media_type, schema)) = &answer.content {
        written["content"] = json!({ (*media_type): { "schema": schema } });
    }
    written
}

type Problems = BTreeMap<u16, (Vec<ProblemType>, Vec<&'static str>)>;

/// The statuses that a route refuses requests with, and the types that are only its own.
fn problems(route: &Route) -> Problems {
    let operation = &route.operation;
    let mut problems = Problems::new();
    // Any request can be refused for its `Host` or its parameters; for too many of them, or too
    // many connections; for a fault, or servers that do not answer.
    let mut always = vec![400, 429, 500, 503];
    if route.access != Access::Public {
        always.extend([401, 403]);
    }
    if route.method != Method::GET {
        always.extend([408, 413]);
    }
    for status in always {
        problems.entry(status).or_default();
    }
    for kind in &operation.problems {
        problems.entry(kind.status().as_u16()).or_default().0.push(*kind);
    }
    let refused = operation.refused.iter().copied();
    for (status, when) in refused.chain(operation.missing.map(|when| (404, when))) {
        problems.entry(status).or_default().1.push(when);
    }
    problems
}

fn refusal(status: u16, types: &[ProblemType], when: &[&'static str]) -> Value {
    if types.is_empty() && when.is_empty() {
        return json!({ "$ref": format!("#/components/responses/{}", name(status)) });
    }
    refusal_in_full(status, types, &when.join(" "))
}

fn refusal_in_full(status: u16, types: &[ProblemType], when: &str) -> Value {
    let (about, common) = common(status);
    let mut description = [about, when].map(str::trim).join(" ").trim().to_owned();
    for kind in common.iter().chain(types) {
        // Writing to a string does not fail.
        let _ = write!(description, "\n- `{}`: {}", kind.as_str(), kind.about());
    }
    let own: &[&str] = match status {
        401 => &["WWW-Authenticate"],
        429 | 503 => &["Retry-After"],
        _ => &[],
    };
    json!({
        "description": description,
        "headers": headers::references(own.iter().chain(ALWAYS)),
        "content": {
            PROBLEM_JSON: { "schema": { "$ref": "#/components/schemas/Problem" } },
        },
    })
}

/// The description of a status, and the types that any route may have with it.
fn common(status: u16) -> (&'static str, &'static [ProblemType]) {
    match status {
        400 => (
            "A parameter, a header or the body is not as it has to be; `errors` says which, and what is \
             allowed.",
            &[],
        ),
        401 => ("Nobody is signed in.", &UNAUTHENTICATED),
        403 => ("The caller may not do this.", &[ProblemType::Forbidden]),
        408 => ("The body did not arrive in time.", &[]),
        413 => ("The body is too long.", &[]),
        429 => ("There were too many.", &[ProblemType::RateLimited]),
        500 => ("A fault of the service's own; `requestId` finds it in the log.", &[]),
        503 => ("The log, the database or the read models do not answer at the moment.", &[]),
        _ => ("", &[]),
    }
}

/// The name of the answer for a status that says all by itself.
fn name(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|it| it.canonical_reason());
    reason.unwrap_or("Error").replace(' ', "")
}

fn responses() -> Map<String, Value> {
    let all = [400, 401, 403, 408, 413, 429, 500, 503];
    all.into_iter().map(|status| (name(status), refusal_in_full(status, &[], ""))).collect()
}

/// RFC 9457, with the members that clients of older services read.
fn problem() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let kinds = ProblemType::ALL.iter().map(|it| it.as_str());
    let kinds: Vec<_> = std::iter::once("about:blank").chain(kinds).collect();
    let error = json!({
        "type": "object",
        "description": "The same for clients that read errors so.",
        "required": ["message", "code", "status"],
        "properties": {
            "message": { "type": "string" },
            "code": { "type": "integer" },
            "status": { "type": "string", "enum": ["fail", "error"] },
        },
    });
    let field = schemas::of::<FieldError>();
    json!({
        "type": "object",
        "description": "The reason for which a request is refused (RFC 9457).",
        "required":
            ["type", "title", "status", "detail", "success", "message", "error", "timestamp"],
        "properties": {
            "type": { "type": "string", "enum": kinds },
            "title": text("The name of the status."),
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": text("The fault, in words."),
            "success": { "type": "boolean", "const": false },
            "message": text("The same as `detail`."),
            "error": error,
            "timestamp": { "type": "string", "format": "date-time" },
            "errors": { "type": "array", "minItems": 1, "items": field },
            "retryAfter": { "type": "integer", "minimum": 0, "description": "Seconds to wait." },
            "path": text("The path at which nothing was found."),
            "requestId": text("The id of the request in the log."),
            "required": text("The right that the caller lacks."),
            "field": text("The field that the caller may not set."),
            "position": {
                "type": "integer",
                "format": "int64",
                "minimum": 0,
                "description": "The position that the read models are at.",
            },
            "data": {
                "type": "object",
                "description": "The outcome of each event of a batch, as in an answer of 200.",
            },
        },
        "example": {
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": "Validation failed: limit must be a whole number from 1 to 100",
            "success": false,
            "message": "Validation failed: limit must be a whole number from 1 to 100",
            "error": {
                "message": "Validation failed: limit must be a whole number from 1 to 100",
                "code": 400,
                "status": "fail",
            },
            "timestamp": "2026-01-02T03:04:05.678Z",
            "errors": [{
                "field": "limit",
                "message": "must be a whole number from 1 to 100",
                "path": "limit",
                "msg": "must be a whole number from 1 to 100",
                "location": "query",
                "type": "field",
            }],
        },
    })
}
