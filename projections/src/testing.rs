//! Given some events, when others come, then the documents say so: the fold before a store in
//! memory, for tests of this crate and of the shell.
//!
//! A [`Shop`] plays the shell: it loads what a batch needs, writes what it changed and deletes
//! what it forgot, and panics where the fold breaks its side of that contract. [`Documents`] is
//! everything that a generation consists of, under the ids that the documents have in the store.

mod documents;

use std::collections::{BTreeMap, BTreeSet};

use crate::customers::Customer;
use crate::event::{self, Kind, Limits, Status};
use crate::fold::{Fold, Message, Needs, Resolved, Touched};
use crate::ledger::LedgerRow;
use crate::products::Product;
use crate::rollup::RollupKey;
use crate::root::{Counts, Root, Settings};
use crate::seen::{BlockKey, BlockKind};
use crate::space::Change;
use crate::tally::{Of, TallyKey};
use crate::time::Time;
use crate::vocabulary::VocabularyKey;

pub use documents::Documents;

/// An event may be dated this far past the log's time.
const AHEAD_MS: i64 = 24 * 3600 * 1000;
/// Log time between two messages of [`Shop::when`].
const STEP_MS: i64 = 1000;
/// The log time that a shop begins at: 2026-11-21T12:00:00Z.
const BEGINS: Time = Time(1_795_262_400_000);

/// One message as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Its sequence in the stream.
    pub position: u64,
    /// When the log stored it; may go back, as clocks do.
    pub log_time: Time,
    /// The position it ranks at, where it replays an earlier one.
    pub replay_of: Option<u64>,
    /// What its subject says it is about.
    pub kind: Kind,
    /// Its payload.
    pub body: String,
}

/// A shop of EUR with a fold, a store in memory, and a log that [`Shop::when`] writes.
pub struct Shop {
    settings: Settings,
    keeping: Option<usize>,
    fold: Fold,
    stored: Documents,
    /// What the store had before the batch that is still being committed.
    behind: Option<Documents>,
    times: usize,
    position: u64,
    now: Time,
    last: Batch,
}

/// What the last batch did beside the root.
#[derive(Debug, Default, PartialEq, Eq)]
struct Batch {
    /// How many documents of a collection changed, by their ids.
    changed: usize,
    touched: Touched,
}

impl Default for Shop {
    fn default() -> Self {
        let settings = Settings::new("EUR");
        Shop {
            fold: Fold::new(settings.clone(), Root::default()),
            settings,
            keeping: None,
            stored: Documents::default(),
            behind: None,
            times: 1,
            position: 0,
            now: BEGINS,
            last: Batch::default(),
        }
    }
}

impl Shop {
    /// The same with a fold that keeps about `documents` of each collection at hand.
    #[must_use]
    pub fn keeping(mut self, documents: usize) -> Self {
        self.keeping = Some(documents);
        self.fold = self.fold.keeping(documents);
        self
    }

    /// The same, with every batch folded while the one before is on its way to the store: until
    /// it has to be there, the store still says what it said before.
    #[must_use]
    pub fn folding_ahead(mut self) -> Self {
        self.behind = Some(self.stored.clone());
        self
    }

    /// The same, with each further event of [`Shop::when`] delivered `times` times in a row.
    #[must_use]
    pub fn deliver_times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// What has happened so far: a batch for each event.
    #[must_use]
    pub fn given(self, events: &[(Kind, &str)]) -> Self {
        events.iter().fold(self, |shop, event| shop.when(std::slice::from_ref(event)))
    }

    /// What happens now: one batch, its messages a second of log time apart.
    #[must_use]
    pub fn when(mut self, events: &[(Kind, &str)]) -> Self {
        let mut batch = Vec::new();
        for (kind, body) in events {
            self.now.0 += STEP_MS;
            for _ in 0..self.times {
                self.position += 1;
                let (position, log_time) = (self.position, self.now);
                let body = (*body).to_owned();
                batch.push(Logged { position, log_time, replay_of: None, kind: *kind, body });
            }
        }
        self.deliver(&batch);
        self
    }

    /// The event again that stood at `position`, as `quarantine replay` publishes it.
    #[must_use]
    pub fn when_replayed(mut self, position: u64, (kind, body): (Kind, &str)) -> Self {
        self.position += 1;
        self.now.0 += STEP_MS;
        let (log_time, replay_of) = (self.now, Some(position));
        let body = body.to_owned();
        let logged = Logged { position: self.position, log_time, replay_of, kind, body };
        self.deliver(&[logged]);
        self
    }

    /// Lets so many milliseconds of log time pass.
    #[must_use]
    pub fn after_ms(mut self, ms: i64) -> Self {
        self.now.0 += ms;
        self
    }

    /// The process dies and another one goes on from the checkpoint.
    #[must_use]
    pub fn then_restarted(mut self) -> Self {
        self.restart();
        self
    }

