//! The documents that an event can ask for before it is folded.

use std::borrow::Borrow;
use std::hash::Hash;

use super::dedup::{BlockKey, BlockKind, SeenIds};
use super::state::Fold;
use super::working_set::NotAtHand;
use crate::collections::{Listed, Needs};
use crate::family::Dimension;
use crate::ledger::{LedgerKey, LedgerRow, Row};
use crate::packed::vocabulary::{Period, Vocabularies, VocabularyKey};
use crate::time::Time;

/// Collects the requests of a batch's events, and leaves out the documents that are at hand.
pub struct Ask<'f> {
    fold: &'f mut Fold,
    needs: Needs,
}

impl<'f> Ask<'f> {
    pub(crate) fn of(fold: &'f mut Fold) -> Self {
        Ask { fold, needs: Needs::default() }
    }

    pub(crate) fn finish(self) -> Needs {
        self.needs
    }

    /// Asks for a document of a collection.
    pub fn document<C: Listed, Q>(&mut self, key: &Q)
    where
        C::Key: Borrow<Q> + for<'a> From<&'a Q>,
        Q: Hash + Eq + ?Sized,
    {
        if !C::set(&mut self.fold.sets).at_hand(key) {
            C::needs(&mut self.needs).insert(C::Key::from(key));
        }
    }

    /// Asks for the row of an entity in the ledger, unless it is surely new.
    pub fn row<R: Row>(&mut self, id: &str) {
        let key = LedgerKey::of::<R>(id);
        if self.fold.sets.ledger.at_hand(&key) {
            return;
        }
        if self.fold.dedup.is_new(key.as_str()) {
            self.fold.sets.ledger.supply(key, None);
        } else {
            self.needs.ledger.insert(key);
        }
    }

    /// Asks for the row of an entity in the ledger unless it is surely new, without keeping in mind that
    /// it is: for rows that most entities have none of.
    pub fn row_if_known<R: Row>(&mut self, id: &str) {
        let key = LedgerKey::of::<R>(id);
        if !self.fold.dedup.is_new(key.as_str()) && !self.fold.sets.ledger.at_hand(&key) {
            self.needs.ledger.insert(key);
        }
    }

    /// The row that the event may replace.
    ///
    /// # Errors
    /// [`NotAtHand`] if [`Ask::row`] was not called for it.
    pub fn replaced<R: Row>(&mut self, id: &str) -> Result<Option<&R>, NotAtHand> {
        Ok(self.fold.sets.ledger.get(&LedgerKey::of::<R>(id))?.and_then(R::of))
    }

    /// A row that may not have been asked for since it is surely new.
    pub(crate) fn row_at_hand(&mut self, key: &LedgerKey) -> Result<Option<&LedgerRow>, NotAtHand> {
        if self.fold.sets.ledger.at_hand(key) { self.fold.sets.ledger.get(key) } else { Ok(None) }
    }

    /// Asks for the vocabularies of a month.
    pub fn vocabularies(&mut self, at: Time, dimensions: impl IntoIterator<Item = Dimension>) {
        self.vocabularies_of(Period::month_of(at), dimensions);
    }

    /// Asks for the vocabularies of the shop.
    pub fn shop_vocabularies(&mut self, dimensions: impl IntoIterator<Item = Dimension>) {
        self.vocabularies_of(Period::Ever, dimensions);
    }

    fn vocabularies_of(&mut self, period: Period, dimensions: impl IntoIterator<Item = Dimension>) {
        if self.fold.sets.vocabularies.is_complete() {
            return;
        }
        for dimension in dimensions {
            self.document::<Vocabularies, _>(&VocabularyKey { dimension, period });
        }
    }

    /// Asks for the blocks that tell whether a fact was seen before.
    pub fn seen(&mut self, id: &str) {
        if self.fold.sets.blocks.is_complete() {
            return;
        }
        for key in self.fold.dedup.candidates(id).collect::<Vec<_>>() {
            self.document::<SeenIds, _>(&key);
        }
    }

    /// Asks for the blocks that the next ids are put into.
    pub(crate) fn open_blocks(&mut self) {
        let blocks = self.fold.root.blocks;
        let open =
            [(BlockKind::Activity, blocks.activity_open), (BlockKind::Ledger, blocks.ledger_open)];
        for (kind, number) in open {
            self.document::<SeenIds, _>(&BlockKey { kind, number });
        }
    }
}
