//! Sessions of people who are signed in. A row carries all that a request is judged by, so that one
//! look-up by `_id` is enough; changing an account changes its rows in the same transaction.

use std::time::Duration;

use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{self, Bson, doc};
use mongodb::options::ReturnDocument;
use mongodb::{ClientSession, Collection};
use serde::{Deserialize, Serialize};

use super::Platform;
use super::accounts::Account;
use super::refused::Refused;
use super::relied::{By, done};
use super::standing::{Standing, standing};
use crate::names::{ACCOUNTS, SESSIONS};
use crate::time::{self, DateTime};
use crate::{Doing, Error};

/// A session, as its owner sees it and as it begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRow {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The user.
    pub user_id: String,
    /// The instant of its start.
    pub created_at: DateTime,
    /// The last use of its refresh token, or its start.
    pub last_used_at: DateTime,
    /// The instant when it ends by itself.
    pub expires_at: DateTime,
    /// The client's address at its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The client's name for itself at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The refresh token that is valid.
    pub refresh: Refresh,
}

/// SHA-256 of the refresh token that is valid and of the one before it, hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refresh {
    /// Of the one that is valid.
    pub hash: String,
    /// Of the one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// The instant when the valid one replaced it.
    pub rotated_at: DateTime,
}

/// One use of a refresh token.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The session that it is of.
    pub session: String,
    /// SHA-256 of the token that was used.
    pub used: String,
    /// SHA-256 of its successor, which is the same each time.
    pub successor: String,
    /// The token before the valid one is taken if it was replaced after this.
    pub grace_from: DateTime,
    /// The instant when the session ends by itself, if no token is used again.
    pub expires_at: DateTime,
    /// The age at which the session ends in any case.
    pub age_max: Duration,
}

/// The result of using a refresh token.
#[derive(Debug, Clone, PartialEq)]
pub enum Rotated {
    /// The successor is the session's valid token now.
    To(Standing),
    /// The token was used up before: somebody has an old one. The session was ended.
    Reused(Standing),
    /// There is no such session any more.
    Ended,
}

/// The largest number of sessions of an account at a time; one more ends the oldest.
pub const SESSIONS_MAX: usize = 100;

impl Platform {
    /// Begins a session of an account if it may sign in and its e-mail and password still are those
    /// of `shown`; `None` if not. Writing to the account orders this with any change to it, and
    /// with other sessions of it that begin: so no more than [`SESSIONS_MAX`] are ever there.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::TimedOut`].
    pub async fn open_session(
        &self,
        row: &SessionRow,
        shown: &Account,
    ) -> Result<Option<Account>, Error> {
        const DOING: &str = "beginning a session";
        let document = bson::serialize_to_document(row).doing(DOING)?;
        let active = doc! {
            "_id": row.user_id.as_str(),
            "isActive": true,
            "email": shown.email.as_str(),
            "passwordHash": shown.password_hash.0.as_str(),
        };
        let signed_in =
            doc! { "$set": { "lastLogin": row.created_at, "lastLoginAddress": &row.address } };
        let context = (self.database.clone(), active, document, signed_in);
        self.transact(DOING, context, |session, (database, active, document, signed_in)| {
            async move {
                let account = database
                    .collection::<Account>(ACCOUNTS)
                    .find_one_and_update(active.clone(), signed_in.clone())
                    .return_document(ReturnDocument::After)
                    .session(&mut *session)
                    .await?;
                if let Some(account) = &account {
                    let mut document = document.clone();
                    document.insert("role", account.role.as_str());
                    let permissions = bson::serialize_to_bson(&account.permissions)?;
                    document.insert("permissions", permissions);
                    let rows = database.collection::<bson::Document>(SESSIONS);
                    rows.insert_one(document).session(&mut *session).await?;
                    end_the_oldest(&rows, &account.id, session).await?;
                }
                Ok(account)
            }
            .boxed()
        })
        .await
    }

