//! What can be done with API keys, without HTTP: the routes and the command line both do it
//! through here.

pub mod http;
pub mod last_use;

use std::time::Duration;

use super::audit::{Audit, Event, EventType};
use super::error::Error;
use super::key::{self, NewKey};
use super::scope::Scope;
use crate::http::client::Origin;
use crate::store::keys::KeyRow;
use crate::store::{Store, time};

/// A key is good for so many days unless something else is asked for.
pub const DAYS: u32 = 365;
/// At most for so many, unless it is to be good for ever.
pub const DAYS_MAX: u32 = 3_650;
/// A name has at most so many characters.
pub const NAME_MAX: usize = 64;
/// There are at most so many keys.
const KEYS_MAX: usize = 500;

/// API keys.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Where they are.
    pub store: Store,
    /// Remembers what was done.
    pub audit: Audit,
}

/// A key that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Until when.
    pub end: End,
}

/// Until when a key is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// So many days from now.
    InDays(u32),
    /// Until then, milliseconds since 1970.
    At(i64),
    /// Until it is revoked.
    Never,
}

impl End {
    /// Until an instant, milliseconds since 1970: one to come, and not too far.
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
    /// Makes a key. Who makes it is `user:<id>` or `command`.
    ///
    /// # Errors
    /// [`Error::TooManyKeys`], [`Error::Store`].
    pub async fn create(&self, wanted: Wanted, by: &str, origin: &Origin) -> Result<NewKey, Error> {
        // Two at once may both be the last one; the bound is for what is listed, not to the key.
        if self.store.keys().await?.len() >= KEYS_MAX {
            return Err(Error::TooManyKeys);
        }
        let scopes = needed(&wanted.scopes);
        let made = key::make(&wanted.name, &scopes, by, wanted.end.ms());
        self.store.insert_key(&made.row).await?;
        let end = made.row.expires_at.map_or_else(|| "never".to_owned(), time::rfc3339);
        let detail = format!("{:?}, {}, ends {end}", made.row.name, texts(&scopes).join(" "));
        let event = Event::done(EventType::KeyCreate).by_name(by).from(origin);
        self.audit.record(event.to(format!("key:{}", made.row.id)).detail(detail)).await;
        Ok(made)
    }

    /// Revokes a key; it is refused from the next request on. Gives it as it was.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::Store`].
    pub async fn revoke(&self, id: &str, by: &str, origin: &Origin) -> Result<KeyRow, Error> {
        let row = self.store.remove_key(id).await?.ok_or(Error::NoKey)?;
        let event = Event::done(EventType::KeyRevoke).by_name(by).from(origin);
        let event = event.to(format!("key:{id}")).detail(format!("{:?}", row.name));
        self.audit.record(event).await;
        Ok(row)
    }
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
