//! Operations on other people's accounts, and the changes that people can make to their own.
//!
//! Nobody gives a right that they do not have: a person who changes another's account has all its
//! rights, before and after. Nobody changes their own rights.

mod fields;
pub mod http;
mod list;

use super::accounts::{Accounts, NewAccount};
use super::audit::{Event, EventType};
use super::error::Error;
use super::password::Crowd;
use super::person::person;
use super::throttle::Attempt;
use super::user::User;
use crate::http::client::Origin;
use crate::http::gate::Refusal;
use crate::rights::access::Access;
use crate::rights::caller::Person;
use crate::rights::role::{Action, Permission, Resource, Rights, Role};
use crate::store::platform::accounts::{Account, Change, Sessions};
use crate::store::platform::change::Judge;
use crate::store::platform::refused::Refused;
use crate::store::platform::standing::Standing;

/// The accounts that a right to change accounts covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Others'.
    Others(Action),
    /// Others', and everybody's own.
    AlsoOwn(Action),
}

impl Whose {
    fn judge(self, by: &Person, id: &str) -> Result<(), Refusal> {
        let (Whose::Others(action) | Whose::AlsoOwn(action)) = self;
        let is_own = matches!(self, Whose::AlsoOwn(_)) && by.user_id == id;
        if is_own || by.rights.allow(Resource::Users, action) {
            return Ok(());
        }
        Err(Refusal::Forbidden(Access::Allowed(Resource::Users, action)))
    }
}

/// Why an account is not written, and its event in the audit.
struct Denied {
    why: Box<Error>,
    event: Option<EventType>,
}

impl Denied {
    fn in_the_audit(why: Error, event: Option<EventType>) -> Self {
        Denied { why: Box::new(why), event }
    }
}

impl From<Error> for Denied {
    fn from(why: Error) -> Self {
        Denied::in_the_audit(why, None)
    }
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Error::from(refusal).into()
    }
}

impl From<Refused> for Denied {
    fn from(refused: Refused) -> Self {
        Error::from(refused).into()
    }
}

impl Accounts {
    /// Accounts as a person may see them.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn shown(&self, by: &Person, accounts: Vec<Account>) -> Result<Vec<User>, Error> {
        if !by.rights.allow(Resource::Users, Action::Read) {
            return Ok(accounts.into_iter().map(User::from).collect());
        }
        let emails: Vec<&str> = accounts.iter().map(|account| &*account.email).collect();
        let locked = Attempt::are_locked(&self.store, &emails).await?;
        let pairs = accounts.into_iter().zip(locked);
        Ok(pairs.map(|(account, is_locked)| User::managed(account, is_locked)).collect())
    }

    /// Makes an account for a caller who may make accounts and has the rights that it gets.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::Refusal`], [`Error::Password`], [`Error::EmailTaken`],
    /// [`Error::Store`].
    pub async fn create_user(
        &self,
        by: &Person,
        new: NewAccount,
        origin: &Origin,
    ) -> Result<Account, Error> {
        let given = (new.role, new.permissions.clone());
        let judge = move |by: &Person| {
            Whose::Others(Action::Create).judge(by, "")?;
            let (role, permissions) = &given;
            let given = may_give(by, *role, permissions);
            given.map_err(|why| Denied::in_the_audit(why, Some(EventType::AccountCreate)))
        };
        // It is judged before the password is hashed, and again when the account is written.
        let made = match judge(by) {
            Ok(()) => self.insert(by, new, origin, judge).await,
            Err(denied) => Err(denied),
        };
        match made {
            Ok(account) => Ok(account),
            Err(denied) => Err(self.remember_denied(denied, by, None, origin).await),
        }
    }

    async fn insert(
        &self,
        by: &Person,
        new: NewAccount,
        origin: &Origin,
        judge: impl Fn(&Person) -> Result<(), Denied> + Send + Sync + 'static,
    ) -> Result<Account, Denied> {
        let account = self.drawn_up(new, Crowd::Known, origin).await?;
        let judge = move |by: &Standing| judge(&person(by.clone()));
        self.store.insert_account_by(&account, by.into(), judge).await?;
        self.remember_new(&account, origin).await;
        Ok(account)
    }

    /// Changes an account as `asked`: a function of the account as it is when it is written, which
    /// asks for no change that is none.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::Refusal`], [`Error::LastAdmin`], [`Error::EmailTaken`],
    /// [`Error::NoAccount`], [`Error::Store`].
    pub async fn change_user(
        &self,
        by: &Person,
        id: &str,
        whose: Whose,
        asked: impl Fn(&Account) -> Change + Send + Sync + 'static,
        origin: &Origin,
    ) -> Result<Account, Error> {
        let whom = id.to_owned();
        let judge = move |by: &Standing, account: Option<&Account>| {
            let by = person(by.clone());
            whose.judge(&by, &whom)?;
            let account = account.ok_or(Error::NoAccount)?;
            let change = asked(account);
            if change != Change::default()
                && let Err(why) = may_change(&by, account, &change)
            {
                let event = events(account, &change).first().map(|(event, _)| *event);
                return Err(Denied::in_the_audit(why, event));
            }
            Ok(change)
        };
        let judge: Judge<Denied> = Box::new(judge);
        match self.store.judge_change(id, by.into(), judge, Sessions::GoOn).await {
            Ok(changed) => {
                for (event, detail) in events(&changed.before, &changed.change) {
                    let event = Event::done(event).by_user(&by.user_id).from(origin);
                    self.audit.record(event.to(format!("user:{id}")).detail(detail)).await;
                }
                Ok(changed.after)
            }
            Err(denied) => Err(self.remember_denied(denied, by, Some(id), origin).await),
        }
    }

    /// The audit has refusals of callers who may do other things.
    async fn remember_denied(
        &self,
        Denied { why, event }: Denied,
        by: &Person,
        whom: Option<&str>,
        origin: &Origin,
    ) -> Error {
        let event = match &*why {
            Error::Refusal(Refusal::Forbidden(access)) => {
                let event = Event::refused(EventType::Access).to(origin.to_string());
                Some(event.detail(access.to_string()))
            }
            _ => event.map(|event| {
                let event = Event::refused(event).detail(why.to_string());
                match whom {
                    Some(id) => event.to(format!("user:{id}")),
                    None => event,
                }
            }),
        };
        if let Some(event) = event {
            self.audit.record(event.by_user(&by.user_id).from(origin)).await;
        }
        *why
    }

    /// Deactivates an account, which ends its sessions, or activates it again.
    ///
    /// # Errors
    /// [`Error::OneSelf`], and as [`Accounts::change_user`].
    pub async fn set_active(
        &self,
        by: &Person,
        id: &str,
        is_active: bool,
        origin: &Origin,
    ) -> Result<Account, Error> {
        if !is_active && by.user_id == id {
            return Err(Error::OneSelf);
        }
        let action = if is_active { Action::Update } else { Action::Delete };
        let asked = move |account: &Account| {
            let is_new = account.is_active != is_active;
            Change { is_active: is_new.then_some(is_active), ..Change::default() }
        };
        self.change_user(by, id, Whose::Others(action), asked, origin).await
    }
}

