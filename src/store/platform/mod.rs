//! What is kept of the people and programs that use a service, whichever of its shops they ask for:
//! accounts, sessions, keys, and what was done with them.
//!
//! - [`accounts`], [`sessions`], [`resets`], [`attempts`]: people and their signing in;
//! - [`change`]: what is changed of an account; [`relied`]: who asks for a change may still,
//!   by the [`standing`] of their session; [`refused`]: why it was not made;
//! - [`directory`]: accounts, many at a time; [`keys`]: API keys; [`audit`]: who did what;
//! - [`indexes`]: the indexes of all these.

pub mod accounts;
pub mod attempts;
pub mod audit;
pub mod change;
pub mod directory;
pub mod indexes;
pub mod keys;
pub mod refused;
pub mod relied;
pub mod resets;
pub mod sessions;
pub mod standing;

use mongodb::{Client, Database};

use super::transaction::{self, Writes};
use super::{Error, Store, connect_to};

/// The store of accounts, sessions, keys and the audit. It stands in the database of its shop, and
/// shares no collection with it.
#[derive(Debug, Clone)]
pub struct Platform {
    client: Client,
    database: Database,
}

impl Platform {
    /// Connects as [`Store::connect`] does.
    ///
    /// # Errors
    /// As there.
    pub async fn connect(uri: &str, name: Option<&str>) -> Result<Self, Error> {
        let (client, database) = connect_to(uri, name).await?;
        Ok(Platform { client, database })
    }

    /// The one in the database of a shop, by its connections.
    #[must_use]
    pub fn beside(shop: &Store) -> Self {
        Platform { client: shop.client.clone(), database: shop.database.clone() }
    }

    async fn transact<C, R>(
        &self,
        doing: &'static str,
        context: C,
        writes: Writes<C, R>,
    ) -> Result<R, Error>
    where
        C: Send + 'static,
        R: Send + 'static,
    {
        transaction::transact(&self.client, doing, context, writes).await
    }
}
