//! Tickets, each for one connection, by their SHA-256.

use mongodb::bson::doc;
use serde::{Deserialize, Serialize};

use super::Platform;
use crate::names::TICKETS;
use crate::time::{self, DateTime};
use crate::{Doing, Error};

/// A ticket, as `tickets` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketRow {
    /// SHA-256 of the ticket, hexadecimal.
    #[serde(rename = "_id")]
    pub hash: String,
    /// Its holder.
    #[serde(flatten)]
    pub holder: Holder,
    /// The end of its validity.
    pub expires_at: DateTime,
}

/// The holder of a ticket, by whom its connection is judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Holder {
    /// A session.
    Session(String),
    /// An API key.
    Key(String),
}

impl Platform {
    /// Adds a ticket.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn insert_ticket(&self, ticket: &TicketRow) -> Result<(), Error> {
        let tickets = self.database.collection::<TicketRow>(TICKETS);
        tickets.insert_one(ticket).await.doing("adding a ticket").map(|_| ())
    }

    /// Uses a ticket up, while it is valid: of many who show it one gets its holder.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn use_ticket(&self, hash: &str) -> Result<Option<Holder>, Error> {
        let tickets = self.database.collection::<TicketRow>(TICKETS);
        let good = doc! { "_id": hash, "expiresAt": { "$gt": time::now() } };
        let used = tickets.find_one_and_delete(good).await.doing("using a ticket")?;
        Ok(used.map(|ticket| ticket.holder))
    }
}
