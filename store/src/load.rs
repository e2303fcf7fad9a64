//! The documents that a fold asks for, and its blocks of seen ids when it starts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::TryStreamExt;
use mongodb::bson::{self, RawDocumentBuf, doc};
use projections::batch::{Batch, Room};
use projections::collection::{Collection, Key};
use projections::collections::Needs;
use projections::customers::Customers;
use projections::fold::Fold;
use projections::fold::dedup::{Block, BlockKey, BlockKind, SeenIds};
use projections::fold::working_set::WorkingSet;
use projections::for_each_collection;
use projections::ledger::{Ledger, LedgerKey};
use projections::time::Time;
use serde::Deserialize;

use super::names::Model;
use super::{Doing, Error, Store};

/// Rows of the ledger that one command leaves out. The server goes through all of them for every
/// customer that the command asks for.
const ROWS_LEFT_OUT: usize = 64;

macro_rules! supply {
    ($($set:ident: $Collection:ty,)*) => {
        impl Store {
            /// Supplies everything that a batch asks for: each document, or the knowledge that there
            /// is none. Where that takes more room than the batch has, it leaves that part of its
            /// messages.
            ///
            /// # Errors
            /// [`Error::Driver`], [`Error::Document`].
            pub async fn supply(
                &self,
                generation: u32,
                needs: Needs,
                batch: &mut Batch<'_, '_>,
                fold: &mut Fold,
            ) -> Result<(), Error> {
                let room = batch.room();
                let fits = true
                    $(&& self
                        .supply_of::<$Collection>(generation, needs.$set, &mut fold.sets.$set, room)
                        .await?)*;
                if !fits {
                    batch.leave_part(fold);
                }
                Ok(())
            }
        }
    };
}
for_each_collection!(supply);

impl Store {
    /// Whether there was room for all.
    async fn supply_of<C: Collection>(
        &self,
        generation: u32,
        keys: BTreeSet<C::Key>,
        set: &mut WorkingSet<C>,
        room: &mut Room,
    ) -> Result<bool, Error> {
        const DOING: &str = "reading the documents of a batch";
        if keys.is_empty() {
            return Ok(true);
        }
        let mut wanted: BTreeMap<String, C::Key> =
            keys.into_iter().map(|key| (key.id().into_owned(), key)).collect();
        let ids: Vec<&String> = wanted.keys().collect();
        let mut found = self
            .database
            .collection::<RawDocumentBuf>(&Model::of::<C>().name(generation))
            .find(doc! { "_id": { "$in": ids } })
            .batch_size(10_000)
            .await
            .doing(DOING)?;
        while let Some(raw) = found.try_next().await.doing(DOING)? {
            if !room.take(raw.as_bytes().len()) {
                return Ok(false);
            }
            let id = raw.get_str("_id").unwrap_or_default();
            if let Some(key) = wanted.remove(id) {
                let stored = bson::deserialize_from_slice(raw.as_bytes()).doing(DOING)?;
                set.supply(key, Some(C::read(stored)));
            }
        }
        for key in wanted.into_values() {
            set.supply(key, None);
        }
        Ok(true)
    }

    /// Hands the remembered ids to a new fold.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn restore_blocks(&self, generation: u32, fold: &mut Fold) -> Result<(), Error> {
        self.restore_activities(generation, fold).await?;
        let first = BlockKey { kind: BlockKind::Ledger, number: 0 };
        self.restore_from(generation, first, fold).await
    }

    /// Restores the activities alone: enough for a fold that is supplied with every row of the
    /// ledger that it asks about.
    ///
    /// # Errors
    /// As [`Store::restore_blocks`].
    pub async fn restore_activities(&self, generation: u32, fold: &mut Fold) -> Result<(), Error> {
        let number = fold.root.blocks.activity_first;
        let first = BlockKey { kind: BlockKind::Activity, number };
        self.restore_from(generation, first, fold).await
    }

    async fn restore_from(
        &self,
        generation: u32,
        first: BlockKey,
        fold: &mut Fold,
    ) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Stored {
            #[serde(rename = "_id")]
            id: String,
            #[serde(flatten)]
            block: Block,
        }
        let last = BlockKey { number: u32::MAX, ..first };
        let filter = doc! { "_id": { "$gte": first.to_id(), "$lte": last.to_id() } };
        let mut found = self
            .database
            .collection::<RawDocumentBuf>(&Model::of::<SeenIds>().name(generation))
            .find(filter)
            .sort(doc! { "_id": 1 })
            .await
            .doing("reading the blocks of seen ids")?;
        while let Some(raw) = found.try_next().await.doing("reading the blocks of seen ids")? {
            let stored: Stored = bson::deserialize_from_slice(raw.as_bytes())
                .doing("reading the blocks of seen ids")?;
            if let Some(key) = BlockKey::parse(&stored.id) {
                fold.dedup.restore(key, &stored.block);
            }
        }
        Ok(())
    }

    /// The first and last completed purchase of each of `users` who has one, leaving out the rows
    /// that the batch changed: two steps into the ledger's index for each, however much it bought.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn purchases(
        &self,
        generation: u32,
        fold: &Fold,
        users: &BTreeSet<Box<str>>,
    ) -> Result<HashMap<Box<str>, (Time, Time)>, Error> {
        let mut ends = HashMap::new();
        let mut users = users.iter().peekable();
        while users.peek().is_some() {
            let (mut some, mut except) = (Vec::new(), Vec::new());
            while let Some(user) = users.next_if(|_| except.len() < ROWS_LEFT_OUT) {
                some.push(&**user);
                except.extend(fold.changed_rows(user).map(LedgerKey::as_str));
            }
            ends.extend(self.purchases_of(generation, &some, &except).await?);
        }
        Ok(ends)
    }

    async fn purchases_of(
        &self,
        generation: u32,
        users: &[&str],
        except: &[&str],
    ) -> Result<Vec<(Box<str>, (Time, Time))>, Error> {
        const DOING: &str = "reading the purchases of customers";
        #[derive(Deserialize)]
        struct Purchase {
            at: Time,
        }
        #[derive(Deserialize)]
        struct Purchases {
            #[serde(rename = "_id")]
            user: Box<str>,
            first: Option<Purchase>,
            last: Option<Purchase>,
        }
        let end = |name: &str, direction: i32| {
            doc! { "$lookup": {
                "from": Model::of::<Ledger>().name(generation),
                "localField": "_id",
                "foreignField": "user",
                "pipeline": [
                    // Rows of other kinds may have a user and a status as well.
                    { "$match": {
                        "kind": { "$in": ["transaction", "order"] },
                        "status": "completed",
                        "_id": { "$nin": except },
                    } },
                    { "$sort": { "at": direction } },
                    { "$limit": 1 },
                    { "$project": { "_id": 0, "at": 1 } },
                ],
                "as": name,
            } }
        };
        let found = self
            .database
            .collection::<bson::Document>(&Model::of::<Customers>().name(generation))
            .aggregate([
                doc! { "$match": { "_id": { "$in": users } } },
                doc! { "$project": { "_id": 1 } },
                end("first", 1),
                end("last", -1),
                doc! { "$set": { "first": { "$first": "$first" }, "last": { "$first": "$last" } } },
            ])
            .with_type::<Purchases>()
            .await
            .doing(DOING)?;
        let found: Vec<Purchases> = found.try_collect().await.doing(DOING)?;
        Ok(found
            .into_iter()
            .filter_map(|of| Some((of.user, (of.first?.at, of.last?.at))))
            .collect())
    }
}
