//! Accounts. A change to one is made in one transaction with its sessions, so that whoever looks
//! at a session alone knows what its account may do now.

use std::fmt;

use futures_util::FutureExt;
use mongodb::bson::{self, doc};
use mongodb::error::{ErrorKind, WriteFailure};
use mongodb::options::ReturnDocument;
use mongodb::{ClientSession, Database};
use serde::{Deserialize, Serialize};

use super::names::{ACCOUNTS, RESETS, SESSIONS};
use super::time::{self, DateTime};
use super::{Doing, Error, Store};
use crate::auth::role::{Permission, Role};

const DUPLICATE_KEY: i32 = 11_000;

/// A person, as `accounts` has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The user's id.
    #[serde(rename = "_id")]
    pub id: String,
    /// In small letters; unique.
    pub email: String,
    /// A name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// The role.
    pub role: Role,
    /// What is allowed beyond the role.
    #[serde(default)]
    pub permissions: Vec<Permission>,
    /// What they tell of themselves.
    #[serde(default)]
    pub profile: Profile,
    /// Whether they may sign in.
    pub is_active: bool,
    /// Whether the e-mail is known to be theirs.
    pub is_verified: bool,
    /// The password, as a PHC string of argon2id.
    pub password_hash: PasswordHash,
    /// When they last signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_login: Option<DateTime>,
    /// When it was made.
    pub created_at: DateTime,
    /// When it was last changed, signing in apart.
    pub updated_at: DateTime,
    /// Who made it: a user's id, `self`, `command` or `start`.
    pub created_by: String,
    /// Who last changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
}

/// The hash of a password; not even a hash is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// What people tell of themselves, and how they like things.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)] // the names say it
pub struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    pub preferences: Preferences,
}

/// How somebody likes things. `notifications` and `dashboard` are a client's own business: JSON
/// texts here, so that no name a client chooses becomes a field's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)] // the names say it
pub struct Preferences {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notifications: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dashboard: Option<String>,
}

/// What to change of an account; what is `None` stays. An empty name is taken away.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // as in [`Account`]
pub struct Change {
    pub email: Option<String>,
    pub username: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub role: Option<Role>,
    pub permissions: Option<Vec<Permission>>,
    pub profile: Option<Profile>,
    pub is_active: Option<bool>,
    pub is_verified: Option<bool>,
    pub password: Option<NewPassword>,
}

/// A password in place of the one that was shown for it. Where that is the account's no more, nothing
/// is changed: of two that are set at once with the same old one, one is refused.
#[derive(Debug, Clone)]
pub struct NewPassword {
    /// The hash that the old one was verified against.
    pub was: PasswordHash,
    /// The new one's.
    pub is: PasswordHash,
}

/// What becomes of an account's sessions when it is changed. Those that go on have its new role
/// and permissions at once; a deactivated account keeps none whatever is said here.
#[derive(Debug, Clone)]
pub enum Sessions {
    /// They go on.
    GoOn,
    /// All end.
    End,
    /// All but one end.
    EndBut(String),
}

/// Why an account was not written.
#[derive(Debug)]
pub enum Refused {
    /// Another account has the e-mail.
    EmailTaken,
    /// Nobody would be left who may do everything.
    LastAdmin,
    /// The store did not take it.
    Store(Error),
}

impl Store {
    /// Adds an account.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn insert_account(&self, account: &Account) -> Result<(), Refused> {
        let accounts = self.database.collection::<Account>(ACCOUNTS);
        let inserted = accounts.insert_one(account).await;
        inserted.doing("adding an account").map(|_| ()).map_err(refused)
    }

    /// An account by its id.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn account(&self, id: &str) -> Result<Option<Account>, Error> {
        let accounts = self.database.collection(ACCOUNTS);
        accounts.find_one(doc! { "_id": id }).await.doing("reading an account")
    }

    /// An account by its e-mail, in small letters.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn account_by_email(&self, email: &str) -> Result<Option<Account>, Error> {
        let accounts = self.database.collection(ACCOUNTS);
        accounts.find_one(doc! { "email": email }).await.doing("reading an account")
    }

    /// Whether any account is an active admin's.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn has_admin(&self) -> Result<bool, Error> {
        let accounts = self.database.collection::<bson::Document>(ACCOUNTS);
        let admin = doc! { "role": Role::Admin.as_str(), "isActive": true };
        let found = accounts.find_one(admin).projection(doc! { "_id": 1 }).await;
        found.doing("looking for an admin").map(|found| found.is_some())
    }

    /// Changes an account and, together with it, its sessions. Gives the account as it is then, or
    /// `None` where there is none, or none with the password that was shown.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn change_account(
        &self,
        id: &str,
        change: Change,
        by: &str,
        sessions: Sessions,
    ) -> Result<Option<Account>, Refused> {
        let writes = Writes {
            id: id.to_owned(),
            may_end_admin: change.is_active == Some(false)
                || change.role.is_some_and(|role| role != Role::Admin),
            ends_resets: change.email.is_some()
                || change.password.is_some()
                || change.is_active == Some(false),
            password_was: change.password.as_ref().map(|password| password.was.clone()),
            update: change.update(by).map_err(Refused::Store)?,
            sessions,
        };
        let context = (self.database.clone(), writes);
        let changed = self
            .transact("changing an account", context, |session, (database, writes)| {
                change_in(database, session, writes).boxed()
            })
            .await;
        match changed.map_err(refused)? {
            Changed::To(account) => Ok(Some(*account)),
            Changed::Missing => Ok(None),
            Changed::LastAdmin => Err(Refused::LastAdmin),
        }
    }
}

