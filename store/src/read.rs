//! One consistent snapshot for the query side.
//!
//! A [`Snapshot`] is a point of the cluster's time: the live pointer and the checkpoint are read in
//! one command, which fixes the time, and every later read is made at it. Each read has a session
//! of its own, so that independent reads can run side by side.

mod ledger;
mod part;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::StreamExt;
use mongodb::bson::{self, Document, RawBsonRef, RawDocument, Timestamp, doc};
use mongodb::error::{ErrorKind, RETRYABLE_WRITE_ERROR};
use mongodb::options::{CollectionOptions, ReadConcern, SessionOptions};
use mongodb::{ClientSession, Collection};
use projections::bucket::Level;
pub use projections::collection::Collection as Stored;
use projections::entity::Entity;
use projections::family::{Dimension, Family, Slice};
use projections::rollup::{self, RollupKey, Rollups};
use projections::topic::Changed;
use projections::vocabulary::{Period, Vocabularies, VocabularyKey};
use serde::Deserialize;

pub use self::ledger::{RowsWanted, Stub};
pub use self::part::{Part, Span};
use super::generation::{Checkpoint, MadeBy};
use super::names::{CHECKPOINTS, META, Model};
use super::{Doing, Error, Store};

/// No answer has more documents; one round trip then brings them all, up to 16 MB.
const BATCH_SIZE: u32 = 100_000;

/// Codes of the server that mean that the same read at a newer time will succeed: `SnapshotTooOld`,
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

/// A document and the id that it is known by.
#[derive(Debug, Clone)]
pub struct Known<D> {
    /// The customer's or product's id.
    pub id: String,
    /// The document of it.
    pub document: D,
}

