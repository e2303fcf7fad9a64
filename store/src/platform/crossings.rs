//! Crossings: the times at which a rule came to hold. Each is recorded once, in one transaction with the
//! rule's state and with the messages about it.

use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{self, doc};
use serde::{Deserialize, Serialize};

use super::Platform;
use super::alerts::{AlertRow, AlertState, Condition, Owner, as_judged};
use super::deliveries::DeliveryRow;
use crate::names::{CROSSINGS, DELIVERIES};
use crate::time::DateTime;
use crate::{Doing, Error};

/// The crossings that are kept, the newest first.
const KEPT: u64 = 10_000;

/// A time at which a rule came to hold, as `alert_crossings` has it, with the rule as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrossingRow {
    /// Ids are in the order of time.
    #[serde(rename = "_id")]
    pub id: String,
    /// The rule.
    pub alert: String,
    /// The how-manieth of the rule; unique with it.
    pub number: i64,
    /// The owner of the rule.
    pub owner: Owner,
    /// Its name.
    pub name: String,
    /// Its view.
    pub view: String,
    /// Its figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<String>,
    /// Its window, in quarter hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarters: Option<u32>,
    /// Its condition.
    pub condition: Condition,
    /// The figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// That of the window before, where it was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<f64>,
    /// The generation of the read models.
    pub generation: u32,
    /// The position of the log.
    pub position: u64,
    /// The instant.
    pub at: DateTime,
    /// Whether anybody is told; not in a quiet time.
    pub is_told: bool,
    /// The instant at which the row goes.
    pub expires_at: DateTime,
}

/// The crossings to read; a filter that is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CrossingsWanted {
    /// Those of rules of these owners.
    pub owners: Vec<Owner>,
    /// Those of a rule.
    pub alert: Option<String>,
    /// Not before this, milliseconds since 1970.
    pub since: Option<i64>,
    /// Older than the one of this id.
    pub before: Option<String>,
    /// Those that somebody was told of, alone.
    pub told: bool,
    /// The largest number of them.
    pub limit: u32,
}

/// The collections and documents that a crossing writes.
type Recording = (
    mongodb::Collection<AlertRow>,
    bson::Document,
    bson::Document,
    mongodb::Collection<CrossingRow>,
    CrossingRow,
    mongodb::Collection<DeliveryRow>,
    Vec<DeliveryRow>,
);

impl Platform {
    /// Records a crossing with the rule's new state and the messages about it, if the rule still is as it
    /// was when it was judged; says whether it was.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::TimedOut`].
    pub async fn record_crossing(
        &self,
        judged: &AlertRow,
        state: &AlertState,
        crossing: CrossingRow,
        deliveries: Vec<DeliveryRow>,
    ) -> Result<bool, Error> {
        const DOING: &str = "recording an alert";
        let state = bson::serialize_to_document(state).doing(DOING)?;
        let context: Recording = (
            self.alerts(),
            as_judged(judged),
            doc! { "$set": { "state": state } },
            self.crossings(),
            crossing,
            self.database.collection(DELIVERIES),
            deliveries,
        );
        self.transact(DOING, context, |session, context| {
            async move {
                let (alerts, before, set, crossings, crossing, deliveries, rows) = context;
                let written = alerts.update_one(before.clone(), set.clone());
                if written.session(&mut *session).await?.matched_count == 0 {
                    return Ok(false);
                }
                crossings.insert_one(&*crossing).session(&mut *session).await?;
                if !rows.is_empty() {
                    deliveries.insert_many(&*rows).session(session).await?;
                }
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    /// Crossings, the newest first.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn crossings_wanted(
        &self,
        wanted: &CrossingsWanted,
    ) -> Result<Vec<CrossingRow>, Error> {
        const DOING: &str = "reading alerts that were recorded";
        let owners: Vec<_> = wanted.owners.iter().map(ToString::to_string).collect();
        let mut filter = doc! { "owner": { "$in": owners } };
        if let Some(alert) = &wanted.alert {
            filter.insert("alert", alert);
        }
        if let Some(since) = wanted.since {
            filter.insert("at", doc! { "$gte": crate::time::at(since) });
        }
        if let Some(before) = &wanted.before {
            filter.insert("_id", doc! { "$lt": before });
        }
        if wanted.told {
            filter.insert("isTold", true);
        }
        let (crossings, limit) = (self.crossings(), i64::from(wanted.limit));
        let found = crossings.find(filter).sort(doc! { "_id": -1 }).limit(limit).await;
        found.doing(DOING)?.try_collect().await.doing(DOING)
    }

    /// The crossings of a rule after its so-manieth, in order, at most 100.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn crossings_after(
        &self,
        alert: &str,
        number: i64,
    ) -> Result<Vec<CrossingRow>, Error> {
        const DOING: &str = "reading alerts that were recorded";
        let after = doc! { "alert": alert, "number": { "$gt": number } };
        let found = self.crossings().find(after).sort(doc! { "number": 1 }).limit(100).await;
        found.doing(DOING)?.try_collect().await.doing(DOING)
    }

    /// A crossing.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn crossing(&self, id: &str) -> Result<Option<CrossingRow>, Error> {
        self.crossings().find_one(doc! { "_id": id }).await.doing("reading an alert")
    }

    /// Removes the oldest crossings where there are too many, with the messages about them.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn trim_crossings(&self) -> Result<(), Error> {
        const DOING: &str = "removing old alerts";
        let crossings = self.crossings();
        if crossings.estimated_document_count().await.doing(DOING)? <= KEPT {
            return Ok(());
        }
        let first = crossings.find_one(doc! {}).sort(doc! { "_id": -1 }).skip(KEPT);
        let Some(first) = first.await.doing(DOING)? else { return Ok(()) };
        let deliveries = self.database.collection::<DeliveryRow>(DELIVERIES);
        let told = doc! { "crossing": { "$lte": &first.id } };
        deliveries.delete_many(told).await.doing(DOING)?;
        crossings.delete_many(doc! { "_id": { "$lte": &first.id } }).await.doing(DOING)?;
        Ok(())
    }

    fn crossings(&self) -> mongodb::Collection<CrossingRow> {
        self.database.collection(CROSSINGS)
    }
}
