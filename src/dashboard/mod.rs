//! The dashboard of a person: its layout, and the data of its widgets.
//!
//! - [`config`]: the layout that a person keeps, or the default one of their role ([`layouts`]);
//! - [`widgets`]: the data of widgets. Most are a [view](crate::query::views::widget); the others
//!   are as they are now: accounts, sessions, health and the audit.

pub mod config;
pub mod layouts;
pub mod widgets;

use self::widgets::Deps;
use crate::http::Routes;

/// The endpoints.
#[must_use]
pub fn routes(deps: Deps) -> Routes {
    config::routes(deps.platform.clone()).merge(widgets::routes(deps))
}
