//! The documents a fold asks for, and its blocks of seen ids when it starts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::TryStreamExt;
use mongodb::bson::{self, RawDocumentBuf, doc};
use projections::customers;
use projections::fold::{Fold, Needs};
use projections::ledger::LedgerKey;
use projections::products;
use projections::seen::{Block, BlockKey, BlockKind};
use projections::space::Space;
use projections::table::Table;
use projections::tally::{Of, Tally, TallyKey};
use projections::time::Time;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::names::Model;
use super::{Doing, Error, Store};

/// Rows of the ledger that one command leaves out. The server goes through all of them for every
/// customer that the command asks for.
const ROWS_LEFT_OUT: usize = 64;

/// A rollup or a tally as stored.
#[derive(Debug, Deserialize)]
struct Packed<T> {
    t: T,
}

const NO_TALLY: Error = Error::Missing("what is counted of an entity was not loaded before it");

impl Store {
    /// Supplies everything that a fold needs, each document or the knowledge that there is none.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn supply(
        &self,
        generation: u32,
        needs: Needs,
        fold: &mut Fold,
    ) -> Result<(), Error> {
        let at = |model| Collection { store: self, generation, model };
        let ledger = named(needs.ledger, |key| key.as_str().to_owned());
        at(Model::Ledger).supply(ledger, &mut fold.ledger, |row| row).await?;
        self.supply_tallies(generation, needs.tallies.into_iter(), fold).await?;
        self.supply_customers(generation, needs.customers, fold).await?;
        self.supply_products(generation, needs.products, fold).await?;
        let keys = named(needs.vocabularies, projections::vocabulary::VocabularyKey::id);
        at(Model::Vocabularies).supply(keys, &mut fold.vocabularies, |values| values).await?;
        let keys = named(needs.blocks, projections::seen::BlockKey::id);
        at(Model::Blocks).supply(keys, &mut fold.blocks, |block| block).await?;
        let keys = named(needs.rollups, projections::rollup::RollupKey::id);
        at(Model::Rollups).supply(keys, &mut fold.rollups, |stored: Packed<Table>| stored.t).await
    }

    /// A customer is its document and its row of a tally.
    async fn supply_customers(
        &self,
        generation: u32,
        ids: BTreeSet<Box<str>>,
        fold: &mut Fold,
    ) -> Result<(), Error> {
        let customers = Collection { store: self, generation, model: Model::Customers };
        let found = customers.find(named(ids, ToString::to_string)).await?;
        let tally = |it: &customers::Record| TallyKey::new(Of::Customers, it.ordinal);
        let tallies = found.iter().filter_map(|(_, record)| record.as_ref().map(tally));
        self.supply_tallies(generation, tallies, fold).await?;
        for (id, record) in found {
            fold.supply_customer(id, record).map_err(|_| NO_TALLY)?;
        }
        Ok(())
    }

    /// As is a product.
    async fn supply_products(
        &self,
        generation: u32,
        ids: BTreeSet<Box<str>>,
        fold: &mut Fold,
    ) -> Result<(), Error> {
        let products = Collection { store: self, generation, model: Model::Products };
        let found = products.find(named(ids, ToString::to_string)).await?;
        let tally = |it: &products::Record| TallyKey::new(Of::Products, it.ordinal);
        let tallies = found.iter().filter_map(|(_, record)| record.as_ref().map(tally));
        self.supply_tallies(generation, tallies, fold).await?;
        for (id, record) in found {
            fold.supply_product(id, record).map_err(|_| NO_TALLY)?;
        }
        Ok(())
    }

    /// Those of the tallies that are not at hand.
    async fn supply_tallies(
        &self,
        generation: u32,
        keys: impl Iterator<Item = TallyKey>,
        fold: &mut Fold,
    ) -> Result<(), Error> {
        let missing: BTreeSet<_> = keys.filter(|key| !fold.tallies.at_hand(key)).collect();
        let tallies = Collection { store: self, generation, model: Model::Tallies };
        let unpack = |stored: Packed<Tally>| stored.t;
        tallies.supply(named(missing, TallyKey::id), &mut fold.tallies, unpack).await
    }

    /// Hands a new fold the ids it remembers.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn restore_blocks(&self, generation: u32, fold: &mut Fold) -> Result<(), Error> {
        self.restore_activities(generation, fold).await?;
        let first = BlockKey { kind: BlockKind::Ledger, number: 0 };
        self.restore_from(generation, first, fold).await
    }

    /// The activities alone: enough for a fold that is supplied with every row of the ledger it
    /// asks about.
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
        let filter = doc! { "_id": { "$gte": first.id(), "$lte": last.id() } };
        let mut found = self
            .database
            .collection::<RawDocumentBuf>(&Model::Blocks.name(generation))
            .find(filter)
            .sort(doc! { "_id": 1 })
            .await
            .doing("reading the blocks of seen ids")?;
        while let Some(raw) = found.try_next().await.doing("reading the blocks of seen ids")? {
            let stored: Stored = bson::deserialize_from_slice(raw.as_bytes())
                .doing("reading the blocks of seen ids")?;
            if let Some(key) = BlockKey::parse(&stored.id) {
                fold.seen.restore(key, &stored.block);
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
                "from": Model::Ledger.name(generation),
                "localField": "_id",
                "foreignField": "user",
                "pipeline": [
                    { "$match": { "status": "completed", "_id": { "$nin": except } } },
                    { "$sort": { "at": direction } },
                    { "$limit": 1 },
                    { "$project": { "_id": 0, "at": 1 } },
                ],
                "as": name,
            } }
        };
        let found = self
            .database
            .collection::<bson::Document>(&Model::Customers.name(generation))
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

fn named<K: Ord>(keys: BTreeSet<K>, id: impl Fn(&K) -> String) -> BTreeMap<String, K> {
    keys.into_iter().map(|key| (id(&key), key)).collect()
}

struct Collection<'a> {
    store: &'a Store,
    generation: u32,
    model: Model,
}

impl Collection<'_> {
    async fn supply<K, D, S>(
        self,
        wanted: BTreeMap<String, K>,
        space: &mut Space<K, D>,
        unwrap: impl Fn(S) -> D,
    ) -> Result<(), Error>
    where
        K: Eq + std::hash::Hash + Clone + std::fmt::Debug,
        S: DeserializeOwned,
    {
        for (key, stored) in self.find(wanted).await? {
            space.supply(key, stored.map(&unwrap));
        }
        Ok(())
    }

    /// Each of those wanted, as stored.
    async fn find<K, S: DeserializeOwned>(
        self,
        mut wanted: BTreeMap<String, K>,
    ) -> Result<Vec<(K, Option<S>)>, Error> {
        const DOING: &str = "reading the documents of a batch";
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<&String> = wanted.keys().collect();
        let mut answers = Vec::with_capacity(ids.len());
        let mut found = self
            .store
            .database
            .collection::<RawDocumentBuf>(&self.model.name(self.generation))
            .find(doc! { "_id": { "$in": ids } })
            .batch_size(10_000)
            .await
            .doing(DOING)?;
        while let Some(raw) = found.try_next().await.doing(DOING)? {
            let id = raw.get_str("_id").unwrap_or_default();
            if let Some(key) = wanted.remove(id) {
                let stored = bson::deserialize_from_slice(raw.as_bytes()).doing(DOING)?;
                answers.push((key, Some(stored)));
            }
        }
        answers.extend(wanted.into_values().map(|key| (key, None)));
        Ok(answers)
    }
}