impl Store {
    /// The live generation as it is now, or `None` before the first was made.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`]; [`Error::Newer`] if a newer version of the fold made
    /// the live generation; [`Error::Missing`] if it has no checkpoint.
    pub async fn snapshot(&self) -> Result<Option<Snapshot>, Error> {
        #[derive(Deserialize)]
        struct Made {
            checkpoint: Vec<MadeBy>,
        }
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
        let live = live.doing(doing)?.as_bytes();
        let made: Made = bson::deserialize_from_slice(live).doing(doing)?;
        made.checkpoint.first().map_or(Ok(()), MadeBy::is_readable)?;
        let live: Live = bson::deserialize_from_slice(live).doing(doing)?;
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

/// So many of the first documents, in an order.
struct Page {
    order: Document,
    limit: u32,
    /// The fields that are read; all where none are named.
    fields: Option<Document>,
}

impl Page {
    fn of(order: Document, limit: u32) -> Self {
        Page { order, limit, fields: None }
    }
}

/// A vocabulary as it is stored.
#[derive(Deserialize)]
struct Values {
    #[serde(rename = "_id")]
    id: String,
    values: Vec<String>,
}

impl Snapshot {
    /// The last change of its figures, topic by topic; where that is not known, its position.
    #[must_use]
    pub fn changed(&self) -> Changed {
        let Checkpoint { position, root, .. } = &self.checkpoint;
        root.changed.unwrap_or_else(|| Changed::unknown(*position))
    }

    /// Whether its generation counts what a version of the fold was the first to count.
    #[must_use]
    pub fn has(&self, since: u32) -> bool {
        self.checkpoint.settings.fold_version >= since
    }

    fn must_have(&self, what: &'static str, since: u32) -> Result<(), Error> {
        let made_by = self.checkpoint.settings.fold_version;
        if self.has(since) { Ok(()) } else { Err(Error::NotYetMade { what, since, made_by }) }
    }

    /// Hands the rollups of `spans` to `visit`, in no particular order.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`]; [`Error::NotYetMade`] if its generation is of a fold
    /// that did not count them yet.
    pub async fn rollups(
        &self,
        spans: &[Span],
        mut visit: impl FnMut(Part<'_>) + Send,
    ) -> Result<(), Error> {
        for Span { family, .. } in spans {
            self.must_have(family.as_str(), family.since())?;
        }
        let mut ranges: Vec<Document> =
            spans.iter().flat_map(Span::ids).map(|ids| doc! { "_id": ids }).collect();
        let filter = match ranges.len() {
            0 => return Ok(()),
            1 => ranges.swap_remove(0),
            _ => doc! { "$or": ranges },
        };
        let read = |raw: &RawDocument| {
            let (id, bytes) = (raw.get_str("_id")?, raw.get_binary("t")?.bytes);
            if let Some(part) = Part::of_id(id, bytes) {
                visit(part);
            }
            Ok(())
        };
        self.find(Model::of::<Rollups>(), filter, "reading rollups", read).await
    }

    /// The first bucket of a family's slice, of those at a level, that anything is counted in.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn first_bucket(
        &self,
        family: Family,
        slice: Slice,
        level: Level,
    ) -> Result<Option<u32>, Error> {
        self.must_have(family.as_str(), family.since())?;
        let prefix = rollup::prefix(family, slice, level);
        let ids = doc! { "$gte": &prefix, "$lt": format!("{prefix}\u{10ffff}") };
        let mut page = Page::of(doc! { "_id": 1 }, 1);
        page.fields = Some(doc! { "_id": 1 });
        let mut first = None;
        let read = |raw: &RawDocument| {
            first = RollupKey::of_id(raw.get_str("_id")?).map(|key| key.bucket);
            Ok(())
        };
        let (filter, doing) = (doc! { "_id": ids }, "reading where figures begin");
        self.find_page(Model::of::<Rollups>(), filter, Some(page), doing, read).await?;
        Ok(first)
    }

    /// The values of a dimension in those of some periods that have any, each at the index of its code less
    /// 2.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn vocabularies(
        &self,
        dimension: Dimension,
        periods: &[Period],
    ) -> Result<Vec<(Period, Vec<String>)>, Error> {
        let id = |&period| VocabularyKey { dimension, period }.to_id();
        let ids: Vec<String> = periods.iter().map(id).collect();
        let filter = doc! { "_id": { "$in": &ids } };
        let mut found = Vec::new();
        let read = |raw: &RawDocument| {
            let Values { id, values } = bson::deserialize_from_slice(raw.as_bytes())?;
            let period = ids.iter().zip(periods).find(|(it, _)| **it == id);
            found.extend(period.map(|(_, period)| (*period, values)));
            Ok(())
        };
        self.find(Model::of::<Vocabularies>(), filter, "reading vocabularies", read).await?;
        Ok(found)
    }

    /// The entities of these ids that are known, in no particular order.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn entities<C: Stored<Stored: Send>>(
        &self,
        ids: &[Arc<str>],
    ) -> Result<Vec<Known<C::Stored>>, Error> {
        self.must_have(C::NAME, C::SINCE)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
        let mut entities = Vec::with_capacity(ids.len());
        let read = |raw: &RawDocument| {
            let id = raw.get_str("_id")?.to_owned();
            entities.push(Known { id, document: bson::deserialize_from_slice(raw.as_bytes())? });
            Ok(())
        };
        let filter = doc! { "_id": { "$in": ids } };
        self.find(Model::of::<C>(), filter, "reading entities", read).await?;
        Ok(entities)
    }

