//! Values remembered beside the read models: the number of weeks by which the dates of a data set
//! were moved, and the number of the demo's events on the log.

use mongodb::bson::{self, Bson, doc};
use mongodb::options::ReturnDocument;

use super::names::META;
use super::{Doing, Error, Store};

impl Store {
    /// The number of weeks by which the dates of a data set are moved: `weeks` at first, and the
    /// same ever after.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn remember_shift(&self, data_set: &str, weeks: i64) -> Result<i64, Error> {
        let set = doc! { "$setOnInsert": { "weeks": weeks } };
        let kept = self
            .database
            .collection::<bson::Document>(META)
            .find_one_and_update(doc! { "_id": format!("shift/{data_set}") }, set)
            .upsert(true)
            .return_document(ReturnDocument::After)
            .await
            .doing("keeping how far dates are moved")?;
        Ok(kept.as_ref().and_then(|kept| kept.get("weeks")).and_then(Bson::as_i64).unwrap_or(weeks))
    }

    /// Whether the dates of a data set were ever moved, even by nothing at all.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn knows_data_set(&self, data_set: &str) -> Result<bool, Error> {
        self.database
            .collection::<bson::Document>(META)
            .find_one(doc! { "_id": format!("shift/{data_set}") })
            .await
            .doing("reading how far dates were moved")
            .map(|kept| kept.is_some())
    }

    /// The number of events of a data set that are known to be on the log.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn ingested(&self, data_set: &str) -> Result<u64, Error> {
        let kept = self
            .database
            .collection::<bson::Document>(META)
            .find_one(doc! { "_id": format!("ingested/{data_set}") })
            .await
            .doing("reading how much was ingested")?;
        let events = kept.as_ref().and_then(|kept| kept.get("events")).and_then(Bson::as_i64);
        Ok(events.and_then(|events| u64::try_from(events).ok()).unwrap_or(0))
    }

    /// Remembers that the first `events` of a data set are on the log.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn remember_ingested(&self, data_set: &str, events: u64) -> Result<(), Error> {
        let events = i64::try_from(events).unwrap_or(i64::MAX);
        self.database
            .collection::<bson::Document>(META)
            .update_one(
                doc! { "_id": format!("ingested/{data_set}") },
                doc! { "$max": { "events": events } },
            )
            .upsert(true)
            .await
            .doing("remembering how much was ingested")?;
        Ok(())
    }
}
