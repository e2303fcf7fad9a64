//! One consistent snapshot for the query side.
//!
//! A [`Snapshot`] is a point of the cluster's time: the live pointer and the checkpoint are read
//! in one command, which fixes the time, and every later read is made at it. Each read has a
//! session of its own, so that those which do not wait for each other can run side by side.

use futures_util::StreamExt;
use mongodb::bson::{self, Document, RawDocument, Timestamp, doc};
use mongodb::error::ErrorKind;
use mongodb::options::{CollectionOptions, FindOptions, ReadConcern, SessionOptions};
use mongodb::{ClientSession, Collection};
use projections::bucket::{self, Level};
use projections::customers::Customer;
use projections::event::Status;
use projections::products::Product;
use projections::rollup::{self, Family};
use projections::table::{self, Unpack};
use projections::vocabulary::{Dimension, VocabularyKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::generation::Checkpoint;
use super::names::{CHECKPOINTS, META, Model};
use super::{Doing, Error, Store};

/// No answer has more documents; one round trip then has them all, up to 16 MB.
const BATCH_SIZE: u32 = 100_000;

/// Codes of the server's that mean: the same again at a newer time will do. `SnapshotTooOld`,
/// `SnapshotUnavailable`.
const SNAPSHOT_GONE: [i32; 2] = [239, 246];

/// The live generation at one position.
#[derive(Debug)]
pub struct Snapshot {
    store: Store,
    time: Option<Timestamp>,
    /// The generation, its position and its totals.
    pub checkpoint: Checkpoint,
}

/// Rollups of one family, slice and level, from one bucket to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// What is counted.
    pub family: Family,
    /// The status, for families that have one.
    pub slice: Option<Status>,
    /// How long the buckets are.
    pub level: Level,
    /// The first bucket.
    pub first: u32,
    /// The last bucket.
    pub last: u32,
}

/// One rollup as the store has it.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    id: &'a str,
    bytes: &'a [u8],
}

/// A document and the id that it is known by.
#[derive(Debug, Clone)]
pub struct Known<D> {
    /// The customer's or product's id.
    pub id: String,
    /// What is known of it.
    pub document: D,
}

impl Store {
    /// The live generation as it is now, or `None` before the first was made.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`]; [`Error::Missing`] where the live generation has no
    /// checkpoint.
    pub async fn snapshot(&self) -> Result<Option<Snapshot>, Error> {
        #[derive(Deserialize)]
        struct Live {
            checkpoint: Vec<Checkpoint>,
        }
        let doing = "reading the checkpoint";
        let mut session = self.session_at(None).await?;
        let pipeline = [
            doc! { "$match": { "_id": "live" } },
            doc! { "$lookup": {
                "from": CHECKPOINTS,
                "localField": "generation",
                "foreignField": "_id",
                "as": "checkpoint",
            } },
        ];
        let mut cursor = self
            .snapshot_collection(META)
            .aggregate(pipeline)
            .session(&mut session)
            .batch()
            .await
            .doing(doing)?;
        let batch = cursor.stream(&mut session).next().await.transpose().doing(doing)?;
        let live = match &batch {
            Some(batch) => documents(batch.doc_slices().doing(doing)?).next(),
            None => None,
        };
        let Some(live) = live else { return Ok(None) };
        let live: Live =
            bson::deserialize_from_slice(live.doing(doing)?.as_bytes()).doing(doing)?;
        let missing = Error::Missing("the live generation has no checkpoint; rebuild it");
        let checkpoint = live.checkpoint.into_iter().next().ok_or(missing)?;
        Ok(Some(Snapshot { store: self.clone(), time: session.snapshot_time(), checkpoint }))
    }

    async fn session_at(&self, time: Option<Timestamp>) -> Result<ClientSession, Error> {
        let options = SessionOptions::builder().snapshot(true).snapshot_time(time).build();
        self.client.start_session().with_options(options).await.doing("starting a session")
    }

