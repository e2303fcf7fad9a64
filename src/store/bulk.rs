//! A new generation, loaded in bulk: nobody reads it, so no transaction is needed. What makes it
//! count is its checkpoint, which is inserted last. A load that ends before leaves documents that
//! belong to no generation; the next one has another number, and removes them.
//!
//! Documents are written in order by one task, a batch or two behind the fold. Every command waits
//! for a majority: a new primary must not lack a row that a checkpoint counts.

use std::collections::BTreeSet;

use futures_util::FutureExt;
use mongodb::bson::{self, Document, doc, rawdoc};
use projections::customers::Customer;
use projections::fold::Fold;
use projections::products::Product;
use projections::rollup::{Family, RollupKey};
use projections::seen::BlockKey;
use projections::tally::TallyKey;
use projections::vocabulary::VocabularyKey;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::commit::{ENCODING, Packed, Quarantined, Writes, number};
use super::generation::Checkpoint;
use super::lease::Owner;
use super::names::{CHECKPOINTS, LEASES, Model, of_ordinal};
use super::operations::{Command, Verb};
use super::{Doing, Error, Store};

/// Batches that may wait for the database. The fold keeps at hand what these have changed.
const WAITING: usize = 1;
/// Documents that are encoded at a time, once all are known.
const CHUNK: usize = 10_000;
/// Customers whose purchases are looked for at a time.
const RECHECKED: usize = 1_000;

/// A generation that is being loaded.
pub struct Bulk {
    store: Store,
    generation: u32,
    sender: mpsc::Sender<Vec<Command>>,
    writer: JoinHandle<Result<(), Error>>,
}

/// A batch of it, encoded.
pub struct Batch(Vec<Command>);

impl Store {
    /// Begins to load a generation of which there is nothing.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn begin_bulk(&self, generation: u32) -> Result<Bulk, Error> {
        self.make_collections(generation).await?;
        let (sender, commands) = mpsc::channel(WAITING);
        let writer = tokio::spawn(write(self.clone(), commands));
        Ok(Bulk { store: self.clone(), generation, sender, writer })
    }
}

impl Bulk {
    /// Encodes the rows of the ledger that changed since the fold last settled, and what was
    /// quarantined.
    ///
    /// # Errors
    /// [`Error::Document`].
    pub fn encode(&self, fold: &Fold, quarantined: &[Quarantined]) -> Result<Batch, Error> {
        let mut writes = self.writes();
        writes.all(Model::Ledger, fold.ledger.changes(), |key| key.as_str().into(), |row| row)?;
        writes.quarantine(quarantined)?;
        Ok(Batch(writes.commands))
    }

