//! The header `Host`, as RFC 9112 section 3.2 has it: once, and a host. A proxy before the service and
//! the service itself must not come to think of two different ones.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::response::{IntoResponse, Response};

use crate::http::problem::{FieldError, Location, Problem};

const MISSING: &str = "is missing; HTTP/1.1 asks for it";
const SEVERAL: &str = "must be given once";
const NO_HOST: &str = "must be a name or an address, with a port or without";

/// Refuses a request whose `Host` is not valid.
pub(super) async fn checked<F>(request: Request, inner: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    match wrong(request.version(), request.headers()) {
        None => inner(request).await,
        Some(message) => {
            let error = FieldError::new(Cow::Borrowed("Host"), message).at(Location::Headers);
            Problem::invalid(vec![error]).into_response()
        }
    }
}

/// The error of the header, if it has one.
fn wrong(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut given = headers.get_all(HOST).iter();
    match (given.next(), given.next()) {
        (None, _) => (version >= Version::HTTP_11).then_some(MISSING),
        (Some(_), Some(_)) => Some(SEVERAL),
        (Some(host), None) => (!is_host(host)).then_some(NO_HOST),
    }
}

/// Whether it is a host with a port or without, or empty, as it is where the target has no host.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    if text.is_empty() {
        return true;
    }
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let port = text.strip_prefix(authority.host());
    port.is_some_and(|port| {
        let digits = port.strip_prefix(':').unwrap_or(port);
        (port.is_empty() || port.starts_with(':')) && digits.bytes().all(|it| it.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(version: Version, hosts: &[&str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap());
        }
        wrong(version, &headers)
    }

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port_or_without() {
        for host in
            ["x", "x:", "shop.example.org:4000", "127.0.0.1:4000", "[::1]", "[::1]:4000", "a_b", ""]
        {
            assert_eq!(found(Version::HTTP_11, &[host]), None, "{host}");
        }
        for host in
            ["a b", "a/b", "u@x", "u:p@x", "x:4000x", "x:1:2", "http://x", "[::1", "x, y", "é"]
        {
            assert_eq!(found(Version::HTTP_11, &[host]), Some(NO_HOST), "{host}");
        }
    }

    #[test]
    fn it_is_asked_for_by_http_1_1_and_never_twice() {
        assert_eq!(found(Version::HTTP_11, &[]), Some(MISSING));
        assert_eq!(found(Version::HTTP_10, &[]), None);
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert_eq!(found(version, &["x", "x"]), Some(SEVERAL));
            assert_eq!(found(version, &["x", "y"]), Some(SEVERAL));
        }
    }
}
