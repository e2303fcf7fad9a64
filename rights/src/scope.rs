//! Scopes: the rights of an API key.

use std::fmt;

use projections::event::Kind;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::role::{Action, Resource};

/// One thing that an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// `events:write`, or `events:write:<kind>` for one kind alone.
    EventsWrite(Option<Kind>),
    /// `events:read`: following the events themselves, and the people in them.
    EventsRead,
    /// `metrics:read`: the queries.
    MetricsRead,
    /// `push:subscribe`: following changes.
    PushSubscribe,
    /// `metrics:scrape`: the service's own metrics, for Prometheus.
    MetricsScrape,
}

impl PartialSchema for Scope {
    fn schema() -> RefOr<Schema> {
        let names = Scope::all().map(|scope| scope.to_string());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for Scope {}

/// A text that is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be events:write, events:write:<kind>, events:read, metrics:read, push:subscribe or \
     metrics:scrape"
)]
pub struct NotAScope;

impl Scope {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Scope> {
        let kinds = Kind::ALL.map(|kind| Scope::EventsWrite(Some(kind)));
        let others =
            [Scope::EventsRead, Scope::MetricsRead, Scope::PushSubscribe, Scope::MetricsScrape];
        std::iter::once(Scope::EventsWrite(None)).chain(kinds).chain(others)
    }

    /// Reads its name.
    ///
    /// # Errors
    /// [`NotAScope`].
    pub fn parse(name: &str) -> Result<Self, NotAScope> {
        match name {
            "events:write" => Ok(Scope::EventsWrite(None)),
            "events:read" => Ok(Scope::EventsRead),
            "metrics:read" => Ok(Scope::MetricsRead),
            "push:subscribe" => Ok(Scope::PushSubscribe),
            "metrics:scrape" => Ok(Scope::MetricsScrape),
            _ => {
                let kind = name.strip_prefix("events:write:").and_then(Kind::parse);
                kind.map(|kind| Scope::EventsWrite(Some(kind))).ok_or(NotAScope)
            }
        }
    }

    /// The rights of a person who may do all that a key with this scope may; the maker of such a
    /// key needs them.
    #[must_use]
    pub fn needs(self) -> &'static [(Resource, Action)] {
        match self {
            Scope::EventsWrite(_) => &[(Resource::Events, Action::Create)],
            Scope::EventsRead => &[(Resource::Events, Action::Export)],
            Scope::MetricsRead => {
                &[(Resource::Metrics, Action::Read), (Resource::Dashboard, Action::Read)]
            }
            Scope::PushSubscribe => &[(Resource::Metrics, Action::Read)],
            Scope::MetricsScrape => &[(Resource::System, Action::Read)],
        }
    }

    /// Whether a key with this scope may use routes for `wanted`. A key for one kind may use the
    /// routes that write events; its kind is checked event by event.
    #[must_use]
    pub fn opens(self, wanted: Scope) -> bool {
        match (self, wanted) {
            (Scope::EventsWrite(_), Scope::EventsWrite(None))
            | (Scope::EventsWrite(None), Scope::EventsWrite(_)) => true,
            (had, wanted) => had == wanted,
        }
    }

    /// Whether it lets events of a kind be written.
    #[must_use]
    pub fn writes(self, kind: Kind) -> bool {
        matches!(self, Scope::EventsWrite(only) if only.is_none_or(|only| only == kind))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::EventsWrite(None) => f.write_str("events:write"),
            Scope::EventsWrite(Some(kind)) => write!(f, "events:write:{}", kind.as_str()),
            Scope::EventsRead => f.write_str("events:read"),
            Scope::MetricsRead => f.write_str("metrics:read"),
            Scope::PushSubscribe => f.write_str("push:subscribe"),
            Scope::MetricsScrape => f.write_str("metrics:scrape"),
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> String {
        scope.to_string()
    }
}

impl TryFrom<String> for Scope {
    type Error = NotAScope;

    fn try_from(name: String) -> Result<Self, NotAScope> {
        Scope::parse(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for scope in Scope::all() {
            assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
        }
        for name in ["", "events", "events:write:", "events:write:orders", "metrics:write", "*"] {
            assert_eq!(Scope::parse(name), Err(NotAScope), "{name}");
        }
    }

    #[test]
    fn who_may_write_one_kind_comes_in_and_writes_that_kind_alone() {
        let one = Scope::EventsWrite(Some(Kind::Stock));
        assert!(one.opens(Scope::EventsWrite(None)));
        assert!(one.writes(Kind::Stock) && !one.writes(Kind::Transaction));
        let all = Scope::EventsWrite(None);
        assert!(Kind::ALL.into_iter().all(|kind| all.writes(kind)));
        assert!(!all.opens(Scope::MetricsRead) && !Scope::MetricsRead.opens(all));
        assert!(!Scope::PushSubscribe.writes(Kind::Stock));
    }
}
