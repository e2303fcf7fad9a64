//! The origin of a request, as the audit has it.

use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method};

use super::door::client::ClientAddr;

/// The origin of a request, for the audit and for limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, where it is known.
    pub address: Option<IpAddr>,
    /// The request's id, which the log has too.
    pub request_id: Option<String>,
    /// The client's name for itself, at most 256 characters of it.
    pub user_agent: Option<String>,
    method: Method,
    path: String,
}

impl Origin {
    /// The origin of a request.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        Self::from(request.extensions(), request.headers(), method, path)
    }

    /// The origin of the request with that head.
    #[must_use]
    pub fn of_parts(parts: &Parts) -> Self {
        let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
        Self::from(&parts.extensions, &parts.headers, method, path)
    }

    fn from(extensions: &Extensions, headers: &HeaderMap, method: Method, path: String) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Origin {
            address: extensions.get().map(|ClientAddr(address)| *address),
            request_id: text("x-request-id").map(str::to_owned),
            user_agent: text("user-agent").map(|text| text.chars().take(256).collect()),
            method,
            path,
        }
    }
}

/// The method and the path: `GET /api/metrics/sales`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl<S: Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Origin::of_parts(parts))
    }
}
