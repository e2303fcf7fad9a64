//! The gate before every route: it finds the caller and decides whether they may use the route.
//!
//! A session and an API key are looked up at every request, one document by an index; there is no
//! cache, so what is revoked is refused from the next request on, in every process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::timeout;

use super::access::Access;
use super::audit::{Audit, Event, EventType};
use super::caller::{Caller, Person};
use super::key;
use super::keys::last_use::LastUse;
use super::role::Rights;
use super::token::{self, Tokens};
use crate::http::client::Origin;
use crate::http::problem::{Problem, ProblemType};
use crate::store;
use crate::store::platform::Platform;
use crate::store::platform::sessions::Standing;

/// The header that an API key can come in, beside `Authorization: Bearer`.
pub const X_API_KEY: &str = "x-api-key";
/// A database that takes longer to find the caller counts as down.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

/// The credential that a caller shows.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// An access token.
    Token(String),
    /// An API key.
    Key(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credential::Token(_) => "Token(hidden)",
            Credential::Key(_) => "Key(hidden)",
        })
    }
}

impl Credential {
    /// The credential of a request: `Authorization: Bearer` with a token or a key, else
    /// `X-API-Key`.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match bearer {
            Some((_, credential)) => Some(Self::parse(credential.trim())),
            None => text(X_API_KEY).map(|key| Credential::Key(key.trim().to_owned())),
        }
    }

    /// The kind of credential that a text looks like.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.starts_with(key::PREFIX) {
            Credential::Key(text.to_owned())
        } else {
            Credential::Token(text.to_owned())
        }
    }
}

/// Why a caller is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Nothing was shown.
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
    #[error("looking up who calls")]
    Store(#[from] store::Error),
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

type Admit = dyn Fn(Access, Option<Credential>, Origin) -> BoxFuture<'static, Result<Caller, Refusal>>
    + Send
    + Sync;

/// Decides which caller may use which route.
#[derive(Clone)]
pub struct Gate(Arc<Admit>);

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

impl Gate {
    /// The gate of a service: tokens, sessions and keys. The audit has the refusals of known
    /// callers.
    #[must_use]
    pub fn new(store: Platform, tokens: Arc<Tokens>, audit: Audit) -> Self {
        let used = LastUse::new(store.clone());
        Gate(Arc::new(move |access, credential, origin| {
            let (store, tokens, audit) = (store.clone(), tokens.clone(), audit.clone());
            let used = used.clone();
            async move {
                let caller = timeout(LOOK_UP_WITHIN, identify(&store, &tokens, credential));
                let caller = caller.await.map_err(|_| Refusal::TimedOut)??;
                if let Caller::Key(key) = &caller {
                    used.note(&key.id);
                }
                if access.admits(&caller) {
                    return Ok(caller);
                }
                let target = origin.to_string();
                let event = Event::refused(EventType::Access).by(&caller).to(target).from(&origin);
                audit.record(event.detail(access.to_string())).await;
                Err(Refusal::Forbidden(access))
            }
            .boxed()
        }))
    }

    /// A gate that opens public routes alone.
    #[must_use]
    pub fn closed() -> Self {
        Gate(Arc::new(|_, _, _| async { Err(Refusal::NoCredential) }.boxed()))
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
        (self.0)(access, credential, origin).await
    }
}

/// The layer of one route. A handler behind it finds the caller in the request.
pub async fn enforce(
    State((gate, access)): State<(Gate, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    // Only this layer names the caller.
    request.extensions_mut().remove::<Caller>();
    if access == Access::Public {
        return next.run(request).await;
    }
    let (credential, origin) = (Credential::of(request.headers()), Origin::of(&request));
    match gate.admit(access, credential, origin).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller.limit_key());
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => Problem::from(refusal).into_response(),
    }
}

/// The innermost layer of a route that writes: it reads the body and looks the caller up again. A
/// body may be on its way for half a minute, and the request is handled with the rights that its
/// sender has then. A handler behind this layer finds the whole body, and the caller as they are
/// now.
pub async fn once_the_body_is_here(
    State((gate, access, bytes_max)): State<(Gate, Access, usize)>,
    request: Request,
    next: Next,
) -> Response {
    if access == Access::Public || request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let read = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await;
    let body = match read {
        Ok(body) => body,
        Err(rejection) => return unread(&rejection, bytes_max).into_response(),
    };
    let (credential, origin) = (Credential::of(&parts.headers), Origin::of_parts(&parts));
    match gate.admit(access, credential, origin).await {
        Ok(caller) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, Body::from(body))).await
        }
        Err(refusal) => Problem::from(refusal).into_response(),
    }
}

fn unread(rejection: &BytesRejection, bytes_max: usize) -> Problem {
    if rejection.status() != StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(rejection.status(), "the body could not be read");
    }
    let (kb, mb) = (bytes_max >> 10, bytes_max >> 20);
    let most = if mb > 0 { format!("{mb} MB") } else { format!("{kb} KB") };
    let message = format!("the body must be at most {most}");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}

async fn identify(
    store: &Platform,
    tokens: &Tokens,
    credential: Option<Credential>,
) -> Result<Caller, Refusal> {
    match credential {
        None => Err(Refusal::NoCredential),
        Some(Credential::Key(text)) => match key::holder(store, &text).await? {
            Some(holder) => Ok(Caller::Key(holder)),
            None => Err(Refusal::KeyInvalid),
        },
        Some(Credential::Token(token)) => {
            let claims = tokens.verify(&token).map_err(|error| match error {
                token::Error::Expired => Refusal::TokenExpired,
                token::Error::Invalid => Refusal::TokenInvalid,
            })?;
            let standing = store.standing(&claims.sid).await?;
            let standing = standing.filter(|standing| standing.user_id == claims.sub);
            Ok(Caller::Person(person(standing.ok_or(Refusal::SessionEnded)?)))
        }
    }
}

/// The person that a session belongs to.
#[must_use]
pub fn person(standing: Standing) -> Person {
    let rights = Rights::of(standing.role, &standing.permissions);
    let Standing { id, user_id, role, .. } = standing;
    Person { user_id, session: id, role, rights }
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
        assert_eq!(credential(&[]), None);
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
