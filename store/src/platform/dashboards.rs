//! The dashboards that people made for themselves, one for each account.

use mongodb::bson::{self, doc};
use serde::Deserialize;

use super::Platform;
use crate::names::DASHBOARDS;
use crate::{Doing, Error, time};

#[derive(Debug, Deserialize)]
struct Kept {
    /// A client's own business: a JSON text, so that no name that a client chooses becomes a field's.
    config: String,
}

impl Platform {
    /// The dashboard of an account, as JSON; `None` where it has none of its own.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn dashboard(&self, user_id: &str) -> Result<Option<String>, Error> {
        let rows = self.database.collection::<Kept>(DASHBOARDS);
        let kept = rows.find_one(doc! { "_id": user_id }).await.doing("reading a dashboard")?;
        Ok(kept.map(|kept| kept.config))
    }

    /// Keeps the dashboard of an account, as JSON.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn keep_dashboard(&self, user_id: &str, config: &str) -> Result<(), Error> {
        let rows = self.database.collection::<bson::Document>(DASHBOARDS);
        let set = doc! { "$set": { "config": config, "updatedAt": time::now() } };
        rows.update_one(doc! { "_id": user_id }, set)
            .upsert(true)
            .await
            .doing("keeping a dashboard")?;
        Ok(())
    }
}