    /// The driver adds the session's time to the collection's own read concern, which has to be
    /// `snapshot` for that.
    fn snapshot_collection(&self, name: &str) -> Collection<Document> {
        let options = CollectionOptions::builder().read_concern(ReadConcern::snapshot()).build();
        self.database.collection_with_options(name, options)
    }
}

impl Snapshot {
    /// Hands the rollups of `spans` to `visit`, in no particular order.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn rollups(
        &self,
        spans: &[Span],
        mut visit: impl FnMut(Part<'_>) + Send,
    ) -> Result<(), Error> {
        let mut ranges: Vec<Document> =
            spans.iter().map(|span| doc! { "_id": span.ids() }).collect();
        let filter = match ranges.len() {
            0 => return Ok(()),
            1 => ranges.swap_remove(0),
            _ => doc! { "$or": ranges },
        };
        let read = |raw: &RawDocument| {
            let (id, bytes) = (raw.get_str("_id")?, raw.get_binary("t")?.bytes);
            visit(Part { id, bytes });
            Ok(())
        };
        self.find(Model::Rollups, filter, FindOptions::default(), "reading rollups", read).await
    }

    /// The values of a dimension in the months from `first` to `last`, both included, each at the
    /// index of its code less 2.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn vocabularies(
        &self,
        dimension: Dimension,
        first: u32,
        last: u32,
    ) -> Result<Vec<(u32, Vec<String>)>, Error> {
        #[derive(Deserialize)]
        struct Row {
            #[serde(rename = "_id")]
            id: String,
            values: Vec<String>,
        }
        let id = |month| VocabularyKey { dimension, month }.id();
        let filter = doc! { "_id": { "$gte": id(first), "$lte": id(last) } };
        let mut months = Vec::new();
        let read = |raw: &RawDocument| {
            let row: Row = bson::deserialize_from_slice(raw.as_bytes())?;
            let label = row.id.rsplit('/').next().unwrap_or_default();
            months.extend(month_of_label(label).map(|month| (month, row.values)));
            Ok(())
        };
        let doing = "reading vocabularies";
        self.find(Model::Vocabularies, filter, FindOptions::default(), doing, read).await?;
        Ok(months)
    }

    /// The customers who spent most in completed transactions, ever; ties by id.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn top_customers(&self, limit: usize) -> Result<Vec<Known<Customer>>, Error> {
        let order = doc! { "completed.amount": -1, "_id": 1 };
        let filter = doc! { "completed.amount": { "$gt": 0_i64 } };
        self.entities(Model::Customers, filter, in_order(order, limit), "ranking customers").await
    }

    /// The products sold most in completed transactions, ever, the reserved one among them; ties
    /// by id.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn top_products(&self, limit: usize) -> Result<Vec<Known<Product>>, Error> {
        let order = doc! { "completed.quantity": -1, "_id": 1 };
        let filter = doc! { "completed.quantity": { "$gt": 0_i64 } };
        self.entities(Model::Products, filter, in_order(order, limit), "ranking products").await
    }

    /// The products with less than `below` items on hand, lowest first; ties by id.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn low_stock(
        &self,
        below: i64,
        limit: usize,
    ) -> Result<Vec<Known<Product>>, Error> {
        let order = doc! { "stock": 1, "_id": 1 };
        let filter = doc! { "stock": { "$lt": below } };
        self.entities(Model::Products, filter, in_order(order, limit), "looking for low stock").await
    }

    /// The customers of these ordinals, in no particular order.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn customers_of(&self, ordinals: &[u32]) -> Result<Vec<Known<Customer>>, Error> {
        let options = FindOptions::default();
        self.entities(Model::Customers, by_ordinal(ordinals), options, "reading customers").await
    }

    /// The products of these ordinals, in no particular order.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn products_of(&self, ordinals: &[u32]) -> Result<Vec<Known<Product>>, Error> {
        let options = FindOptions::default();
        self.entities(Model::Products, by_ordinal(ordinals), options, "reading products").await
    }

    /// The ids behind these ordinals, in no particular order. `model` is customers or products.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn ids_of(
        &self,
        model: Model,
        ordinals: &[u32],
    ) -> Result<Vec<(u32, String)>, Error> {
        #[derive(Deserialize)]
        struct Row {
            #[serde(rename = "_id")]
            id: String,
            ordinal: u32,
        }
        let options = FindOptions::builder().projection(doc! { "ordinal": 1 }).build();
        let mut rows = Vec::with_capacity(ordinals.len());
        let read = |raw: &RawDocument| {
            let row: Row = bson::deserialize_from_slice(raw.as_bytes())?;
            rows.push((row.ordinal, row.id));
            Ok(())
        };
        self.find(model, by_ordinal(ordinals), options, "reading ids", read).await?;
        Ok(rows)
    }

    async fn entities<D: DeserializeOwned + Send>(
        &self,
        model: Model,
        filter: Document,
        options: FindOptions,
        doing: &'static str,
    ) -> Result<Vec<Known<D>>, Error> {
        let mut entities = Vec::new();
        let read = |raw: &RawDocument| {
            let id = raw.get_str("_id")?.to_owned();
            entities.push(Known { id, document: bson::deserialize_from_slice(raw.as_bytes())? });
            Ok(())
        };
        self.find(model, filter, options, doing, read).await?;
        Ok(entities)
    }

    /// Hands every document to `read` straight from the server's reply.
    async fn find(
        &self,
        model: Model,
        filter: Document,
        mut options: FindOptions,
        doing: &'static str,
        mut read: impl FnMut(&RawDocument) -> Result<(), bson::error::Error> + Send,
    ) -> Result<(), Error> {
        options.batch_size = Some(BATCH_SIZE);
        let mut session = self.store.session_at(self.time).await?;
        let collection = self.store.snapshot_collection(&model.name(self.checkpoint.generation));
        let find = collection.find(filter).with_options(options).session(&mut session);
        let mut cursor = find.batch().await.doing(doing)?;
        let mut batches = cursor.stream(&mut session);
        while let Some(batch) = batches.next().await {
            let batch = batch.doing(doing)?;
            for document in documents(batch.doc_slices().doing(doing)?) {
                document.and_then(&mut read).doing(doing)?;
            }
        }
        Ok(())
    }
}

