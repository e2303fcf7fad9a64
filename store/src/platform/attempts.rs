//! Failed sign-ins, counted by account and by address, for as long as they matter.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use mongodb::bson::{self, Bson, doc};
use mongodb::options::UpdateModifications;
use serde::Deserialize;

use super::Platform;
use crate::names::ATTEMPTS;
use crate::time::{self, DateTime};
use crate::{Doing, Error};

/// The attempts under one key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempts {
    #[serde(rename = "_id")]
    key: String,
    /// The end of the wait before the next attempt.
    #[serde(default)]
    pub until: Option<DateTime>,
    /// Whether this account has signed in from there.
    #[serde(default)]
    pub known: bool,
}

/// The rules for failures under one key.
#[derive(Debug, Clone)]
pub struct Counting {
    /// The key.
    pub key: String,
    /// The number of failures that cost nothing.
    pub free: i64,
    /// The wait after the first failure beyond those; it doubles with each.
    pub base_ms: i64,
    /// The longest wait.
    pub most_ms: i64,
    /// The time without a failure after which failures are forgotten.
    pub memory_ms: i64,
}

impl Platform {
    /// The attempts under some keys.
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
        let those = doc! { "_id": counting.key.as_str() };
        let update = counting.update(time::now()).into();
        self.write_attempts(those, update, "counting a failed sign-in").await
    }

    /// Counts an attempt if it need not wait; false, and not counted, if it has to wait. However
    /// many come at once, no more than the free ones are counted.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn count_unless_waiting(&self, counting: &Counting) -> Result<bool, Error> {
        let now = time::now();
        let those = doc! { "_id": counting.key.as_str(), "until": { "$not": { "$gt": now } } };
        // If it has to wait, no document is found, and one that is there already cannot be added.
        // The same happens if two add the first one at once; then the next try finds it.
        for _ in 0..3 {
            let update = counting.update(now).into();
            match self.write_attempts(those.clone(), update, "counting an attempt").await {
                Err(error) if error.is_duplicate() => {}
                written => return written.map(|()| true),
            }
        }
        Ok(false)
    }

    /// Forgets the failures under a key, and remembers until `until` that an attempt succeeded.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn forget_failures(&self, key: &str, until: DateTime) -> Result<(), Error> {
        let update = doc! {
            "$set": { "known": true, "expiresAt": until },
            "$unset": { "failures": "", "failedAt": "", "until": "" },
        };
        let those = doc! { "_id": key };
        self.write_attempts(those, update.into(), "forgetting failed sign-ins").await
    }

    async fn write_attempts(
        &self,
        those: bson::Document,
        update: UpdateModifications,
        doing: &'static str,
    ) -> Result<(), Error> {
        let rows = self.database.collection::<bson::Document>(ATTEMPTS);
        rows.update_one(those, update).upsert(true).await.doing(doing)?;
        Ok(())
    }
}

impl Counting {
    /// The update for one more failure, at `now`.
    fn update(&self, now: DateTime) -> Vec<bson::Document> {
        let Counting { free, base_ms, most_ms, memory_ms, .. } = self;
        let recent = time::at(now.timestamp_millis() - memory_ms);
        let before = doc! { "$cond": [{ "$gt": ["$failedAt", recent] }, "$failures", 0] };
        // The wait is doubled at most thirty times, which is past any bound.
        let doubled = doc! { "$min": [30, { "$subtract": ["$failures", *free] }] };
        let wait =
            doc! { "$min": [*most_ms, { "$multiply": [*base_ms, { "$pow": [2, doubled] }] }] };
        let until = doc! { "$cond": [
            { "$gte": ["$failures", *free] }, { "$add": [now, wait] }, Bson::Null,
        ] };
        let kept = time::at(now.timestamp_millis() + memory_ms);
        vec![
            doc! { "$set": { "failures": { "$add": [before, 1] }, "failedAt": now } },
            doc! { "$set": { "until": until, "expiresAt": { "$max": ["$expiresAt", kept] } } },
        ]
    }
}
