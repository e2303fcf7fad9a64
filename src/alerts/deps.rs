//! What alerts depend on: the stores, the read models, the clients by which they are told; and what this
//! process saw of each rule.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use projections::time::Time;
use tokio::sync::Notify;

use super::deliver::webhook::Hooks;
use crate::auth::accounts::Accounts;
use crate::push;
use crate::query::views::{self, Refused};
use crate::query::{self, question::Question};
use crate::rights::caller::{Caller, Person};
use crate::rights::role::{Rights, Role};
use crate::store;
use crate::store::platform::Platform;
use crate::store::platform::alerts::Owner;
use crate::store::platform::directory::Member;

/// Asks the log when the message at a position was published; `None` where it is not there any more, an
/// error where the log does not answer.
pub type AskPublished =
    Arc<dyn Fn(u64) -> BoxFuture<'static, Result<Option<Time>, String>> + Send + Sync>;

/// What alerts depend on.
#[derive(Clone)]
pub struct Alerts {
    /// Rules, their states, and what was recorded.
    pub platform: Platform,
    /// The mailer, the audit, and the address of the service.
    pub accounts: Arc<Accounts>,
    /// The read models.
    pub queries: query::Deps,
    /// When events were published.
    pub published: AskPublished,
    /// Where recorded alerts are told.
    pub recorded: push::alerts::Alerts,
    /// The client of webhooks.
    pub hooks: Hooks,
    looks: Arc<Mutex<HashMap<String, Look>>>,
    /// Wakes whoever looks at rules: one was changed.
    pub(super) changed: Arc<Notify>,
    /// Wakes whoever delivers: something is due.
    pub(super) due: Arc<Notify>,
}

/// What a rule's figure was when this process looked at it last.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Look {
    /// The revision of the rule.
    pub revision: i64,
    /// The figure, where it is a number.
    pub value: Option<f64>,
    /// The position of the log.
    pub position: u64,
    /// Why it is not looked at.
    pub trouble: Option<&'static str>,
}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alerts").finish_non_exhaustive()
    }
}

impl Alerts {
    /// Alerts of one shop.
    #[must_use]
    pub fn new(
        accounts: Arc<Accounts>,
        queries: query::Deps,
        published: AskPublished,
        recorded: push::alerts::Alerts,
        hooks: Hooks,
    ) -> Self {
        let platform = accounts.store.clone();
        let (looks, changed, due) = (Arc::default(), Arc::default(), Arc::default());
        Alerts { platform, accounts, queries, published, recorded, hooks, looks, changed, due }
    }

    /// What was seen of rules, by their ids.
    pub(super) fn looks(&self) -> MutexGuard<'_, HashMap<String, Look>> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The caller as whom the view of an owner's rule is asked; `None` where a person may not sign in any
    /// more.
    pub(super) async fn caller(&self, owner: &Owner) -> Result<Option<Caller>, store::Error> {
        Ok(match owner {
            Owner::Role(role) => Some(everybody(*role)),
            Owner::User(id) => {
                let members = self.platform.members(std::slice::from_ref(id)).await?;
                members.into_iter().next().map(caller)
            }
        })
    }

    /// The question of a rule to its view, for a caller who may ask it.
    pub(super) fn ask(
        &self,
        uri: &axum::http::Uri,
        caller: &Caller,
        now: Time,
    ) -> Result<Question, Refused> {
        views::ask(uri, caller, now, self.queries.cache.language())
    }
}

/// Somebody of a role, with no rights of their own.
pub(super) fn everybody(role: Role) -> Caller {
    let (user_id, session) = (String::new(), String::new());
    Caller::Person(Person { user_id, session, role, rights: role.rights() })
}

/// A person who need not be signed in.
pub(super) fn caller(member: Member) -> Caller {
    let rights = Rights::of(member.role, &member.permissions);
    let (user_id, session, role) = (member.id, String::new(), member.role);
    Caller::Person(Person { user_id, session, role, rights })
}
