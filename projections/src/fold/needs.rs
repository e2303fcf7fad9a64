//! What a batch needs looked up, step by step: what identifies its entities, the entities
//! themselves, the rollups that they change.

use std::collections::BTreeSet;

use super::{Fold, Message, Named, Resolved};
use crate::bucket;
use crate::event::Event;
use crate::ledger::{LedgerKey, LedgerRow};
use crate::products;
use crate::rollup::{Family, RollupKey};
use crate::seen::{BlockKey, BlockKind};
use crate::space::NotAtHand;
use crate::tally::{Of, TallyKey};
use crate::time::Time;
use crate::vocabulary::{Dimension, VocabularyKey};

/// Documents to be loaded. Each list is without repeats and has only what is not at hand.
#[derive(Debug, Default)]
pub struct Needs {
    /// Rows of the ledger.
    pub ledger: BTreeSet<LedgerKey>,
    /// Vocabularies.
    pub vocabularies: BTreeSet<VocabularyKey>,
    /// Blocks of ids.
    pub blocks: BTreeSet<BlockKey>,
    /// Customers.
    pub customers: BTreeSet<Box<str>>,
    /// Products.
    pub products: BTreeSet<Box<str>>,
    /// What is counted of customers and products.
    pub tallies: BTreeSet<TallyKey>,
    /// Rollups.
    pub rollups: BTreeSet<RollupKey>,
}

impl Needs {
    /// Whether everything is at hand.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ledger.is_empty()
            && self.vocabularies.is_empty()
            && self.blocks.is_empty()
            && self.customers.is_empty()
            && self.products.is_empty()
            && self.tallies.is_empty()
            && self.rollups.is_empty()
    }
}