/// Whether somebody may make an account with these rights, or change one that has them.
///
/// # Errors
/// [`Error::NotAllowed`].
pub fn may_give(by: &Person, role: Role, permissions: &[Permission]) -> Result<(), Error> {
    let message = "Nobody gives or takes away what they may not do themselves";
    if by.rights.cover(Rights::of(role, permissions)) {
        Ok(())
    } else {
        Err(Error::NotAllowed { field: "role", message })
    }
}

/// Whether a caller who may change accounts may make this change.
fn may_change(by: &Person, account: &Account, change: &Change) -> Result<(), Error> {
    let not_allowed = |field, message| Err(Error::NotAllowed { field, message });
    let of_rights = [
        ("role", change.role.is_some()),
        ("permissions", change.permissions.is_some()),
        ("isActive", change.is_active.is_some()),
    ];
    let of_rights = of_rights.into_iter().find(|(_, is_changed)| *is_changed);
    let is_own = by.user_id == account.id;
    if let Some((field, _)) = of_rights.filter(|_| is_own) {
        return not_allowed(field, "Nobody changes what they may do themselves");
    }
    if change.email.is_some() && !by.rights.allow(Resource::Users, Action::Update) {
        return not_allowed("email", "An admin changes the e-mail that one signs in with");
    }
    if is_own {
        return Ok(());
    }
    may_give(by, account.role, &account.permissions)?;
    let role = change.role.unwrap_or(account.role);
    may_give(by, role, change.permissions.as_deref().unwrap_or(&account.permissions))
}

