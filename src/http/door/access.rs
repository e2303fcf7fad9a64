//! An id and a line in the access log for every request. The line has no query string, no header
//! and no body: those can be secrets.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use super::body::Ending;
use super::client::ClientAddr;
use crate::causes::describe;
use crate::http::problem::Problem;

/// The request's id: in the request for the layers further in, in every answer, and in the log.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer paths are cut in the log.
const PATH_SHOWN_BYTES: usize = 256;

/// Answers a request with an id, and writes its line.
pub async fn logged<F>(mut request: Request, inner: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let id = request_id(request.headers());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let mut line = Line::of(&request, &id);
    let (method, path) = (&line.method, &*line.path);
    let span = tracing::info_span!("request", id = &*line.id, %method, path);
    let response = async {
        let response = inner(request).await;
        note_fault(&response);
        response
    };
    let mut response = response.instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, id);
    line.status = Some(response.status());
    response.map(|body| {
        Body::new(Ending::new(body, move |bytes| {
            line.bytes = bytes;
            drop(line);
        }))
    })
}

/// The caller's own id where it is a decent one, so that its log and ours can be laid side by side.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let decent = |id: &&HeaderValue| {
        let id = id.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        (1..=64).contains(&id.len()) && id.iter().all(plain)
    };
    headers.get(REQUEST_ID).filter(decent).cloned().unwrap_or_else(|| {
        let id = Uuid::now_v7().to_string();
        HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("none"))
    })
}

/// A request's line in the access log. It is written when this is dropped: when the answer was
/// sent, or when the client did not wait for it and there is no status.
#[derive(Debug)]
struct Line {
    since: Instant,
    id: String,
    method: Method,
    path: String,
    client: Option<IpAddr>,
    status: Option<StatusCode>,
    bytes: u64,
}

impl Line {
    fn of(request: &Request, id: &HeaderValue) -> Self {
        let path = request.uri().path();
        let shown = path.get(..PATH_SHOWN_BYTES).unwrap_or(path);
        Line {
            since: Instant::now(),
            id: id.to_str().unwrap_or_default().to_owned(),
            method: request.method().clone(),
            path: shown.to_owned(),
            client: request.extensions().get().map(|ClientAddr(address)| *address),
            status: None,
            bytes: 0,
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let Line { since, id, method, path, client, status, bytes } = self;
        let micros = u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX);
        let ms = f64::from(micros) / 1_000.0;
        let client = client.map(tracing::field::display);
        match status {
            Some(status) => {
                let status = status.as_u16();
                tracing::info!(target: "access", %method, path, status, ms, bytes, id, client);
            }
            None => {
                tracing::info!(target: "access", %method, path, ms, id, client, "gave up waiting");
            }
        }
    }
}

/// A fault of the service is an error in the log with its cause, and the request's id from its
/// span.
fn note_fault(response: &Response) {
    let cause = response.extensions().get::<Problem>().and_then(Problem::cause);
    if let Some(cause) = cause
        && response.status().is_server_error()
    {
        let (status, cause) = (response.status().as_u16(), describe(cause));
        tracing::error!(status, cause, "could not be answered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn id(given: &str) -> HeaderValue {
        let request = Request::get("/").header(REQUEST_ID, given).body(Body::empty()).unwrap();
        logged(request, async |_| Response::default()).await.headers()[REQUEST_ID].clone()
    }

    #[tokio::test]
    async fn a_decent_request_id_is_kept_and_another_replaced() {
        assert_eq!(id("caller-7").await, "caller-7");
        assert_eq!(id("a b\tc").await.len(), 36);
        assert_eq!(id(&"x".repeat(65)).await.len(), 36);
    }
}
