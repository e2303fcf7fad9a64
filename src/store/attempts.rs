//! Failed sign-ins, counted by whom and from where, for as long as they matter.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use mongodb::bson::{self, Bson, doc};
use mongodb::options::UpdateModifications;
use serde::Deserialize;

use super::names::ATTEMPTS;
use super::time::{self, DateTime};
use super::{Doing, Error, Store};

/// What is remembered under one key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempts {
    #[serde(rename = "_id")]
    key: String,
    /// Until when the next attempt has to wait.
    #[serde(default)]
    pub until: Option<DateTime>,
    /// Whether this account has signed in from there.
    #[serde(default)]
    pub known: bool,
}

/// How failures under one key are answered.
#[derive(Debug, Clone)]
pub struct Counting {
    /// The key.
    pub key: String,
    /// So many failures cost nothing.
    pub free: i64,
    /// The wait after the first one more; it doubles with each.
    pub base_ms: i64,
    /// The longest wait.
    pub most_ms: i64,
    /// Failures are forgotten when there was none for so long.
    pub memory_ms: i64,
}

impl Store {
    /// What is remembered under some keys.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn attempts(&self, keys: &[String]) -> Result<HashMap<String, Attempts>, Error> {
        const DOING: &str = "reading failed sign-ins";
        let rows = self.database.collection::<Attempts>(ATTEMPTS);
        let rows = rows.find(doc! { "_id": { "$in": keys } }).await.doing(DOING)?;
        let rows: Vec<Attempts> = rows.try_collect().await.doing(DOING)?;
        Ok(rows.into_iter().map(|row| (row.key.clone(), row)).collect())
    }

    /// Counts a failure.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn count_failure(&self, counting: &Counting) -> Result<(), Error> {
        let Counting { key, free, base_ms, most_ms, memory_ms } = counting;
        let now = time::now();
        let recent = time::at(now.timestamp_millis() - memory_ms);
        let before = doc! { "$cond": [{ "$gt": ["$failedAt", recent] }, "$failures", 0] };
        // Doubled at most thirty times, which is past any bound.
        let doubled = doc! { "$min": [30, { "$subtract": ["$failures", *free] }] };
        let wait =
            doc! { "$min": [*most_ms, { "$multiply": [*base_ms, { "$pow": [2, doubled] }] }] };
        let update = vec![
            doc! { "$set": { "failures": { "$add": [before, 1] }, "failedAt": now } },
            doc! { "$set": {
                "until": { "$cond": [
                    { "$gte": ["$failures", *free] }, { "$add": [now, wait] }, Bson::Null,
                ] },
                "expiresAt": { "$max": [
                    "$expiresAt", time::at(now.timestamp_millis() + memory_ms),
                ] },
            } },
        ];
        self.write_attempts(key, update.into(), "counting a failed sign-in").await
    }

    /// Forgets the failures under a key, and remembers until `until` that it was a good one.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn forget_failures(&self, key: &str, until: DateTime) -> Result<(), Error> {
        let update = doc! {
            "$set": { "known": true, "expiresAt": until },
            "$unset": { "failures": "", "failedAt": "", "until": "" },
        };
        self.write_attempts(key, update.into(), "forgetting failed sign-ins").await
    }

    async fn write_attempts(
        &self,
        key: &str,
        update: UpdateModifications,
        doing: &'static str,
    ) -> Result<(), Error> {
        let rows = self.database.collection::<bson::Document>(ATTEMPTS);
        rows.update_one(doc! { "_id": key }, update).upsert(true).await.doing(doing)?;
        Ok(())
    }
}
