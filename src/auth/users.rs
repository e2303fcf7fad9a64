//! What can be done with other people's accounts, and what people can change of their own.
//!
//! Nobody gives what they do not have: whoever changes another's account may all that it may,
//! before and after. Nobody changes what they may themselves.

mod fields;
pub mod http;
mod list;

use super::accounts::Accounts;
use super::audit::{Event, EventType};
use super::caller::Person;
use super::error::Error;
use super::role::{Action, Permission, Resource, Rights, Role};
use crate::http::client::Origin;
use crate::store::accounts::{Account, Change, Sessions};

impl Accounts {
    /// Changes an account; `change` has nothing in it that is as it was.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::LastAdmin`], [`Error::EmailTaken`], [`Error::NoAccount`],
    /// [`Error::Store`].
    pub async fn change_user(
        &self,
        by: &Person,
        account: Account,
        change: Change,
        origin: &Origin,
    ) -> Result<Account, Error> {
        let events = events(&account, &change);
        if events.is_empty() {
            return Ok(account);
        }
        if let Err(error) = may_change(by, &account, &change) {
            let event = Event::refused(events[0].0).by_user(&by.user_id).from(origin);
            let event = event.to(format!("user:{}", account.id)).detail(error.to_string());
            self.audit.record(event).await;
            return Err(error);
        }
        let changed =
            self.store.change_account(&account.id, change, &by.user_id, Sessions::GoOn).await?;
        let changed = changed.ok_or(Error::NoAccount)?;
        for (event, detail) in events {
            let event = Event::done(event).by_user(&by.user_id).from(origin);
            self.audit.record(event.to(format!("user:{}", account.id)).detail(detail)).await;
        }
        Ok(changed)
    }

    /// Deactivates an account, which ends its sessions, or activates it again.
    ///
    /// # Errors
    /// [`Error::OneSelf`], [`Error::NotAllowed`], [`Error::LastAdmin`], [`Error::NoAccount`],
    /// [`Error::Store`].
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
        let account = self.store.account(id).await?.ok_or(Error::NoAccount)?;
        let is_new = account.is_active != is_active;
        let change = Change { is_active: is_new.then_some(is_active), ..Change::default() };
        self.change_user(by, account, change, origin).await
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

/// Whether somebody who may see to an account may change this of it.
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

/// What a change is remembered as, the gravest first. Says no name and no e-mail.
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
    use crate::store::accounts::{PasswordHash, Profile};
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
