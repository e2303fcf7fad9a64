//! A program that is told by webhook: it listens on a port of its own, and hands requests to the test.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use ring::hmac::{self, HMAC_SHA256};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A request as it came.
#[derive(Debug)]
pub struct Heard {
    pub path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Heard {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }

    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Checks the signature as the documents say.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let signed = [self.header("webhook-timestamp").as_bytes(), b".", &self.body].concat();
        let key = hmac::Key::new(HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &signed);
        let hex = tag.as_ref().iter().fold(String::new(), |hex, it| hex + &format!("{it:02x}"));
        self.header("webhook-signature") == format!("v1={hex}")
    }
}

/// The program.
pub struct Program {
    pub port: u16,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl Program {
    /// Starts it; it answers its first requests with these statuses, and then with 204. One that
    /// redirects leads to `/elsewhere`.
    pub async fn start(first: &[u16]) -> Program {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let first = Arc::new(Mutex::new(first.iter().copied().collect::<VecDeque<_>>()));
        let (tell, heard) = mpsc::unbounded_channel();
        let answer = async move |uri: Uri, headers: HeaderMap, body: Bytes| -> Response {
            let _ = tell.send(Heard { path: uri.path().to_owned(), headers, body });
            let status = first.lock().expect("statuses").pop_front().unwrap_or(204);
            let status = StatusCode::from_u16(status).expect("a status");
            (status, [("location", "/elsewhere")]).into_response()
        };
        let service = Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, service).await });
        Program { port, heard }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// The next request.
    pub async fn hears(&mut self) -> Heard {
        let heard = tokio::time::timeout(Duration::from_mins(1), self.heard.recv()).await;
        heard.expect("a request in time").expect("it runs")
    }

    /// Whether there is none more by now.
    pub fn heard_all(&mut self) -> bool {
        self.heard.try_recv().is_err()
    }
}
