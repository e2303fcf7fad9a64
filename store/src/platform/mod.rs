//! The people and programs that use a service, whichever of its shops they use: accounts, sessions,
//! keys, and the audit of their actions.
//!
//! - [`accounts`], [`sessions`], [`resets`], [`attempts`]: people and their signing in; [`tickets`]: for
//!   one connection each;
//! - [`change`]: the changes of an account; [`relied`]: checks that the caller of a change still
//!   may, by the [`standing`] of their session; [`refused`]: why an account was not written;
//! - [`alerts`]: rules that people have looked at, [`crossings`]: when they came to hold,
//!   [`deliveries`]: the messages about alerts;
//! - [`directory`]: accounts, many at a time; [`dashboards`]: those that people keep; [`keys`]: API keys; [`audit`]: the actions and their
//!   authors;
//! - [`indexes`]: the indexes of all these.

pub mod accounts;
pub mod alerts;
pub mod attempts;
pub mod audit;
pub mod change;
pub mod crossings;
pub mod dashboards;
pub mod deliveries;
pub mod directory;
pub mod indexes;
pub mod keys;
pub mod refused;
pub mod relied;
pub mod resets;
pub mod sessions;
pub mod standing;
pub mod tickets;

use mongodb::{Client, Database};

use super::transaction::{self, Writes};
use super::{Error, Store, connect_to};

/// The store of accounts, sessions, keys and the audit. It is in the database of its shop, and
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

    /// The platform's store in the database of a shop, by the shop's connections.
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
