//! Accounts. A [change](super::change) to one is made in one transaction with its sessions, so that
//! a look at a session alone tells the present rights of its account.

use std::fmt;

use mongodb::bson::{self, doc};
use mongodb::error::{ErrorKind, WriteFailure};
use rights::role::{Permission, Role};
use serde::{Deserialize, Serialize};

use super::Platform;
pub use super::change::{Change, NewPassword, Sessions};
use super::refused::Refused;
use super::relied::By;
use super::standing::Standing;
use crate::names::ACCOUNTS;
use crate::time::DateTime;
use crate::{Doing, Error};

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
    /// The permissions beyond the role.
    #[serde(default)]
    pub permissions: Vec<Permission>,
    /// The details that the person gives.
    #[serde(default)]
    pub profile: Profile,
    /// Whether they may sign in.
    pub is_active: bool,
    /// Whether the e-mail is known to be theirs.
    pub is_verified: bool,
    /// The password, as a PHC string of argon2id.
    pub password_hash: PasswordHash,
    /// The instant of the last sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_login: Option<DateTime>,
    /// The address of the last sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_login_address: Option<String>,
    /// The instant of its creation.
    pub created_at: DateTime,
    /// The instant of its last change, signing in apart.
    pub updated_at: DateTime,
    /// The creator: a user's id, `self`, `command` or `start`.
    pub created_by: String,
    /// The author of the last change.
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

/// The details that a person gives, and their preferences.
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

/// The preferences of a person. `notifications` and `dashboard` are a client's own business: JSON
/// texts here, so that no name that a client chooses becomes a field's.
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

impl Platform {
    /// Adds an account.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn insert_account(&self, account: &Account) -> Result<(), Refused> {
        let accounts = self.database.collection::<Account>(ACCOUNTS);
        let inserted = accounts.insert_one(account).await;
        inserted.doing("adding an account")?;
        Ok(())
    }

    /// Adds an account for a caller whose session still is there, if they may: `judge` is given
    /// their standing at the time of the write.
    ///
    /// # Errors
    /// The judge's error, and [`Refused`].
    pub async fn insert_account_by<E>(
        &self,
        account: &Account,
        by: By,
        judge: impl Fn(&Standing) -> Result<(), E> + Send + Sync + 'static,
    ) -> Result<(), E>
    where
        E: From<Refused> + Send + 'static,
    {
        self.insert_by(ACCOUNTS, "adding an account", account, by, judge).await
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
