//! The gate before every route: it takes the credential of a request, has the caller looked up, and
//! lets in those who may use the route. `auth` looks them up; this is all that a route knows of it.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, poll};

use super::client::Origin;
use super::door::limits::LimitKey;
use super::problem::{Problem, ProblemType};
use crate::rights::access::Access;
use crate::rights::caller::{Caller, Person};
use crate::store;

/// The header that an API key can come in, beside `Authorization: Bearer`.
pub const X_API_KEY: &str = "x-api-key";
/// The beginning of every API key, so that a leaked one is recognized.
pub const KEY_PREFIX: &str = "abi_";
/// The routes at which a ticket stands in the address, as browsers set no header there.
const TICKETS_AT: [&str; 2] = ["/api/stream", "/api/ws"];

/// The credential that a caller shows.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// An access token.
    Token(String),
    /// An API key.
    Key(String),
    /// A ticket, which is good for one connection.
    Ticket(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credential::Token(_) => "Token(hidden)",
            Credential::Key(_) => "Key(hidden)",
            Credential::Ticket(_) => "Ticket(hidden)",
        })
    }
}

impl Credential {
    /// The credential of a request: `Authorization: Bearer` with a token or a key, or `Basic` with a key
    /// as user or password, else `X-API-Key`.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let stated = text(AUTHORIZATION.as_str()).and_then(Self::of_authorization);
        stated.or_else(|| text(X_API_KEY).map(|key| Credential::Key(key.trim().to_owned())))
    }

    fn of_authorization(stated: &str) -> Option<Self> {
        let stated = stated.trim();
        let (scheme, rest) = stated.split_once(' ').unwrap_or(("", stated));
        let rest = rest.trim();
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Some(Self::parse(rest)),
            "basic" => Self::of_basic(rest),
            // A key is known by its beginning, whatever stands before it.
            _ if rest.starts_with(KEY_PREFIX) => Some(Self::parse(rest)),
            _ => None,
        }
    }

    /// The key in `user:password`; the other of the two is what the client is made to ask for.
    fn of_basic(encoded: &str) -> Option<Self> {
        let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (user, password) = pair.split_once(':').unwrap_or((&pair, ""));
        let key = [user, password].into_iter().map(str::trim).find(|it| it.starts_with(KEY_PREFIX));
        key.map(Self::parse)
    }

    /// The credential in a text that may have `Bearer` before it, in any case.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let text = text.trim();
        match text.split_once(char::is_whitespace) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => {
                Self::parse(rest.trim())
            }
            _ => Self::parse(text),
        }
    }

    /// The ticket in the address of a request, where one may stand there.
    fn ticket(uri: &Uri) -> Option<Self> {
        let is_taken = TICKETS_AT.contains(&uri.path());
        let mut pairs = uri.query().filter(|_| is_taken)?.split('&');
        let ticket = pairs.find_map(|pair| pair.strip_prefix("ticket="))?;
        Some(Credential::Ticket(ticket.to_owned()))
    }

    /// The kind of credential that a text looks like.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.starts_with(KEY_PREFIX) {
            Credential::Key(text.to_owned())
        } else {
            Credential::Token(text.to_owned())
        }
    }
}

/// Why a caller is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The request has no credential.
    #[error("no credential")]
    NoCredential,
    /// The token has expired.
    #[error("the token has expired")]
    TokenExpired,
    /// The token was not made by this service.
    #[error("the token is not valid")]
    TokenInvalid,
    /// The session was ended, or its account was.
    #[error("the session has ended")]
    SessionEnded,
    /// The ticket was used, or is past its time.
    #[error("the ticket is not valid")]
    TicketInvalid,
    /// The key is unknown, revoked or past its time.
    #[error("the key is not valid")]
    KeyInvalid,
    /// The caller is known and may not do this.
    #[error("{0} is needed")]
    Forbidden(Access),
    /// The database took too long to answer.
    #[error("the database took too long")]
    TimedOut,
    /// The database did not answer.
    #[error("looking up the caller")]
    Store(#[from] Arc<store::Error>),
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Refusal::Store(Arc::new(error))
    }
}

