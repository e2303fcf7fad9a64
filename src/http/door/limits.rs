//! The limits, and the requests that count against each. The limits are of this process.
//!
//! | class | by | counts | when |
//! |---|---|---|---|
//! | all four below | address | requests | before authentication |
//! | sign-in | address | answers 4xx to signing in and registering | before and after |
//! | register | address | accounts that were made | before and after |
//! | API | caller, else address | requests | after authentication |
//! | ingest | caller, else address | events | after authentication, and again when they are counted |
//!
//! Health, Socket.IO and paths that are not below `/api/` have no limit. Answers that count say how
//! much is left in the fields of draft-ietf-httpapi-ratelimit-headers-11, and in those of draft 6.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::client::ClientAddr;
use super::gcra::{Limiter, Quota, Refused, Standing};
use super::settings::DoorSettings;
use super::shares::network;
use crate::http::problem::{Problem, ProblemType};
use crate::rights::caller::Caller;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The same in the fields of draft 6: the limit, what is left of it, and the seconds until all is.
const DRAFT_6: [HeaderName; 3] = [
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
];

/// The caller that a request counts for, as authentication knows it: `user:<id>` or `key:<id>`; an
/// extension of the request. Without it the request counts for its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitKey(pub String);

impl LimitKey {
    /// The key of a caller.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        LimitKey(match caller {
            Caller::Person(person) => format!("user:{}", person.user_id),
            Caller::Key(key) => format!("key:{}", key.id),
        })
    }
}

/// The caller or the address that something counts for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Caller(String),
    Address(IpAddr),
}

impl Key {
    /// The address, as it counts.
    fn address(request: &Request) -> Self {
        let unknown = ClientAddr(IpAddr::from([0, 0, 0, 0]));
        let ClientAddr(address) = request.extensions().get().copied().unwrap_or(unknown);
        Key::Address(network(address))
    }

