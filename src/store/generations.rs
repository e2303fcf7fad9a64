//! All generations that are there: what each is, which one is live, and how one goes.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{self, Document, doc};
use projections::root::Settings;
use projections::time::Time;
use serde::{Deserialize, Serialize};

use super::generation::Checkpoint;
use super::lease::{Owner, REBUILD, TERM};
use super::names::{CHECKPOINTS, LEASES, META, Model};
use super::{Doing, Error, Store};

/// Readers have left a generation that was live this long ago: they look for the live one every
/// second, and give up a reading after 5 s, three times at most.
const READERS_LEAVE_MS: i64 = 20_000;

/// What a generation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenerationState {
    /// Being made in bulk; nothing of it counts before it has a checkpoint.
    Bulk,
    /// What is left of a bulk load that did not come to its end. The next rebuild removes it.
    Unfinished,
    /// Being brought up to the log's end.
    CatchingUp,
    /// Complete up to its position, and not live yet.
    Ready,
    /// What queries read.
    Live,
    /// Was live before, and is kept until it is dropped.
    Kept,
}

impl GenerationState {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            GenerationState::Bulk => "bulk",
            GenerationState::Unfinished => "unfinished",
            GenerationState::CatchingUp => "catching up",
            GenerationState::Ready => "ready",
            GenerationState::Live => "live",
            GenerationState::Kept => "kept",
        }
    }
}

/// A generation that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    /// Its number.
    pub number: u32,
    /// What it is.
    pub state: GenerationState,
    /// The last position folded, 0 where it has no checkpoint.
    pub position: u64,
    /// The time of the message there.
    pub log_time: Time,
    /// When that was committed, milliseconds since 1970.
    pub committed_at: i64,
    /// The log it was made from, empty where it has no checkpoint.
    pub incarnation: String,
    /// What it was made with, the fold's version included.
    pub settings: Option<Settings>,
}

/// How far the command is that sees to other generations, as it last said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// What it does, such as `bulk`.
    pub doing: String,
    /// The generation it does it to.
    pub generation: u32,
    /// How far it is.
    pub position: u64,
    /// Where it goes.
    pub target: u64,
    /// Events a second, lately.
    pub rate: u64,
}

#[derive(Deserialize)]
struct Stated {
    #[serde(flatten)]
    checkpoint: Checkpoint,
    #[serde(default, rename = "leftAt")]
    left_at: Option<bson::DateTime>,
}

