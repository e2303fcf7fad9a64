//! Documents that people read with tools of their own: sales by day and by month, products,
//! customers, in a database beside the shop's. Nothing here reads a figure back from them.
//!
//! # Layout
//!
//! - [`document`]: their fields;
//! - here: the process that writes them, and how far they are.
//!
//! One document of [`PLAIN_STATE`] says which process writes and up to which position everything is
//! written. Every write is a transaction that counts on in it from the number that the writer knows,
//! so one of a process that another has taken the place of changes nothing, and neither does one
//! that its own process has given up.

pub mod document;

use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{self, Bson, Document, RawDocumentBuf, cstr, doc, rawdoc};
use mongodb::{Client, Database};
use serde::{Deserialize, Serialize};

use super::names::{PLAIN_SETS, PLAIN_STATE};
use super::operations::{Collect, Verb, Writes};
use super::transaction::transact;
use super::{Doing, Error, Store};

/// The version of these documents: a program that writes others writes all of them anew.
const VERSION: i64 = 1;
/// The end of the database's name, behind the shop's name.
pub const SUFFIX: &str = "_plain";
/// The document that says how far they are.
const WRITTEN: &str = "written";
/// The most documents that are removed together.
const REMOVED_MAX: i64 = 1_000;
const DOING: &str = "writing plain models";

/// A set of documents, in a collection of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainSet {
    /// Sales by day of UTC, `_id` as `2026-11-21`.
    SalesDaily,
    /// Sales by month of UTC, `_id` as `2026-11`.
    SalesMonthly,
    /// Products, `_id` the product's id.
    Products,
    /// Customers, `_id` the customer's id.
    Customers,
}

/// Documents to be written together.
#[derive(Debug, Default)]
pub struct PlainBatch {
    /// Updates, by set.
    updates: [Vec<RawDocumentBuf>; PLAIN_SETS.len()],
}

/// The database of the documents.
#[derive(Debug, Clone)]
pub struct PlainModels {
    client: Client,
    database: Database,
}

/// The read models that the documents are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlainOf {
    /// The generation.
    pub generation: u32,
    /// The log that it was folded from.
    pub incarnation: String,
}

/// The state of documents that are written up to a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The read models that it is of.
    pub of: PlainOf,
    /// The position: no later event is missing in what is written.
    pub position: u64,
    /// The name of the last time that everything was written anew.
    pub build: String,
    /// The number of writes so far.
    pub writes: i64,
}

/// The state of the documents, for a process that would write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Another process writes, or none does yet.
    Anothers,
    /// It may write, and has to write everything, after so many writes.
    Nothing(i64),
    /// It may write, and this is there.
    Kept(Kept),
}

/// One process at one time of writing.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The process, unique to its start.
    pub writer: String,
    /// The read models that it writes.
    pub of: PlainOf,
    /// The name of the last time that everything was written anew.
    pub build: String,
    /// The number of writes so far.
    pub writes: i64,
}

/// How far the documents are, as stored.
#[derive(Deserialize)]
struct State {
    writer: String,
    writes: i64,
    version: Option<i64>,
    collections: Option<Document>,
    generation: Option<u32>,
    incarnation: Option<String>,
    position: Option<u64>,
    build: Option<String>,
}

impl Store {
    /// The documents that people read of this shop.
    #[must_use]
    pub fn plain_models(&self) -> PlainModels {
        let name = format!("{}{SUFFIX}", self.database.name());
        PlainModels { client: self.client.clone(), database: self.client.database(&name) }
    }
}

