//! The small page at `/`: what can be asked, until the dashboard stands here.

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::response::{Html, IntoResponse};

use super::Routes;
use crate::auth::access::Access::Public;

/// `GET /`.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get("/", Public, page)
}

async fn page() -> impl IntoResponse {
    let headers = [
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, Html(include_str!("page.html")))
}
