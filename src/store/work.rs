//! What the command does that sees to other generations than the live one, as it last said; how the
//! last one ended; and asking it to stop, whichever process runs it.

use mongodb::bson::{self, Bson, Document, doc};
use serde::{Deserialize, Serialize};

use super::names::LEASES;
use super::owner::{Owner, REBUILD, TERM};
use super::{Doing, Error, Store};

/// How far the command is that sees to other generations, as it last said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// What it does, such as `bulk`.
    pub doing: String,
    /// The generation it does it to; 0 before it knows.
    pub generation: u32,
    /// How far it is.
    pub position: u64,
    /// Where it goes; 0 where it goes nowhere.
    pub target: u64,
    /// Events a second, lately.
    pub rate: u64,
}

impl Work {
    /// At its rate, how long it takes yet.
    #[must_use]
    pub fn seconds_left(&self) -> Option<u64> {
        self.target.saturating_sub(self.position).checked_div(self.rate)
    }
}

/// How the last such command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// What it was asked for, such as `rebuild`.
    pub command: String,
    /// Whether it did that.
    pub done: bool,
    /// What it did, or why not.
    pub message: String,
    /// When, milliseconds since 1970.
    pub at: i64,
}

/// What is known of such commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Works {
    /// The one that runs.
    pub under_way: Option<Work>,
    /// How the one before it ended; nothing where it was killed.
    pub last: Option<Ended>,
}

impl Store {
    /// What runs, and how the last one ended.
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

    /// Asks the command that runs to stop, whichever process runs it. False where none does.
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

    /// Gives the lease back and says how what it was held for ended. Nothing where it was lost.
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
