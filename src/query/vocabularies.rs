//! Vocabularies at hand: the values of a dimension in a month, or in the shop, are not read again while no
//! commit changed a bucket of it ([`super::freshness`] hears of them).

use std::collections::HashMap;
use std::sync::Arc;

use moka::sync::Cache;
use projections::bucket::Level;
use projections::family::Dimension;
use projections::vocabulary::Period;

use super::freshness::{Of, Shared};
use crate::store;
use crate::store::read::Snapshot;

/// Memory for vocabularies, in bytes.
const BYTES_MAX: u64 = 16 << 20;
/// A vocabulary that is kept takes about this much, and so does each of its values beside its text.
const OVERHEAD: usize = 100;

/// Values, each at the index of its code less 2.
pub type Values = Arc<[String]>;

/// Vocabularies by what they are of.
#[derive(Debug)]
pub struct Vocabularies {
    kept: Cache<Key, Kept>,
    known: Shared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    /// The place of the read models.
    of: usize,
    dimension: Dimension,
    period: Period,
}

#[derive(Debug, Clone)]
struct Kept {
    /// The position that it was read at.
    position: u64,
    values: Values,
}

impl Vocabularies {
    /// None yet; `known` is told of every commit.
    #[must_use]
    pub fn new(known: Shared) -> Self {
        let weigh = |_: &Key, kept: &Kept| {
            let values = kept.values.iter().map(|value| value.len() + OVERHEAD);
            u32::try_from(values.sum::<usize>() + OVERHEAD).unwrap_or(u32::MAX)
        };
        Vocabularies {
            kept: Cache::builder().weigher(weigh).max_capacity(BYTES_MAX).build(),
            known,
        }
    }

    /// The values of a dimension in some periods; none of one in which there are none.
    ///
    /// # Errors
    /// As [`Snapshot::vocabularies`].
    pub async fn read(
        &self,
        snapshot: &Snapshot,
        dimension: Dimension,
        periods: impl Iterator<Item = Period>,
    ) -> Result<HashMap<Period, Values>, store::Error> {
        let (of, position) = (Of::from(&snapshot.checkpoint), snapshot.checkpoint.position);
        let (mut found, mut lacking) = (HashMap::new(), Vec::new());
        for period in periods {
            match self.at_hand(dimension, period, &of, position) {
                Some(values) => drop(found.insert(period, values)),
                None => lacking.push(period),
            }
        }
        if lacking.is_empty() {
            return Ok(found);
        }
        let read = snapshot.vocabularies(dimension, &lacking).await?;
        let mut read: HashMap<Period, Vec<String>> = read.into_iter().collect();
        let of = self.known.lock().place_of(&of);
        for period in lacking {
            // One without values is known as well.
            let values: Values = read.remove(&period).unwrap_or_default().into();
            let kept = Kept { position, values: values.clone() };
            self.kept.insert(Key { of, dimension, period }, kept);
            found.insert(period, values);
        }
        Ok(found)
    }

    /// One that is as it is at a position.
    fn at_hand(
        &self,
        dimension: Dimension,
        period: Period,
        of: &Of,
        position: u64,
    ) -> Option<Values> {
        let mut known = self.known.lock();
        let kept = self.kept.get(&Key { of: known.place_of(of), dimension, period })?;
        let (level, bucket) = match period {
            Period::Month(month) => (Level::Month, month),
            Period::Ever => (Level::Ever, 0),
        };
        let at = (kept.position, position);
        known.is_same(of.generation, level, bucket, at).then_some(kept.values)
    }
}
