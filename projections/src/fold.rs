//! The fold: a batch of events and the prior state it needs, in; changed documents, out.
//!
//! One batch takes four steps, and the shell loads what is missing between them:
//!
//! 1. [`Fold::needs_identity`]: which rows of the ledger, vocabularies and blocks of ids;
//! 2. [`Fold::needs_entities`]: which customers and products, those of replaced rows included;
//! 3. [`Fold::resolve`]: event by event in log order, entities change and say what is to be added
//!    to which rollup; [`Fold::needs_rollups`] says which of those, and of the tallies, to load;
//! 4. [`Fold::apply`]: the additions.
//!
//! What a step needs looked up is worked out in `needs`, the steps themselves here; `complete` has
//! what is different where a whole log is folded at once.
//!
//! Then the changed documents of each [`Space`] are written in one transaction with the new
//! [`Root`], and [`Fold::settle`] goes on to the next batch. Where the transaction fails the whole
//! fold is thrown away and made anew from the checkpoint.

mod complete;
mod needs;
mod outcome;

use std::collections::{BTreeSet, HashMap};

use crate::bucket;
use crate::customers::{self, Customer};
use crate::event::{Event, Reason};
use crate::ledger::{LedgerKey, LedgerRow};
use crate::products::{self, Product};
use crate::rank::Rank;
use crate::rollup::{self, Delta, Family, RollupKey};
use crate::root::{Root, Settings};
use crate::seen::{Block, BlockKey, Seen};
use crate::space::{Change, NotAtHand, Space};
use crate::table::Table;
use crate::tally::{Of, Tally, TallyKey};
use crate::time::Time;
use crate::vocabulary::{Dimension, OTHER, OTHER_NAME, Vocabulary, VocabularyKey};

pub use needs::Needs;
pub use outcome::Outcome;

/// About how many additions to rollups an event makes.
const DELTAS_EACH: usize = 8;

/// One message of the log.
#[derive(Debug)]
pub struct Message<'a> {
    /// Its sequence in the stream.
    pub position: u64,
    /// The log's time when it was stored: message times made monotone.
    pub log_time: Time,
    /// The position it ranks at, where it replays an earlier one.
    pub replay_of: Option<u64>,
    /// What it says, or why it cannot be understood.
    pub event: Result<Event<'a>, Vec<Reason>>,
}

impl Message<'_> {
    pub(crate) fn rank(&self, updated_at: Option<Time>) -> Rank {
        Rank { updated_at, position: self.replay_of.unwrap_or(self.position) }
    }
}

/// What a batch came to, before its additions are applied.
#[derive(Debug, Default)]
pub struct Resolved {
    /// What is to be added to the rollups.
    pub deltas: Vec<Delta>,
    /// What came of each message, in a word: [`Outcome::as_str`].
    pub outcomes: Vec<&'static str>,
    /// The messages that were quarantined, by index in the batch, each with all its reasons.
    pub quarantined: Vec<(usize, Vec<Reason>)>,
    /// Customers who lost the first or last of their purchases: the ledger has to be asked which
    /// one is it now, leaving out the rows that this batch changed.
    pub recheck: BTreeSet<Box<str>>,
    /// Customers and products that became known, in the order of their ordinals.
    pub named: Vec<Named>,
    /// Customers of whom an event stated something: their documents change.
    pub stated_customers: BTreeSet<Box<str>>,
    /// Products of which an event stated something: their documents change.
    pub stated_products: BTreeSet<Box<str>>,
    /// What kinds of figures changed.
    pub touched: Touched,
    /// Whether activity blocks below the root's first are to be deleted.
    pub forget_blocks: bool,
}

/// A customer or a product became known: its ordinal means its id from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// [`Family::Buyers`] for a customer, [`Family::Sold`] for a product: the rollups that count
    /// by the ordinal.
    pub family: Family,
    /// The ordinal.
    pub ordinal: u32,
    /// The id.
    pub id: Box<str>,
}