/// The time that a caller is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// Not long ago: what is remembered of a caller will do.
    Lately,
    /// Now.
    Now,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::NoCredential => {
                Problem::of(ProblemType::Unauthenticated, "Sign in, or send an API key")
            }
            Refusal::TokenExpired => {
                Problem::of(ProblemType::TokenExpired, "The token has expired")
            }
            Refusal::TokenInvalid => {
                Problem::of(ProblemType::TokenInvalid, "The token is not valid")
            }
            Refusal::SessionEnded => {
                Problem::of(ProblemType::SessionEnded, "The session has ended; sign in again")
            }
            Refusal::TicketInvalid => {
                Problem::of(ProblemType::TicketInvalid, "The ticket was used or has expired")
            }
            Refusal::KeyInvalid => Problem::of(ProblemType::KeyInvalid, "The API key is not valid"),
            Refusal::Forbidden(access) => {
                Problem::of(ProblemType::Forbidden, format!("This needs {access}"))
                    .with("required", access.to_string())
            }
            Refusal::Store(error) if !error.is_unavailable() => Problem::internal(error),
            Refusal::Store(_) | Refusal::TimedOut => {
                Problem::unavailable("The database does not answer at the moment", 2)
                    .caused_by(refusal)
            }
        }
    }
}

type Admitted = BoxFuture<'static, Result<Caller, Refusal>>;
type Admit = dyn Fn(Access, Option<Credential>, Origin, AsOf) -> Admitted + Send + Sync;

/// Decides whether a caller may use a route.
#[derive(Clone)]
pub struct Gate(Arc<Admit>);

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

impl Gate {
    /// A gate that asks `admit` about every request of a route that is not public.
    #[must_use]
    pub fn new<F, A>(admit: F) -> Self
    where
        F: Fn(Access, Option<Credential>, Origin, AsOf) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Caller, Refusal>> + Send + 'static,
    {
        Gate(Arc::new(move |access, credential, origin, as_of| {
            admit(access, credential, origin, as_of).boxed()
        }))
    }

    /// A gate that opens public routes alone.
    #[must_use]
    pub fn closed() -> Self {
        Gate(Arc::new(|_, _, _, _| async { Err(Refusal::NoCredential) }.boxed()))
    }

    /// The caller, where they may use the route.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn admit(
        &self,
        access: Access,
        credential: Option<Credential>,
        origin: Origin,
    ) -> Result<Caller, Refusal> {
        (self.0)(access, credential, origin, AsOf::Lately).await
    }

    /// The caller as they are now, where they may use the route: for what is begun and goes on.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn admit_now(
        &self,
        access: Access,
        credential: Option<Credential>,
        origin: Origin,
    ) -> Result<Caller, Refusal> {
        (self.0)(access, credential, origin, AsOf::Now).await
    }
}

/// Lets in those who may use a route. A handler behind it finds the caller in the request.
pub async fn enforce<F>(
    gate: &Gate,
    access: Access,
    mut request: Request,
    inner: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    // Only this layer names the caller.
    request.extensions_mut().remove::<Caller>();
    if access == Access::Public {
        return inner(request).await;
    }
    let credential =
        Credential::of(request.headers()).or_else(|| Credential::ticket(request.uri()));
    let origin = Origin::of(&request);
    match gate.admit(access, credential, origin).await {
        Ok(caller) => {
            request.extensions_mut().insert(LimitKey::of(&caller));
            request.extensions_mut().insert(caller);
            inner(request).await
        }
        Err(refusal) => Problem::from(refusal).into_response(),
    }
}

/// The innermost layer of a route that writes: it reads the body, and looks the caller up again where
/// the body was not here yet. It may be on its way for half a minute, and the request is handled with
/// the rights that its sender has then. A handler behind this layer finds the whole body, and the
/// caller as they are now.
pub async fn once_the_body_is_here<F>(
    gate: &Gate,
    access: Access,
    bytes_max: usize,
    request: Request,
    inner: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    if access == Access::Public || request.body().is_end_stream() {
        return inner(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let mut body = Request::new(body);
    DefaultBodyLimit::max(bytes_max).apply(&mut body);
    let mut reading = pin!(Bytes::from_request(body, &()));
    let (read, was_here) = match poll!(reading.as_mut()) {
        Poll::Ready(read) => (read, true),
        Poll::Pending => (reading.await, false),
    };
    let body = match read {
        Ok(body) => body,
        Err(rejection) => return unread(&rejection, bytes_max).into_response(),
    };
    if was_here {
        return inner(Request::from_parts(parts, Body::from(body))).await;
    }
    let (credential, origin) = (Credential::of(&parts.headers), Origin::of_parts(&parts));
    match gate.admit_now(access, credential, origin).await {
        Ok(caller) => {
            parts.extensions.insert(caller);
            inner(Request::from_parts(parts, Body::from(body))).await
        }
        Err(refusal) => Problem::from(refusal).into_response(),
    }
}

fn unread(rejection: &BytesRejection, bytes_max: usize) -> Problem {
    if rejection.status() != StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(rejection.status(), "the body could not be read");
    }
    Problem::too_large(bytes_max)
}

/// Who sent the request, as an argument of its handler.
#[derive(Debug)]
pub struct By<T>(pub T);

/// A handler of any route but a public one can ask for its caller.
impl<S: Sync> FromRequestParts<S> for By<Caller> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Only a public route has none, and there nobody should ask.
        parts
            .extensions
            .get::<Caller>()
            .cloned()
            .map(By)
            .ok_or_else(|| Problem::of(ProblemType::Unauthenticated, "Sign in first"))
    }
}

