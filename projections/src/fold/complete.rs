//! A fold that has everything at hand, for a generation of which the store has nothing yet. What
//! can be worked out from the rest is made once, when the log is folded.

use super::{Fold, Resolved};
use crate::bucket::Level;
use crate::rollup::{self, Delta};
use crate::seen::BlockKind;
use crate::space::{NotAtHand, Space};
use crate::table::Table;
use crate::tally::{Of, Tally, TallyKey};

impl Fold {
    /// The same fold, for a generation of which the store has nothing yet: every document stays at
    /// hand, and none is asked for. The rows of the ledger, which are most documents, are as ever.
    #[must_use]
    pub fn complete(self) -> Self {
        Fold {
            ledger: Space::new(100_000),
            customers: Space::complete(),
            products: Space::complete(),
            vocabularies: Space::complete(),
            tallies: Space::complete(),
            rollups: Space::complete(),
            blocks: Space::complete(),
            ..self
        }
    }

    /// Step 4 of a fold that is [`Fold::complete`]: the additions to rollups that are no sums of
    /// others. What is missing is made once, by [`Fold::sum_up`]; of a row that is gone nothing will
    /// be summed up, but the tables it was once in are there, as [`Fold::apply`] leaves them.
    ///
    /// # Errors
    /// As [`Fold::apply`].
    pub fn add(&mut self, resolved: &Resolved) -> Result<(), NotAtHand> {
        for delta in resolved.deltas.iter().filter(|delta| !rollup::is_sum(&delta.key)) {
            if self.rollups.edit(&delta.key, Table::default)?.add(delta.row, delta.delta) {
                continue;
            }
            let mut longer = rollup::summed_up(&delta.key, delta.row, [0; 3]);
            while let Some(Delta { key, row, delta }) = longer {
                self.rollups.edit(&key, Table::default)?;
                longer = rollup::summed_up(&key, row, delta);
            }
        }
        Ok(())
    }

    /// The rollups of longer buckets, from those of shorter ones.
    ///
    /// # Errors
    /// [`NotAtHand`] where the fold is not complete.
    pub fn sum_up(&mut self) -> Result<(), NotAtHand> {
        for level in [Level::Quarter, Level::Day, Level::Month] {
            let ones = self.rollups.all().filter(|(key, _)| key.level == level);
            let sums: Vec<Delta> = ones
                .flat_map(|(key, table)| {
                    table.iter().filter_map(|(row, sums)| rollup::summed_up(key, row, sums))
                })
                .collect();
            for sum in sums {
                self.rollups.edit(&sum.key, Table::default)?.add(sum.row, sum.delta);
            }
        }
        Ok(())
    }

    /// What is counted of every customer and product at hand.
    ///
    /// # Errors
    /// [`NotAtHand`] where a tally is not.
    pub fn tally_all(&mut self) -> Result<(), NotAtHand> {
        for (_, customer) in self.customers.all() {
            let key = TallyKey::new(Of::Customers, customer.ordinal);
            self.tallies.edit(&key, Tally::default)?.set(customer.ordinal, &customer.row());
        }
        for (_, product) in self.products.all() {
            let key = TallyKey::new(Of::Products, product.ordinal);
            self.tallies.edit(&key, Tally::default)?.set(product.ordinal, &product.row());
        }
        Ok(())
    }

    /// Drops the blocks of activities that are forgotten.
    pub fn drop_forgotten_blocks(&mut self) {
        let first = self.root.blocks.activity_first;
        self.blocks.retain(|key| key.kind != BlockKind::Activity || key.number >= first);
    }
}
