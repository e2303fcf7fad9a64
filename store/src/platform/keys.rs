//! API keys, by the SHA-256 of their text.

use std::time::Duration;

use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::doc;
use rights::scope::Scope;
use serde::{Deserialize, Serialize};

use super::Platform;
use super::refused::Refused;
use super::relied::{By, done};
use super::standing::Standing;
use crate::names::API_KEYS;
use crate::time::{self, DateTime};
use crate::{Doing, Error};

/// A key, as `api_keys` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRow {
    /// Its id, which is no secret.
    #[serde(rename = "_id")]
    pub id: String,
    /// SHA-256 of its text, hexadecimal; unique.
    pub hash: String,
    /// Its name.
    pub name: String,
    /// Its scopes.
    pub scopes: Vec<Scope>,
    /// The instant of its creation.
    pub created_at: DateTime,
    /// Its creator.
    pub created_by: String,
    /// The end of its validity; if there is none, it does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime>,
    /// The instant of its last use, to the minute; never, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<DateTime>,
}

impl Platform {
    /// Adds a key.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn insert_key(&self, key: &KeyRow) -> Result<(), Error> {
        let keys = self.database.collection::<KeyRow>(API_KEYS);
        keys.insert_one(key).await.doing("adding an API key")?;
        Ok(())
    }

    /// A key that is valid now, by the SHA-256 of its text.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<KeyRow>, Error> {
        let keys = self.database.collection::<KeyRow>(API_KEYS);
        let found = keys.find_one(doc! { "hash": hash }).await.doing("reading an API key")?;
        Ok(found.filter(|key| key.expires_at.is_none_or(|end| end > time::now())))
    }

    /// Those of some keys that are valid now, by their ids.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn keys_alive(&self, ids: &[String]) -> Result<Vec<KeyRow>, Error> {
        const DOING: &str = "reading API keys";
        let keys = self.database.collection::<KeyRow>(API_KEYS);
        let found = keys.find(doc! { "_id": { "$in": ids } }).await.doing(DOING)?;
        let mut found: Vec<KeyRow> = found.try_collect().await.doing(DOING)?;
        found.retain(|key| key.expires_at.is_none_or(|end| end > time::now()));
        Ok(found)
    }

    /// Every key that is valid now, the newest first.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn keys(&self) -> Result<Vec<KeyRow>, Error> {
        const DOING: &str = "reading API keys";
        let keys = self.database.collection::<KeyRow>(API_KEYS);
        let newest = doc! { "createdAt": -1, "_id": 1 };
        let found = keys.find(doc! {}).sort(newest).await.doing(DOING)?;
        let mut found: Vec<KeyRow> = found.try_collect().await.doing(DOING)?;
        found.retain(|key| key.expires_at.is_none_or(|end| end > time::now()));
        Ok(found)
    }

    /// Adds a key for a caller whose session still is there, if they may: `judge` is given their
    /// standing at the time of the write.
    ///
    /// # Errors
    /// The judge's error, and [`Refused`].
    pub async fn insert_key_by<E>(
        &self,
        key: &KeyRow,
        by: By,
        judge: impl Fn(&Standing) -> Result<(), E> + Send + Sync + 'static,
    ) -> Result<(), E>
    where
        E: From<Refused> + Send + 'static,
    {
        self.insert_by(API_KEYS, "adding an API key", key, by, judge).await
    }

    /// Removes a key for a caller, as [`Platform::insert_key_by`] adds one.
    ///
    /// # Errors
    /// The judge's error, and [`Refused`].
    pub async fn remove_key_by<E, J>(&self, id: &str, by: By, judge: J) -> Result<Option<KeyRow>, E>
    where
        E: From<Refused> + Send + 'static,
        J: Fn(&Standing) -> Result<(), E> + Send + Sync + 'static,
    {
        let keys = self.database.collection::<KeyRow>(API_KEYS);
        let context = (keys, doc! { "_id": id }, judge);
        let removed = self.transact_by("revoking an API key", by, context, |session, it, by| {
            async move {
                let (keys, those, judge) = it;
                if let Err(refused) = judge(by) {
                    return Ok(Err(refused));
                }
                keys.find_one_and_delete(those.clone()).session(session).await.map(Ok)
            }
            .boxed()
        });
        done(removed.await)
    }

    /// Removes a key; gives it as it was, or `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn remove_key(&self, id: &str) -> Result<Option<KeyRow>, Error> {
        let keys = self.database.collection::<KeyRow>(API_KEYS);
        keys.find_one_and_delete(doc! { "_id": id }).await.doing("revoking an API key")
    }

    /// Notes that a key is being used, unless a use was noted within the last `at_most_every`.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn note_use_of_key(&self, id: &str, at_most_every: Duration) -> Result<(), Error> {
        let now = time::now();
        let every = i64::try_from(at_most_every.as_millis()).unwrap_or(i64::MAX);
        let recent = time::at(now.timestamp_millis().saturating_sub(every));
        let due = doc! { "_id": id, "lastUsedAt": { "$not": { "$gt": recent } } };
        let keys = self.database.collection::<KeyRow>(API_KEYS);
        let noted = keys.update_one(due, doc! { "$set": { "lastUsedAt": now } }).await;
        noted.doing("noting the use of an API key").map(|_| ())
    }
}
