//! Entities with their counts: each from its document and its row of a tally.

use std::collections::HashMap;
use std::sync::Arc;

pub use projections::collection::Collection as Stored;
use projections::tally::{Tallies, Tally, TallyKey};

use super::Error;
use super::read::{Known, Snapshot};

impl Snapshot {
    /// The entities behind these ordinals, with their counts, in no particular order.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn counted<C: Stored<Stored: Send>>(
        &self,
        ordinals: &[u32],
    ) -> Result<Vec<(String, C::Document)>, Error> {
        let Some(entity) = C::ENTITY else { return Ok(Vec::new()) };
        let names = self.names(entity, ordinals).await?;
        let ids: Vec<Arc<str>> = names.into_iter().map(|(_, id)| id).collect();
        let mut tallies: Vec<Arc<str>> =
            ordinals.iter().map(|&it| TallyKey::new(entity, it).to_id().into()).collect();
        tallies.dedup();
        let (entities, tallies) =
            tokio::try_join!(self.entities::<C>(&ids), self.entities::<Tallies>(&tallies))?;
        let tally = |it: Known<_>| (it.id, Tallies::read(it.document));
        let tallies: HashMap<String, Tally> = tallies.into_iter().map(tally).collect();
        let counted = |Known { id, document }: Known<C::Stored>| {
            let mut document = C::read(document);
            let key = TallyKey::new(entity, C::ordinal(&document));
            if let Some(tally) = tallies.get(&key.to_id()) {
                C::take_counts(&mut document, tally);
            }
            (id, document)
        };
        Ok(entities.into_iter().map(counted).collect())
    }
}
