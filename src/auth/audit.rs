//! The audit: who did what, and who was refused what.

use super::caller::Caller;
use crate::http::client::Origin;
use crate::store::Store;
use crate::store::audit::AuditRow;

/// Adds to the audit.
#[derive(Debug, Clone)]
pub struct Audit {
    store: Store,
}

/// One thing to be remembered. Never put a secret into it.
#[derive(Debug, Clone)]
pub struct Event(AuditRow);

impl Event {
    /// Something that was done, as `sign-in` or `account-change`.
    #[must_use]
    pub fn done(action: &str) -> Self {
        Event(AuditRow::new(action, true))
    }

    /// Something that was refused.
    #[must_use]
    pub fn refused(action: &str) -> Self {
        Event(AuditRow::new(action, false))
    }

    /// By whom.
    #[must_use]
    pub fn by(self, caller: &Caller) -> Self {
        match caller {
            Caller::Person(person) => self.by_user(&person.user_id),
            Caller::Key(key) => self.by_name(format!("key:{}", key.id)),
        }
    }

    /// By the person of that id.
    #[must_use]
    pub fn by_user(self, user_id: &str) -> Self {
        self.by_name(format!("user:{user_id}"))
    }

    /// By what is neither, as `command`.
    #[must_use]
    pub fn by_name(mut self, name: impl Into<String>) -> Self {
        self.0.actor = Some(name.into());
        self
    }

    /// To what: `user:<id>`, `key:<id>`, `session:<id>`.
    #[must_use]
    pub fn to(mut self, target: impl Into<String>) -> Self {
        self.0.target = Some(target.into());
        self
    }

    /// More in a few words.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// In which request.
    #[must_use]
    pub fn from(mut self, origin: &Origin) -> Self {
        self.0.address = origin.address.map(|address| address.to_string());
        self.0.request_id.clone_from(&origin.request_id);
        self
    }
}

impl Audit {
    /// Adds to the audit in `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Audit { store }
    }

    /// Adds an event. What it is about has happened already, so a store that does not take it is
    /// an error in the log and no reason to undo it.
    pub async fn record(&self, event: Event) {
        if let Err(error) = self.store.insert_audit(&event.0).await {
            let Event(AuditRow { action, actor, target, .. }) = event;
            tracing::error!(%error, action, actor, target, "the audit lacks an event");
        }
    }
}
