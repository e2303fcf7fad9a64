//! Entities with their counts: each from its document and its row of a tally.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

pub use projections::collection::Collection as Stored;
use projections::tally::{Tallies, Tally, TallyKey};

use super::Error;
use super::read::{Known, Snapshot};

impl Snapshot {
    /// The entities of these ids with their counts, in no particular order, without those that are not
    /// known.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn counted<C: Stored<Stored: Send>>(
        &self,
        ids: &[Arc<str>],
    ) -> Result<Vec<(String, C::Document)>, Error> {
        let Some(entity) = C::ENTITY else { return Ok(Vec::new()) };
        let entities = self.entities::<C>(ids).await?.into_iter();
        let mut entities: Vec<_> = entities.map(|it| (it.id, C::read(it.document))).collect();
        let key = |document: &C::Document| TallyKey::new(entity, C::ordinal(document)).to_id();
        let keys: BTreeSet<Arc<str>> = entities.iter().map(|(_, it)| key(it).into()).collect();
        let tallies = self.entities::<Tallies>(&keys.into_iter().collect::<Vec<_>>()).await?;
        let tally = |it: Known<_>| (it.id, Tallies::read(it.document));
        let tallies: HashMap<String, Tally> = tallies.into_iter().map(tally).collect();
        for (_, document) in &mut entities {
            if let Some(tally) = tallies.get(&key(document)) {
                C::take_counts(document, tally);
            }
        }
        Ok(entities)
    }

    /// The entities behind these ordinals with their counts, in no particular order.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn counted_by_ordinal<C: Stored<Stored: Send>>(
        &self,
        ordinals: &[u32],
    ) -> Result<Vec<(String, C::Document)>, Error> {
        let Some(entity) = C::ENTITY else { return Ok(Vec::new()) };
        let names = self.names(entity, ordinals).await?.into_iter();
        self.counted::<C>(&names.map(|(_, id)| id).collect::<Vec<_>>()).await
    }
}
