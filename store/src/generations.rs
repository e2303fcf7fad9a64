//! All generations that are there: the state of each, the live one, and the removal of one.

use std::collections::BTreeMap;
use std::time::Duration;

use common::failpoint;
use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{Document, doc};
use serde::Serialize;

use super::generation::Checkpoint;
use super::names::{CHECKPOINTS, META, Model};
use super::transaction::transact;
use super::work::Works;
use super::{Doing, Error, Store};

/// The age at which a former live generation has no readers any more: they look for the live one
/// every second, and give up a reading after 5 s, three times at most.
const READERS_LEAVE_MS: i64 = 20_000;

/// The state of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GenerationState {
    /// Being made in bulk; it does not count before it has a checkpoint.
    Bulk,
    /// The rest of a bulk load that did not come to its end. The next rebuild removes it.
    Unfinished,
    /// Being brought up to the log's end.
    CatchingUp,
    /// Complete up to its position, and not live yet.
    Ready,
    /// The generation that queries read.
    Live,
    /// Was live before, and is kept until it is dropped.
    Kept,
}

impl GenerationState {
    /// The state in words.
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
    /// Its state.
    pub state: GenerationState,
    /// The log and the position up to which it has folded it; none before its bulk load has come to
    /// its end.
    pub checkpoint: Option<Checkpoint>,
}

impl Store {
    /// Every generation, in order.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn generations(&self) -> Result<Vec<Generation>, Error> {
        self.generations_and_works().await.map(|(all, _)| all)
    }

    /// Every generation with the commands on them; the states agree with those.
    ///
    /// # Errors
    /// As [`Store::generations`].
    pub async fn generations_and_works(&self) -> Result<(Vec<Generation>, Works), Error> {
        let live = self.live().await?;
        let works = self.works().await?;
        let working = works.under_way.as_ref().map(|work| work.generation);
        let mut all = BTreeMap::new();
        for name in self.database.list_collection_names().await.doing("listing collections")? {
            if let Some(number) = Model::generation_of(&name) {
                let is_under_way = working == Some(number);
                let state =
                    if is_under_way { GenerationState::Bulk } else { GenerationState::Unfinished };
                all.entry(number).or_insert(Generation { number, state, checkpoint: None });
            }
        }
        let checkpoints = self.database.collection::<Checkpoint>(CHECKPOINTS);
        let found = checkpoints.find(doc! {}).await.doing("reading checkpoints")?;
        let found: Vec<Checkpoint> = found.try_collect().await.doing("reading checkpoints")?;
        for checkpoint in found {
            let number = checkpoint.generation;
            let state = match live {
                Some(live) if live == number => GenerationState::Live,
                _ if checkpoint.left_at.is_some() => GenerationState::Kept,
                _ if working == Some(number) => GenerationState::CatchingUp,
                _ => GenerationState::Ready,
            };
            all.insert(number, Generation { number, state, checkpoint: Some(checkpoint) });
        }
        Ok((all.into_values().collect(), works))
    }

    /// Makes `to` live instead of `from`: one write of the pointer, in a transaction that holds
    /// only if `from` is live and at that position, and `to` at `at_least` or further. `from` is
    /// written to as well, so a commit to it comes before or after. False if one of these does not
    /// hold.
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
        transact(&self.client, "switching generations", context, |session, context| {
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
                let left = vec![doc! { "$set": { "leftAt": { "$toLong": "$$NOW" } } }];
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

    /// Removes a generation that is not live, its checkpoint first: without one it does not count.
    /// Waits until the readers that may still use it are gone.
    ///
    /// # Errors
    /// [`Error::Driver`]; [`Error::Missing`] if it is live.
    pub async fn drop_generation(&self, number: u32) -> Result<(), Error> {
        const DOING: &str = "dropping a generation";
        if self.live().await? == Some(number) {
            return Err(Error::Missing("the generation is live; switch to another one first"));
        }
        let checkpoints = self.database.collection::<Document>(CHECKPOINTS);
        let lately = doc! { "_id": number, "$expr": { "$gt": [
            "$leftAt", { "$subtract": [{ "$toLong": "$$NOW" }, READERS_LEAVE_MS] },
        ] } };
        while checkpoints.find_one(lately.clone()).await.doing(DOING)?.is_some() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        checkpoints.delete_one(doc! { "_id": number }).await.doing(DOING)?;
        failpoint::pass("drop-begun");
        for model in Model::all() {
            let name = model.name(number);
            self.database.collection::<Document>(&name).drop().await.doing(DOING)?;
            failpoint::pass("drop-halfway");
        }
        Ok(())
    }
}
