//! The built-in dashboard at `/`: the files that `dashboard/` is built into, kept in the program.

use std::io::{self, Write};

use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use moka::sync::Cache;
use rust_embed::RustEmbed;

use super::Routes;
use super::openapi::{Answer, Operation, Tag};
use super::parameters::Parameter;
use super::parameters::values::Text;
use super::problem::Problem;
use crate::rights::access::Access::Public;

#[derive(RustEmbed)]
#[folder = "dashboard/dist"]
struct Files;

/// The page may use files and answers of this host, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
/// A page names its files by their content, so that of a name never changes.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
/// What is compressed of the page; it has fewer files.
const COMPRESSED_MAX: u64 = 32;

const NAME: Parameter<Text> = Parameter::path(
    "name",
    "The name of a file that the page uses.",
    Text { min: 1, max: 128, allowed: "must be the name of a file" },
);

/// Files by their path and hash, compressed when they are asked for first.
type Compressed = Cache<([u8; 32], String), Bytes>;

/// `GET /` and `GET /assets/{name}`.
#[must_use]
pub fn routes() -> Routes {
    let compressed = Compressed::new(COMPRESSED_MAX);
    let of_page = compressed.clone();
    let page = async move |headers: HeaderMap| {
        let answer = answer("index.html", &headers, &of_page)?;
        let more = [(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-cache")];
        Ok::<_, Problem>((more, answer))
    };
    let asset = async move |Path(name): Path<String>, headers: HeaderMap| {
        let answer = answer(&format!("assets/{name}"), &headers, &compressed)?;
        Ok::<_, Problem>(([(CACHE_CONTROL, FOR_GOOD)], answer))
    };
    Routes::new().get("/", Public, of_page_itself(), page).get(
        "/assets/{name}",
        Public,
        of_asset(),
        asset,
    )
}

fn of_page_itself() -> Operation {
    let answer = Answer::text("text/html", "The page.");
    let answer = answer.headers(&["Content-Security-Policy", "Cache-Control", "Vary"]);
    Operation::new(Tag::Service, "getPage", "Gets the built-in dashboard", answer)
        .about("It uses the operations of this document and nothing else.")
}

fn of_asset() -> Operation {
    let script = Answer::text("text/javascript", "The file: a script, a style or an image.");
    Operation::new(Tag::Service, "getAsset", "Gets a file of the dashboard", script)
        .about("A name stands for one content, so the answer may be kept for good.")
        .with(&NAME)
        .or_missing("The dashboard has no such file.")
}

fn answer(path: &str, request: &HeaderMap, compressed: &Compressed) -> Result<Response, Problem> {
    let missing = || Problem::new(StatusCode::NOT_FOUND, "The dashboard has no such file");
    let file = Files::get(path).ok_or_else(missing)?;
    let headers: [(HeaderName, HeaderValue); 2] = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type(path))),
        (VARY, HeaderValue::from_static("accept-encoding")),
    ];
    let taken = request.get_all(ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
    if !taken.flat_map(|it| it.split(',')).any(|it| it.trim() == "gzip") {
        return Ok((headers, Bytes::from(file.data.into_owned())).into_response());
    }
    let key = (file.metadata.sha256_hash(), path.to_owned());
    let bytes = compressed.try_get_with(key, || gzipped(&file.data));
    let bytes = bytes.map_err(|error: std::sync::Arc<io::Error>| Problem::internal(error))?;
    Ok((headers, [(CONTENT_ENCODING, "gzip")], bytes).into_response())
}

fn gzipped(bytes: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish().map(Bytes::from)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript",
        "css" => "text/css",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_files_that_are_there_and_has_no_script_or_style_of_its_own() {
        let page = Files::get("index.html").expect("the page");
        let page = std::str::from_utf8(&page.data).expect("text");
        let named: Vec<_> =
            page.split(['"', '\'']).filter(|it| it.starts_with("/assets/")).collect();
        assert!(named.len() >= 2, "{page}");
        for name in named {
            assert!(Files::get(name.trim_start_matches('/')).is_some(), "{name}");
        }
        assert!(!page.contains("<script>") && !page.contains("<style"), "{page}");
    }

    #[test]
    fn all_of_it_is_small_and_of_a_kind_that_is_known() {
        let mut size = 0;
        for path in Files::iter() {
            assert_ne!(media_type(&path), "application/octet-stream", "{path}");
            size += gzipped(&Files::get(&path).expect("a file").data).expect("compressed").len();
        }
        assert!(size <= 100 * 1_024, "{size} bytes");
    }
}
