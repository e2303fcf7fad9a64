//! Deliveries: the messages about a crossing, each with its recipient. The process that claims a
//! row works on it for a time; one that dies over it leaves it to the next.

use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::doc;
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};

use super::Platform;
use crate::names::DELIVERIES;
use crate::time::{self, DateTime};
use crate::{Doing, Error};

/// A message that has to be delivered, as `alert_deliveries` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryRow {
    /// The crossing, the way, and the recipient: one message has one row.
    #[serde(rename = "_id")]
    pub id: String,
    /// The crossing.
    pub crossing: String,
    /// The rule.
    pub alert: String,
    /// The way.
    pub by: Way,
    /// The person who is mailed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How far it is.
    pub state: Progress,
    /// How often it was begun.
    pub attempts: u32,
    /// The instant at which it is due; while somebody works on it, the end of their time.
    pub next_at: DateTime,
    /// Why it is not delivered yet, or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The instant of the crossing.
    pub at: DateTime,
    /// The instant at which the row goes.
    pub expires_at: DateTime,
}

/// The way of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// A mail to a person.
    Mail,
    /// An HTTP request to a program.
    Webhook,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// It waits for its turn.
    Waiting,
    /// It is delivered.
    Sent,
    /// It is given up.
    Failed,
}

impl Way {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Way::Mail => "mail",
            Way::Webhook => "webhook",
        }
    }
}

impl Progress {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Progress::Waiting => "waiting",
            Progress::Sent => "sent",
            Progress::Failed => "failed",
        }
    }
}

impl Platform {
    /// Claims a delivery that is due, for so long: nobody else has it meanwhile.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn claim_delivery(&self, within: Duration) -> Result<Option<DeliveryRow>, Error> {
        let now = time::now();
        let due = doc! { "state": Progress::Waiting.as_str(), "nextAt": { "$lte": now } };
        let claim = doc! {
            "$set": { "nextAt": time::later(now, within) },
            "$inc": { "attempts": 1 },
        };
        let deliveries = self.deliveries();
        let claimed = deliveries.find_one_and_update(due, claim).sort(doc! { "nextAt": 1 });
        claimed.return_document(ReturnDocument::After).await.doing("claiming a message of an alert")
    }

    /// Notes what became of a delivery that was claimed: `next_at` where it is tried again. One that
    /// somebody else claimed since is theirs.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn note_delivery(
        &self,
        claimed: &DeliveryRow,
        state: Progress,
        next_at: DateTime,
        error: Option<&str>,
    ) -> Result<(), Error> {
        let mine = doc! { "_id": &claimed.id, "attempts": claimed.attempts };
        let set = doc! { "state": state.as_str(), "nextAt": next_at, "error": error };
        let noted = self.deliveries().update_one(mine, doc! { "$set": set }).await;
        noted.doing("noting a message of an alert").map(|_| ())
    }

    /// The deliveries of some crossings.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn deliveries_of(&self, crossings: &[String]) -> Result<Vec<DeliveryRow>, Error> {
        const DOING: &str = "reading messages of alerts";
        let filter = doc! { "crossing": { "$in": crossings } };
        let found = self.deliveries().find(filter).sort(doc! { "_id": 1 }).await;
        found.doing(DOING)?.try_collect().await.doing(DOING)
    }

    fn deliveries(&self) -> mongodb::Collection<DeliveryRow> {
        self.database.collection(DELIVERIES)
    }
}