/// The events of a change in the audit, the gravest first, without a name or an e-mail.
fn events(account: &Account, change: &Change) -> Vec<(EventType, String)> {
    let mut events = Vec::new();
    if let Some(is_active) = change.is_active {
        let event =
            if is_active { EventType::AccountReactivate } else { EventType::AccountDeactivate };
        events.push((event, account.role.as_str().to_owned()));
    }
    let role = change.role.map(|role| format!("{} to {}", account.role.as_str(), role.as_str()));
    let permissions = change
        .permissions
        .as_ref()
        .map(|permissions| format!("permissions to {:?}", Rights::listed(permissions)));
    let rights: Vec<_> = [role, permissions].into_iter().flatten().collect();
    if !rights.is_empty() {
        events.push((EventType::RoleChange, rights.join(", ")));
    }
    let others = [
        ("email", change.email.is_some()),
        ("username", change.username.is_some()),
        ("firstName", change.first_name.is_some()),
        ("lastName", change.last_name.is_some()),
        ("profile", change.profile.is_some()),
    ];
    let others = others.into_iter().filter(|(_, is_changed)| *is_changed);
    let others: Vec<_> = others.map(|(field, _)| field).collect();
    if !others.is_empty() {
        events.push((EventType::AccountChange, others.join(", ")));
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::platform::accounts::{PasswordHash, Profile};
    use crate::store::time;

    fn account(id: &str, role: Role) -> Account {
        Account {
            id: id.to_owned(),
            email: format!("{id}@example.org"),
            username: None,
            first_name: None,
            last_name: None,
            role,
            permissions: vec![],
            profile: Profile::default(),
            is_active: true,
            is_verified: false,
            password_hash: PasswordHash(String::new()),
            last_login: None,
            last_login_address: None,
            created_at: time::now(),
            updated_at: time::now(),
            created_by: "self".to_owned(),
            updated_by: None,
        }
    }

    fn person(id: &str, role: Role, more: &[Permission]) -> Person {
        let (user_id, session) = (id.to_owned(), "s".to_owned());
        Person { user_id, session, role, rights: Rights::of(role, more) }
    }

    fn refused(by: &Person, account: &Account, change: &Change) -> Option<&'static str> {
        match may_change(by, account, change) {
            Err(Error::NotAllowed { field, .. }) => Some(field),
            _ => None,
        }
    }

    #[test]
    fn nobody_changes_what_they_may_themselves() {
        for role in Role::ALL {
            let (own, by) = (account("ann", role), person("ann", role, &[]));
            let role = Change { role: Some(Role::Viewer), ..Change::default() };
            assert_eq!(refused(&by, &own, &role), Some("role"));
            let permissions = Change { permissions: Some(vec![]), ..Change::default() };
            assert_eq!(refused(&by, &own, &permissions), Some("permissions"));
            let is_active = Change { is_active: Some(false), ..Change::default() };
            assert_eq!(refused(&by, &own, &is_active), Some("isActive"));
            let name = Change { first_name: Some("Ann".to_owned()), ..Change::default() };
            assert_eq!(refused(&by, &own, &name), None);
        }
    }

    #[test]
    fn who_sees_to_accounts_gives_and_takes_no_more_than_they_have() {
        let actions = vec![Action::Read, Action::Create, Action::Update, Action::Delete];
        let users = Permission { resource: Resource::Users, actions };
        let clerk = person("clerk", Role::Analyst, &[users]);
        let to = |role| Change { role: Some(role), ..Change::default() };
        let (viewer, admin) = (account("v", Role::Viewer), account("a", Role::Admin));
        assert_eq!(refused(&clerk, &viewer, &to(Role::Analyst)), None);
        assert_eq!(refused(&clerk, &viewer, &to(Role::Manager)), Some("role"));
        assert_eq!(refused(&clerk, &admin, &to(Role::Viewer)), Some("role"));
        let email = Change { email: Some("x@example.org".to_owned()), ..Change::default() };
        assert_eq!(refused(&clerk, &admin, &email), Some("role"), "it could then sign in as them");
        let root = person("root", Role::Admin, &[]);
        assert_eq!(refused(&root, &admin, &to(Role::Viewer)), None);
    }

    #[test]
    fn an_e_mail_is_changed_by_who_sees_to_accounts() {
        let email = Change { email: Some("x@example.org".to_owned()), ..Change::default() };
        let manager = person("m", Role::Manager, &[]);
        assert_eq!(refused(&manager, &account("m", Role::Manager), &email), Some("email"));
        let admin = person("a", Role::Admin, &[]);
        assert_eq!(refused(&admin, &account("a", Role::Admin), &email), None);
    }

    #[test]
    fn a_change_is_remembered_by_what_it_is_about_and_says_no_name() {
        let change = Change {
            email: Some("secret@example.org".to_owned()),
            last_name: Some("Secret".to_owned()),
            role: Some(Role::Admin),
            is_active: Some(false),
            ..Change::default()
        };
        let events = events(&account("ann", Role::Viewer), &change);
        let names: Vec<_> =
            events.iter().map(|(event, detail)| (event.as_str(), &**detail)).collect();
        assert_eq!(
            names,
            [
                ("account-deactivate", "viewer"),
                ("role-change", "viewer to admin"),
                ("account-change", "email, lastName"),
            ]
        );
    }
}
