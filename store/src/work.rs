//! The progress of the command that works on generations other than the live one, as it last wrote
//! it; the end of the last one; and a request to stop it, whichever process runs it.

use mongodb::bson::{self, Bson, Document, doc};
use serde::{Deserialize, Serialize};

use super::names::LEASES;
use super::owner::{Owner, REBUILD, TERM};
use super::{Doing, Error, Store};

/// The progress of a command that works on other generations, as it last wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// Its present step, such as `bulk`.
    pub doing: String,
    /// The generation that it works on; 0 before it knows.
    pub generation: u32,
    /// The position that it has reached.
    pub position: u64,
    /// The position that it works towards; 0 if it has none.
    pub target: u64,
    /// The present rate in events a second.
    pub rate: u64,
}

impl Work {
    /// The time that is left, at its rate.
    #[must_use]
    pub fn seconds_left(&self) -> Option<u64> {
        self.target.saturating_sub(self.position).checked_div(self.rate)
    }
}

/// The end of the last such command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// The command, such as `rebuild`.
    pub command: String,
    /// Whether it succeeded.
    pub done: bool,
    /// Its result, or the reason why it failed.
    pub message: String,
    /// The instant, milliseconds since 1970.
    pub at: i64,
}

/// The state of such commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Works {
    /// The one that runs.
    pub under_way: Option<Work>,
    /// The end of the one before it; none if that one was killed.
    pub last: Option<Ended>,
}

impl Store {
    /// The command that runs, and the end of the last one.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn works(&self) -> Result<Works, Error> {
        #[derive(Deserialize)]
        struct Lease {
            #[serde(default)]
            work: Option<Work>,
            #[serde(default)]
            last: Option<Ended>,
            runs: bool,
        }
        const DOING: &str = "reading the lease of rebuilds";
        let term = i64::try_from(TERM.as_millis()).unwrap_or(i64::MAX);
        let runs = doc! { "$and": [
            { "$ne": [{ "$ifNull": ["$owner", Bson::Null] }, Bson::Null] },
            { "$gt": ["$renewedAt", { "$subtract": ["$$NOW", term] }] },
        ] };
        let lease = self
            .database
            .collection::<Lease>(LEASES)
            .find_one(doc! { "_id": REBUILD })
            .projection(doc! { "work": 1, "last": 1, "runs": runs })
            .await
            .doing(DOING)?;
        Ok(lease.map_or_else(Works::default, |it| Works {
            under_way: it.work.filter(|_| it.runs),
            last: it.last,
        }))
    }

    /// Asks the command that runs to stop, whichever process runs it. False if none runs.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn ask_to_stop(&self) -> Result<bool, Error> {
        if self.works().await?.under_way.is_none() {
            return Ok(false);
        }
        let asked = self
            .database
            .collection::<Document>(LEASES)
            .update_one(
                doc! { "_id": REBUILD, "owner": { "$ne": Bson::Null } },
                vec![doc! { "$set": { "toStop": "$owner" } }],
            )
            .await
            .doing("asking a rebuild to stop")?;
        Ok(asked.matched_count == 1)
    }

    /// Whether the owner of the lease was asked to stop.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn is_asked_to_stop(&self, owner: &Owner) -> Result<bool, Error> {
        let leases = self.database.collection::<Document>(LEASES);
        let asked = doc! { "_id": owner.lease, "toStop": owner.id.as_str() };
        Ok(leases.find_one(asked).await.doing("reading the lease of rebuilds")?.is_some())
    }

    /// Gives the lease back and stores the end of the work that it was held for. Does nothing if
    /// the lease was lost.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn end_work(&self, owner: &Owner, ended: &Ended) -> Result<(), Error> {
        const DOING: &str = "saying how a command ended";
        let last = bson::serialize_to_document(ended).doing(DOING)?;
        self.database
            .collection::<Document>(LEASES)
            .update_one(
                doc! { "_id": owner.lease, "owner": owner.id.as_str() },
                doc! { "$set": { "owner": Bson::Null, "last": last }, "$unset": { "work": "" } },
            )
            .await
            .doing(DOING)?;
        Ok(())
    }
}