    /// States something about the documents; they never contradict one another.
    ///
    /// # Panics
    /// Where `says` does, or where they do.
    #[must_use]
    pub fn then(self, says: impl FnOnce(&Documents)) -> Self {
        assert_eq!(self.stored.contradictions(), [] as [String; 0]);
        says(&self.stored);
        self
    }

    /// States what came of all events: applied, repeated, unchanged, stale, quarantined.
    ///
    /// # Panics
    /// Where something else did.
    #[must_use]
    pub fn then_counted(self, expected: [u64; 5]) -> Self {
        self.then(|documents| {
            let Counts { applied, repeated, unchanged, stale, quarantined, .. } =
                documents.root.counts;
            assert_eq!([applied, repeated, unchanged, stale, quarantined], expected);
        })
    }

    /// States that the last batch wrote no document but the root, and that nobody is told of it.
    ///
    /// # Panics
    /// Where it did.
    #[must_use]
    pub fn then_untouched(self) -> Self {
        assert_eq!(self.last, Batch::default());
        self
    }

    /// States what the shop's orders of one status come to: how many, and what they cost, as
    /// text.
    ///
    /// # Panics
    /// Where they come to something else.
    #[must_use]
    pub fn then_sold(self, status: Status, orders: i64, amount: &str) -> Self {
        self.then(|documents| {
            let sums = documents.root.sales.of(status);
            assert_eq!((sums.orders, &*sums.amount.to_string()), (orders, amount));
        })
    }

    /// Everything in the store, once all is committed.
    #[must_use]
    pub fn documents(&self) -> &Documents {
        &self.stored
    }

    /// Folds one batch and commits it.
    ///
    /// # Panics
    /// Where the fold asks for too little, or says of a change what is not so.
    pub fn deliver(&mut self, batch: &[Logged]) {
        let messages = messages(batch, self.fold.root.log_time, &self.settings.currency);
        let needs = self.fold.needs_identity(&messages);
        self.supply(needs);
        let needs = self.fold.needs_entities(&messages).expect("step 1 asks for enough");
        self.supply(needs);
        let resolved = self.fold.resolve(&messages).expect("steps 1 and 2 ask for enough");
        if self.behind.is_some() && !resolved.recheck.is_empty() {
            self.behind = Some(self.stored.clone());
        }
        self.recheck(&resolved);
        let needs = self.fold.needs_rollups(&resolved);
        self.supply(needs);
        self.fold.apply(&resolved).expect("step 3 asks for enough");
        if self.behind.is_some() {
            self.behind = Some(self.stored.clone());
        }
        self.commit(&resolved, &messages);
        self.fold.settle();
    }