    /// The entities whose ids begin so and come after one, by id: the first so many.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn entities_by_id<C: Stored<Stored: Send>>(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Known<C::Stored>>, Error> {
        self.must_have(C::NAME, C::SINCE)?;
        // No character comes behind the last one.
        let mut ids = doc! { "$gte": prefix, "$lt": format!("{prefix}\u{10ffff}") };
        if let Some(after) = after {
            ids.insert("$gt", after);
        }
        let mut entities = Vec::new();
        let read = |raw: &RawDocument| {
            let id = raw.get_str("_id")?.to_owned();
            entities.push(Known { id, document: bson::deserialize_from_slice(raw.as_bytes())? });
            Ok(())
        };
        let page = Some(Page::of(doc! { "_id": 1 }, limit));
        let filter = doc! { "_id": ids };
        self.find_page(Model::of::<C>(), filter, page, "reading entities", read).await?;
        Ok(entities)
    }

    /// Hands every entity to `visit`, without some of its fields, in no particular order.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn every_entity<C: Stored<Stored: Send>>(
        &self,
        left_out: &[&str],
        mut visit: impl FnMut(Known<C::Stored>) + Send,
    ) -> Result<(), Error> {
        self.must_have(C::NAME, C::SINCE)?;
        let read = |raw: &RawDocument| {
            let id = raw.get_str("_id")?.to_owned();
            visit(Known { id, document: bson::deserialize_from_slice(raw.as_bytes())? });
            Ok(())
        };
        let mut page = Page::of(Document::new(), 0);
        page.fields = Some(left_out.iter().map(|field| ((*field).to_owned(), 0.into())).collect());
        let doing = "reading all entities";
        self.find_page(Model::of::<C>(), Document::new(), Some(page), doing, read).await
    }

    /// The ids behind these ordinals of an entity, in no particular order.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn names(
        &self,
        entity: Entity,
        ordinals: &[u32],
    ) -> Result<Vec<(u32, Arc<str>)>, Error> {
        let keys = ordinals.iter().map(|&ordinal| entity.name_id(ordinal));
        let filter = doc! { "_id": { "$in": keys.collect::<Vec<_>>() } };
        let mut found = Vec::with_capacity(ordinals.len());
        let read = |raw: &RawDocument| {
            let ordinal = rollup::chunk_of_id(raw.get_str("_id")?);
            let id = Arc::from(raw.get_str("id")?);
            found.extend(ordinal.map(|ordinal| (ordinal, id)));
            Ok(())
        };
        self.find(Model::NAMES, filter, "reading names", read).await?;
        Ok(found)
    }

    /// The positions behind `after` and up to `to` whose messages are quarantined.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn quarantined_between(&self, after: u64, to: u64) -> Result<BTreeSet<u64>, Error> {
        #[derive(Deserialize)]
        struct Row {
            #[serde(rename = "_id")]
            position: u64,
        }
        let number = |position| i64::try_from(position).unwrap_or(i64::MAX);
        let filter = doc! { "_id": { "$gt": number(after), "$lte": number(to) } };
        let mut page = Page::of(doc! { "_id": 1 }, 0);
        page.fields = Some(doc! { "_id": 1 });
        let mut found = BTreeSet::new();
        let read = |raw: &RawDocument| {
            found.insert(bson::deserialize_from_slice::<Row>(raw.as_bytes())?.position);
            Ok(())
        };
        let doing = "reading which messages are quarantined";
        self.find_page(Model::QUARANTINE, filter, Some(page), doing, read).await?;
        Ok(found)
    }

    /// Hands every document to `read` straight from the server's reply.
    async fn find(
        &self,
        model: Model,
        filter: Document,
        doing: &'static str,
        read: impl FnMut(&RawDocument) -> Result<(), bson::error::Error> + Send,
    ) -> Result<(), Error> {
        self.find_page(model, filter, None, doing, read).await
    }

    /// The same of a page.
    async fn find_page(
        &self,
        model: Model,
        filter: Document,
        page: Option<Page>,
        doing: &'static str,
        mut read: impl FnMut(&RawDocument) -> Result<(), bson::error::Error> + Send,
    ) -> Result<(), Error> {
        let mut session = self.store.session_at(self.time).await?;
        let collection = self.store.snapshot_collection(&model.name(self.checkpoint.generation));
        let mut find = collection.find(filter).batch_size(BATCH_SIZE);
        if let Some(Page { order, limit, fields }) = page {
            find = find.sort(order).limit(limit.into());
            if let Some(fields) = fields {
                find = find.projection(fields);
            }
        }
        let find = find.session(&mut session);
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

impl Error {
    /// Whether the same read at a newer time will succeed.
    #[must_use]
    pub fn is_snapshot_gone(&self) -> bool {
        matches!(self, Error::Driver { driver, .. } if matches!(&*driver.kind,
            ErrorKind::Command(error) if SNAPSHOT_GONE.contains(&error.code)))
    }

    /// Whether the server cannot be reached or is not ready, and the command is not at fault.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Error::Unreachable { .. } | Error::TimedOut { .. } => true,
            Error::Driver { driver, .. } => match &*driver.kind {
                ErrorKind::Command(_) => {
                    self.is_snapshot_gone() || driver.contains_label(RETRYABLE_WRITE_ERROR)
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
    array.into_iter().filter_map(|element| element.map(RawBsonRef::as_document).transpose())
}