    /// Hands a batch to the writer, once it has room.
    ///
    /// # Errors
    /// What an earlier batch was refused for.
    pub async fn write(&mut self, Batch(commands): Batch) -> Result<(), Error> {
        match self.sender.send(commands).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.reason().await),
        }
    }

    /// Ends without a checkpoint, once what is on its way has arrived.
    pub async fn abandon(self) {
        drop(self.sender);
        let _ = self.writer.await;
    }

    /// Writes everything else that the fold has, and the checkpoint. `recheck` are the customers
    /// whose first and last purchase the whole ledger has to be asked for. The checkpoint is not
    /// written where `owner` has lost its lease: somebody else may have begun to remove things.
    ///
    /// # Errors
    /// [`Error`]; the generation then does not count.
    pub async fn finish(
        mut self,
        fold: &mut Fold,
        recheck: &BTreeSet<Box<str>>,
        checkpoint: &Checkpoint,
        owner: &Owner,
    ) -> Result<(), Error> {
        self.all(Model::Customers, fold.customers.all(), ToString::to_string, Customer::record)
            .await?;
        self.all(Model::Products, fold.products.all(), ToString::to_string, Product::record)
            .await?;
        self.names(fold).await?;
        let vocabularies = fold.vocabularies.all();
        self.all(Model::Vocabularies, vocabularies, VocabularyKey::id, |it| it).await?;
        self.all(Model::Blocks, fold.blocks.all(), BlockKey::id, |it| it).await?;
        fold.sum_up().map_err(|_| LACKING)?;
        self.all(Model::Rollups, fold.rollups.all(), RollupKey::id, |t| Packed { t }).await?;
        self.drained().await?;
        self.store.make_indexes(self.generation).await?;
        let users: Vec<_> = recheck.iter().cloned().collect();
        for users in users.chunks(RECHECKED) {
            let users = users.iter().cloned().collect();
            let found = self.store.purchases(self.generation, fold, &users).await?;
            for user in &users {
                fold.set_purchases(user, found.get(user).copied()).map_err(|_| LACKING)?;
            }
        }
        fold.tally_all().map_err(|_| LACKING)?;
        self.all(Model::Tallies, fold.tallies.all(), TallyKey::id, |t| Packed { t }).await?;
        self.drained().await?;
        self.count(checkpoint, owner).await
    }

    /// Makes the generation count.
    async fn count(&self, checkpoint: &Checkpoint, owner: &Owner) -> Result<(), Error> {
        let document = bson::serialize_to_document(checkpoint).doing(ENCODING)?;
        let context = (self.store.database.clone(), owner.clone(), document);
        let doing = "writing the checkpoint of a new generation";
        let counts = self.store.transact(doing, context, |session, context| {
            async move {
                let (database, owner, checkpoint) = context;
                let ours = doc! { "_id": owner.lease, "owner": owner.id.as_str() };
                let renew = vec![doc! { "$set": { "renewedAt": "$$NOW" } }];
                let leases = database.collection::<Document>(LEASES);
                let renewed = leases.update_one(ours, renew).session(&mut *session).await?;
                if renewed.matched_count == 0 {
                    return Ok(false);
                }
                let checkpoints = database.collection::<Document>(CHECKPOINTS);
                checkpoints.insert_one(&*checkpoint).session(&mut *session).await?;
                Ok(true)
            }
            .boxed()
        });
        if counts.await? { Ok(()) } else { Err(Error::Missing("the lease of the rebuild is lost")) }
    }

    async fn all<'a, K: 'a, D: 'a, S: Serialize>(
        &mut self,
        model: Model,
        mut documents: impl Iterator<Item = (&'a K, &'a D)>,
        id: impl Fn(&K) -> String,
        body: impl Fn(&'a D) -> S,
    ) -> Result<(), Error> {
        loop {
            let mut writes = self.writes();
            let mut insert = writes.collect(model, Verb::Insert);
            for (key, document) in documents.by_ref().take(CHUNK) {
                let body = bson::serialize_to_raw_document_buf(&body(document)).doing(ENCODING)?;
                insert.push_with_id(&id(key), &body);
            }
            insert.end();
            if writes.commands.is_empty() {
                return Ok(());
            }
            self.write(Batch(writes.commands)).await?;
        }
    }

    async fn names(&mut self, fold: &Fold) -> Result<(), Error> {
        let customers = fold.customers.all().map(|(id, it)| (Family::Buyers, it.ordinal, id));
        let products = fold.products.all().map(|(id, it)| (Family::Sold, it.ordinal, id));
        let mut named = customers.chain(products);
        loop {
            let mut writes = self.writes();
            let mut insert = writes.collect(Model::Names, Verb::Insert);
            for (family, ordinal, id) in named.by_ref().take(CHUNK) {
                insert.push(&rawdoc! { "_id": of_ordinal(family, ordinal), "id": id.as_ref() });
            }
            insert.end();
            if writes.commands.is_empty() {
                return Ok(());
            }
            self.write(Batch(writes.commands)).await?;
        }
    }

    /// Waits until everything has arrived; a new writer goes on.
    async fn drained(&mut self) -> Result<(), Error> {
        let (sender, commands) = mpsc::channel(WAITING);
        self.sender = sender;
        let next = tokio::spawn(write(self.store.clone(), commands));
        let writer = std::mem::replace(&mut self.writer, next);
        writer.await.map_err(|_| LACKING)?
    }

    async fn reason(&mut self) -> Error {
        match (&mut self.writer).await {
            Ok(Err(error)) => error,
            _ => LACKING,
        }
    }

    fn writes(&self) -> Writes {
        Writes { generation: self.generation, commands: Vec::new(), count: 0 }
    }
}

const LACKING: Error = Error::Missing("a bulk load did not come to its end");

async fn write(store: Store, mut commands: mpsc::Receiver<Vec<Command>>) -> Result<(), Error> {
    const DOING: &str = "loading a generation";
    while let Some(batch) = commands.recv().await {
        for Command { mut body, operations } in batch {
            body.append(bson::cstr!("ordered"), false);
            body.append(bson::cstr!("writeConcern"), rawdoc! { "w": "majority" });
            let answer = store.database.run_raw_command(body).await.doing(DOING)?;
            if answer.contains_key("writeErrors")
                || answer.contains_key("writeConcernError")
                || operations.is_some_and(|n| n != number(&answer, "n"))
            {
                return Err(Error::Missing("a document of a bulk load was refused"));
            }
        }
    }
    Ok(())
}