impl Fold {
    /// Step 1: what identifies the batch's entities.
    pub fn needs_identity(&mut self, batch: &[Message<'_>]) -> Needs {
        let mut needs = Needs::default();
        let open = [
            (BlockKind::Activity, self.root.blocks.activity_open),
            (BlockKind::Ledger, self.root.blocks.ledger_open),
        ];
        for (kind, number) in open {
            self.need_block(&mut needs, BlockKey { kind, number });
        }
        for event in batch.iter().filter_map(|message| message.event.as_ref().ok()) {
            match event {
                Event::Transaction(sale) => {
                    self.need_ledger(&mut needs, LedgerKey::transaction(&sale.transaction_id));
                    let dimensions =
                        [Dimension::Category, Dimension::PaymentMethod, Dimension::Country];
                    self.need_vocabularies(&mut needs, sale.at, &dimensions);
                }
                Event::Feedback(rating) => {
                    self.need_ledger(&mut needs, LedgerKey::feedback(&rating.feedback_id));
                }
                Event::Activity(activity) => {
                    for key in self.seen.candidates(&activity.activity_id).collect::<Vec<_>>() {
                        self.need_block(&mut needs, key);
                    }
                    let dimensions = crate::behaviour::DIMENSIONS.map(|(dimension, _)| dimension);
                    self.need_vocabularies(&mut needs, activity.at, &dimensions);
                }
                Event::Product(_) | Event::Stock(_) | Event::Customer(_) => {}
            }
        }
        needs
    }

    /// All that a fold which is [`Fold::complete`] may have to look up: rows of the ledger.
    pub fn needs_rows(&mut self, batch: &[Message<'_>]) -> Needs {
        let mut needs = Needs::default();
        for event in batch.iter().filter_map(|message| message.event.as_ref().ok()) {
            match event {
                Event::Transaction(sale) => {
                    self.need_ledger(&mut needs, LedgerKey::transaction(&sale.transaction_id));
                }
                Event::Feedback(rating) => {
                    self.need_ledger(&mut needs, LedgerKey::feedback(&rating.feedback_id));
                }
                _ => {}
            }
        }
        needs
    }

    /// Step 2: the customers and products that the batch, and the rows it replaces, name.
    ///
    /// # Errors
    /// [`NotAtHand`] where what step 1 asked for was not supplied.
    pub fn needs_entities(&mut self, batch: &[Message<'_>]) -> Result<Needs, NotAtHand> {
        let mut needs = Needs::default();
        for event in batch.iter().filter_map(|message| message.event.as_ref().ok()) {
            let (customer, product) = match event {
                Event::Transaction(sale) => {
                    let key = LedgerKey::transaction(&sale.transaction_id);
                    if let Some(LedgerRow::Transaction(row)) = self.ledger.get(&key)? {
                        let replaced = row.product.clone();
                        self.need_product(
                            &mut needs,
                            replaced.as_deref().unwrap_or(products::RESERVED),
                        );
                    }
                    let product = sale.product_id.as_deref().unwrap_or(products::RESERVED);
                    (Some(&*sale.user_id), Some(product))
                }
                Event::Feedback(rating) => {
                    let key = LedgerKey::feedback(&rating.feedback_id);
                    if let Some(LedgerRow::Feedback(row)) = self.ledger.get(&key)? {
                        let replaced = row.product.clone();
                        self.need_product(&mut needs, &replaced);
                    }
                    (Some(&*rating.user_id), Some(&*rating.product_id))
                }
                Event::Activity(activity) => {
                    (Some(&*activity.user_id), activity.product_id.as_deref())
                }
                Event::Product(product) => (None, Some(&*product.product_id)),
                Event::Stock(stock) => (None, Some(&*stock.product_id)),
                Event::Customer(customer) => (Some(&*customer.user_id), None),
            };
            if let Some(id) = customer
                && !self.customers.at_hand(id)
            {
                needs.customers.insert(id.into());
            }
            if let Some(id) = product {
                self.need_product(&mut needs, id);
            }
        }
        Ok(needs)
    }

    /// The rollups and the tallies that step 4 changes.
    pub fn needs_rollups(&mut self, resolved: &Resolved) -> Needs {
        let mut needs = Needs::default();
        for delta in &resolved.deltas {
            if !self.rollups.at_hand(&delta.key) {
                needs.rollups.insert(delta.key);
            }
        }
        let customers = self.customers.changes().map(|change| change.document.ordinal);
        let customers = customers.map(|ordinal| TallyKey::new(Of::Customers, ordinal));
        let products = self.products.changes().map(|change| change.document.ordinal);
        let products = products.map(|ordinal| TallyKey::new(Of::Products, ordinal));
        for key in customers.chain(products) {
            if !self.tallies.at_hand(&key) {
                needs.tallies.insert(key);
            }
        }
        // Nobody whose tally begins with a newcomer was counted before.
        for key in resolved.named.iter().filter_map(first_in_tally) {
            if needs.tallies.remove(&key) {
                self.tallies.supply(key, None);
            }
        }
        needs
    }

    fn need_product(&mut self, needs: &mut Needs, id: &str) {
        if !self.products.at_hand(id) {
            needs.products.insert(id.into());
        }
    }

    fn need_block(&mut self, needs: &mut Needs, key: BlockKey) {
        if !self.blocks.at_hand(&key) {
            needs.blocks.insert(key);
        }
    }

    fn need_ledger(&mut self, needs: &mut Needs, key: LedgerKey) {
        if self.ledger.at_hand(&key) {
            return;
        }
        if self.seen.is_new(key.as_str()) {
            self.ledger.supply(key, None);
        } else {
            needs.ledger.insert(key);
        }
    }

    fn need_vocabularies(&mut self, needs: &mut Needs, at: Time, dimensions: &[Dimension]) {
        let month = bucket::month_of_quarter(bucket::quarter_of(at));
        for &dimension in dimensions {
            let key = VocabularyKey { dimension, month };
            if !self.vocabularies.at_hand(&key) {
                needs.vocabularies.insert(key);
            }
        }
    }
}

/// The tally that a newcomer is the first in.
fn first_in_tally(named: &Named) -> Option<TallyKey> {
    let of = if named.family == Family::Buyers { Of::Customers } else { Of::Products };
    let key = TallyKey::new(of, named.ordinal);
    (key.first() == named.ordinal).then_some(key)
}