/// A handler of a route that is for persons can ask for the person; an API key is a 403 there.
impl<S: Sync> FromRequestParts<S> for By<Person> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match By::<Caller>::from_request_parts(parts, state).await?.0 {
            Caller::Person(person) => Ok(By(person)),
            Caller::Key(_) => Err(Problem::of(ProblemType::Forbidden, "An API key cannot do this")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(headers: &[(&'static str, &str)]) -> Option<Credential> {
        let pairs = headers.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), value.parse().unwrap())
        });
        Credential::of(&pairs.collect())
    }

    #[test]
    fn a_bearer_is_a_token_or_a_key_and_goes_before_the_other_header() {
        let token = |text: &str| Some(Credential::Token(text.to_owned()));
        let key = |text: &str| Some(Credential::Key(text.to_owned()));
        assert_eq!(credential(&[("authorization", "Bearer a.b.c")]), token("a.b.c"));
        assert_eq!(credential(&[("authorization", "bearer  a.b.c")]), token("a.b.c"));
        assert_eq!(credential(&[("authorization", "Bearer abi_x")]), key("abi_x"));
        assert_eq!(credential(&[("x-api-key", "abi_x")]), key("abi_x"));
        let both = [("authorization", "Bearer a.b.c"), ("x-api-key", "abi_x")];
        assert_eq!(credential(&both), token("a.b.c"));
        assert_eq!(credential(&[("authorization", "Basic YTpi")]), None);
        assert_eq!(credential(&[("authorization", "Bearer")]), None);
        assert_eq!(credential(&[("authorization", "ApiKey abi_x")]), key("abi_x"));
        assert_eq!(credential(&[("authorization", "abi_x")]), key("abi_x"));
        assert_eq!(credential(&[("authorization", "Digest x")]), None);
    }

    #[test]
    fn a_key_may_be_the_user_or_the_password_of_basic_authorization() {
        let basic = |pair: &str| {
            credential(&[("authorization", &*format!("bAsIc {}", STANDARD.encode(pair)))])
        };
        let key = Some(Credential::Key("abi_x".to_owned()));
        for pair in ["abi_x:", "abi_x", "api:abi_x", "abi_x:ignored", ":abi_x"] {
            assert_eq!(basic(pair), key, "{pair}");
        }
        assert_eq!(basic("ann:hunter2"), None);
        assert_eq!(credential(&[("authorization", "Basic !")]), None);
    }

    #[test]
    fn a_text_may_have_its_scheme_before_it_in_any_case() {
        for text in ["abi_x", "Bearer abi_x", "bearer  abi_x", " BEARER abi_x "] {
            assert_eq!(Credential::of_text(text), Credential::Key("abi_x".to_owned()), "{text}");
        }
        assert_eq!(credential(&[]), None);
    }

    #[test]
    fn a_ticket_stands_in_the_address_of_a_stream_and_nowhere_else() {
        let ticket = |uri: &str| Credential::ticket(&uri.parse().unwrap());
        let found = Some(Credential::Ticket("abc".to_owned()));
        assert_eq!(ticket("/api/stream?topics=sales&ticket=abc"), found);
        assert_eq!(ticket("/api/ws?ticket=abc"), found);
        for uri in ["/api/ws", "/api/metrics/sales?ticket=abc", "/api/stream?xticket=abc"] {
            assert_eq!(ticket(uri), None, "{uri}");
        }
    }

    #[test]
    fn a_credential_is_not_seen() {
        let shown = format!("{:?}", Credential::parse("abi_secret"));
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[tokio::test]
    async fn a_closed_gate_lets_nobody_in() {
        let gate = Gate::closed();
        let refused = gate.admit(Access::SignedIn, None, Origin::default()).await;
        assert!(matches!(refused, Err(Refusal::NoCredential)));
    }
}
