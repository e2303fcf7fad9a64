//! Files that callers may keep, and are told that they have.

use std::sync::{Arc, LazyLock};

use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::http::etag;

/// A file that is the same for as long as the program runs.
#[derive(Debug, Clone)]
pub struct File {
    media_type: &'static str,
    is_gzipped: bool,
    etag: HeaderValue,
    bytes: Bytes,
}

/// A file that is made when it is asked for first.
pub type Made = LazyLock<File, Box<dyn FnOnce() -> File + Send>>;

impl File {
    fn new(media_type: &'static str, bytes: Bytes) -> Self {
        let etag = format!("W/\"{}\"", STANDARD.encode(&Sha256::digest(&bytes)[..16]));
        let etag = HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("W/\"\""));
        File { media_type, is_gzipped: false, etag, bytes }
    }

    /// A file that is made when it is asked for first.
    pub fn made(
        media_type: &'static str,
        make: impl FnOnce() -> Bytes + Send + 'static,
    ) -> Arc<Made> {
        Arc::new(LazyLock::new(Box::new(move || File::new(media_type, make()))))
    }

    /// A file that is sent as it is kept: every browser understands it.
    #[must_use]
    pub fn gzipped(media_type: &'static str, bytes: &'static [u8]) -> Self {
        File { is_gzipped: true, ..Self::new(media_type, Bytes::from_static(bytes)) }
    }

    /// The answer to a request for it.
    #[must_use]
    pub fn answer(&self, request: &HeaderMap) -> Response {
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