impl Store {
    /// Every generation, in order.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn generations(&self) -> Result<Vec<Generation>, Error> {
        let live = self.live().await?;
        let working = self.work().await?.map(|work| work.generation);
        let mut all = BTreeMap::new();
        for name in self.database.list_collection_names().await.doing("listing collections")? {
            if let Some(number) = Model::generation_of(&name) {
                let state = match working == Some(number) {
                    true => GenerationState::Bulk,
                    false => GenerationState::Unfinished,
                };
                all.entry(number).or_insert_with(|| Generation::without_checkpoint(number, state));
            }
        }
        let checkpoints = self.database.collection::<Stated>(CHECKPOINTS);
        let found = checkpoints.find(doc! {}).await.doing("reading checkpoints")?;
        let found: Vec<Stated> = found.try_collect().await.doing("reading checkpoints")?;
        for Stated { checkpoint, left_at } in found {
            let number = checkpoint.generation;
            let state = match live {
                Some(live) if live == number => GenerationState::Live,
                _ if left_at.is_some() => GenerationState::Kept,
                _ if working == Some(number) => GenerationState::CatchingUp,
                _ => GenerationState::Ready,
            };
            all.insert(number, Generation::of(checkpoint, state));
        }
        Ok(all.into_values().collect())
    }

    /// What the command does that sees to other generations, while one runs.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn work(&self) -> Result<Option<Work>, Error> {
        #[derive(Deserialize)]
        struct Lease {
            work: Option<Work>,
        }
        let alive = doc! { "_id": REBUILD, "owner": { "$ne": null }, "$expr": { "$gt": [
            "$renewedAt",
            { "$subtract": ["$$NOW", i64::try_from(TERM.as_millis()).unwrap_or(i64::MAX)] },
        ] } };
        let leases = self.database.collection::<Lease>(LEASES);
        let lease = leases.find_one(alive).await.doing("reading the lease of rebuilds")?;
        Ok(lease.and_then(|lease| lease.work))
    }

    /// Says that the owner of a lease is alive and how far it is. False where the lease was lost.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn renew_with(&self, owner: &Owner, work: &Work) -> Result<bool, Error> {
        let work = bson::serialize_to_document(work).doing("saying how far it is")?;
        let renew = vec![doc! { "$set": { "renewedAt": "$$NOW", "work": { "$literal": work } } }];
        self.database
            .collection::<Document>(LEASES)
            .update_one(doc! { "_id": owner.lease, "owner": owner.id.as_str() }, renew)
            .await
            .doing("renewing the lease")
            .map(|renewed| renewed.matched_count == 1)
    }

    /// Makes `to` live instead of `from`: one write of the pointer, in a transaction that holds
    /// only where `from` is live and at that position, and `to` at `at_least` or further. `from` is
    /// written to as well, so a commit to it comes before or after. False where one does not hold.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::TimedOut`].
    pub async fn switch_live(
        &self,
        from: (u32, u64),
        to: u32,
        at_least: u64,
    ) -> Result<bool, Error> {
        let context = (self.database.clone(), from, to, at_least);
        self.transact("switching generations", context, |session, context| {
            async move {
                let (database, (from, position), to, at_least) = context;
                let (meta, checkpoints) = (
                    database.collection::<Document>(META),
                    database.collection::<Document>(CHECKPOINTS),
                );
                let position = i64::try_from(*position).unwrap_or(i64::MAX);
                let at_least = i64::try_from(*at_least).unwrap_or(i64::MAX);
                let live = doc! { "_id": "live", "generation": *from };
                let next = doc! { "_id": *to, "position": { "$gte": at_least } };
                if meta.find_one(live.clone()).session(&mut *session).await?.is_none()
                    || checkpoints.find_one(next).session(&mut *session).await?.is_none()
                {
                    return Ok(false);
                }
                let left = vec![doc! { "$set": { "leftAt": "$$NOW" } }];
                let old = doc! { "_id": *from, "position": position };
                let old = checkpoints.update_one(old, left).session(&mut *session).await?;
                if old.matched_count == 0 {
                    return Ok(false);
                }
                let back = doc! { "$unset": { "leftAt": "" } };
                checkpoints.update_one(doc! { "_id": *to }, back).session(&mut *session).await?;
                let pointer = doc! { "$set": { "generation": *to } };
                meta.update_one(live, pointer).session(&mut *session).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    /// Removes a generation that is not live, its checkpoint first: without one it counts as
    /// nothing. Waits until those have left who may still read it.
    ///
    /// # Errors
    /// [`Error::Driver`]; [`Error::Missing`] where it is live.
    pub async fn drop_generation(&self, number: u32) -> Result<(), Error> {
        const DOING: &str = "dropping a generation";
        if self.live().await? == Some(number) {
            return Err(Error::Missing("the generation is live; switch to another one first"));
        }
        let checkpoints = self.database.collection::<Document>(CHECKPOINTS);
        let lately = doc! { "_id": number, "$expr": { "$gt": [
            "$leftAt", { "$subtract": ["$$NOW", READERS_LEAVE_MS] },
        ] } };
        while checkpoints.find_one(lately.clone()).await.doing(DOING)?.is_some() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        checkpoints.delete_one(doc! { "_id": number }).await.doing(DOING)?;
        for model in Model::ALL {
            let name = model.name(number);
            self.database.collection::<Document>(&name).drop().await.doing(DOING)?;
        }
        Ok(())
    }
}

impl Generation {
    fn without_checkpoint(number: u32, state: GenerationState) -> Self {
        Generation {
            number,
            state,
            position: 0,
            log_time: Time(0),
            committed_at: 0,
            incarnation: String::new(),
            settings: None,
        }
    }

    fn of(checkpoint: Checkpoint, state: GenerationState) -> Self {
        Generation {
            number: checkpoint.generation,
            state,
            position: checkpoint.position,
            log_time: checkpoint.root.log_time,
            committed_at: checkpoint.committed_at,
            incarnation: checkpoint.incarnation,
            settings: Some(checkpoint.settings),
        }
    }
}