    /// The standing of a session; `None` if it has ended.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn standing(&self, session: &str) -> Result<Option<Standing>, Error> {
        self.database
            .collection(SESSIONS)
            .find_one(doc! { "_id": session, "expiresAt": { "$gt": time::now() } })
            .projection(standing())
            .await
            .doing("reading a session")
    }

    /// The standings of many sessions; those that have ended are left out.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn standings(&self, sessions: &[String]) -> Result<Vec<Standing>, Error> {
        const DOING: &str = "reading sessions";
        let alive = doc! { "_id": { "$in": sessions }, "expiresAt": { "$gt": time::now() } };
        let rows = self.database.collection(SESSIONS).find(alive).projection(standing()).await;
        rows.doing(DOING)?.try_collect().await.doing(DOING)
    }

    /// Uses a refresh token: one write that puts its successor in its place, or finds that it is
    /// there already. However many callers use one token at once, all get the same successor.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn rotate(&self, rotation: &Rotation) -> Result<Rotated, Error> {
        const DOING: &str = "using a refresh token";
        let Rotation { session, used, successor, grace_from, expires_at, age_max } = rotation;
        let rows = self.database.collection::<Standing>(SESSIONS);
        let good = doc! {
            "_id": session.as_str(),
            "expiresAt": { "$gt": time::now() },
            "$or": [
                { "refresh.hash": used.as_str() },
                { "refresh.previous": used.as_str(), "refresh.rotatedAt": { "$gt": *grace_from } },
            ],
        };
        let now = time::now();
        let next = doc! {
            "hash": successor.as_str(), "previous": used.as_str(), "rotatedAt": now,
        };
        let first = doc! { "$eq": ["$refresh.hash", used.as_str()] };
        let age_max = i64::try_from(age_max.as_millis()).unwrap_or(i64::MAX);
        let oldest = doc! { "$add": ["$createdAt", age_max] };
        let expires_at = doc! { "$min": [*expires_at, oldest] };
        let put = vec![doc! { "$set": {
            "refresh": { "$cond": [first.clone(), next, "$refresh"] },
            "lastUsedAt": { "$cond": [first.clone(), now, "$lastUsedAt"] },
            "expiresAt": { "$cond": [first, expires_at, "$expiresAt"] },
        } }];
        let rotated = rows.find_one_and_update(good, put).projection(standing()).await;
        if let Some(standing) = rotated.doing(DOING)? {
            return Ok(Rotated::To(standing));
        }
        // The token is authentic, of a session that has moved on from it.
        let reused = doc! { "_id": session.as_str(), "expiresAt": { "$gt": now } };
        let ended = rows.find_one_and_delete(reused).projection(standing()).await.doing(DOING)?;
        Ok(ended.map_or(Rotated::Ended, Rotated::Reused))
    }

    /// Ends a session for a caller in another one of the same account, or in that one; false if
    /// there is none to end.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn end_session_by<E>(&self, session: &str, by: By) -> Result<bool, E>
    where
        E: From<Refused> + Send + 'static,
    {
        let those = doc! { "_id": session, "userId": by.user_id.as_str() };
        self.end_by(those, by).await.map(|ended| ended == 1)
    }

    /// Ends all sessions of a caller, the present one included; gives their number.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn end_sessions_by<E>(&self, by: By) -> Result<u64, E>
    where
        E: From<Refused> + Send + 'static,
    {
        let those = doc! { "userId": by.user_id.as_str() };
        self.end_by(those, by).await
    }

    async fn end_by<E>(&self, those: bson::Document, by: By) -> Result<u64, E>
    where
        E: From<Refused> + Send + 'static,
    {
        let context = (self.database.collection::<bson::Document>(SESSIONS), those);
        let ended = self.transact_by("ending sessions", by, context, |session, context, _| {
            async move {
                let (rows, those) = context;
                let ended = rows.delete_many(those.clone()).session(session).await?;
                Ok(Ok(ended.deleted_count))
            }
            .boxed()
        });
        done(ended.await)
    }

    /// Ends all sessions of an account; gives their number.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn end_sessions_of(&self, user_id: &str) -> Result<u64, Error> {
        self.database
            .collection::<Bson>(SESSIONS)
            .delete_many(doc! { "userId": user_id })
            .await
            .doing("ending sessions")
            .map(|ended| ended.deleted_count)
    }

    /// The sessions of an account, the newest first.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn sessions_of(&self, user_id: &str) -> Result<Vec<SessionRow>, Error> {
        const DOING: &str = "reading sessions";
        let alive = doc! { "userId": user_id, "expiresAt": { "$gt": time::now() } };
        let rows = self.database.collection::<SessionRow>(SESSIONS);
        let rows = rows.find(alive).sort(newest_first()).await.doing(DOING)?;
        rows.try_collect().await.doing(DOING)
    }
}

/// Ends those sessions of an account that are not among its newest.
async fn end_the_oldest(
    rows: &Collection<bson::Document>,
    user_id: &str,
    session: &mut ClientSession,
) -> Result<(), mongodb::error::Error> {
    let older = rows.find(doc! { "userId": user_id }).projection(doc! { "_id": 1 });
    let older = older.sort(newest_first()).skip(SESSIONS_MAX as u64).session(&mut *session);
    let older: Vec<bson::Document> = older.await?.stream(&mut *session).try_collect().await?;
    let older: Vec<_> = older.iter().filter_map(|row| row.get("_id")).collect();
    if !older.is_empty() {
        rows.delete_many(doc! { "_id": { "$in": older } }).session(session).await?;
    }
    Ok(())
}

fn newest_first() -> bson::Document {
    doc! { "createdAt": -1, "_id": -1 }
}
