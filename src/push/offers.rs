//! What can be subscribed to: topics by name, and any view with its parameters. A topic is a view, or
//! some of its members, that is subscribed to; or the events themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{StatusCode, Uri};
use bytes::Bytes;
use projections::time::Time;
use serde_json::value::RawValue;

use super::alerts::owners;
use super::events::kinds::{EVENTS as EVENTS_TOPIC, Kinds};
use crate::http::gate::Refusal;
use crate::http::problem::Problem;
use crate::query::batch::problem;
use crate::query::question::Question;
use crate::query::views::{self, Refused};
use crate::rights::access::Access;
use crate::rights::caller::Caller;
use crate::rights::role::{Action, Resource, Rights};
use crate::rights::scope::Scope;
use crate::store::platform::alerts::Owner;

/// The access that following changes needs.
pub const ACCESS: Access =
    Access::AllowedOrKey(Resource::Metrics, Action::Read, Scope::PushSubscribe);
/// The topic of sales in short.
pub const OVERVIEW: &str = "overview";
/// The topic of a dashboard that no other topic is named for.
pub const DASHBOARD: &str = "dashboard";
/// What names of views begin with.
pub const VIEW: &str = "view:";
/// A view's path with its parameters has at most so many bytes.
pub const VIEW_BYTES_MAX: usize = 2_048;

/// The access that following the state of the service needs besides.
const SYSTEM: Access = Access::Allowed(Resource::System, Action::Read);

/// The access that following the events needs besides: they name people, so a right to look at some is
/// not enough to have them all.
const EVENTS: Access = Access::AllowedOrKey(Resource::Events, Action::Export, Scope::EventsRead);

/// The members of a view that a topic has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Members {
    /// All of them.
    All,
    /// These.
    Only(&'static [&'static str]),
    /// The others.
    AllBut(&'static [&'static str]),
}

impl Members {
    /// Whether one of that name is among them.
    #[must_use]
    pub fn has(self, name: &str) -> bool {
        match self {
            Members::All => true,
            Members::Only(names) => names.contains(&name),
            Members::AllBut(names) => !names.contains(&name),
        }
    }
}

/// What a topic is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeOf {
    /// A view, or some of its members: snapshots and deltas.
    View(Members),
    /// The alerts of a person, as snapshots.
    Alerts,
    /// The state of the service, as snapshots.
    Service,
    /// The log.
    Events,
}

/// A topic with a name.
#[derive(Debug)]
pub struct Topic {
    /// Its name.
    pub name: &'static str,
    /// The path at which its figures can be asked for; empty for the events.
    pub path: &'static str,
    /// What it is made of.
    pub made_of: MadeOf,
}

/// Every topic with a name. Names stay for good.
pub const TOPICS: &[Topic] = &[
    of("sales", "/api/metrics/sales", Members::All),
    of("orders", "/api/orders", Members::All),
    of("products", "/api/metrics/products", Members::AllBut(LOW)),
    of("customers", "/api/metrics/customers", Members::All),
    of("behaviour", "/api/metrics/behaviour", Members::All),
    of("feedback", "/api/metrics/feedback", Members::All),
    of("stock", "/api/metrics/products", Members::Only(LOW)),
    of("live", "/api/metrics/live", Members::All),
    of(OVERVIEW, "/api/dashboard/overview", Members::All),
    of(DASHBOARD, "/api/metrics/dashboard", Members::All),
    Topic { name: "alerts", path: "/api/alerts/history", made_of: MadeOf::Alerts },
    Topic { name: "system", path: "/api/health", made_of: MadeOf::Service },
    Topic { name: EVENTS_TOPIC, path: "", made_of: MadeOf::Events },
];

/// The products that run out.
const LOW: &[&str] = &["productsLowInStock"];

