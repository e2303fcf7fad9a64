//! Generations: the live pointer, the checkpoint of each, and how each is made.

use mongodb::IndexModel;
use mongodb::bson::{self, doc};
use mongodb::options::IndexOptions;
use projections::fold::root::{FOLD_VERSION, FoldSettings, Root};
use projections::ledger::Ledger;
use serde::{Deserialize, Serialize};

use super::names::{CHECKPOINTS, META, Model};
use super::{Doing, Error, Store};

/// A fingerprint of the message at a checkpoint, to know its log again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The instant when the log stored it, nanoseconds since 1970.
    pub time: i64,
    /// SHA-256 of its subject and payload, hexadecimal.
    pub hash: String,
}

/// The log and the position up to which a generation has folded it, and the generation's totals.
/// One document; every commit replaces it by compare-and-set on `position`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// The generation.
    #[serde(rename = "_id")]
    pub generation: u32,
    /// The last position folded; 0 before the first.
    pub position: u64,
    /// The log's identity.
    pub incarnation: String,
    /// The message at `position`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// The instant of the commit, milliseconds since 1970.
    pub committed_at: i64,
    /// The settings that the generation was made with.
    pub settings: FoldSettings,
    /// Totals and counters.
    pub root: Root,
    /// The instant when another generation became live instead, milliseconds since 1970. A commit
    /// counts only if the committer knows this value: one that slept through a switch must not go
    /// on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<i64>,
}

/// The version of the fold that made a generation: the part of its checkpoint that every version
/// reads and writes alike.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(from = "Made")]
pub struct MadeBy {
    /// The generation.
    pub generation: u32,
    /// The version of the fold.
    pub fold_version: u32,
}

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "_id")]
    generation: u32,
    settings: Version,
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "foldVersion")]
    fold_version: u32,
}

impl From<Made> for MadeBy {
    fn from(Made { generation, settings }: Made) -> Self {
        MadeBy { generation, fold_version: settings.fold_version }
    }
}

impl MadeBy {
    /// Checks that this program's fold is not older.
    ///
    /// # Errors
    /// [`Error::Newer`].
    pub fn is_readable(&self) -> Result<(), Error> {
        let MadeBy { generation, fold_version: made_by } = *self;
        if made_by > FOLD_VERSION { Err(Error::Newer { generation, made_by }) } else { Ok(()) }
    }
}

