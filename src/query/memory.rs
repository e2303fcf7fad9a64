//! The data that queries remember from one snapshot to the next, and do not read again.

use std::collections::HashMap;
use std::sync::Arc;

use projections::cells::Cells;
use projections::entity::Entity;
use projections::family::{Dimension, Family};
use projections::text::Text;
use projections::vocabulary::Period;

use super::days::Piece;
use super::freshness::Shared;
use super::ids::Ids;
use super::known::{self, All, Remembered};
use super::range::Quarters;
use super::ranking::Cut;
use super::rollups::Rollups;
use super::sets::{Set, Sets, What};
use super::sums::{Bucket, Over, Sum, Sums};
use super::vocabularies::{Values, Vocabularies};
use crate::store;
use crate::store::read::{Part, Snapshot, Span};

/// The memory of queries, and the language that they answer in.
#[derive(Debug)]
pub struct Memory {
    pub(super) language: String,
    ids: Ids,
    known: Remembered,
    /// The changes of the read models, told of every commit.
    pub(super) freshness: Shared,
    rollups: Rollups,
    sums: Sums,
    sets: Sets,
    vocabularies: Vocabularies,
}

impl Default for Memory {
    fn default() -> Self {
        Memory::speaking("")
    }
}

/// A snapshot, with the memory of queries.
#[derive(Debug, Clone, Copy)]
pub struct ReadContext<'a> {
    /// The snapshot, for data that is not remembered.
    pub snapshot: &'a Snapshot,
    memory: &'a Memory,
}

impl Memory {
    /// An empty memory, of answers in this language.
    pub(super) fn speaking(language: &str) -> Self {
        let freshness = Shared::default();
        Memory {
            language: language.to_owned(),
            ids: Ids::default(),
            known: Remembered::default(),
            rollups: Rollups::new(freshness.clone()),
            sums: Sums::new(freshness.clone()),
            sets: Sets::new(freshness.clone()),
            vocabularies: Vocabularies::new(freshness.clone()),
            freshness,
        }
    }

    /// A snapshot, with this memory.
    #[must_use]
    pub fn of<'a>(&'a self, snapshot: &'a Snapshot) -> ReadContext<'a> {
        ReadContext { snapshot, memory: self }
    }
}

impl ReadContext<'_> {
    /// A text in the shop's language.
    #[must_use]
    pub fn shown(self, text: &Text<'_>) -> String {
        text.shown(&self.memory.language).to_owned()
    }

    /// All products, or all customers, with their names and values.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn known(self, entity: Entity) -> Result<Arc<All>, store::Error> {
        self.memory.known.of(self.snapshot, entity, &self.memory.language).await
    }

    /// Whether these are so few that they are remembered.
    #[must_use]
    pub fn are_remembered(self, entity: Entity) -> bool {
        known::are_remembered(&self.snapshot.checkpoint, entity)
    }

    /// The product or customer of an id, if it is known.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn only(self, entity: Entity, id: &str) -> Result<Arc<All>, store::Error> {
        known::only(self.snapshot, entity, id, &self.memory.language).await.map(Arc::new)
    }

    /// Whether the read models have a family. One that they lack, of an older fold, cannot be read
    /// ([`store::Error::NotYetMade`]); a member of an answer that is made of it is then null.
    #[must_use]
    pub fn has(self, family: Family) -> bool {
        self.snapshot.has(family.since())
    }

    /// The cut of the tables by three values.
    #[must_use]
    pub fn cells(self) -> Cells {
        Cells::made_by(self.snapshot.checkpoint.settings.fold_version)
    }

    /// The part of a range that a family can have rows in.
    #[must_use]
    pub fn within(self, family: Family, quarters: Quarters) -> Quarters {
        let extent = self.snapshot.checkpoint.root.extent(family);
        quarters.scope(extent).quarters().unwrap_or(Quarters { from: 0, to: 0 })
    }

    /// Hands the rollups of `spans` to `visit`, in no particular order.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn rollups(
        self,
        spans: &[Span],
        visit: impl FnMut(Part<'_>) + Send,
    ) -> Result<(), store::Error> {
        self.memory.rollups.read(self.snapshot, spans, visit).await
    }

    /// Hands the sums of the months and days of `spans` to `visit`, each with its bucket; no bucket and slice
    /// of a family may be there twice.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn sums(
        self,
        over: Over,
        spans: &[Span],
        visit: impl FnMut(Bucket, Sum) + Send,
    ) -> Result<(), store::Error> {
        self.memory.sums.read(&self.memory.rollups, self.snapshot, over, spans, visit).await
    }

    /// The values of a dimension in some periods; none of one in which there are none.
    ///
    /// # Errors
    /// As [`Snapshot::vocabularies`].
    pub async fn vocabularies(
        self,
        dimension: Dimension,
        periods: impl Iterator<Item = Period>,
    ) -> Result<HashMap<Period, Values>, store::Error> {
        self.memory.vocabularies.read(self.snapshot, dimension, periods).await
    }

    /// Those of a dimension in the shop's own vocabulary.
    ///
    /// # Errors
    /// As [`Snapshot::vocabularies`].
    pub async fn shop_vocabulary(self, dimension: Dimension) -> Result<Values, store::Error> {
        let mut found = self.vocabularies(dimension, std::iter::once(Period::Ever)).await?;
        Ok(found.remove(&Period::Ever).unwrap_or_default())
    }

    /// Whether there is hardly any memory left for rollups, or for sets.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.memory.rollups.is_full() || self.memory.sets.is_full()
    }

    /// The set of each piece of a range.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn sets(self, what: What, pieces: &[Piece]) -> Result<Vec<Arc<Set>>, store::Error> {
        self.memory.sets.read(self.snapshot, what, pieces).await
    }

    /// The ids of the first of a ranking, ties broken, in no particular order.
    ///
    /// # Errors
    /// As [`Snapshot::names`].
    pub async fn ids(self, entity: Entity, cut: Cut) -> Result<Vec<Arc<str>>, store::Error> {
        let named = self.named(entity, cut).await?;
        Ok(named.into_iter().map(|(_, id)| id).collect())
    }

    /// The same with their ordinals.
    ///
    /// # Errors
    /// As [`Snapshot::names`].
    pub async fn named(
        self,
        entity: Entity,
        cut: Cut,
    ) -> Result<Vec<(u32, Arc<str>)>, store::Error> {
        self.memory.ids.of(self.snapshot, entity, cut).await
    }
}
