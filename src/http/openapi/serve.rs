//! The document and the page, for everybody.

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::operation::{Answer, Operation, Tag};
use super::{document, headers};
use crate::http::{Routes, etag};
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

/// A file that is the same for as long as the program runs.
#[derive(Debug, Clone)]
struct File {
    media_type: &'static str,
    is_gzipped: bool,
    etag: HeaderValue,
    bytes: Bytes,
}

impl File {
    fn new(media_type: &'static str, bytes: Bytes) -> Self {
        let etag = format!("W/\"{}\"", STANDARD.encode(&Sha256::digest(&bytes)[..16]));
        let etag = HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("W/\"\""));
        File { media_type, is_gzipped: false, etag, bytes }
    }

    /// A file that is sent as it is kept: every browser understands it.
    fn gzipped(media_type: &'static str, bytes: &'static [u8]) -> Self {
        File { is_gzipped: true, ..Self::new(media_type, Bytes::from_static(bytes)) }
    }

    fn answer(&self, request: &HeaderMap) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, self.etag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if request.contains_key(IF_NONE_MATCH)
            && etag::is_known(request, self.etag.to_str().unwrap_or_default())
        {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        if self.is_gzipped {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        (headers, self.bytes.clone()).into_response()
    }
}

/// The document, made when it is asked for first.
type Document = LazyLock<File, Box<dyn FnOnce() -> File + Send>>;

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
        let make = move || {
            let document = document::of(&table).to_string();
            File::new("application/json", Bytes::from(document))
        };
        let document: Arc<Document> = Arc::new(LazyLock::new(Box::new(make)));
        async move |State(()): State<()>, headers: HeaderMap| document.answer(&headers)
    })
}

fn of_script() -> Operation {
    let answer = Answer::text("text/javascript", "Swagger UI.");
    of_file("getDocsScript", "The script of the page", answer)
}

fn of_style() -> Operation {
    of_file("getDocsStyle", "The style of the page", Answer::text("text/css", "Swagger UI's."))
}

fn of_document() -> Operation {
    of_file("getDocument", "This document", Answer::object("The document."))
}

fn of_file(id: &'static str, summary: &'static str, answer: Answer) -> Operation {
    let known = Answer::empty(304, "The caller has it.");
    Operation::new(Tag::Service, id, summary, answer.headers(headers::OF_FILES))
        .or(known.headers(headers::OF_FILES))
        .with(&etag::PARAMETER)
}
