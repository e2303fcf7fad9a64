//! Who calls: a person with a session, or a program with an API key.

use projections::event::Kind;

use super::role::{Action, Resource, Rights, Role};
use super::scope::Scope;

/// Who calls, as the store had it when the request came.
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
    /// What their role and their own permissions allow.
    pub rights: Rights,
}

/// A program with an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key's id, which is no secret.
    pub id: String,
    /// What the key is called.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl Caller {
    /// Whether this is a person who may do that. For what keys may do, ask for a scope.
    #[must_use]
    pub fn may(&self, resource: Resource, action: Action) -> bool {
        matches!(self, Caller::Person(person) if person.rights.allow(resource, action))
    }

    /// Whether this is a program that comes in at a door for `wanted`.
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

    /// What answers can depend on: the same for callers who are given the same answers.
    #[must_use]
    pub fn rights(&self) -> Rights {
        match self {
            Caller::Person(person) => person.rights,
            Caller::Key(_) => Rights::NONE,
        }
    }
}
