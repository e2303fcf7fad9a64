//! The only way to put a route on the server: with the access that it needs, and its description
//! for the API's document.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{self, MethodRouter};

use super::door::{BODY_BYTES_MAX, Door};
use super::gate::{self, Gate};
use super::openapi::Operation;
use super::timed::Timed;
use crate::rights::access::Access;

/// The first parts of the paths of all routes but `/`; nothing else may be put there.
pub const PLACES: [&str; 5] = ["api", "assets", "docs", "health", "metrics"];

/// Routes, each with its access; they become a router at the gate that enforces it.
pub struct Routes<S = ()>(Vec<Entry<S>>);

struct Entry<S> {
    route: Route,
    handler: MethodRouter<S, Infallible>,
    body_bytes_max: Option<usize>,
}

/// One route as it is declared.
#[derive(Debug, Clone)]
pub struct Route {
    /// The method; `HEAD` comes with `GET`.
    pub method: Method,
    /// The path, its parameters in braces.
    pub path: &'static str,
    /// The access that it needs.
    pub access: Access,
    /// Its description.
    pub operation: Arc<Operation>,
}

impl<S> fmt::Debug for Routes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |Entry { route, .. }: &Entry<S>| format!("{} {}", route.method, route.path);
        f.debug_list().entries(self.0.iter().map(name)).finish()
    }
}

impl<S> Default for Routes<S> {
    fn default() -> Self {
        Routes(Vec::new())
    }
}

/// The methods that routes have.
macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident $method:ident)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name<H, T>(
            self,
            path: &'static str,
            access: Access,
            operation: Operation,
            handler: H,
        ) -> Self
        where
            H: Handler<T, S>,
            T: 'static,
        {
            let operation = Arc::new(operation);
            let route = Route { method: Method::$method, path, access, operation };
            self.add(route, routing::$name(handler))
        }
    )*};
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    methods! {
        /// A `GET` route.
        get GET
        /// A `POST` route.
        post POST
        /// A `PUT` route.
        put PUT
        /// A `PATCH` route.
        patch PATCH
        /// A `DELETE` route.
        delete DELETE
    }

    fn add(mut self, route: Route, handler: MethodRouter<S, Infallible>) -> Self {
        self.0.push(Entry { route, handler, body_bytes_max: None });
        self
    }

    /// Bounds the bodies of the routes so far to less than the bound for all.
    #[must_use]
    pub fn body_limit(mut self, bytes_max: usize) -> Self {
        for entry in &mut self.0 {
            entry.body_bytes_max.get_or_insert(bytes_max);
        }
        self
    }

    /// Gives the handlers their shared state.
    #[must_use]
    pub fn with_state(self, state: S) -> Routes {
        let entries = self.0.into_iter().map(|Entry { route, handler, body_bytes_max }| Entry {
            route,
            handler: handler.with_state(state.clone()),
            body_bytes_max,
        });
        Routes(entries.collect())
    }
}

impl Routes {
    /// These and others.
    #[must_use]
    pub fn merge(mut self, others: Routes) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Adds a public `GET` route that is made of the table of all routes, itself included.
    #[must_use]
    pub fn described<H, T>(
        self,
        path: &'static str,
        operation: Operation,
        made_of: impl FnOnce(Vec<Route>) -> H,
    ) -> Self
    where
        H: Handler<T, ()>,
        T: 'static,
    {
        let operation = Arc::new(operation);
        let route = Route { method: Method::GET, path, access: Access::Public, operation };
        let mut table = self.table();
        table.push(route.clone());
        self.add(route, routing::get(made_of(table)))
    }

    /// Every route as it is declared.
    #[must_use]
    pub fn table(&self) -> Vec<Route> {
        self.0.iter().map(|entry| entry.route.clone()).collect()
    }

    /// The router, in which nothing can be reached but through the gate.
    pub(super) fn behind(self, gate: &Gate, door: &Door) -> Router {
        self.0.into_iter().fold(Router::new(), |router, entry| {
            let Entry { route, handler, body_bytes_max } = entry;
            // A layer of the method, not of the path: another method may ask for other access.
            let guarded = Arc::new(Guarded {
                times: Timed::new(route.method.clone(), route.path),
                gate: gate.clone(),
                access: route.access,
                door: door.clone(),
                body_bytes_max: body_bytes_max.unwrap_or(BODY_BYTES_MAX),
                is_read: route.method == Method::GET,
            });
            let layer = middleware::from_fn_with_state(guarded, Guarded::answer);
            router.route(route.path, handler.route_layer(layer))
        })
    }
}

/// The gate, the limits and the times around the handler of a route. They are one layer of axum's, since
/// each takes several boxes and clones what is within it.
struct Guarded {
    times: Timed,
    gate: Gate,
    access: Access,
    door: Door,
    body_bytes_max: usize,
    /// Whether it reads, and has no body.
    is_read: bool,
}

impl Guarded {
    async fn answer(State(it): State<Arc<Guarded>>, request: Request, next: Next) -> Response {
        let handled = async |mut request: Request| {
            DefaultBodyLimit::max(it.body_bytes_max).apply(&mut request);
            if it.is_read {
                return next.run(request).await;
            }
            let (gate, most) = (&it.gate, it.body_bytes_max);
            let handler = |request| next.run(request);
            gate::once_the_body_is_here(gate, it.access, most, request, handler).await
        };
        let limited = |request| it.door.by_caller(request, handled);
        let admitted = |request| gate::enforce(&it.gate, it.access, request, limited);
        it.times.answer(request, admitted).await
    }
}