const fn of(name: &'static str, path: &'static str, members: Members) -> Topic {
    Topic { name, path, made_of: MadeOf::View(members) }
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub enum Offered {
    /// Figures.
    Figures(Offer),
    /// Events of some kinds.
    Events(Kinds),
}

impl Offered {
    /// What that name stands for: a topic, or `view:` and a view with its parameters.
    ///
    /// # Errors
    /// Fails if there is nothing of that name, or the caller may not have it.
    pub fn of(name: &str, caller: &Caller, now: Time, language: &str) -> Result<Self, Problem> {
        if !ACCESS.admits(caller) {
            return Err(Refusal::Forbidden(ACCESS).into());
        }
        if let Some(kinds) = Kinds::of_topic(name) {
            if !EVENTS.admits(caller) {
                return Err(Refusal::Forbidden(EVENTS).into());
            }
            let kinds = kinds.map_err(|it| Problem::new(StatusCode::BAD_REQUEST, it.to_string()));
            return kinds.map(Offered::Events);
        }
        Offer::of(name, caller, now, language).map(Offered::Figures)
    }
}

/// Figures that can be subscribed to, for callers with these rights.
#[derive(Debug, Clone)]
pub struct Offer {
    name: Arc<str>,
    source: Source,
}

/// Where figures come from.
#[derive(Debug, Clone)]
enum Source {
    /// A view by its path, or some of its members, as a topic.
    Topic(Uri, Members),
    /// A view with its parameters. Its figures can depend on rights.
    View(Uri, Rights),
    /// The alerts of these owners: a person, and their role.
    Alerts([Owner; 2]),
    /// The state of the service.
    Service,
}

impl Offer {
    /// The figures of that name, of a caller who may follow.
    ///
    /// # Errors
    /// Fails if there are none, or the caller may not have them.
    pub fn of(name: &str, caller: &Caller, now: Time, language: &str) -> Result<Self, Problem> {
        match name.strip_prefix(VIEW) {
            Some(view) => Offer::view(name, view, caller, now, language),
            None => Offer::topic(name, caller),
        }
    }

    fn view(
        name: &str,
        view: &str,
        caller: &Caller,
        now: Time,
        language: &str,
    ) -> Result<Self, Problem> {
        if view.len() > VIEW_BYTES_MAX {
            let message = format!("A view must have at most {VIEW_BYTES_MAX} bytes");
            return Err(Problem::new(StatusCode::BAD_REQUEST, message));
        }
        let view: Uri = view.parse().map_err(|_| problem(Refused::NoView))?;
        views::ask(&view, caller, now, language).map_err(problem)?;
        Ok(Offer { name: name.into(), source: Source::View(view, caller.rights()) })
    }

    fn topic(name: &str, caller: &Caller) -> Result<Self, Problem> {
        let none = || {
            let names = TOPICS.iter().map(|topic| topic.name).collect::<Vec<_>>().join(", ");
            let message = format!("There is no such topic; there are {names}, and view:<path>");
            Problem::new(StatusCode::NOT_FOUND, message)
        };
        let topic = TOPICS.iter().find(|topic| topic.name == name).ok_or_else(none)?;
        let source = match topic.made_of {
            MadeOf::View(members) => Source::Topic(Uri::from_static(topic.path), members),
            MadeOf::Alerts => match caller {
                Caller::Person(person) => Source::Alerts(owners(person)),
                Caller::Key(_) => return Err(Refusal::Forbidden(Access::SignedIn).into()),
            },
            MadeOf::Service if SYSTEM.admits(caller) => Source::Service,
            MadeOf::Service => return Err(Refusal::Forbidden(SYSTEM).into()),
            // They are no figures.
            MadeOf::Events => return Err(none()),
        };
        Ok(Offer { name: name.into(), source })
    }

    /// Its name, as it was asked for.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether its frames can be deltas.
    #[must_use]
    pub fn has_deltas(&self) -> bool {
        matches!(self.source, Source::Topic(..))
    }

    /// Whether it takes one of the places for views.
    #[must_use]
    pub fn is_view(&self) -> bool {
        matches!(self.source, Source::View(..))
    }

    /// Two that have the same key have the same figures.
    #[must_use]
    pub fn key(&self) -> (Arc<str>, u64) {
        let name = match &self.source {
            Source::Alerts([person, role]) => format!("{}|{person}|{role}", self.name).into(),
            _ => self.name.clone(),
        };
        (name, self.rights().bits())
    }

    /// Whose alerts it is, where it is some.
    #[must_use]
    pub fn owners(&self) -> Option<&[Owner; 2]> {
        match &self.source {
            Source::Alerts(owners) => Some(owners),
            _ => None,
        }
    }

    /// The question that it is at this time; `None` where it is alerts or the state of the service.
    ///
    /// # Errors
    /// [`Refused::Invalid`] where it is none any more.
    pub fn ask(&self, now: Time, language: &str) -> Result<Option<Question>, Refused> {
        match &self.source {
            Source::Topic(view, _) | Source::View(view, _) => {
                views::ask_with(view, self.rights(), now, language).map(Some)
            }
            Source::Alerts(_) | Source::Service => Ok(None),
        }
    }

    fn rights(&self) -> Rights {
        match self.source {
            Source::View(_, rights) => rights,
            Source::Topic(..) | Source::Alerts(_) | Source::Service => Rights::NONE,
        }
    }

    /// The members that it has of the view's figures.
    #[must_use]
    pub fn of_figures(&self, figures: &Bytes) -> Bytes {
        let Source::Topic(_, members) = self.source else { return figures.clone() };
        if members == Members::All {
            return figures.clone();
        }
        let all: Option<BTreeMap<&str, &RawValue>> = serde_json::from_slice(figures).ok();
        let some = all.map(|all| {
            all.into_iter().filter(|(name, _)| members.has(name)).collect::<BTreeMap<_, _>>()
        });
        let written = some.and_then(|some| serde_json::to_vec(&some).ok());
        written.map_or_else(|| figures.clone(), Bytes::from)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::rights::caller::{KeyHolder, Person};
    use crate::rights::role::Role;

    fn key(scopes: &[Scope]) -> Caller {
        let (id, name) = ("k".to_owned(), "board".to_owned());
        Caller::Key(KeyHolder { id, name, scopes: scopes.to_vec() })
    }

    fn person(role: Role) -> Caller {
        let (user_id, session) = ("u".to_owned(), "s".to_owned());
        Caller::Person(Person { user_id, session, role, rights: role.rights() })
    }

    fn offered(name: &str, caller: &Caller) -> Result<Offer, u16> {
        match Offered::of(name, caller, Time(0), "en") {
            Ok(Offered::Figures(offer)) => Ok(offer),
            Ok(Offered::Events(kinds)) => panic!("{name}: {kinds:?}"),
            Err(problem) => Err(problem.status().as_u16()),
        }
    }

    #[test]
    fn every_topic_is_a_view_that_there_is() {
        for topic in TOPICS.iter().filter(|topic| topic.made_of != MadeOf::Events) {
            let offer = offered(topic.name, &person(Role::Admin)).unwrap();
            let question = offer.ask(Time(0), "en").unwrap();
            let is_none = ["alerts", "system"].contains(&topic.name);
            assert_eq!(question.is_none(), is_none, "{}", topic.name);
        }
    }

    #[test]
    fn a_topic_needs_the_right_to_follow_and_a_view_its_own_access_too() {
        let (follows, reads) = (Scope::PushSubscribe, Scope::MetricsRead);
        assert!(offered("sales", &key(&[follows])).is_ok());
        assert_eq!(offered("sales", &key(&[reads])).err(), Some(403));
        let view = "view:/api/metrics/sales?period=day";
        assert_eq!(offered(view, &key(&[follows])).err(), Some(403));
        assert!(offered(view, &key(&[follows, reads])).is_ok());
        assert!(offered(view, &person(Role::Viewer)).is_ok());
        assert_eq!(offered("system", &person(Role::Viewer)).err(), Some(403));
    }

    #[test]
    fn events_need_a_right_of_their_own() {
        let of = |name: &str, caller: &Caller| {
            let offered = Offered::of(name, caller, Time(0), "en");
            offered.map(|_| ()).map_err(|problem| problem.status().as_u16())
        };
        let (follows, reads) = (Scope::PushSubscribe, Scope::EventsRead);
        assert_eq!(of("events", &key(&[follows, Scope::MetricsRead])), Err(403));
        assert_eq!(of("events", &key(&[reads])), Err(403));
        assert_eq!(of("events:order", &key(&[follows, reads])), Ok(()));
        for role in [Role::Viewer, Role::Analyst, Role::Manager] {
            assert_eq!(of("events", &person(role)), Err(403), "{role:?}");
        }
        assert_eq!(of("events", &person(Role::Admin)), Ok(()));
        assert_eq!(of("events:orders", &person(Role::Admin)), Err(400));
    }

    #[test]
    fn alerts_are_a_persons_own() {
        let of = |user: &str, role: Role| {
            let (user_id, session) = (user.to_owned(), "s".to_owned());
            Caller::Person(Person { user_id, session, role, rights: role.rights() })
        };
        let key_of = |caller: &Caller| offered("alerts", caller).unwrap().key();
        let keys = [("ann", Role::Viewer), ("bob", Role::Viewer), ("ann", Role::Admin)];
        let keys: HashSet<_> = keys.map(|(user, role)| key_of(&of(user, role))).into();
        assert_eq!(keys.len(), 3);
        assert_eq!(offered("alerts", &key(&[Scope::PushSubscribe])).err(), Some(403));
    }

    #[test]
    fn what_there_is_not_is_refused_and_so_is_a_view_that_is_asked_wrongly() {
        let viewer = person(Role::Viewer);
        let long = format!("view:/api/metrics/sales?category={}", "x".repeat(3_000));
        for (name, status) in [
            ("nothing", 404),
            ("", 404),
            ("view:", 404),
            ("view:/api/users", 404),
            ("view:/api/metrics/sales?period=moon", 400),
            ("view:/api/metrics/sales?nonsense=1", 400),
            (&long, 400),
        ] {
            assert_eq!(offered(name, &viewer).err(), Some(status), "{name}");
        }
    }

    #[test]
    fn figures_of_a_view_are_shared_by_those_with_the_same_rights_and_of_a_topic_by_all() {
        let (viewer, admin) = (person(Role::Viewer), person(Role::Admin));
        let keys = |name: &str| [&viewer, &admin].map(|it| offered(name, it).unwrap().key());
        let [one, other] = keys("sales");
        assert_eq!(one, other);
        let [one, other] = keys("view:/api/metrics/sales");
        assert_ne!(one, other);
    }

    #[test]
    fn a_topic_can_be_some_members_of_a_view() {
        let figures = Bytes::from_static(br#"{"a":1,"productsLowInStock":[]}"#);
        let of = |name| offered(name, &person(Role::Viewer)).unwrap().of_figures(&figures);
        assert_eq!(of("stock"), &br#"{"productsLowInStock":[]}"#[..]);
        assert_eq!(of("products"), &br#"{"a":1}"#[..]);
        assert_eq!(of("sales"), figures);
    }
}
