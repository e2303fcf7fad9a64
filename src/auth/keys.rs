//! Operations on API keys, without HTTP; the routes and the command line both use them.

pub mod http;
pub mod last_use;
pub mod remembered;

use std::time::Duration;

use self::remembered::Remembered;
use super::audit::{Audit, Event, EventType};
use super::error::Error;
use super::key::{self, NewKey};
use super::person::person;
use crate::http::client::Origin;
use crate::http::gate::Refusal;
use crate::rights::access::Access;
use crate::rights::caller::Person;
use crate::rights::role::{Action, Resource};
use crate::rights::scope::Scope;
use crate::store::platform::Platform;
use crate::store::platform::keys::KeyRow;
use crate::store::platform::standing::Standing;
use crate::store::time;

/// The days after which a key expires, unless something else is asked for.
pub const DAYS: u32 = 365;
/// The most days, unless the key never expires.
pub const DAYS_MAX: u32 = 3_650;
/// A name has at most so many characters.
pub const NAME_MAX: usize = 64;
/// There are at most so many keys.
const KEYS_MAX: usize = 500;
/// The name that the audit has for an operator at the command line.
const COMMAND: &str = "command";

/// API keys.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The store of keys.
    pub store: Platform,
    /// The audit of operations.
    pub audit: Audit,
    /// The keys that the gate remembers.
    pub remembered: Remembered,
}

/// A key that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Its scopes.
    pub scopes: Vec<Scope>,
    /// The time at which it expires.
    pub end: End,
}

/// The time at which a key expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// After so many days.
    InDays(u32),
    /// At this time, milliseconds since 1970.
    At(i64),
    /// Never, until it is revoked.
    Never,
}

impl End {
    /// At an instant, milliseconds since 1970, which is to come and not too far away.
    #[must_use]
    pub fn at(ms: i64) -> Option<Self> {
        let now = time::now();
        let last = time::later(now, days(DAYS_MAX)).timestamp_millis();
        (now.timestamp_millis() + 1..=last).contains(&ms).then_some(End::At(ms))
    }

    fn ms(self) -> Option<i64> {
        match self {
            End::InDays(number) => Some(time::later(time::now(), days(number)).timestamp_millis()),
            End::At(ms) => Some(ms),
            End::Never => None,
        }
    }
}

impl Keys {
    /// Makes a key for an operator.
    ///
    /// # Errors
    /// [`Error::TooManyKeys`], [`Error::Store`].
    pub async fn create(&self, wanted: &Wanted, origin: &Origin) -> Result<NewKey, Error> {
        let made = self.drawn_up(wanted, COMMAND).await?;
        self.store.insert_key(&made.row).await?;
        self.remember_new(&made.row, origin).await;
        Ok(made)
    }

    /// Makes a key for somebody who may make keys and do all that it may.
    ///
    /// # Errors
    /// [`Error::Refusal`], [`Error::TooManyKeys`], [`Error::Store`].
    pub async fn create_by(
        &self,
        by: &Person,
        wanted: &Wanted,
        origin: &Origin,
    ) -> Result<NewKey, Error> {
        let made = self.drawn_up(wanted, &name_of(by)).await?;
        let scopes = made.row.scopes.clone();
        let judge = move |by: &Standing| may_give(&person(by.clone()), &scopes);
        if let Err(error) = self.store.insert_key_by(&made.row, by.into(), judge).await {
            return Err(self.remember_refused(error, EventType::KeyCreate, by, origin).await);
        }
        self.remember_new(&made.row, origin).await;
        Ok(made)
    }

    async fn drawn_up(&self, wanted: &Wanted, by: &str) -> Result<NewKey, Error> {
        // Two at once may both be the last one: the bound keeps the list short and need not be
        // exact.
        if self.store.keys().await?.len() >= KEYS_MAX {
            return Err(Error::TooManyKeys);
        }
        Ok(key::make(&wanted.name, &needed(&wanted.scopes), by, wanted.end.ms()))
    }

    /// Revokes a key for an operator; this process refuses it from the next request on, and others
    /// within a second. Returns it as it was.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::Store`].
    pub async fn revoke(&self, id: &str, origin: &Origin) -> Result<KeyRow, Error> {
        let removed = self.store.remove_key(id).await;
        // Also where there was no answer: it may be revoked.
        self.remembered.forget();
        let row = removed?.ok_or(Error::NoKey)?;
        self.remember_revoked(&row, COMMAND, origin).await;
        Ok(row)
    }

