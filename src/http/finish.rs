//! The layers around every route of ours.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use super::door::{BODY_BYTES_MAX, Door, REQUEST_ID, compression};
use super::gate::Gate;
use super::one::as_one;
use super::problem::{PROBLEM_JSON, Problem, RequestInfo};
use super::routes::Routes;

/// No answer takes longer: a query that waits for its position for a minute, and then reads.
const ANSWERED_WITHIN: Duration = Duration::from_mins(2);

/// Puts the routes behind the gate, and around them all the parts that every route needs: an answer
/// for unknown routes and methods, bounds on bodies and time, and errors as problems. There is no
/// other way for a route to be served; a service with a protocol of its own, such as Socket.IO, which has
/// limits and a compression of its own, goes around the result, and the rest of the [`Door`] around that.
pub fn finish(routes: Routes, gate: &Gate, door: &Door) -> Router {
    let routes = routes
        .behind(gate, door)
        .fallback(|| async { Problem::no_route() })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
        });
    as_one(routes).layer((
        compression(),
        middleware::from_fn_with_state(door.clone(), around),
        TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWERED_WITHIN),
        CatchPanicLayer::custom(panicked),
        RequestBodyLimitLayer::new(BODY_BYTES_MAX),
    ))
}

/// The message of a handler's panic.
#[derive(Debug, thiserror::Error)]
#[error("a handler panicked: {0}")]
struct Panicked(String);

#[allow(clippy::needless_pass_by_value)] // the layer hands it over
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Problem::internal(Panicked(text)).into_response()
}

/// Limits by address, and within them errors as problems.
async fn around(State(door): State<Door>, request: Request, next: Next) -> Response {
    let answered = async |request: Request| {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let id = request.headers().get(REQUEST_ID).cloned();
        let response = next.run(request).await;
        let path = uri.path_and_query().map_or("", PathAndQuery::as_str);
        let request_id = id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
        as_problem(response, RequestInfo { path, request_id }, &method)
    };
    door.by_address(request, answered).await
}

/// Every error is a problem that says what is known of its request, also one that a library wrote.
fn as_problem(mut response: Response, asked: RequestInfo<'_>, method: &Method) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error {
        return response;
    }
    let is_ours = response.headers().get(CONTENT_TYPE).is_some_and(|it| it == "application/json");
    let problem = response.extensions_mut().remove::<Problem>();
    let problem = match problem {
        Some(problem) => problem,
        None if is_ours => return response,
        // Of a body whose head says its length.
        None if status == StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(BODY_BYTES_MAX),
        None => Problem::new(status, status.canonical_reason().unwrap_or("Error")),
    };
    let body = Value::Object(problem.body(Some(asked))).to_string();
    let (mut head, _) = response.into_parts();
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    head.headers.insert(CONTENT_LENGTH, body.len().into());
    head.extensions.insert(problem);
    let body = if method == Method::HEAD { Body::empty() } else { Body::from(body) };
    Response::from_parts(head, body)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use tower::ServiceExt;

    use super::*;
    use crate::http::door::logged;
    use crate::http::openapi::{Answer, Operation, Tag};
    use crate::rights::access::Access::{Public, SignedIn};

    async fn ask(request: axum::http::request::Builder) -> (StatusCode, HeaderMap, Value) {
        #[derive(Debug, thiserror::Error)]
        #[error("secret")]
        struct Secret;
        let it = |id| Operation::new(Tag::Service, id, "", Answer::text("text/plain", ""));
        let routes = Routes::new()
            .get("/ok", Public, it("ok"), || async { "ok" })
            .get("/fails", Public, it("fails"), || async { Problem::internal(Secret) })
            .get("/panics", Public, it("panics"), || async { panic!("secret {}", 1) as &str })
            .get("/rejects", Public, it("rejects"), || async { (StatusCode::CONFLICT, "plain") })
            .post("/takes", Public, it("takes"), |_: axum::body::Bytes| async { "ok" })
            .post("/ok", SignedIn, it("in"), || async { "in" });
        let service = finish(routes, &Gate::closed(), &Door::open());
        let answer = async |request: Request| service.oneshot(request).await.unwrap();
        let response = logged(request.body(Body::empty()).unwrap(), answer).await;
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (head.status, head.headers, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    #[tokio::test]
    async fn an_unknown_route_is_a_404_that_names_its_path() {
        let (status, headers, body) = ask(Request::get("/api/nothing?x=1")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(headers[CONTENT_TYPE], PROBLEM_JSON);
        assert_eq!(body["success"], false);
        assert_eq!(body["message"], "Route not found");
        assert_eq!(body["path"], "/api/nothing?x=1");
    }

    #[tokio::test]
    async fn an_unknown_method_is_a_405_that_says_what_is_allowed() {
        let (status, headers, body) = ask(Request::delete("/ok")).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(headers["allow"], "GET,HEAD,POST");
        assert_eq!(body["success"], false);
    }

    #[tokio::test]
    async fn each_method_of_a_path_has_the_access_that_it_declares() {
        let (status, headers, body) = ask(Request::post("/ok")).await;
        assert_eq!((status, &body["type"]), (StatusCode::UNAUTHORIZED, &"unauthenticated".into()));
        assert_eq!(headers["www-authenticate"], "Bearer");
        assert_eq!(ask(Request::get("/ok")).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_fault_says_nothing_of_the_inside_and_the_id_that_its_headers_have() {
        for path in ["/fails", "/panics"] {
            let (status, headers, body) = ask(Request::get(path)).await;
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(headers[REQUEST_ID], body["requestId"].as_str().unwrap());
            assert!(!body.to_string().contains("secret"), "{body}");
        }
    }

    #[tokio::test]
    async fn what_a_library_refuses_is_a_problem_as_well() {
        let (status, headers, body) = ask(Request::get("/rejects")).await;
        assert_eq!((status, &body["status"]), (StatusCode::CONFLICT, &409.into()));
        assert_eq!(headers[CONTENT_TYPE], PROBLEM_JSON);
        let (status, _, body) =
            ask(Request::post("/takes").header(CONTENT_LENGTH, "10485761")).await;
        assert_eq!((status, &body["success"]), (StatusCode::PAYLOAD_TOO_LARGE, &false.into()));
        assert_eq!(body["message"], "the body must be at most 10 MB");
    }

    #[tokio::test]
    async fn a_head_request_has_the_headers_and_no_body() {
        let (status, headers, body) = ask(Request::head("/api/nothing")).await;
        assert_eq!((status, body), (StatusCode::NOT_FOUND, Value::Null));
        assert!(headers.contains_key(REQUEST_ID));
        assert_eq!(ask(Request::head("/ok")).await.0, StatusCode::OK);
    }
}
