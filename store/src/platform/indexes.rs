//! The collections of accounts, sessions and keys, with the indexes that their rules rest on.

use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::{self, doc};
use mongodb::options::IndexOptions;

use super::Platform;
use crate::names::{
    ACCOUNTS, ALERTS, API_KEYS, ATTEMPTS, AUDIT, CROSSINGS, DELIVERIES, RESETS, SESSIONS, TICKETS,
};
use crate::{Doing, Error};

impl Platform {
    /// Makes the collections and indexes that are not there yet; this can be repeated at every
    /// start.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn prepare_accounts(&self) -> Result<(), Error> {
        let expires = || with(doc! { "expiresAt": 1 }, |it| it.expire_after = Some(Duration::ZERO));
        let unique = |field: &str| with(doc! { field: 1 }, |it| it.unique = Some(true));
        let plain = |keys| IndexModel::builder().keys(keys).build();
        for (collection, indexes) in [
            (ACCOUNTS, vec![unique("email")]),
            (SESSIONS, vec![plain(doc! { "userId": 1 }), expires()]),
            (RESETS, vec![plain(doc! { "userId": 1 }), expires()]),
            (ATTEMPTS, vec![expires()]),
            (TICKETS, vec![expires()]),
            (API_KEYS, vec![unique("hash"), expires()]),
            (ALERTS, vec![plain(doc! { "owner": 1 })]),
            (
                CROSSINGS,
                vec![
                    with(doc! { "alert": 1, "number": 1 }, |it| it.unique = Some(true)),
                    plain(doc! { "owner": 1, "_id": -1 }),
                    expires(),
                ],
            ),
            (
                DELIVERIES,
                vec![
                    plain(doc! { "state": 1, "nextAt": 1 }),
                    plain(doc! { "crossing": 1 }),
                    expires(),
                ],
            ),
            (
                AUDIT,
                vec![
                    plain(doc! { "action": 1, "_id": -1 }),
                    plain(doc! { "actor": 1, "_id": -1 }),
                    plain(doc! { "target": 1, "_id": -1 }),
                    expires(),
                ],
            ),
        ] {
            self.database
                .collection::<bson::Document>(collection)
                .create_indexes(indexes)
                .await
                .doing("making the indexes of accounts")?;
        }
        Ok(())
    }
}

fn with(keys: bson::Document, set: impl FnOnce(&mut IndexOptions)) -> IndexModel {
    let mut options = IndexOptions::default();
    set(&mut options);
    IndexModel::builder().keys(keys).options(options).build()
}