    /// What a load in bulk makes of these batches: rows of the ledger as they come, and the rest
    /// once all are folded.
    ///
    /// # Panics
    /// Where the fold asks for too little, or says of a change what is not so.
    #[must_use]
    pub fn loaded<'a>(batches: impl IntoIterator<Item = &'a [Logged]>) -> Documents {
        let mut shop = Shop::default();
        shop.fold = shop.fold.complete();
        let mut at_the_end = Resolved::default();
        for batch in batches {
            let messages = messages(batch, shop.fold.root.log_time, &shop.settings.currency);
            let needs = shop.fold.needs_rows(&messages);
            shop.supply(needs);
            let resolved = shop.fold.resolve(&messages).expect("it asks for enough");
            shop.fold.add(&resolved).expect("all is at hand");
            if resolved.forget_blocks {
                shop.fold.drop_forgotten_blocks();
            }
            shop.commit(&resolved, &messages);
            shop.fold.settle();
            at_the_end.recheck.extend(resolved.recheck);
        }
        shop.recheck(&at_the_end);
        shop.fold.sum_up().expect("all is at hand");
        shop.fold.tally_all().expect("all is at hand");
        shop.commit(&at_the_end, &[]);
        shop.stored
    }

    /// Throws the fold away and makes another from the documents, as they read back from text.
    ///
    /// # Panics
    /// Where they read back as something else.
    pub fn restart(&mut self) {
        let text = serde_json::to_string(&self.stored).expect("documents can be written");
        let read: Documents = serde_json::from_str(&text).expect("documents can be read");
        assert_eq!(read, self.stored, "what a store gives back is what was written to it");
        let fold = Fold::new(self.settings.clone(), read.root);
        self.fold = match self.keeping {
            Some(documents) => fold.keeping(documents),
            None => fold,
        };
        for (id, block) in &self.stored.blocks {
            let key = BlockKey::parse(id).expect("a block's id names it");
            self.fold.seen.restore(key, block);
        }
        self.behind = self.behind.take().map(|_| self.stored.clone());
    }

    fn supply(&mut self, needs: Needs) {
        let (fold, from) = (&mut self.fold, self.behind.as_ref().unwrap_or(&self.stored));
        for key in needs.ledger {
            let row = from.ledger.get(key.as_str()).cloned();
            fold.ledger.supply(key, row);
        }
        for key in needs.vocabularies {
            fold.vocabularies.supply(key, from.vocabularies.get(&key.id()).cloned());
        }
        for key in needs.blocks {
            fold.blocks.supply(key, from.blocks.get(&key.id()).cloned());
        }
        for key in needs.tallies {
            fold.tallies.supply(key, from.tallies.get(&key.id()).cloned());
        }
        for id in needs.customers {
            let record = from.customers.get(&*id).map(Customer::record);
            if let Some(record) = &record {
                let key = TallyKey::new(Of::Customers, record.ordinal);
                fold.tallies.supply(key, from.tallies.get(&key.id()).cloned());
            }
            fold.supply_customer(id, record).expect("its tally is at hand");
        }
        for id in needs.products {
            let record = from.products.get(&*id).map(Product::record);
            if let Some(record) = &record {
                let key = TallyKey::new(Of::Products, record.ordinal);
                fold.tallies.supply(key, from.tallies.get(&key.id()).cloned());
            }
            fold.supply_product(id, record).expect("its tally is at hand");
        }
        for key in needs.rollups {
            fold.rollups.supply(key, from.rollups.get(&key.id()).cloned());
        }
    }

    /// Asks the ledger for the first and last purchase among the rows this batch left alone.
    fn recheck(&mut self, resolved: &Resolved) {
        let users = || resolved.recheck.iter();
        let changed: BTreeSet<String> = users()
            .flat_map(|user| self.fold.changed_rows(user))
            .map(|key| key.as_str().to_owned())
            .collect();
        let mut stored: BTreeMap<&str, (Time, Time)> = BTreeMap::new();
        for (id, row) in &self.stored.ledger {
            if let LedgerRow::Transaction(sale) = row
                && sale.status == Status::Completed
                && !changed.contains(id)
            {
                let (first, last) = stored.entry(&sale.user).or_insert((sale.at, sale.at));
                (*first, *last) = ((*first).min(sale.at), (*last).max(sale.at));
            }
        }
        for user in users() {
            let stored = stored.get(&**user).copied();
            self.fold.set_purchases(user, stored).expect("a customer to recheck is at hand");
        }
    }

    fn commit(&mut self, resolved: &Resolved, messages: &[Message<'_>]) {
        let (fold, to) = (&self.fold, &mut self.stored);
        to.root = fold.root.clone();
        let changed = [
            write(&mut to.ledger, fold.ledger.changes(), |key| key.as_str().to_owned()),
            write(&mut to.customers, fold.customers.changes(), ToString::to_string),
            write(&mut to.products, fold.products.changes(), ToString::to_string),
            write(&mut to.vocabularies, fold.vocabularies.changes(), VocabularyKey::id),
            write(&mut to.tallies, fold.tallies.changes(), TallyKey::id),
            write(&mut to.rollups, fold.rollups.changes(), RollupKey::id),
            write(&mut to.blocks, fold.blocks.changes(), BlockKey::id),
        ];
        self.last = Batch { changed: changed.iter().sum(), touched: resolved.touched };
        if resolved.forget_blocks {
            let first = fold.root.blocks.activity_first;
            to.blocks.retain(|id, _| {
                BlockKey::parse(id)
                    .is_none_or(|key| key.kind != BlockKind::Activity || key.number >= first)
            });
        }
        for named in &resolved.named {
            let id = documents::name_id(named.family, named.ordinal);
            let known = to.names.insert(id, named.id.to_string());
            assert_eq!(known, None, "an ordinal means one entity");
        }
        for (index, reasons) in &resolved.quarantined {
            assert!(!reasons.is_empty(), "a quarantined message has a reason");
            let fields = reasons.iter().map(|reason| reason.field.to_string()).collect();
            to.quarantine.insert(messages[*index].position, fields);
        }
    }
}

fn messages<'a>(batch: &'a [Logged], mut log_time: Time, currency: &str) -> Vec<Message<'a>> {
    let message = |logged: &'a Logged| {
        log_time = log_time.max(logged.log_time);
        let limits = Limits { latest: Time(log_time.0 + AHEAD_MS), currency };
        Message {
            position: logged.position,
            log_time,
            replay_of: logged.replay_of,
            event: event::parse(logged.kind, logged.body.as_bytes(), &limits),
        }
    };
    batch.iter().map(message).collect()
}

/// Writes what changed and says how many documents that was.
fn write<'a, K: 'a, D: Clone + PartialEq + std::fmt::Debug + 'a>(
    stored: &mut BTreeMap<String, D>,
    changes: impl Iterator<Item = Change<'a, K, D>>,
    id: impl Fn(&K) -> String,
) -> usize {
    let mut count = 0;
    for change in changes {
        count += 1;
        let id = id(change.key);
        assert_eq!(change.new, !stored.contains_key(&id), "{id} is new or is not");
        stored.insert(id, change.document.clone());
    }
    count
}
