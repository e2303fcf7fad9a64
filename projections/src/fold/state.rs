//! The state of a fold, and the outcome of a batch.

use std::borrow::Borrow;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::hash::Hash;

use super::dedup::Dedup;
use super::outcome::Outcome;
use super::root::{FoldSettings, Root};
use super::working_set::{NotAtHand, WorkingSet};
use crate::collection::Collection;
use crate::collections::{Listed, WorkingSets};
use crate::entity::{Entity, Ordinals};
use crate::family::{Dimension, Families};
use crate::json::Reason;
use crate::ledger::LedgerKey;
use crate::packed::additions::Additions;
use crate::packed::rollup::Delta;
use crate::packed::vocabulary::{OTHER, OTHER_NAME, Period, Vocabulary, VocabularyKey};
use crate::topic::Topics;

/// The outcome of a batch.
#[derive(Debug, Default)]
pub struct Resolved {
    /// The additions to rollups.
    pub deltas: Additions,
    /// The outcome of each message.
    pub outcomes: Vec<Outcome>,
    /// Customers who lost their first or last purchase: the ledger has to be asked for the new one,
    /// without the rows that this batch changed.
    pub recheck: BTreeSet<Box<str>>,
    /// Entities that became known, in the order of their ordinals.
    pub named: Vec<Named>,
    /// The topics whose figures changed.
    pub touched: Topics,
    /// Whether activity blocks below the root's first are to be deleted.
    pub forget_blocks: bool,
}

impl Resolved {
    /// The messages that were quarantined, by index in the batch, each with all its reasons.
    pub fn quarantined(&self) -> impl Iterator<Item = (usize, &[Reason])> {
        self.outcomes.iter().enumerate().filter_map(|(index, outcome)| match outcome {
            Outcome::Quarantined(reasons) => Some((index, &reasons[..])),
            _ => None,
        })
    }
}

/// An entity that became known: its ordinal stands for its id from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The kind of entity.
    pub entity: Entity,
    /// The ordinal.
    pub ordinal: u32,
    /// The id.
    pub id: Box<str>,
}

/// The state of a fold: the documents of a generation that are at hand, and the root.
pub struct Fold {
    /// The settings that the generation was made with.
    pub settings: FoldSettings,
    /// Totals and counters.
    pub root: Root,
    /// Documents at hand.
    pub sets: WorkingSets,
    /// The ids that were seen.
    pub dedup: Dedup,
    /// The changed rows of the customers to recheck.
    pub(crate) rechecked: HashMap<Box<str>, Vec<LedgerKey>>,
    /// The families that are counted: all, but in measurements of what one costs.
    pub(crate) counted: Families,
    /// The additions of purchases that [`Fold::set_purchases`] completed, not made yet.
    pub(crate) completed: Vec<Delta>,
}

impl Fold {
    /// A fold that goes on from `root`. The blocks of seen ids must be handed to
    /// [`Dedup::restore`] before the first batch.
    #[must_use]
    pub fn new(settings: FoldSettings, root: Root) -> Self {
        let dedup = Dedup::new(settings.activity_window_ms);
        Fold {
            settings,
            root,
            sets: WorkingSets::new(),
            dedup,
            rechecked: HashMap::new(),
            counted: Families::ALL,
            completed: Vec::new(),
        }
    }

    /// The same fold, keeping only about `documents` of each collection at hand between batches.
    /// For a fold that has not begun; only the number of look-ups depends on it.
    #[must_use]
    pub fn keeping(self, documents: usize) -> Self {
        Fold { sets: WorkingSets::keeping(documents), ..self }
    }

    /// The same fold, counting these families alone: its documents are no generation's. It is for
    /// measurements of what a family costs.
    #[must_use]
    pub fn counting(self, families: Families) -> Self {
        Fold { counted: families, ..self }
    }

    /// The same fold for messages that are only tried: it asks for every row of the ledger, and
    /// needs no blocks but those of facts.
    #[must_use]
    pub fn asking_for_all_rows(self) -> Self {
        Fold { dedup: self.dedup.asking_for_all(), ..self }
    }

    /// Goes on to the next batch: the changes are on their way to the store.
    pub fn settle(&mut self) {
        self.sets.settle();
    }

    /// Whether a collection has a document of that key.
    pub(crate) fn knows<C: Listed, Q>(&mut self, key: &Q) -> Result<bool, NotAtHand>
    where
        C::Key: Borrow<Q> + for<'a> From<&'a Q>,
        Q: Hash + Eq + Debug + ?Sized,
    {
        Ok(C::set(&mut self.sets).get(key)?.is_some())
    }

    /// The code of a value in the vocabulary of a period, which learns it if there is room.
    pub(crate) fn code(
        &mut self,
        dimension: Dimension,
        period: Period,
        value: Option<&str>,
    ) -> Result<u16, NotAtHand> {
        let key = VocabularyKey { dimension, period };
        let empty = Vocabulary::default();
        let vocabulary = self.sets.vocabularies.get(&key)?.unwrap_or(&empty);
        match (vocabulary.code(value, dimension.cap()), value) {
            (Some(code), value) => {
                if code == OTHER && value != Some(OTHER_NAME) {
                    self.root.counts.folded += 1;
                }
                Ok(code)
            }
            (None, value) => {
                let value = value.unwrap_or_default();
                Ok(self.sets.vocabularies.edit(&key, Vocabulary::default)?.learn(value))
            }
        }
    }
}

/// An entity to be changed, which becomes known by it if new: `make` is given its ordinal. Returns
/// whether it is new as well. For a collection that is of no entity it does not compile.
pub(crate) fn known<'s, C: Collection<Key = Box<str>>>(
    set: &'s mut WorkingSet<C>,
    next: &mut Ordinals,
    named: &mut Vec<Named>,
    id: &str,
    make: impl FnOnce(u32) -> C::Document,
) -> Result<(&'s mut C::Document, bool), NotAtHand> {
    let entity = const { C::ENTITY.expect("a collection of an entity") };
    let mut ordinal = None;
    let document = set.edit(id, || {
        let given = next.take(entity);
        ordinal = Some(given);
        make(given)
    })?;
    if let Some(ordinal) = ordinal {
        named.push(Named { entity, ordinal, id: id.into() });
    }
    Ok((document, ordinal.is_some()))
}