/// What kinds of figures a batch changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[allow(clippy::struct_excessive_bools)] // a set of five topics; each is asked for by name
pub struct Touched {
    /// Sales.
    pub sales: bool,
    /// Products: their catalogue, sums, views or ratings.
    pub products: bool,
    /// Customers.
    pub customers: bool,
    /// Activities.
    pub behaviour: bool,
    /// Ratings.
    pub feedback: bool,
}

/// The state of a fold: what is at hand of a generation, and the root.
pub struct Fold {
    /// What the generation was made with.
    pub settings: Settings,
    /// Totals and counters.
    pub root: Root,
    /// Rows of the ledger at hand.
    pub ledger: Space<LedgerKey, LedgerRow>,
    /// Customers at hand.
    pub customers: Space<Box<str>, Customer>,
    /// Products at hand.
    pub products: Space<Box<str>, Product>,
    /// Vocabularies at hand.
    pub vocabularies: Space<VocabularyKey, Vocabulary>,
    /// What is counted of customers and products, at hand.
    pub tallies: Space<TallyKey, Tally>,
    /// Rollups at hand.
    pub rollups: Space<RollupKey, Table>,
    /// Blocks of ids at hand.
    pub blocks: Space<BlockKey, Block>,
    /// The ids that were seen.
    pub seen: Seen,
    /// The changed rows of the customers to recheck.
    rechecked: HashMap<Box<str>, Vec<LedgerKey>>,
}

impl Fold {
    /// A fold that goes on from `root`. The blocks of seen ids must be handed to
    /// [`Seen::restore`] before the first batch.
    #[must_use]
    pub fn new(settings: Settings, root: Root) -> Self {
        let seen = Seen::new(settings.activity_window_ms);
        Fold {
            settings,
            root,
            ledger: Space::new(200_000),
            customers: Space::new(400_000),
            products: Space::new(200_000),
            vocabularies: Space::new(2_000),
            tallies: Space::new(10_000),
            rollups: Space::new(50_000),
            blocks: Space::new(1_000),
            seen,
            rechecked: HashMap::new(),
        }
    }

    /// The same fold, keeping only about `documents` of each collection at hand between batches.
    /// For a fold that has not begun; nothing but the number of look-ups depends on it.
    #[must_use]
    pub fn keeping(self, documents: usize) -> Self {
        Fold {
            ledger: Space::new(documents),
            customers: Space::new(documents),
            products: Space::new(documents),
            vocabularies: Space::new(documents),
            tallies: Space::new(documents),
            rollups: Space::new(documents),
            blocks: Space::new(documents),
            ..self
        }
    }

