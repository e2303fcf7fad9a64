//! A new generation, loaded in bulk: nobody reads it, so no transaction is needed. It counts once
//! its checkpoint is there, which is inserted last. A load that ends before leaves documents that
//! belong to no generation; the next load has another number, and removes them.
//!
//! Documents are written in order by one task, a batch or two behind the fold. Every command waits
//! for a majority: a new primary must not lack a row that a checkpoint counts.

use std::collections::BTreeSet;

use futures_util::FutureExt;
use mongodb::bson::{self, Document, doc, rawdoc};
use projections::collection::{Collection, Key};
use projections::fold::Fold;
use projections::for_each_collection;
use projections::rollup::Rollups;
use projections::tally::Tallies;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::commit::{Quarantined, number};
use super::generation::Checkpoint;
use super::names::{CHECKPOINTS, LEASES, Model};
use super::operations::{Command, ENCODING, Verb, Writes};
use super::owner::Owner;
use super::transaction::transact;
use super::{Doing, Error, Store};

/// Batches that may wait for the database. The fold keeps the documents that they changed at hand.
const WAITING: usize = 1;
/// Documents that are encoded at a time, once all are known.
const CHUNK: usize = 10_000;
/// Customers whose purchases are searched for at a time.
const RECHECKED: usize = 1_000;

/// A generation that is being loaded.
pub struct Bulk {
    store: Store,
    generation: u32,
    sender: mpsc::Sender<Vec<Command>>,
    writer: JoinHandle<Result<(), Error>>,
}

/// The collections that are made of purchases as well, and are written when these are known.
const COUNTS: [&str; 2] = [Rollups::NAME, Tallies::NAME];

/// An encoded batch of the load.
pub struct Batch(Vec<Command>);

impl Store {
    /// Begins to load a generation that has no documents yet.
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
    /// Encodes the changes of streamed collections since the fold last settled, and the quarantined
    /// messages.
    ///
    /// # Errors
    /// [`Error::Document`].
    pub fn encode(&self, fold: &Fold, quarantined: &[Quarantined]) -> Result<Batch, Error> {
        let mut writes = self.writes();
        macro_rules! streamed {
            ($($set:ident: $Collection:ty,)*) => {$(
                if <$Collection as Collection>::STREAMED.is_some() {
                    writes.changes::<$Collection>(fold.sets.$set.changes())?;
                }
            )*};
        }
        for_each_collection!(streamed);
        writes.quarantine(quarantined)?;
        Ok(Batch(writes.commands))
    }

    /// Hands a batch to the writer, once it has room.
    ///
    /// # Errors
    /// The reason why an earlier batch was refused.
    pub async fn write(&mut self, Batch(commands): Batch) -> Result<(), Error> {
        match self.sender.send(commands).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.reason().await),
        }
    }

    /// Ends without a checkpoint, once the commands on their way have arrived.
    pub async fn abandon(self) {
        drop(self.sender);
        let _ = self.writer.await;
    }

    /// Writes everything else that the fold has, and the checkpoint. `recheck` are the customers
    /// whose first and last purchase have to be read from the whole ledger. The checkpoint is not
    /// written if `owner` has lost its lease: another process may have begun to remove things.
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
        // The purchases of customers are found by the documents of customers and of the ledger.
        self.names(fold).await?;
        macro_rules! all {
            ($($set:ident: $Collection:ty,)*) => {$(
                let streamed = <$Collection as Collection>::STREAMED.is_some();
                if !streamed && !COUNTS.contains(&<$Collection as Collection>::NAME) {
                    self.all::<$Collection>(fold.sets.$set.all()).await?;
                }
            )*};
        }
        for_each_collection!(all);
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
        fold.sum_up().map_err(|_| LACKING)?;
        fold.sets.put_all_counts().map_err(|_| LACKING)?;
        self.all::<Rollups>(fold.sets.rollups.all()).await?;
        self.all::<Tallies>(fold.sets.tallies.all()).await?;
        self.drained().await?;
        self.count(checkpoint, owner).await
    }

    /// Makes the generation count.
    async fn count(&self, checkpoint: &Checkpoint, owner: &Owner) -> Result<(), Error> {
        let document = bson::serialize_to_document(checkpoint).doing(ENCODING)?;
        let context = (self.store.database.clone(), owner.clone(), document);
        let doing = "writing the checkpoint of a new generation";
        let counts = transact(&self.store.client, doing, context, |session, context| {
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

    async fn all<'a, C: Collection>(
        &mut self,
        mut documents: impl Iterator<Item = (&'a C::Key, &'a C::Document)>,
    ) -> Result<(), Error> {
        loop {
            let mut writes = self.writes();
            let mut insert = writes.collect(Model::of::<C>(), Verb::Insert);
            for (key, document) in documents.by_ref().take(CHUNK) {
                insert.insert(&key.id(), &C::stored(document))?;
            }
            insert.end();
            if writes.commands.is_empty() {
                return Ok(());
            }
            self.write(Batch(writes.commands)).await?;
        }
    }

    async fn names(&mut self, fold: &Fold) -> Result<(), Error> {
        let mut named = fold.sets.named();
        loop {
            let mut writes = self.writes();
            let mut insert = writes.collect(Model::NAMES, Verb::Insert);
            for (entity, ordinal, id) in named.by_ref().take(CHUNK) {
                insert.push(&rawdoc! { "_id": entity.name_id(ordinal), "id": &*id });
            }
            insert.end();
            if writes.commands.is_empty() {
                return Ok(());
            }
            self.write(Batch(writes.commands)).await?;
        }
    }

    /// Waits until all commands have arrived; a new writer goes on.
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