impl Store {
    /// The generation that queries read, or `None` before the first was made.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn live(&self) -> Result<Option<u32>, Error> {
        let meta = self.database.collection::<bson::Document>(META);
        let live = meta.find_one(doc! { "_id": "live" }).await.doing("reading the live pointer")?;
        Ok(live
            .and_then(|live| live.get_i32("generation").ok())
            .and_then(|n| u32::try_from(n).ok()))
    }

    /// The version of the fold that made the live generation; `None` before the first was made.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn live_made_by(&self) -> Result<Option<MadeBy>, Error> {
        let Some(live) = self.live().await? else { return Ok(None) };
        self.database
            .collection::<MadeBy>(CHECKPOINTS)
            .find_one(doc! { "_id": live })
            .projection(doc! { "settings.foldVersion": 1 })
            .await
            .doing("reading which fold made the live generation")
    }

    /// A generation's checkpoint.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn checkpoint(&self, generation: u32) -> Result<Option<Checkpoint>, Error> {
        self.database
            .collection::<Checkpoint>(CHECKPOINTS)
            .find_one(doc! { "_id": generation })
            .await
            .doing("reading the checkpoint")
    }

    /// The live generation's checkpoint; makes the first generation if there is none.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Missing`].
    pub async fn open_live(
        &self,
        incarnation: &str,
        settings: &FoldSettings,
    ) -> Result<Checkpoint, Error> {
        let generation = match self.live().await? {
            Some(generation) => generation,
            None => self.make_first(incarnation, settings).await?,
        };
        self.checkpoint(generation)
            .await?
            .ok_or(Error::Missing("the live generation has no checkpoint; rebuild it"))
    }

    /// Makes a checkpoint belong to another incarnation of its log, and the decisions about
    /// quarantined messages as well. False if it moved meanwhile.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn accept_incarnation(
        &self,
        checkpoint: &Checkpoint,
        incarnation: &str,
    ) -> Result<bool, Error> {
        let position = i64::try_from(checkpoint.position).unwrap_or(i64::MAX);
        let accepted = self
            .database
            .collection::<bson::Document>(CHECKPOINTS)
            .update_one(
                doc! {
                    "_id": checkpoint.generation,
                    "position": position,
                    "incarnation": checkpoint.incarnation.as_str(),
                },
                doc! { "$set": { "incarnation": incarnation } },
            )
            .await
            .doing("accepting the log")?
            .matched_count
            == 1;
        if accepted {
            self.move_resolutions(&checkpoint.incarnation, incarnation).await?;
            self.move_holes(&checkpoint.incarnation, incarnation).await?;
        }
        Ok(accepted)
    }

    /// Makes generation 1. Every step can be repeated, so a crash between two costs nothing; the
    /// pointer comes last.
    async fn make_first(&self, incarnation: &str, settings: &FoldSettings) -> Result<u32, Error> {
        let generation = 1;
        self.make_collections(generation).await?;
        self.make_indexes(generation).await?;
        let checkpoint = Checkpoint {
            generation,
            position: 0,
            incarnation: incarnation.to_owned(),
            anchor: None,
            committed_at: 0,
            settings: settings.clone(),
            root: Root::default(),
            left_at: None,
        };
        let set = bson::serialize_to_document(&checkpoint).doing("making a checkpoint")?;
        self.database
            .collection::<bson::Document>(CHECKPOINTS)
            .update_one(doc! { "_id": generation }, doc! { "$setOnInsert": without_id(set) })
            .upsert(true)
            .await
            .doing("writing the first checkpoint")?;
        self.database
            .collection::<bson::Document>(META)
            .update_one(
                doc! { "_id": "live" },
                doc! { "$setOnInsert": { "generation": generation } },
            )
            .upsert(true)
            .await
            .doing("writing the live pointer")?;
        Ok(generation)
    }

    pub(super) async fn make_collections(&self, generation: u32) -> Result<(), Error> {
        let existing = self.database.list_collection_names().await.doing("listing collections")?;
        for model in Model::all() {
            let name = model.name(generation);
            if !existing.contains(&name) {
                self.database.create_collection(&name).await.doing("making a collection")?;
            }
        }
        for name in [META, CHECKPOINTS, super::names::LEASES] {
            if !existing.contains(&name.to_owned()) {
                // Another process may be at the same step; only the existence of the collection
                // matters.
                let _ = self.database.create_collection(name).await;
            }
        }
        Ok(())
    }

    pub(super) async fn make_indexes(&self, generation: u32) -> Result<(), Error> {
        for model in Model::all() {
            let indexes = indexes(model);
            if !indexes.is_empty() {
                let name = model.name(generation);
                let collection = self.database.collection::<bson::Document>(&name);
                collection.create_indexes(indexes).await.doing("making an index")?;
            }
        }
        Ok(())
    }
}

fn without_id(mut document: bson::Document) -> bson::Document {
    document.remove("_id");
    document
}

/// The indexes of a model. They are few because each costs a write of its collection half of its
/// time again: rankings and ordinals are answered from rollups and names instead.
fn indexes(model: Model) -> Vec<IndexModel> {
    if model != Model::of::<Ledger>() {
        return vec![];
    }
    // For the first and last purchase of a customer, once one of them is taken out.
    let completed = doc! { "status": "completed" };
    let options = IndexOptions::builder().partial_filter_expression(completed).build();
    let purchases =
        IndexModel::builder().keys(doc! { "user": 1, "at": 1 }).options(options).build();
    // For the orders about which something is odd, which are few.
    let odd = doc! { "irregular": { "$exists": true } };
    let options = IndexOptions::builder().partial_filter_expression(odd).build();
    let odd =
        IndexModel::builder().keys(doc! { "irregular": 1, "_id": 1 }).options(options).build();
    // For the newest comments, of all products and of one.
    let commented = doc! { "commented": { "$exists": true } };
    let options = IndexOptions::builder().partial_filter_expression(commented).build();
    let by = |keys| IndexModel::builder().keys(keys).options(options.clone()).build();
    let newest = by(doc! { "commented": 1, "_id": 1 });
    let newest_of_product = by(doc! { "product": 1, "commented": 1, "_id": 1 });
    // For what a figure of a day is made of, page by page.
    let counted = doc! { "days": { "$exists": true } };
    let options = IndexOptions::builder().partial_filter_expression(counted).build();
    let days = IndexModel::builder().keys(doc! { "days": 1, "_id": 1 }).options(options).build();
    vec![purchases, odd, newest, newest_of_product, days]
}