    /// Step 3: each event in log order. Entities change; additions to rollups are collected.
    ///
    /// # Errors
    /// [`NotAtHand`] where what steps 1 and 2 asked for was not supplied. The fold is then of no
    /// further use.
    pub fn resolve(&mut self, batch: &[Message<'_>]) -> Result<Resolved, NotAtHand> {
        let mut resolved = Resolved::default();
        resolved.outcomes.reserve(batch.len());
        resolved.deltas.reserve(batch.len() * DELTAS_EACH);
        for (index, message) in batch.iter().enumerate() {
            self.root.log_time = self.root.log_time.max(message.log_time);
            let (place, now) = (&mut self.root.blocks, self.root.log_time);
            resolved.forget_blocks |= self.seen.forget(&mut self.blocks, place, now);
            let outcome = match &message.event {
                Ok(event) => self.event(message, event, &mut resolved)?,
                Err(reasons) => Outcome::Quarantined(reasons.clone()),
            };
            resolved.outcomes.push(outcome.as_str());
            let counts = &mut self.root.counts;
            counts.read += 1;
            match outcome {
                Outcome::Applied => counts.applied += 1,
                Outcome::Repeated => counts.repeated += 1,
                Outcome::Unchanged => counts.unchanged += 1,
                Outcome::Stale => counts.stale += 1,
                Outcome::Quarantined(reasons) => {
                    counts.quarantined += 1;
                    resolved.quarantined.push((index, reasons));
                }
            }
        }
        self.find_changed_rows(&resolved.recheck);
        Ok(resolved)
    }

    /// Takes in a customer as stored, its tally being at hand.
    ///
    /// # Errors
    /// [`NotAtHand`] where the tally is not.
    pub fn supply_customer(
        &mut self,
        id: Box<str>,
        record: Option<customers::Record>,
    ) -> Result<(), NotAtHand> {
        let customer = match record {
            None => None,
            Some(record) => {
                let tally = self.tallies.get(&TallyKey::new(Of::Customers, record.ordinal))?;
                let row = tally.map_or([0; 20], |tally| tally.get(record.ordinal));
                Some(Customer::of(record, &row))
            }
        };
        self.customers.supply(id, customer);
        Ok(())
    }

    /// Takes in a product as stored, its tally being at hand.
    ///
    /// # Errors
    /// [`NotAtHand`] where the tally is not.
    pub fn supply_product(
        &mut self,
        id: Box<str>,
        record: Option<products::Record>,
    ) -> Result<(), NotAtHand> {
        let product = match record {
            None => None,
            Some(record) => {
                let tally = self.tallies.get(&TallyKey::new(Of::Products, record.ordinal))?;
                let row = tally.map_or([0; 21], |tally| tally.get(record.ordinal));
                Some(Product::of(record, &row))
            }
        };
        self.products.supply(id, product);
        Ok(())
    }

    /// Step 4: the additions, and what is counted of who changed.
    ///
    /// # Errors
    /// [`NotAtHand`] where what [`Fold::needs_rollups`] asked for was not supplied.
    pub fn apply(&mut self, resolved: &Resolved) -> Result<(), NotAtHand> {
        for delta in &resolved.deltas {
            self.rollups.edit(&delta.key, Table::default)?.add(delta.row, delta.delta);
        }
        for Change { document, .. } in self.customers.changes() {
            let key = TallyKey::new(Of::Customers, document.ordinal);
            self.tallies.edit(&key, Tally::default)?.set(document.ordinal, &document.row());
        }
        for Change { document, .. } in self.products.changes() {
            let key = TallyKey::new(Of::Products, document.ordinal);
            self.tallies.edit(&key, Tally::default)?.set(document.ordinal, &document.row());
        }
        Ok(())
    }

    /// Completes a customer of [`Resolved::recheck`]: `stored` is the first and last completed
    /// purchase among the rows that this batch did not change.
    ///
    /// # Errors
    /// [`NotAtHand`] where the customer is not.
    pub fn set_purchases(
        &mut self,
        user: &str,
        stored: Option<(Time, Time)>,
    ) -> Result<(), NotAtHand> {
        let mut bounds = stored;
        for key in self.rechecked.get(user).into_iter().flatten() {
            if let Some(LedgerRow::Transaction(sale)) = self.ledger.get(key)?
                && sale.status == crate::event::Status::Completed
            {
                bounds = Some(bounds.map_or((sale.at, sale.at), |(first, last)| {
                    (first.min(sale.at), last.max(sale.at))
                }));
            }
        }
        let customer = self.customers.edit(user, || Customer::new(user, 0, Time(0)))?;
        customer.first_purchase = bounds.map(|(first, _)| first);
        customer.last_purchase = bounds.map(|(_, last)| last);
        Ok(())
    }

    /// The rows that this batch changed of a customer of [`Resolved::recheck`], to be left out when
    /// the ledger is asked.
    pub fn changed_rows(&self, user: &str) -> impl Iterator<Item = &LedgerKey> {
        self.rechecked.get(user).into_iter().flatten()
    }

    /// Finds those rows in one pass, as the rows and the customers may both be many.
    fn find_changed_rows(&mut self, users: &BTreeSet<Box<str>>) {
        self.rechecked.clear();
        if users.is_empty() {
            return;
        }
        for change in self.ledger.changes() {
            if let LedgerRow::Transaction(sale) = change.document
                && users.contains(&sale.user)
            {
                self.rechecked.entry(sale.user.clone()).or_default().push(change.key.clone());
            }
        }
    }

    /// Goes on to the next batch: what changed is on its way to the store.
    pub fn settle(&mut self) {
        self.ledger.settle();
        self.customers.settle();
        self.products.settle();
        self.vocabularies.settle();
        self.tallies.settle();
        self.rollups.settle();
        self.blocks.settle();
        self.ledger.turn();
        self.customers.turn();
        self.products.turn();
        self.vocabularies.turn();
        self.tallies.turn();
        self.rollups.turn();
        self.blocks.turn();
    }

    fn event(
        &mut self,
        message: &Message<'_>,
        event: &Event<'_>,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        match event {
            Event::Transaction(sale) => self.transaction(message, sale, resolved),
            Event::Activity(activity) => self.activity(message, activity, resolved),
            Event::Feedback(rating) => self.feedback(message, rating, resolved),
            Event::Product(product) => self.product(message, product, resolved),
            Event::Stock(stock) => self.stock(message, stock, resolved),
            Event::Customer(customer) => self.customer(message, customer, resolved),
        }
    }

