//! A fold that has everything at hand, for a generation of which the store has nothing yet.
//! Documents that can be computed from others are made once, when the log is folded.

use super::dedup::BlockKind;
use super::state::Fold;
use super::working_set::NotAtHand;
use crate::bucket::Level;
use crate::collections::WorkingSets;
use crate::packed::additions::Additions;
use crate::packed::rollup::{self, Delta};
use crate::packed::table::Table;

impl Fold {
    /// The same fold, for a generation of which the store has nothing yet: every document stays at
    /// hand, and none is asked for, but for those of collections that are
    /// [streamed](crate::collection::Collection::STREAMED).
    #[must_use]
    pub fn complete(self) -> Self {
        Fold { sets: WorkingSets::complete(), ..self }
    }

    /// Whether it is [`Fold::complete`].
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.sets.rollups.is_complete()
    }

    /// Makes the additions to rollups. Their sums are made once, by [`Fold::sum_up`]. A row that is gone
    /// adds nothing there, but the tables that it was in must exist as they do in any other fold, so they
    /// are made here.
    pub(crate) fn add_parts(&mut self, additions: &mut Additions) -> Result<(), NotAtHand> {
        let mut longer = vec![];
        for (key, rows) in additions.tables() {
            let table = self.sets.rollups.edit(key, Table::default)?;
            table.add_all(rows, |row| longer.extend(rollup::summed_up(key, row, [0; 3])));
        }
        while let Some(Delta { key, row, delta }) = longer.pop() {
            self.sets.rollups.edit(&key, Table::default)?;
            longer.extend(rollup::summed_up(&key, row, delta));
        }
        Ok(())
    }

    /// Makes the rollups of longer buckets from those of shorter ones, once the purchases of customers
    /// to recheck are completed.
    ///
    /// # Errors
    /// [`NotAtHand`] if the fold is not complete.
    pub fn sum_up(&mut self) -> Result<(), NotAtHand> {
        let mut completed = Additions::default();
        completed.extend(self.completed.drain(..));
        self.add(&mut completed)?;
        for level in [Level::Quarter, Level::Day, Level::Month] {
            let ones = self.sets.rollups.all().filter(|(key, _)| key.level == level);
            let mut sums = Additions::default();
            sums.extend(ones.flat_map(|(key, table)| {
                table.iter().filter_map(|(row, sums)| rollup::summed_up(key, row, sums))
            }));
            self.add(&mut sums)?;
        }
        Ok(())
    }

    /// Makes additions to rollups.
    pub(crate) fn add(&mut self, additions: &mut Additions) -> Result<(), NotAtHand> {
        for (key, rows) in additions.tables() {
            self.sets.rollups.edit(key, Table::default)?.add_all(rows, |_| {});
        }
        Ok(())
    }

    /// Drops the blocks of forgotten activities.
    pub(crate) fn drop_forgotten_blocks(&mut self) {
        let first = self.root.blocks.activity_first;
        self.sets.blocks.retain(|key| key.kind != BlockKind::Activity || key.number >= first);
    }
}
