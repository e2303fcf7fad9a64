//! The dashboard of a person: its layout, and the data of its widgets.
//!
//! - [`config`]: the layout that a person keeps, or the default one of their role ([`layouts`]);
//! - [`widgets`]: the data of widgets. Most are a [view](crate::query::views::widget); the others
//!   are as they are now: accounts, sessions, health and the audit.

pub mod config;
pub mod layouts;
pub mod widgets;

use crate::http::Routes;
use crate::operator::health::Health;
use crate::push::sessions::Sessions;
use crate::query;
use crate::store::platform::Platform;

/// The dependencies of dashboards.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Those of queries.
    pub queries: query::Deps,
    /// Accounts and the audit.
    pub platform: Platform,
    /// The state of the service.
    pub health: Health,
    /// The sessions of Socket.IO.
    pub sessions: Sessions,
}

/// The endpoints.
#[must_use]
pub fn routes(deps: Deps) -> Routes {
    config::routes(deps.platform.clone()).merge(widgets::routes(deps))
}
