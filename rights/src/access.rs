//! The access that a route needs. Every route declares one; there is no other way onto the server.

use std::fmt;

use super::caller::Caller;
use super::role::{Action, Resource};
use super::scope::Scope;

/// The access that a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody; credentials are not looked at.
    Public,
    /// A person who is signed in, with any rights; the handler decides what they get.
    SignedIn,
    /// A person who may do that.
    Allowed(Resource, Action),
    /// A person who may do that, or a program whose API key has a scope. The handler checks the
    /// kinds of events that a key may write, by [`Caller::may_write`].
    AllowedOrKey(Resource, Action, Scope),
}

impl Access {
    /// Whether a caller may use the route.
    #[must_use]
    pub fn admits(self, caller: &Caller) -> bool {
        match self {
            Access::Public => true,
            Access::SignedIn => matches!(caller, Caller::Person(_)),
            Access::Allowed(resource, action) => caller.may(resource, action),
            Access::AllowedOrKey(resource, action, scope) => {
                caller.may(resource, action) || caller.has(scope)
            }
        }
    }
}

/// The right that is needed, as a refusal names it: `metrics:read`.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Access::Public => f.write_str("nothing"),
            Access::SignedIn => f.write_str("a person who is signed in"),
            Access::Allowed(resource, action) => {
                write!(f, "{}:{}", resource.as_str(), action.as_str())
            }
            Access::AllowedOrKey(resource, action, scope) => {
                let (resource, action) = (resource.as_str(), action.as_str());
                write!(f, "{resource}:{action}")?;
                if scope.to_string() != format!("{resource}:{action}") {
                    write!(f, ", or an API key with {scope}")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::{KeyHolder, Person};
    use super::super::role::Role;
    use super::*;

    fn person(role: Role) -> Caller {
        let (user_id, session) = ("u".to_owned(), "s".to_owned());
        Caller::Person(Person { user_id, session, role, rights: role.rights() })
    }

    fn key(scopes: &[Scope]) -> Caller {
        let (id, name) = ("k".to_owned(), "till".to_owned());
        Caller::Key(KeyHolder { id, name, scopes: scopes.to_vec() })
    }

    #[test]
    fn a_person_comes_in_by_permission_and_a_program_by_scope() {
        let (resource, action) = (Resource::Events, Action::Create);
        let door = Access::AllowedOrKey(resource, action, Scope::EventsWrite(None));
        assert!(door.admits(&person(Role::Admin)) && !door.admits(&person(Role::Manager)));
        assert!(door.admits(&key(&[Scope::EventsWrite(None)])));
        assert!(!door.admits(&key(&[Scope::MetricsRead])) && !door.admits(&key(&[])));
        let persons = Access::Allowed(resource, action);
        assert!(persons.admits(&person(Role::Admin)));
        assert!(!persons.admits(&key(&[Scope::EventsWrite(None)])));
    }

    #[test]
    fn signed_in_is_for_persons_and_public_for_all() {
        let program = key(&[Scope::MetricsRead]);
        assert!(Access::SignedIn.admits(&person(Role::Viewer)));
        assert!(!Access::SignedIn.admits(&program));
        assert!(Access::Public.admits(&program));
    }

    #[test]
    fn what_is_needed_is_named() {
        let read = Access::AllowedOrKey(Resource::Metrics, Action::Read, Scope::MetricsRead);
        assert_eq!(read.to_string(), "metrics:read");
        let write =
            Access::AllowedOrKey(Resource::Events, Action::Create, Scope::EventsWrite(None));
        assert_eq!(write.to_string(), "events:create, or an API key with events:write");
        assert_eq!(Access::Allowed(Resource::Users, Action::Read).to_string(), "users:read");
    }
}
