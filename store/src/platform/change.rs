//! Changes of accounts. Each is judged and made in one transaction, together with the account's
//! sessions: the state that was judged is the one that is written over.

use futures_util::FutureExt;
use mongodb::bson::{self, doc};
use mongodb::options::ReturnDocument;
use mongodb::{ClientSession, Database};
use rights::role::{Permission, Role};

use super::Platform;
use super::accounts::{Account, PasswordHash, Profile};
use super::refused::Refused;
use super::relied::{By, done};
use super::standing::Standing;
use crate::names::{ACCOUNTS, RESETS, SESSIONS};
use crate::time;

const DOING: &str = "changing an account";

/// The changes to an account; a field that is `None` stays. An empty name is taken away.
#[derive(Debug, Clone, Default, PartialEq)]
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

/// A password in place of the one that the caller gave. If the account has another one by then,
/// nothing is changed: of two that are set at once with the same old one, one is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPassword {
    /// The hash that the old one was verified against.
    pub was: PasswordHash,
    /// The new one's.
    pub is: PasswordHash,
}

/// The fate of an account's sessions when it is changed. Those that go on have its new role and
/// permissions at once; a deactivated account keeps none, whatever this says.
#[derive(Debug, Clone)]
pub enum Sessions {
    /// They go on.
    GoOn,
    /// All end.
    End,
    /// All but one end.
    EndBut(String),
}

/// Decides on the changes to an account, or returns an error: it is given the standing of the
/// caller, and the account if there is one, both as they are when the change is written. It may be
/// called more than once.
pub type Judge<E> =
    Box<dyn Fn(&Standing, Option<&Account>) -> Result<Change, E> + Send + Sync + 'static>;

/// The result of a change.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The account before.
    pub before: Account,
    /// The changes, perhaps none.
    pub change: Change,
    /// The account after.
    pub after: Account,
}

impl Platform {
    /// Changes an account as `judge` says, and its sessions with it; for a caller whose session
    /// still is there.
    ///
    /// # Errors
    /// The judge's error, and [`Refused`].
    pub async fn judge_change<E>(
        &self,
        id: &str,
        by: By,
        judge: Judge<E>,
        sessions: Sessions,
    ) -> Result<Changed, E>
    where
        E: From<Refused> + Send + 'static,
    {
        let context = (self.database.clone(), id.to_owned(), judge, sessions);
        let judged = self.transact_by(DOING, by, context, |session, context, by| {
            let (database, id, judge, sessions) = context;
            judged(database, session, id, judge, sessions, by).boxed()
        });
        done(judged.await)
    }

    /// Changes an account, and its sessions with it, unjudged; `by` becomes its author. Gives the
    /// account after the change, or `None` if there is none, or none with the password that was
    /// given.
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
        let context = (self.database.clone(), id.to_owned(), change, by.to_owned(), sessions);
        let written = self.transact(DOING, context, |session, context| {
            let (database, id, change, by, sessions) = context;
            write(database, session, id, change, by, sessions).boxed()
        });
        match written.await? {
            Written::To(account) => Ok(Some(*account)),
            Written::Missing => Ok(None),
            Written::LastAdmin => Err(Refused::LastAdmin),
        }
    }
}

/// Asks the judge about an account, and makes the changes that it allows.
async fn judged<E: From<Refused>>(
    database: &Database,
    session: &mut ClientSession,
    id: &str,
    judge: &Judge<E>,
    sessions: &Sessions,
    by: &Standing,
) -> mongodb::error::Result<Result<Changed, E>> {
    let accounts = database.collection::<Account>(ACCOUNTS);
    let before = accounts.find_one(doc! { "_id": id }).session(&mut *session).await?;
    let change = match judge(by, before.as_ref()) {
        Ok(change) => change,
        Err(refused) => return Ok(Err(refused)),
    };
    let Some(before) = before else { return Ok(Err(Refused::Missing.into())) };
    if change == Change::default() {
        return Ok(Ok(Changed { after: before.clone(), before, change }));
    }
    let written = write(database, session, id, &change, &by.user_id, sessions).await?;
    Ok(match written {
        Written::To(after) => Ok(Changed { before, change, after: *after }),
        Written::Missing => Err(Refused::Missing.into()),
        Written::LastAdmin => Err(Refused::LastAdmin.into()),
    })
}

enum Written {
    To(Box<Account>),
    Missing,
    LastAdmin,
}

async fn write(
    database: &Database,
    session: &mut ClientSession,
    id: &str,
    change: &Change,
    by: &str,
    sessions: &Sessions,
) -> mongodb::error::Result<Written> {
    if change.may_end_admin() && is_last_admin(database, session, id).await? {
        return Ok(Written::LastAdmin);
    }
    let mut those = doc! { "_id": id };
    if let Some(password) = &change.password {
        those.insert("passwordHash", password.was.0.as_str());
    }
    let changed = database
        .collection::<Account>(ACCOUNTS)
        .find_one_and_update(those, change.update(by)?)
        .return_document(ReturnDocument::After)
        .session(&mut *session)
        .await?;
    let Some(account) = changed else { return Ok(Written::Missing) };
    follow(database, session, &account, sessions).await?;
    if change.ends_resets() {
        let resets = database.collection::<bson::Document>(RESETS);
        resets.delete_many(doc! { "userId": id }).session(session).await?;
    }
    Ok(Written::To(Box::new(account)))
}

/// Whether an account is the last active admin's. The other admin is written to: of two changes
/// that each rely on the other's admin, only one goes through.
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
    /// Whether the change can make an admin none.
    fn may_end_admin(&self) -> bool {
        self.is_active == Some(false) || self.role.is_some_and(|role| role != Role::Admin)
    }

    /// Whether links to set a new password end, since their receivers must not use them any more.
    fn ends_resets(&self) -> bool {
        self.email.is_some() || self.password.is_some() || self.is_active == Some(false)
    }

    fn update(&self, by: &str) -> mongodb::error::Result<bson::Document> {
        let (mut set, mut unset) = (doc! {}, doc! {});
        set.insert("updatedAt", time::now());
        set.insert("updatedBy", by);
        for (field, name) in [
            ("username", &self.username),
            ("firstName", &self.first_name),
            ("lastName", &self.last_name),
        ] {
            match name {
                Some(name) if name.is_empty() => drop(unset.insert(field, "")),
                Some(name) => drop(set.insert(field, name)),
                None => {}
            }
        }
        for (field, value) in [
            ("email", self.email.as_deref().map(bson::Bson::from)),
            ("role", self.role.map(|role| role.as_str().into())),
            ("isActive", self.is_active.map(bson::Bson::Boolean)),
            ("isVerified", self.is_verified.map(bson::Bson::Boolean)),
            ("passwordHash", self.password.as_ref().map(|password| (&*password.is.0).into())),
        ] {
            if let Some(value) = value {
                set.insert(field, value);
            }
        }
        if let Some(permissions) = &self.permissions {
            set.insert("permissions", bson::serialize_to_bson(permissions)?);
        }
        if let Some(profile) = &self.profile {
            set.insert("profile", bson::serialize_to_bson(profile)?);
        }
        let mut update = doc! { "$set": set };
        if !unset.is_empty() {
            update.insert("$unset", unset);
        }
        Ok(update)
    }
}
