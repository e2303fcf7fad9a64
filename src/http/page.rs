//! The small page at `/`: the way to the API, until the dashboard stands here.

use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::response::{Html, IntoResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::Routes;
use super::openapi::{Answer, Operation, Tag};
use crate::rights::access::Access::Public;

const PAGE: &str = include_str!("page.html");

/// The page may use its own style and nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = PAGE.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    let hash = STANDARD.encode(Sha256::digest(style.map_or("", |(style, _)| style)));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

/// `GET /`.
#[must_use]
pub fn routes() -> Routes {
    let answer = Answer::text("text/html", "The page.");
    let answer = answer.headers(&["Content-Security-Policy", "Cache-Control"]);
    let summary = "Gets a small page that shows the way to the API";
    Routes::new().get("/", Public, Operation::new(Tag::Service, "getPage", summary, answer), page)
}

async fn page() -> impl IntoResponse {
    ([(CONTENT_SECURITY_POLICY, &**POLICY), (CACHE_CONTROL, "no-cache")], Html(PAGE))
}
