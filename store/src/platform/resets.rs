//! One-shot tokens to set a new password, by their SHA-256.

use futures_util::FutureExt;
use mongodb::bson::{self, doc};
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};

use super::Platform;
use super::accounts::{Account, PasswordHash, Sessions};
use super::change::follow;
use crate::names::{ACCOUNTS, RESETS};
use crate::time::{self, DateTime};
use crate::{Doing, Error};

/// A token, as `password_resets` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResetRow {
    /// SHA-256 of the token, hexadecimal.
    #[serde(rename = "_id")]
    pub hash: String,
    /// The user whose password it sets.
    pub user_id: String,
    /// The end of its validity.
    pub expires_at: DateTime,
}

impl Platform {
    /// Adds a token for an account that may sign in and still has the e-mail that it was asked for
    /// by; false if it does not. Writing to the account orders this with every change of those.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::TimedOut`].
    pub async fn insert_reset(&self, row: &ResetRow, email: &str) -> Result<bool, Error> {
        let owner = doc! { "_id": row.user_id.as_str(), "email": email, "isActive": true };
        let context = (self.database.clone(), row.clone(), owner);
        self.transact("adding a reset token", context, |session, (database, row, owner)| {
            async move {
                let accounts = database.collection::<bson::Document>(ACCOUNTS);
                let relied_on = doc! { "$inc": { "reliedOn": 1_i64 } };
                let found = accounts.update_one(owner.clone(), relied_on).session(&mut *session);
                if found.await?.matched_count == 0 {
                    return Ok(false);
                }
                let rows = database.collection::<ResetRow>(RESETS);
                rows.insert_one(&*row).session(session).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    /// The user of this token, while it is valid.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn reset_owner(&self, hash: &str) -> Result<Option<String>, Error> {
        let good = doc! { "_id": hash, "expiresAt": { "$gt": time::now() } };
        let row = self.database.collection::<ResetRow>(RESETS).find_one(good).await;
        row.doing("reading a reset token").map(|row| row.map(|row| row.user_id))
    }

    /// Uses a token up: sets the password, ends every session and every other token of the account,
    /// all together. `None` if the token is not valid any more, or the account may not sign in.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::TimedOut`].
    pub async fn use_reset(
        &self,
        hash: &str,
        password: PasswordHash,
    ) -> Result<Option<Account>, Error> {
        let context = (self.database.clone(), hash.to_owned(), password);
        self.transact("setting a new password", context, |session, (database, hash, password)| {
            async move {
                let resets = database.collection::<ResetRow>(RESETS);
                let good = doc! { "_id": hash.as_str(), "expiresAt": { "$gt": time::now() } };
                let row = resets.find_one_and_delete(good).session(&mut *session).await?;
                let Some(row) = row else { return Ok(None) };
                let those = doc! { "userId": row.user_id.as_str() };
                resets.delete_many(those).session(&mut *session).await?;
                let account = database
                    .collection::<Account>(ACCOUNTS)
                    .find_one_and_update(
                        doc! { "_id": row.user_id.as_str(), "isActive": true },
                        set_password(password),
                    )
                    .return_document(ReturnDocument::After)
                    .session(&mut *session)
                    .await?;
                if let Some(account) = &account {
                    follow(database, session, account, &Sessions::End).await?;
                }
                Ok(account)
            }
            .boxed()
        })
        .await
    }
}

fn set_password(password: &PasswordHash) -> bson::Document {
    doc! { "$set": {
        "passwordHash": password.0.as_str(), "updatedAt": time::now(), "updatedBy": "self",
    } }
}