    /// Changes a customer, who becomes known by it if new; the totals of customers follow.
    pub(crate) fn with_customer(
        &mut self,
        id: &str,
        at: Time,
        resolved: &mut Resolved,
        change: impl FnOnce(&mut Customer),
    ) -> Result<u32, NotAtHand> {
        let next = self.root.next_customer;
        let mut new = false;
        let customer = self.customers.edit(id, || {
            new = true;
            Customer::new(id, next, at)
        })?;
        let (created, sales) = (customer.created_at, customer.sales);
        customer.seen(at);
        change(customer);
        self.root.buyers.follow(&sales, &customer.sales);
        let (before, after) =
            (bucket::quarter_of(created), bucket::quarter_of(customer.created_at));
        let (identified, guests) = (i64::from(!customer.guest), i64::from(customer.guest));
        let ordinal = customer.ordinal;
        if new {
            let family = Family::Buyers;
            resolved.named.push(Named { family, ordinal, id: id.into() });
            self.root.next_customer += 1;
            self.root.identified += identified;
            self.root.guests += guests;
        }
        if new || before != after {
            let mut count = |quarter, sign: i64| {
                let delta = [sign * identified, sign * guests, 0];
                resolved.deltas.push(rollup::by_quarter(Family::Newcomers, None, quarter, delta));
            };
            if !new {
                count(before, -1);
            }
            count(after, 1);
        }
        resolved.touched.customers = true;
        Ok(ordinal)
    }

    /// Changes a product, which becomes known by it if new.
    pub(crate) fn with_product<T>(
        &mut self,
        id: &str,
        resolved: &mut Resolved,
        change: impl FnOnce(&mut Product) -> T,
    ) -> Result<T, NotAtHand> {
        let next = self.root.next_product;
        let mut new = false;
        let product = self.products.edit(id, || {
            new = true;
            Product { ordinal: next, ..Product::default() }
        })?;
        let before = product.stock;
        let changed = change(product);
        if product.stock != before {
            resolved.deltas.push(rollup::of_stock(product.ordinal, before, product.stock));
        }
        if new {
            let (family, ordinal) = (Family::Sold, next);
            resolved.named.push(Named { family, ordinal, id: id.into() });
            self.root.next_product += 1;
            self.root.products += i64::from(id != products::RESERVED);
        }
        resolved.touched.products = true;
        Ok(changed)
    }

    /// The code of a value in its month's vocabulary, which learns it if there is room.
    pub(crate) fn code(
        &mut self,
        dimension: Dimension,
        month: u32,
        value: Option<&str>,
    ) -> Result<u16, NotAtHand> {
        let key = VocabularyKey { dimension, month };
        let empty = Vocabulary::default();
        let vocabulary = self.vocabularies.get(&key)?.unwrap_or(&empty);
        match (vocabulary.code(value, dimension.cap()), value) {
            (Some(code), value) => {
                if code == OTHER && value != Some(OTHER_NAME) {
                    self.root.counts.folded += 1;
                }
                Ok(code)
            }
            (None, value) => {
                let value = value.unwrap_or_default();
                Ok(self.vocabularies.edit(&key, Vocabulary::default)?.learn(value))
            }
        }
    }
}
