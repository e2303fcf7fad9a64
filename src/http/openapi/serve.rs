//! The document and the page, for everybody.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::response::Html;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::document;
use super::file::File;
use super::operation::{Answer, Operation, Tag};
use crate::http::Routes;
use crate::rights::access::Access::Public;

const PAGE: &str = include_str!("page/index.html");

/// The page may use files from this host, and its own script; its icons are in its style.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let script = PAGE.split_once("<script>").and_then(|(_, rest)| rest.split_once("</script>"));
    let hash = STANDARD.encode(Sha256::digest(script.map_or("", |(script, _)| script)));
    format!(
        "default-src 'none'; script-src 'self' 'sha256-{hash}'; style-src 'self'; \
         img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

static SCRIPT: LazyLock<File> = LazyLock::new(|| {
    File::gzipped("text/javascript", include_bytes!("page/swagger-ui-bundle.js.gz"))
});
static STYLE: LazyLock<File> =
    LazyLock::new(|| File::gzipped("text/css", include_bytes!("page/swagger-ui.css.gz")));

/// Adds the document of these routes, itself included, and the page that shows it.
#[must_use]
pub fn documented(routes: Routes) -> Routes {
    let page = Answer::text("text/html", "The page.")
        .headers(&["Content-Security-Policy", "Cache-Control"]);
    let page = Operation::new(Tag::Service, "getDocs", "A page to read and try the API", page);
    let routes = routes
        .get("/docs", Public, page, || async {
            ([(CONTENT_SECURITY_POLICY, &**POLICY), (CACHE_CONTROL, "no-cache")], Html(PAGE))
        })
        .get("/docs/swagger-ui.js", Public, of_script(), async |headers: HeaderMap| {
            SCRIPT.answer(&headers)
        })
        .get("/docs/swagger-ui.css", Public, of_style(), async |headers: HeaderMap| {
            STYLE.answer(&headers)
        });
    routes.described("/api/openapi.json", of_document(), |table| {
        let document =
            File::made("application/json", move || document::of(&table).to_string().into());
        async move |State(()): State<()>, headers: HeaderMap| document.answer(&headers)
    })
}

fn of_script() -> Operation {
    let answer = Answer::text("text/javascript", "Swagger UI.");
    Operation::of_file(Tag::Service, "getDocsScript", "The script of the page", answer)
}

fn of_style() -> Operation {
    let answer = Answer::text("text/css", "Swagger UI's.");
    Operation::of_file(Tag::Service, "getDocsStyle", "The style of the page", answer)
}

fn of_document() -> Operation {
    let answer = Answer::object("The document.");
    Operation::of_file(Tag::Service, "getDocument", "This document", answer)
}