    /// Revokes a key for somebody who may.
    ///
    /// # Errors
    /// [`Error::Refusal`], [`Error::NoKey`], [`Error::Store`].
    pub async fn revoke_by(&self, by: &Person, id: &str, origin: &Origin) -> Result<KeyRow, Error> {
        let judge = |by: &Standing| may(&person(by.clone()), Resource::System, Action::Delete);
        let removed = self.store.remove_key_by(id, by.into(), judge).await;
        self.remembered.forget();
        match removed {
            Ok(row) => {
                let row = row.ok_or(Error::NoKey)?;
                self.remember_revoked(&row, &name_of(by), origin).await;
                Ok(row)
            }
            Err(error) => Err(self.remember_refused(error, EventType::KeyRevoke, by, origin).await),
        }
    }

    async fn remember_new(&self, row: &KeyRow, origin: &Origin) {
        let end = row.expires_at.map_or_else(|| "never".to_owned(), time::rfc3339);
        let detail = format!("{:?}, {}, ends {end}", row.name, texts(&row.scopes).join(" "));
        let event = Event::done(EventType::KeyCreate).by_name(&*row.created_by).from(origin);
        self.audit.record(event.to(format!("key:{}", row.id)).detail(detail)).await;
    }

    async fn remember_revoked(&self, row: &KeyRow, by: &str, origin: &Origin) {
        let event = Event::done(EventType::KeyRevoke).by_name(by).from(origin);
        let event = event.to(format!("key:{}", row.id)).detail(format!("{:?}", row.name));
        self.audit.record(event).await;
    }

    async fn remember_refused(
        &self,
        error: Error,
        event: EventType,
        by: &Person,
        origin: &Origin,
    ) -> Error {
        if let Error::Refusal(Refusal::Forbidden(access)) = &error {
            let event = Event::refused(event).by_user(&by.user_id).from(origin);
            self.audit.record(event.detail(access.to_string())).await;
        }
        error
    }
}

/// Nobody gives a key rights that they do not have themselves.
fn may_give(by: &Person, scopes: &[Scope]) -> Result<(), Error> {
    may(by, Resource::System, Action::Create)?;
    let needed = scopes.iter().flat_map(|scope| scope.needs());
    needed.copied().try_for_each(|(resource, action)| may(by, resource, action))
}

fn may(by: &Person, resource: Resource, action: Action) -> Result<(), Error> {
    if by.rights.allow(resource, action) {
        return Ok(());
    }
    Err(Refusal::Forbidden(Access::Allowed(resource, action)).into())
}

fn name_of(person: &Person) -> String {
    format!("user:{}", person.user_id)
}

/// Whether a text can be a key's name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.chars().count())
        && text.trim() == text
        && !text.contains(char::is_control)
}

/// Scopes as their names.
#[must_use]
pub fn texts(scopes: &[Scope]) -> Vec<String> {
    scopes.iter().map(ToString::to_string).collect()
}

/// Each scope once, and none that another one has in it.
fn needed(scopes: &[Scope]) -> Vec<Scope> {
    let every_kind = scopes.contains(&Scope::EventsWrite(None));
    let mut needed: Vec<Scope> = Vec::new();
    for scope in scopes {
        let is_in_another = every_kind && matches!(scope, Scope::EventsWrite(Some(_)));
        if !is_in_another && !needed.contains(scope) {
            needed.push(*scope);
        }
    }
    needed
}

fn days(number: u32) -> Duration {
    Duration::from_hours(24 * u64::from(number))
}

#[cfg(test)]
mod tests {
    use projections::event::Kind;

    use super::*;

    #[test]
    fn a_scope_that_another_one_has_in_it_is_not_kept() {
        let stock = Scope::EventsWrite(Some(Kind::Stock));
        let all = Scope::EventsWrite(None);
        assert_eq!(needed(&[stock, all, Scope::MetricsRead, stock]), [all, Scope::MetricsRead]);
        assert_eq!(needed(&[stock, stock]), [stock]);
    }

    #[test]
    fn a_key_ends_in_time_to_come_and_not_too_far() {
        let now = time::now().timestamp_millis();
        assert_eq!(End::at(now - 1), None);
        assert_eq!(End::at(now + 60_000), Some(End::At(now + 60_000)));
        assert_eq!(End::at(now + 11 * 365 * 86_400_000), None);
        assert_eq!(End::Never.ms(), None);
        assert!(End::InDays(1).ms().unwrap() >= now + 86_400_000);
    }

    #[test]
    fn a_name_can_be_read_on_one_line() {
        assert!(is_name("till 7, Zürich"));
        for text in ["", " till", "till\n7", "a\u{1b}[31m"] {
            assert!(!is_name(text), "{text:?}");
        }
        assert!(!is_name(&"n".repeat(65)));
    }
}