/// What changing an account writes.
struct Writes {
    id: String,
    update: bson::Document,
    sessions: Sessions,
    /// An admin may be none afterwards.
    may_end_admin: bool,
    /// Where the account has another password, nothing is written.
    password_was: Option<PasswordHash>,
    /// Links to set a new password were sent to who is not to use them any more.
    ends_resets: bool,
}

enum Changed {
    To(Box<Account>),
    Missing,
    LastAdmin,
}

async fn change_in(
    database: &Database,
    session: &mut ClientSession,
    writes: &Writes,
) -> mongodb::error::Result<Changed> {
    let id = writes.id.as_str();
    if writes.may_end_admin && is_last_admin(database, session, id).await? {
        return Ok(Changed::LastAdmin);
    }
    let mut those = doc! { "_id": id };
    if let Some(was) = &writes.password_was {
        those.insert("passwordHash", was.0.as_str());
    }
    let changed = database
        .collection::<Account>(ACCOUNTS)
        .find_one_and_update(those, writes.update.clone())
        .return_document(ReturnDocument::After)
        .session(&mut *session)
        .await?;
    let Some(account) = changed else { return Ok(Changed::Missing) };
    follow(database, session, &account, &writes.sessions).await?;
    if writes.ends_resets {
        let resets = database.collection::<bson::Document>(RESETS);
        resets.delete_many(doc! { "userId": id }).session(session).await?;
    }
    Ok(Changed::To(Box::new(account)))
}

/// Whether an account is the last active admin's. The other admin that is found is written to: of
/// two changes that each rely on the other's admin, only one goes through.
async fn is_last_admin(
    database: &Database,
    session: &mut ClientSession,
    id: &str,
) -> mongodb::error::Result<bool> {
    let accounts = database.collection::<bson::Document>(ACCOUNTS);
    let mut admin = doc! { "_id": id, "role": Role::Admin.as_str(), "isActive": true };
    if accounts.find_one(admin.clone()).session(&mut *session).await?.is_none() {
        return Ok(false);
    }
    admin.insert("_id", doc! { "$ne": id });
    let relied_on = doc! { "$inc": { "reliedOn": 1_i64 } };
    let another = accounts.find_one_and_update(admin, relied_on).session(session).await?;
    Ok(another.is_none())
}

/// Makes an account's sessions follow it, in the transaction that changed it.
pub(super) async fn follow(
    database: &Database,
    session: &mut ClientSession,
    account: &Account,
    sessions: &Sessions,
) -> mongodb::error::Result<()> {
    let rows = database.collection::<bson::Document>(SESSIONS);
    let mut those = doc! { "userId": account.id.as_str() };
    match sessions {
        Sessions::End => {}
        _ if !account.is_active => {}
        Sessions::EndBut(kept) => {
            those.insert("_id", doc! { "$ne": kept.as_str() });
        }
        Sessions::GoOn => {
            let permissions = bson::serialize_to_bson(&account.permissions)?;
            let set = doc! { "role": account.role.as_str(), "permissions": permissions };
            rows.update_many(those, doc! { "$set": set }).session(session).await?;
            return Ok(());
        }
    }
    rows.delete_many(those).session(session).await?;
    Ok(())
}

impl Change {
    fn update(self, by: &str) -> Result<bson::Document, Error> {
        const DOING: &str = "changing an account";
        let (mut set, mut unset) = (doc! {}, doc! {});
        set.insert("updatedAt", time::now());
        set.insert("updatedBy", by);
        for (field, name) in [
            ("username", self.username),
            ("firstName", self.first_name),
            ("lastName", self.last_name),
        ] {
            match name {
                Some(name) if name.is_empty() => drop(unset.insert(field, "")),
                Some(name) => drop(set.insert(field, name)),
                None => {}
            }
        }
        for (field, value) in [
            ("email", self.email.map(bson::Bson::String)),
            ("role", self.role.map(|role| role.as_str().into())),
            ("isActive", self.is_active.map(bson::Bson::Boolean)),
            ("isVerified", self.is_verified.map(bson::Bson::Boolean)),
            ("passwordHash", self.password.map(|password| password.is.0.into())),
        ] {
            if let Some(value) = value {
                set.insert(field, value);
            }
        }
        if let Some(permissions) = self.permissions {
            set.insert("permissions", bson::serialize_to_bson(&permissions).doing(DOING)?);
        }
        if let Some(profile) = self.profile {
            set.insert("profile", bson::serialize_to_bson(&profile).doing(DOING)?);
        }
        let mut update = doc! { "$set": set };
        if !unset.is_empty() {
            update.insert("$unset", unset);
        }
        Ok(update)
    }
}

fn refused(error: Error) -> Refused {
    if error.is_duplicate() { Refused::EmailTaken } else { Refused::Store(error) }
}

impl Error {
    /// Whether another document has a value that has to be unique.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        let Error::Driver { driver, .. } = self else { return false };
        let code = match &*driver.kind {
            ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
            ErrorKind::Command(command) => Some(command.code),
            _ => None,
        };
        code == Some(DUPLICATE_KEY)
    }
}