impl Span {
    /// The ids from the first bucket's first chunk to the last one's last: after a bucket's name
    /// comes a slash, and a zero is the next character.
    fn ids(&self) -> Document {
        let prefix = rollup::prefix(self.family, self.slice, self.level);
        let (first, last) =
            (bucket::label(self.level, self.first), bucket::label(self.level, self.last));
        doc! { "$gte": format!("{prefix}{first}/"), "$lt": format!("{prefix}{last}0") }
    }
}

impl<'a> Part<'a> {
    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> Unpack<'a> {
        table::unpack(self.bytes)
    }

    /// Its level, from its id.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        match self.id.split('/').nth(2)? {
            "month" => Some(Level::Month),
            "day" => Some(Level::Day),
            "quarter" => Some(Level::Quarter),
            _ => None,
        }
    }

    /// The month it lies in.
    #[must_use]
    pub fn month(&self) -> Option<u32> {
        month_of_label(self.id.split('/').nth(3)?)
    }

    /// The day it lies in, where its level is no month.
    #[must_use]
    pub fn day(&self) -> Option<u32> {
        let label = self.id.split('/').nth(3)?;
        let day: u32 = label.get(8..10)?.parse().ok()?;
        Some(bucket::first_day_of_month(month_of_label(label)?) + day.checked_sub(1)?)
    }

    /// The ordinal of its row 0, in a family by entity.
    #[must_use]
    pub fn first_ordinal(&self) -> Option<u32> {
        Some(rollup::chunk_of_id(self.id)? << rollup::chunk_bits(self.level()?))
    }
}

