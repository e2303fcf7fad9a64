//! Products or customers that are chosen by what is known of them.

use std::sync::Arc;

use projections::entity::Entity;

use super::known::{All, One};
use super::memory::ReadContext;
use crate::store;

/// The choice among products or customers that a question makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The one of this id.
    pub id: Option<String>,
    /// Those of this category or country.
    pub value: Option<String>,
}

impl Wanted {
    /// Those that are wanted; none where all are.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn chosen(
        &self,
        from: ReadContext<'_>,
        entity: Entity,
    ) -> Result<Option<Chosen>, store::Error> {
        let all = match self {
            Wanted { id: Some(id), .. } => from.only(entity, id).await?,
            Wanted { value: Some(_), .. } => from.known(entity).await?,
            Wanted { id: None, value: None } => return Ok(None),
        };
        Ok(Some(Chosen { all, wanted: self.clone() }))
    }

    fn has(&self, one: &One) -> bool {
        self.value.as_ref().is_none_or(|value| one.is_of(value))
    }
}

/// Those that are wanted.
#[derive(Debug)]
pub struct Chosen {
    /// All, or the one of the id that is wanted.
    all: Arc<All>,
    wanted: Wanted,
}

impl Chosen {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &One> {
        self.all.iter().filter(|one| self.wanted.has(one))
    }

    /// The values of those that are chosen, by ordinal; no others have one.
    #[must_use]
    pub fn only<V: Copy + Default>(&self, values: &[V]) -> Vec<V> {
        let mut only = vec![V::default(); values.len()];
        for one in self.iter() {
            let at = one.ordinal as usize;
            if let (Some(only), Some(value)) = (only.get_mut(at), values.get(at)) {
                *only = *value;
            }
        }
        only
    }
}
