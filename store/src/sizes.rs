//! The size of the database, and of the collections that stand for people, sales and sessions.

use mongodb::bson::{self, Bson, doc};
use projections::ledger::Ledger;

use super::names::{ACCOUNTS, Model, SESSIONS};
use super::{Doing, Error, Store};

/// The size of a database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DatabaseSize {
    /// The bytes of documents and indexes, as they are stored.
    pub total_bytes: u64,
    /// The bytes of indexes.
    pub index_bytes: u64,
    /// The number of collections.
    pub collections: u64,
    /// The number of documents.
    pub documents: u64,
}

/// The size of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionSize {
    /// Its name.
    pub name: String,
    /// The number of documents.
    pub documents: u64,
    /// The bytes of documents, before they are compressed.
    pub bytes: u64,
}

/// The sizes of collections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// People who sign in.
    pub accounts: CollectionSize,
    /// The ledger of a generation: transactions, orders, refunds, and all that can be corrected.
    pub ledger: CollectionSize,
    /// Where people are signed in.
    pub sessions: CollectionSize,
}

impl Store {
    /// The size of the database.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn database_size(&self) -> Result<DatabaseSize, Error> {
        let asked = self.database.run_command(doc! { "dbStats": 1 }).await;
        let stats = asked.doing("asking for the size of the database")?;
        Ok(DatabaseSize {
            total_bytes: number(&stats, "storageSize") + number(&stats, "indexSize"),
            index_bytes: number(&stats, "indexSize"),
            collections: number(&stats, "collections"),
            documents: number(&stats, "objects"),
        })
    }

    /// The sizes of collections, of the read models of a generation.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn sizes(&self, generation: u32) -> Result<Sizes, Error> {
        let ledger = Model::of::<Ledger>().name(generation);
        Ok(Sizes {
            accounts: self.size(ACCOUNTS).await?,
            ledger: self.size(&ledger).await?,
            sessions: self.size(SESSIONS).await?,
        })
    }

    async fn size(&self, name: &str) -> Result<CollectionSize, Error> {
        let asked = self.database.run_command(doc! { "collStats": name }).await;
        let stats = asked.doing("asking for the size of a collection")?;
        let (documents, bytes) = (number(&stats, "count"), number(&stats, "size"));
        Ok(CollectionSize { name: name.to_owned(), documents, bytes })
    }
}

/// A number, in whichever type the server wrote it.
fn number(stats: &bson::Document, name: &str) -> u64 {
    let number = match stats.get(name) {
        Some(Bson::Int32(number)) => i64::from(*number),
        Some(Bson::Int64(number)) => *number,
        #[allow(clippy::cast_possible_truncation)] // the server counts whole things
        Some(Bson::Double(number)) => *number as i64,
        _ => 0,
    };
    u64::try_from(number).unwrap_or(0)
}