impl PlainModels {
    /// Makes a process the one that writes.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn claim(&self, writer: &str) -> Result<(), Error> {
        // A transaction cannot rely on a collection that is made beside it.
        self.make_collections().await?;
        let set = doc! { "$set": { "writer": writer }, "$inc": { "writes": 1_i64 } };
        let state = self.database.collection::<Document>(PLAIN_STATE);
        state.update_one(doc! { "_id": WRITTEN }, set).upsert(true).await.doing(DOING)?;
        Ok(())
    }

    /// The state of the documents, for this process.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn look(&self, writer: &str) -> Result<Found, Error> {
        let state = self.database.collection::<State>(PLAIN_STATE);
        let found = state.find_one(doc! { "_id": WRITTEN }).await.doing(DOING)?;
        let Some(state) = found.filter(|state| state.writer == writer) else {
            return Ok(Found::Anothers);
        };
        let so_far = state.writes;
        let is_whole = state.version == Some(VERSION)
            && state.collections.as_ref() == Some(&self.identities().await?);
        let kept = || {
            let (generation, incarnation) = (state.generation?, state.incarnation?);
            let of = PlainOf { generation, incarnation };
            Some(Kept { of, position: state.position?, build: state.build?, writes: so_far })
        };
        Ok(is_whole.then(kept).flatten().map_or(Found::Nothing(so_far), Found::Kept))
    }

    /// Says that everything is being written anew; until a position is written there is nothing to
    /// rely on. False if another process writes now.
    ///
    /// # Errors
    /// As [`PlainModels::look`].
    pub async fn begin(&self, turn: &mut Turn) -> Result<bool, Error> {
        self.make_collections().await?;
        let mut set = bson::serialize_to_document(&turn.of).doing(DOING)?;
        set.insert("version", VERSION);
        set.insert("collections", self.identities().await?);
        set.insert("build", turn.build.as_str());
        let update = doc! { "$set": set, "$unset": { "position": "", "writtenAt": "" } };
        self.fenced(turn, update, Vec::new()).await
    }

    /// Writes documents, and with them, where it is given, the position up to which everything is
    /// written. False if another process writes now.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::TimedOut`].
    pub async fn write(
        &self,
        turn: &mut Turn,
        batch: PlainBatch,
        reached: Option<u64>,
    ) -> Result<bool, Error> {
        let mut update = Document::new();
        if let Some(position) = reached {
            let position = i64::try_from(position).unwrap_or(i64::MAX);
            update.insert("$set", doc! { "position": position });
            update.insert("$currentDate", doc! { "writtenAt": true });
        }
        self.fenced(turn, update, batch.commands()).await
    }

    /// Removes what was not written since everything was last begun anew. False if another process
    /// writes now.
    ///
    /// # Errors
    /// As [`PlainModels::write`].
    pub async fn remove_others(&self, turn: &mut Turn) -> Result<bool, Error> {
        for name in PLAIN_SETS {
            while let Some(others) = self.others(turn, name).await? {
                if !self.fenced(turn, Document::new(), others).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Commands that remove some of the documents that were not written since; `None` where there are
    /// none.
    async fn others(
        &self,
        turn: &Turn,
        name: &'static str,
    ) -> Result<Option<Vec<RawDocumentBuf>>, Error> {
        let found = self
            .database
            .collection::<Document>(name)
            .find(doc! { "build": { "$ne": turn.build.as_str() } })
            .projection(doc! { "_id": 1 })
            .limit(REMOVED_MAX)
            .await
            .doing(DOING)?;
        let found: Vec<Document> = found.try_collect().await.doing(DOING)?;
        let ids: Vec<Bson> = found.into_iter().filter_map(|mut it| it.remove("_id")).collect();
        if ids.is_empty() {
            return Ok(None);
        }
        let delete = doc! { "q": { "_id": { "$in": ids } }, "limit": 0 };
        let delete = bson::serialize_to_raw_document_buf(&delete).doing(DOING)?;
        Ok(Some(commands(name, Verb::Delete, &[delete])))
    }

    /// Runs commands in a transaction with the state, which it updates as well; only if nobody wrote
    /// since the turn did.
    async fn fenced(
        &self,
        turn: &mut Turn,
        mut update: Document,
        commands: Vec<RawDocumentBuf>,
    ) -> Result<bool, Error> {
        update.insert("$inc", doc! { "writes": 1_i64 });
        let ours = doc! { "_id": WRITTEN, "writer": turn.writer.as_str(), "writes": turn.writes };
        let context = (self.database.clone(), ours, update, commands);
        let written = transact(&self.client, DOING, context, |session, context| {
            async move {
                let (database, ours, update, commands) = context;
                let state = database.collection::<Document>(PLAIN_STATE);
                let written =
                    state.update_one(ours.clone(), update.clone()).session(&mut *session).await?;
                if written.matched_count == 0 {
                    return Ok(false);
                }
                for command in commands {
                    let command = database.run_raw_command(command.clone());
                    let answer = command.session(&mut *session).await?;
                    if answer.contains_key("writeErrors") {
                        return Err(mongodb::error::Error::custom("a document was refused"));
                    }
                }
                Ok(true)
            }
            .boxed()
        })
        .await?;
        turn.writes += i64::from(written);
        Ok(written)
    }

    /// Makes the collections that are not there.
    async fn make_collections(&self) -> Result<(), Error> {
        let existing = self.database.list_collection_names().await.doing(DOING)?;
        for name in PLAIN_SETS.into_iter().chain([PLAIN_STATE]) {
            if !existing.iter().any(|it| it == name) {
                // Another process may be at the same step; only that it is there matters.
                let _ = self.database.create_collection(name).await;
            }
        }
        Ok(())
    }

    /// The UUIDs of the collections, which tell one from another of the same name that was made
    /// after it was dropped.
    async fn identities(&self) -> Result<Document, Error> {
        let found = self.database.list_collections().await.doing(DOING)?;
        let found: Vec<_> = found.try_collect().await.doing(DOING)?;
        let identity = |name: &str| {
            let is_it = |it: &&mongodb::results::CollectionSpecification| it.name == name;
            found.iter().find(is_it).and_then(|it| it.info.uuid.clone())
        };
        let identities = PLAIN_SETS
            .into_iter()
            .map(|name| (name.to_owned(), identity(name).map_or(Bson::Null, Bson::Binary)));
        Ok(identities.collect())
    }
}

impl PlainBatch {
    /// Adds a document, which says the position that it is of.
    ///
    /// # Errors
    /// [`Error::Document`] if it cannot be encoded.
    pub fn push(
        &mut self,
        turn: &Turn,
        position: u64,
        (set, id): (PlainSet, &str),
        document: &impl Serialize,
    ) -> Result<(), Error> {
        let mut document = bson::serialize_to_raw_document_buf(document).doing(DOING)?;
        document.append(cstr!("position"), i64::try_from(position).unwrap_or(i64::MAX));
        document.append(cstr!("generation"), i64::from(turn.of.generation));
        document.append(cstr!("build"), turn.build.as_str());
        let update = rawdoc! { "q": { "_id": id }, "u": document, "upsert": true };
        self.updates[set as usize].push(update);
        Ok(())
    }

    /// The number of its documents.
    #[must_use]
    pub fn len(&self) -> usize {
        self.updates.iter().map(Vec::len).sum()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn commands(self) -> Vec<RawDocumentBuf> {
        let sets = PLAIN_SETS.into_iter().zip(&self.updates);
        sets.flat_map(|(name, updates)| commands(name, Verb::Update, updates)).collect()
    }
}

/// The commands of some operations of one kind.
fn commands(name: &str, verb: Verb, operations: &[RawDocumentBuf]) -> Vec<RawDocumentBuf> {
    let mut writes = Writes { generation: 0, commands: Vec::new(), count: 0 };
    let mut collect = Collect::new(&mut writes, verb, name.to_owned());
    for operation in operations {
        collect.push(operation);
    }
    collect.end();
    writes.commands.into_iter().map(|command| command.body).collect()
}
