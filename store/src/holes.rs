//! The holes of the log that its operator has accepted. They belong to the log and not to a
//! generation: every rebuild passes them.

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use serde::{Deserialize, Serialize};

use super::names::HOLES;
use super::time::{self, DateTime};
use super::{Doing, Error, Store};

/// Positions that a log lacks, both ends included, and the instant of their acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedHole {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// The instant of the acceptance.
    pub at: DateTime,
}

impl Store {
    /// The accepted holes of a log, the first ones first.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn accepted_holes(&self, incarnation: &str) -> Result<Vec<AcceptedHole>, Error> {
        const DOING: &str = "reading which holes of the log are accepted";
        let found = self
            .database
            .collection::<AcceptedHole>(HOLES)
            .find(doc! { "incarnation": incarnation })
            .sort(doc! { "from": 1, "to": 1 })
            .await;
        found.doing(DOING)?.try_collect().await.doing(DOING)
    }

    /// Accepts that a log lacks the positions `from` to `to`. Accepting them twice changes nothing.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn accept_hole(&self, incarnation: &str, from: u64, to: u64) -> Result<(), Error> {
        let position = |it| Bson::Int64(i64::try_from(it).unwrap_or(i64::MAX));
        self.database
            .collection::<Document>(HOLES)
            .update_one(
                doc! { "incarnation": incarnation, "from": position(from), "to": position(to) },
                doc! { "$setOnInsert": { "at": time::now() } },
            )
            .upsert(true)
            .await
            .doing("accepting a hole of the log")?;
        Ok(())
    }

    /// Makes the accepted holes of a log those of the log that is taken for it.
    pub(super) async fn move_holes(&self, from: &str, to: &str) -> Result<(), Error> {
        self.database
            .collection::<Document>(HOLES)
            .update_many(doc! { "incarnation": from }, doc! { "$set": { "incarnation": to } })
            .await
            .doing("accepting the log")?;
        Ok(())
    }
}
