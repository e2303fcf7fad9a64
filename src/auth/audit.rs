//! The audit: the actions of callers, and their refusals. Rows are only ever added; [`http`] shows
//! them.

pub mod http;

use std::time::Duration;

use crate::http::client::Origin;
use crate::http::parameters::values::Word;
use crate::rights::caller::Caller;
use crate::store::platform::Platform;
use crate::store::platform::audit::AuditRow;
use crate::store::time;

/// A target or a detail is cut off here: a path can be as long as its sender likes.
const CHARACTERS_MAX: usize = 256;

/// Adds to the audit.
#[derive(Debug, Clone)]
pub struct Audit {
    store: Platform,
    kept: Option<Duration>,
}

/// The types of events, and their names.
macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The types of events that are recorded.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum EventType {
            $($(#[$doc])* $name,)*
        }

        impl EventType {
            /// All of them.
            pub const ALL: &[EventType] = &[$(EventType::$name,)*];

            /// Its name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(EventType::$name => $text,)*
                }
            }
        }
    };
}

event_types! {
    /// A session began, or a sign-in failed.
    SignIn = "sign-in",
    /// A session was ended by its owner.
    SignOut = "sign-out",
    /// All sessions of an account were ended by their owner.
    SignOutAll = "sign-out-all",
    /// A refresh token was used that had been used before.
    Refresh = "refresh",
    /// Somebody changed their password, or tried to.
    PasswordChange = "password-change",
    /// A new password was set with a link.
    PasswordReset = "password-reset",
    /// A link to set a new password was made.
    ResetLink = "reset-link",
    /// An account was made.
    AccountCreate = "account-create",
    /// Names, e-mail or profile were changed.
    AccountChange = "account-change",
    /// Role or permissions were changed.
    RoleChange = "role-change",
    /// An account was deactivated.
    AccountDeactivate = "account-deactivate",
    /// An account was activated again.
    AccountReactivate = "account-reactivate",
    /// An API key was made.
    KeyCreate = "key-create",
    /// An API key was revoked.
    KeyRevoke = "key-revoke",
    /// A rule of alerts was made.
    AlertCreate = "alert-create",
    /// A rule of alerts was changed.
    AlertChange = "alert-change",
    /// A rule of alerts was removed.
    AlertDelete = "alert-delete",
    /// A known caller asked for something without the right.
    Access = "access",
    /// Figures were exported as a file.
    Export = "export",
    /// A quarantined message was sent again.
    QuarantineReplay = "quarantine-replay",
    /// A quarantined message was discarded.
    QuarantineDiscard = "quarantine-discard",
    /// The next generation of read models was begun, or went on.
    ProjectionRebuild = "projection-rebuild",
    /// A command on generations was stopped.
    ProjectionCancel = "projection-cancel",
    /// Another generation was made live.
    ProjectionSwitch = "projection-switch",
    /// A generation was removed.
    ProjectionDrop = "projection-drop",
    /// A log that was made anew was accepted as the checkpoint's.
    ProjectionAccept = "projection-accept",
    /// Everybody who was connected was told something.
    AlertBroadcast = "alert-broadcast",
}

impl Word for EventType {
    const ALL: &'static [Self] = EventType::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

/// One row to record. Never put a secret into it.
#[derive(Debug, Clone)]
pub struct Event(AuditRow);

impl Event {
    /// Something that was done.
    #[must_use]
    pub fn done(event: EventType) -> Self {
        Event(AuditRow::new(event.as_str(), true))
    }

    /// Something that was refused.
    #[must_use]
    pub fn refused(event: EventType) -> Self {
        Event(AuditRow::new(event.as_str(), false))
    }

    /// Sets the caller.
    #[must_use]
    pub fn by(self, caller: &Caller) -> Self {
        match caller {
            Caller::Person(person) => self.by_user(&person.user_id),
            Caller::Key(key) => self.by_name(format!("key:{}", key.id)),
        }
    }

    /// Sets the person of that id as the caller.
    #[must_use]
    pub fn by_user(self, user_id: &str) -> Self {
        self.by_name(format!("user:{user_id}"))
    }

    /// Sets a caller that is neither a person nor a key, such as `command`.
    #[must_use]
    pub fn by_name(mut self, name: impl Into<String>) -> Self {
        self.0.actor = Some(name.into());
        self
    }

    /// Sets the target: `user:<id>`, `key:<id>`, `session:<id>`.
    #[must_use]
    pub fn to(mut self, target: impl Into<String>) -> Self {
        self.0.target = Some(bounded(target.into()));
        self
    }

    /// Sets a detail in a few words.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(bounded(detail.into()));
        self
    }

    /// Sets the request.
    #[must_use]
    pub fn from(mut self, origin: &Origin) -> Self {
        self.0.address = origin.address.map(|address| address.to_string());
        self.0.request_id.clone_from(&origin.request_id);
        self
    }
}

impl Audit {
    /// Adds to the audit in `store`. A row goes so many days after it was written; with 0 it stays.
    #[must_use]
    pub fn new(store: Platform, days: u32) -> Self {
        let kept = (days > 0).then(|| Duration::from_hours(24 * u64::from(days)));
        Audit { store, kept }
    }

    /// Adds an event. It has happened already, so a store that does not take it is an error in the
    /// log and no reason to undo it.
    pub async fn record(&self, mut event: Event) {
        event.0.expires_at = self.kept.map(|kept| time::later(event.0.at, kept));
        if let Err(error) = self.store.insert_audit(&event.0).await {
            let Event(AuditRow { action, actor, target, .. }) = event;
            tracing::error!(%error, action, actor, target, "the audit lacks an event");
        }
    }
}

fn bounded(text: String) -> String {
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_type_of_event_has_a_name_of_its_own() {
        let names: HashSet<_> = EventType::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(names.len(), EventType::ALL.len());
        for event in EventType::ALL {
            assert_eq!(EventType::of_word(event.as_str()), Some(*event));
        }
        assert_eq!(EventType::of_word("Sign-In"), None);
    }

    #[test]
    fn a_path_of_any_length_is_cut_off() {
        let event = Event::refused(EventType::Access).to(format!("GET /{}", "é".repeat(10_000)));
        let target = event.0.target.unwrap();
        assert_eq!(target.chars().count(), CHARACTERS_MAX);
    }
}
