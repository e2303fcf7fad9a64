//! The pages of other origins that may read answers.

use std::str::FromStr;
use std::time::Duration;

use axum::http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, ORIGIN,
    RETRY_AFTER,
};
use axum::http::{HeaderValue, Method, Uri};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::access::REQUEST_ID;

/// The time for which a browser may remember its permission.
const MAX_AGE: Duration = Duration::from_hours(24);

const fn named(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

/// The origins that are allowed.
#[derive(Debug, Clone, Default)]
pub enum Origins {
    /// None but the server's own.
    #[default]
    Own,
    /// These, with credentials.
    Listed(Vec<HeaderValue>),
    /// Any, without credentials.
    Any,
}

impl FromStr for Origins {
    type Err = String;

    /// Reads `*`, or a list of origins separated by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let entries: Vec<_> = entries.collect();
        match *entries {
            [] => Ok(Origins::Own),
            ["*"] => Ok(Origins::Any),
            _ => entries.into_iter().map(origin).collect::<Result<_, _>>().map(Origins::Listed),
        }
    }
}

/// An origin as browsers send it: scheme, host, and the port where it is not the scheme's own.
fn origin(entry: &str) -> Result<HeaderValue, String> {
    if entry == "*" {
        return Err("* stands for any origin and cannot be among others".to_owned());
    }
    let wrong = || format!("{entry} is no origin such as https://example.org");
    let uri: Uri = entry.parse().map_err(|_| wrong())?;
    let (scheme, host) = (uri.scheme_str().ok_or_else(wrong)?, uri.host().ok_or_else(wrong)?);
    let is_bare = uri.path().len() <= 1 && uri.query().is_none();
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if !is_bare || has_user || entry.ends_with('#') || host.is_empty() || host.contains('*') {
        return Err(wrong());
    }
    let port = match (scheme, uri.port_u16()) {
        ("http", Some(80)) | ("https", Some(443)) | (_, None) => String::new(),
        (_, Some(port)) => format!(":{port}"),
    };
    let origin = format!("{scheme}://{host}{port}").to_ascii_lowercase();
    HeaderValue::from_str(&origin).map_err(|_| wrong())
}

impl Origins {
    /// The layer; `None` where no other origin is allowed.
    pub(super) fn layer(&self) -> Option<CorsLayer> {
        let layer = CorsLayer::new()
            .allow_methods([
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::DELETE,
                Method::PATCH,
                Method::OPTIONS,
            ])
            .allow_headers([
                CONTENT_TYPE,
                AUTHORIZATION,
                ORIGIN,
                ACCEPT,
                named("x-requested-with"),
                named("company"),
                named("traceparent"),
                REQUEST_ID,
                named("x-api-key"),
                named("x-min-position"),
                named("prefer"),
                IF_NONE_MATCH,
                named("last-event-id"),
                CONTENT_ENCODING,
                named("tracestate"),
                named("baggage"),
            ])
            .expose_headers([
                named("x-position"),
                named("x-lag"),
                named("x-halted"),
                ETAG,
                RETRY_AFTER,
                named("ratelimit"),
                named("ratelimit-policy"),
                named("ratelimit-limit"),
                named("ratelimit-remaining"),
                named("ratelimit-reset"),
                named("x-total-count"),
                named("preference-applied"),
                REQUEST_ID,
            ])
            .max_age(MAX_AGE);
        match self {
            Origins::Own => None,
            Origins::Any => Some(layer.allow_origin(AllowOrigin::any())),
            Origins::Listed(origins) => {
                Some(layer.allow_origin(origins.clone()).allow_credentials(true))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Vec<String> {
        match text.parse() {
            Ok(Origins::Listed(origins)) => {
                origins.iter().map(|origin| origin.to_str().unwrap().to_owned()).collect()
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        assert_eq!(listed("http://localhost:3000"), ["http://localhost:3000"]);
        let two = listed("https://Shop.Example.org/, https://admin.example.org:443");
        assert_eq!(two, ["https://shop.example.org", "https://admin.example.org"]);
        assert_eq!(listed("http://[::1]:3000"), ["http://[::1]:3000"]);
    }

    #[test]
    fn a_star_stands_alone() {
        assert!(matches!("*".parse(), Ok(Origins::Any)));
        assert!("*, https://example.org".parse::<Origins>().is_err());
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "example.org",
            "https://",
            "https://example.org/app",
            "https://example.org?x",
            "https://ann@example.org",
            "https://*.example.org",
            "null",
        ] {
            assert!(text.parse::<Origins>().is_err(), "{text}");
        }
        assert!(matches!(" , ".parse(), Ok(Origins::Own)));
    }
}