    fn caller(request: &Request) -> Self {
        match request.extensions().get::<LimitKey>() {
            Some(LimitKey(caller)) => Key::Caller(caller.clone()),
            None => Key::address(request),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Api,
    Ingest,
    SignIn,
    Register,
}

impl Class {
    fn of(path: &str) -> Option<Self> {
        let below = |prefix: &str| {
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match path {
            "/api/auth/login" => Some(Class::SignIn),
            "/api/auth/register" => Some(Class::Register),
            _ if below("/api/health") => None,
            _ if below("/api/events") => Some(Class::Ingest),
            _ if below("/api") => Some(Class::Api),
            _ => None,
        }
    }
}

/// Whether requests to a path count against a limit.
pub(in crate::http) fn counts(path: &str) -> bool {
    Class::of(path).is_some()
}

/// A limit by the name that its headers have.
#[derive(Debug)]
struct Limit {
    policy: &'static str,
    /// The unit that is counted, if it is not requests.
    unit: Option<&'static str>,
    limiter: Limiter,
}

impl Limit {
    fn new(policy: &'static str, unit: Option<&'static str>, quota: Option<Quota>) -> Option<Self> {
        quota.map(|quota| Limit { policy, unit, limiter: Limiter::new(quota) })
    }

    /// Says in the answer how much is left, unless a limit further in has.
    fn tell(&self, response: &mut Response, standing: Standing) {
        let headers = response.headers_mut();
        if headers.contains_key(RATE_LIMIT) {
            return;
        }
        let (policy, Quota { limit, window }) = (self.policy, self.limiter.quota());
        let unit = self.unit.map(|unit| format!(";qu=\"{unit}\"")).unwrap_or_default();
        let quota = format!("\"{policy}\";q={limit};w={}{unit}", seconds(window));
        let (left, full_in) = (standing.remaining, seconds(standing.full_in));
        let in_one = format!("\"{policy}\";r={left};t={full_in}");
        for (name, value) in [(RATE_LIMIT_POLICY, quota), (RATE_LIMIT, in_one)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        for (name, value) in DRAFT_6.into_iter().zip([limit, left, full_in]) {
            headers.insert(name, value.into());
        }
    }

    fn refuse(&self, refused: Refused) -> Response {
        let mut response = too_many(refused).into_response();
        self.tell(&mut response, refused.standing);
        response
    }
}

fn too_many(refused: Refused) -> Problem {
    let retry_in = seconds(refused.retry_in).max(1);
    let message = format!("Too many requests; try again in {retry_in} s");
    Problem::of(ProblemType::RateLimited, message).retry_after(retry_in)
}

/// Whole seconds, begun ones too.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}

/// All limits; `None` where one was set to be none.
#[derive(Debug)]
pub(super) struct RateLimits {
    address: Option<Limit>,
    sign_in: Option<Limit>,
    register: Option<Limit>,
    api: Option<Limit>,
    ingest: Option<Limit>,
}

impl RateLimits {
    pub(super) fn new(settings: &DoorSettings) -> Self {
        RateLimits {
            address: Limit::new("address", None, settings.address()),
            sign_in: Limit::new("sign-in", Some("failures"), settings.sign_in()),
            register: Limit::new("register", Some("accounts"), settings.register()),
            api: Limit::new("api", None, settings.api()),
            ingest: Limit::new("ingest", Some("events"), settings.ingest()),
        }
    }
}

/// The number of events that a caller may still send; an extension of ingest requests.
#[derive(Debug, Clone)]
pub struct Budget {
    limits: Arc<RateLimits>,
    key: Key,
}

impl Budget {
    /// Takes so many events from it.
    ///
    /// # Errors
    /// Fails if there are not so many left; none is taken then.
    pub fn spend(&self, events: usize) -> Result<(), Problem> {
        let Some(limit) = &self.limits.ingest else { return Ok(()) };
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        limit.limiter.take(&self.key, events).map(drop).map_err(too_many)
    }
}

/// Before authentication: requests by address, and failed sign-ins.
pub(super) async fn by_address<F>(
    limits: &RateLimits,
    request: Request,
    inner: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let Some(class) = Class::of(request.uri().path()) else { return inner(request).await };
    let key = Key::address(&request);
    let mut standing = None;
    if let Some(limit) = &limits.address {
        match limit.limiter.take(&key, 1) {
            Ok(left) => standing = Some((limit, left)),
            Err(refused) => return limit.refuse(refused),
        }
    }
    let mut response = match class {
        Class::SignIn => sign_in(limits, &key, inner(request)).await,
        Class::Register => register(limits, &key, inner(request)).await,
        Class::Api | Class::Ingest => inner(request).await,
    };
    if let Some((limit, left)) = standing {
        limit.tell(&mut response, left);
    }
    response
}

/// A sign-in counts as failed until its answer says that it was not, so that many at a time try no
/// more than many in a row, and one that does not wait for its answer has tried as well.
async fn sign_in(
    limits: &RateLimits,
    key: &Key,
    answer: impl Future<Output = Response>,
) -> Response {
    let is_counted = |response: &Response| response.status().is_client_error();
    counted(limits.sign_in.as_ref(), key, is_counted, answer).await
}

/// An account counts as made until its answer says that it was not. One that was not made for a
/// fault of the caller counts as a sign-in that failed.
async fn register(
    limits: &RateLimits,
    key: &Key,
    answer: impl Future<Output = Response>,
) -> Response {
    let is_counted = |response: &Response| response.status().is_success();
    let made = counted(limits.register.as_ref(), key, is_counted, answer);
    let has_failed = |response: &Response| {
        response.status().is_client_error() && response.status() != StatusCode::TOO_MANY_REQUESTS
    };
    counted(limits.sign_in.as_ref(), key, has_failed, made).await
}

/// A request is counted before it is handled, and given back if its answer does not count.
async fn counted(
    limit: Option<&Limit>,
    key: &Key,
    counts: impl Fn(&Response) -> bool,
    answer: impl Future<Output = Response>,
) -> Response {
    let Some(limit) = limit else { return answer.await };
    if let Err(refused) = limit.limiter.take(key, 1) {
        return limit.refuse(refused);
    }
    let mut response = answer.await;
    if !counts(&response) {
        limit.limiter.give_back(key, 1);
    }
    limit.tell(&mut response, limit.limiter.look(key));
    response
}

/// After authentication: requests and events by caller.
pub(super) async fn by_caller<F>(
    limits: &Arc<RateLimits>,
    mut request: Request,
    handler: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let key = Key::caller(&request);
    let taken = match Class::of(request.uri().path()) {
        Some(Class::Api) => limits.api.as_ref().map(|limit| (limit, limit.limiter.take(&key, 1))),
        Some(Class::Ingest) => {
            let budget = Budget { limits: limits.clone(), key: key.clone() };
            request.extensions_mut().insert(budget);
            // The number of events is known once the body is read, which is not done for a caller
            // that has none left.
            limits.ingest.as_ref().map(|limit| (limit, limit.limiter.check(&key)))
        }
        Some(Class::SignIn | Class::Register) | None => None,
    };
    let limit = match taken {
        Some((limit, Err(refused))) => return limit.refuse(refused),
        Some((limit, Ok(_))) => limit,
        None => return handler(request).await,
    };
    let mut response = handler(request).await;
    limit.tell(&mut response, limit.limiter.look(&key));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::State;
    use axum::middleware::Next;
    use axum::routing::{get, post};
    use axum::{Router, middleware};
    use tower::ServiceExt;

    use super::super::settings;
    use super::*;

    fn limits(flag: &str) -> Arc<RateLimits> {
        Arc::new(RateLimits::new(&settings::parse(&[flag])))
    }

    async fn status(router: &Router, request: axum::http::request::Builder) -> u16 {
        let request = request.body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().status().as_u16()
    }

    fn key(address: &str, caller: Option<&str>) -> Key {
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(ClientAddr(address.parse().unwrap()));
        if let Some(caller) = caller {
            request.extensions_mut().insert(LimitKey(caller.to_owned()));
        }
        Key::caller(&request)
    }

    #[test]
    fn a_path_says_which_limit_it_counts_against() {
        assert_eq!(Class::of("/api/metrics/sales"), Some(Class::Api));
        assert_eq!(Class::of("/api/no/such/thing"), Some(Class::Api));
        assert_eq!(Class::of("/api/events"), Some(Class::Ingest));
        assert_eq!(Class::of("/api/events/stock"), Some(Class::Ingest));
        assert_eq!(Class::of("/api/eventsource"), Some(Class::Api));
        assert_eq!(Class::of("/api/auth/login"), Some(Class::SignIn));
        assert_eq!(Class::of("/api/auth/register"), Some(Class::Register));
        assert_eq!(Class::of("/api/auth/refresh"), Some(Class::Api), "its token is no guess");
        assert_eq!(Class::of("/api/auth/me"), Some(Class::Api));
        for path in ["/", "/health/live", "/api/health", "/api/health/detailed", "/apis"] {
            assert_eq!(Class::of(path), None, "{path}");
        }
    }

    #[test]
    fn a_caller_that_is_not_known_is_its_address_and_a_network_is_one_address() {
        assert_eq!(key("192.0.2.1", Some("user:7")), key("192.0.2.2", Some("user:7")));
        assert_ne!(key("192.0.2.1", None), key("192.0.2.2", None));
        assert_eq!(key("2001:db8:1:2::1", None), key("2001:db8:1:2:ffff::9", None));
        assert_ne!(key("2001:db8:1:2::1", None), key("2001:db8:1:3::1", None));
        assert_eq!(key("::ffff:192.0.2.1", None), key("192.0.2.1", None));
    }

    #[test]
    fn an_answer_says_what_is_left_once() {
        let quota = Quota { limit: 600, window: Duration::from_mins(1) };
        let standing = Standing { remaining: 599, full_in: Duration::from_millis(100) };
        let mut response = ().into_response();
        Limit::new("api", None, Some(quota)).unwrap().tell(&mut response, standing);
        Limit::new("address", Some("x"), Some(quota)).unwrap().tell(&mut response, standing);
        assert_eq!(response.headers()[RATE_LIMIT_POLICY], "\"api\";q=600;w=60");
        assert_eq!(response.headers()[RATE_LIMIT], "\"api\";r=599;t=1");
    }

    #[tokio::test]
    async fn callers_of_one_address_have_limits_of_their_own() {
        let limits = limits("--rate-limit-max-requests=1");
        let limited =
            async |State(limits): State<Arc<RateLimits>>, request: Request, next: Next| {
                by_caller(&limits, request, |request| next.run(request)).await
            };
        let limited = middleware::from_fn_with_state(limits, limited);
        let router = Router::new().route("/api/x", get(|| async { "ok" })).layer(limited);
        let ask = async |caller: Option<&str>| {
            let request = Request::get("/api/x");
            let request = match caller {
                Some(caller) => request.extension(LimitKey(caller.to_owned())),
                None => request,
            };
            status(&router, request).await
        };
        assert_eq!((ask(Some("user:1")).await, ask(Some("user:1")).await), (200, 429));
        assert_eq!((ask(Some("key:1")).await, ask(Some("user:2")).await), (200, 200));
        assert_eq!((ask(None).await, ask(None).await), (200, 429));
    }

    #[tokio::test]
    async fn a_sign_in_that_succeeds_is_not_counted_and_one_given_up_is() {
        let limits = limits("--rate-limit-max-sign-in-failures=2");
        let answers = |status: StatusCode| {
            let limited =
                async |State(limits): State<Arc<RateLimits>>, request: Request, next: Next| {
                    by_address(&limits, request, |request| next.run(request)).await
                };
            let limited = middleware::from_fn_with_state(limits.clone(), limited);
            let route = post(async move || {
                if status == StatusCode::CONTINUE {
                    std::future::pending::<()>().await;
                }
                status
            });
            Router::new().route("/api/auth/login", route).layer(limited)
        };
        let login = || Request::post("/api/auth/login");
        for _ in 0..5 {
            assert_eq!(status(&answers(StatusCode::OK), login()).await, 200);
            assert_eq!(status(&answers(StatusCode::BAD_GATEWAY), login()).await, 502);
        }
        assert_eq!(status(&answers(StatusCode::UNAUTHORIZED), login()).await, 401);
        let (never, soon) = (answers(StatusCode::CONTINUE), Duration::from_millis(10));
        assert!(tokio::time::timeout(soon, status(&never, login())).await.is_err());
        assert_eq!(status(&answers(StatusCode::OK), login()).await, 429);
    }
}