impl Error {
    /// Whether the same read at a newer time will do.
    #[must_use]
    pub fn is_snapshot_gone(&self) -> bool {
        matches!(self, Error::Driver { source, .. } if matches!(&*source.kind,
            ErrorKind::Command(error) if SNAPSHOT_GONE.contains(&error.code)))
    }

    /// Whether it is the server that cannot be reached or is not ready, and not the program that
    /// asked for something wrong.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Error::Unreachable { .. } => true,
            Error::Driver { source, .. } => match &*source.kind {
                ErrorKind::Command(_) => {
                    self.is_snapshot_gone() || source.contains_label("RetryableWriteError")
                        || source.contains_label("TransientTransactionError")
                }
                ErrorKind::Io(_)
                | ErrorKind::ServerSelection { .. }
                | ErrorKind::ConnectionPoolCleared { .. }
                | ErrorKind::DnsResolve { .. } => true,
                _ => false,
            },
            _ => false,
        }
    }
}

fn documents(
    array: &bson::RawArray,
) -> impl Iterator<Item = Result<&RawDocument, bson::error::Error>> {
    array.into_iter().filter_map(|element| element.map(|it| it.as_document()).transpose())
}

fn by_ordinal(ordinals: &[u32]) -> Document {
    let ordinals: Vec<i64> = ordinals.iter().copied().map(i64::from).collect();
    doc! { "ordinal": { "$in": ordinals } }
}

/// The sort is the index as well: without it the whole collection would be sorted.
fn in_order(keys: Document, limit: usize) -> FindOptions {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    FindOptions::builder()
        .hint(mongodb::options::Hint::Keys(keys.clone()))
        .sort(keys)
        .limit(limit)
        .build()
}

/// The month that a label of any level begins with.
fn month_of_label(label: &str) -> Option<u32> {
    let year: u32 = label.get(..4)?.parse().ok()?;
    let month: u32 = label.get(5..7)?.parse().ok()?;
    Some(year.checked_sub(1970)? * 12 + month.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use projections::rollup::RollupKey;

    use super::*;

    #[test]
    fn a_part_knows_from_its_id_where_it_belongs() {
        let quarter = 1_994_705;
        for level in [Level::Quarter, Level::Day, Level::Month] {
            let bucket = bucket::bucket_of(level, quarter);
            let slice = Some(Status::Completed);
            let id = RollupKey { family: Family::Buyers, slice, level, bucket, chunk: 3 }.id();
            let part = Part { id: &id, bytes: &[] };
            assert_eq!(part.level(), Some(level));
            assert_eq!(part.month(), Some(bucket::month_of_quarter(quarter)));
            assert_eq!(part.first_ordinal(), Some(3 << rollup::chunk_bits(level)));
            let day = (level != Level::Month).then(|| bucket::day_of_quarter(quarter));
            assert_eq!(part.day(), day);
        }
    }

    #[test]
    fn a_span_has_all_chunks_of_its_buckets_and_no_others() {
        let key = |bucket, chunk| RollupKey {
            family: Family::Sold,
            slice: Some(Status::Pending),
            level: Level::Day,
            bucket,
            chunk,
        };
        let span = Span {
            family: Family::Sold,
            slice: Some(Status::Pending),
            level: Level::Day,
            first: 100,
            last: 102,
        };
        let ids = span.ids();
        let has = |id: String| {
            id.as_str() >= ids.get_str("$gte").unwrap() && id.as_str() < ids.get_str("$lt").unwrap()
        };
        assert!(has(key(100, 0).id()) && has(key(101, 7).id()) && has(key(102, u32::MAX).id()));
        assert!(!has(key(99, u32::MAX).id()) && !has(key(103, 0).id()));
    }
}
