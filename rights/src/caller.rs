//! The caller of a request: a person with a session, or a program with an API key.

use projections::event::Kind;

use super::role::{Action, Resource, Rights, Role};
use super::scope::Scope;

/// The caller of a request, as the store had it when the request came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A person who is signed in.
    Person(Person),
    /// A program.
    Key(KeyHolder),
}

/// A person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their account.
    pub user_id: String,
    /// The session of this request.
    pub session: String,
    /// Their role.
    pub role: Role,
    /// The rights of their role and their own permissions.
    pub rights: Rights,
}

/// A program with an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key's id, which is no secret.
    pub id: String,
    /// The key's name.
    pub name: String,
    /// The key's scopes.
    pub scopes: Vec<Scope>,
}

impl Caller {
    /// Whether this is a person who may do that. [`Caller::has`] checks the scope of a key.
    #[must_use]
    pub fn may(&self, resource: Resource, action: Action) -> bool {
        matches!(self, Caller::Person(person) if person.rights.allow(resource, action))
    }

    /// Whether this is a program whose key opens routes for `wanted`.
    #[must_use]
    pub fn has(&self, wanted: Scope) -> bool {
        matches!(self, Caller::Key(key) if key.scopes.iter().any(|had| had.opens(wanted)))
    }

    /// Whether events of a kind may be written.
    #[must_use]
    pub fn may_write(&self, kind: Kind) -> bool {
        match self {
            Caller::Person(person) => person.rights.allow(Resource::Events, Action::Create),
            Caller::Key(key) => key.scopes.iter().any(|scope| scope.writes(kind)),
        }
    }

    /// The rights that answers can depend on: the same for callers who are given the same answers.
    #[must_use]
    pub fn rights(&self) -> Rights {
        match self {
            Caller::Person(person) => person.rights,
            Caller::Key(_) => Rights::NONE,
        }
    }
}
