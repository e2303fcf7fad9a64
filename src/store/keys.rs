//! API keys, by the SHA-256 of their text.

use mongodb::bson::doc;
use serde::{Deserialize, Serialize};

use super::names::API_KEYS;
use super::time::{self, DateTime};
use super::{Doing, Error, Store};
use crate::auth::scope::Scope;

/// A key, as `api_keys` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRow {
    /// Its id, which is no secret.
    #[serde(rename = "_id")]
    pub id: String,
    /// SHA-256 of its text, hexadecimal; unique.
    pub hash: String,
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: DateTime,
    /// Who made it.
    pub created_by: String,
    /// Until when it is good; always, where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime>,
}

impl Store {
    /// Adds a key.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn insert_key(&self, key: &KeyRow) -> Result<(), Error> {
        let keys = self.database.collection::<KeyRow>(API_KEYS);
        keys.insert_one(key).await.doing("adding an API key")?;
        Ok(())
    }

    /// A key that is good now, by the SHA-256 of its text.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<KeyRow>, Error> {
        let keys = self.database.collection::<KeyRow>(API_KEYS);
        let found = keys.find_one(doc! { "hash": hash }).await.doing("reading an API key")?;
        Ok(found.filter(|key| key.expires_at.is_none_or(|end| end > time::now())))
    }

    /// Which of some keys are good now, by their ids.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn keys_alive(&self, ids: &[String]) -> Result<Vec<KeyRow>, Error> {
        use futures_util::TryStreamExt;
        const DOING: &str = "reading API keys";
        let keys = self.database.collection::<KeyRow>(API_KEYS);
        let found = keys.find(doc! { "_id": { "$in": ids } }).await.doing(DOING)?;
        let mut found: Vec<KeyRow> = found.try_collect().await.doing(DOING)?;
        found.retain(|key| key.expires_at.is_none_or(|end| end > time::now()));
        Ok(found)
    }
}
