//! Tests of the form "given some events, when others come, then the documents are so": the fold
//! with a store in memory, for tests of this crate and of the shell.
//!
//! A [`Shop`] plays the shell: it loads the documents that a batch needs, writes the changed ones
//! and deletes the forgotten ones, and panics if the fold breaks its side of that contract.
//! [`Documents`] is everything that a generation consists of, under the ids that the documents have
//! in the store.

mod agreement;
mod documents;

use std::collections::{BTreeMap, BTreeSet};

use crate::batch::{Batch, Message, Room, Step};
use crate::collection::{Collection, Key};
use crate::collections::Needs;
use crate::event::{self, Kind, Limits};
use crate::fold::dedup::{BlockKey, BlockKind};
use crate::fold::root::{Counts, FoldSettings, Root};
use crate::fold::working_set::Change;
use crate::fold::{Fold, Resolved, Stamp};
use crate::for_each_collection;
use crate::packed::tally::Tally;
use crate::sales::status::Status;
use crate::time::Time;
use crate::topic::Topics;
use documents::text;

pub use documents::Documents;

/// Log time between two messages of [`Shop::when`].
const STEP_MS: i64 = 1000;
/// The log time of a shop's beginning: 2026-11-21T12:00:00Z.
const BEGINS: Time = Time(1_795_262_400_000);

/// One message as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Its sequence in the stream.
    pub position: u64,
    /// The time at which the log stored it; may go back, as clocks do.
    pub log_time: Time,
    /// The position that it ranks at, if it replays an earlier one.
    pub replay_of: Option<u64>,
    /// The kind that its subject names.
    pub kind: Kind,
    /// Its payload.
    pub body: String,
}

/// A shop of EUR with a fold, a store in memory, and a log that [`Shop::when`] writes.
pub struct Shop {
    settings: FoldSettings,
    keeping: Option<usize>,
    loading: usize,
    fold: Fold,
    stored: Documents,
    /// The documents of the store before the batch that is still being committed.
    behind: Option<Documents>,
    times: usize,
    position: u64,
    now: Time,
    last: Written,
}

/// The effect of the last batch beside the root.
#[derive(Debug, Default, PartialEq, Eq)]
struct Written {
    /// The number of documents that changed.
    changed: usize,
    touched: Topics,
}

impl Default for Shop {
    fn default() -> Self {
        let settings = FoldSettings::new("EUR");
        Shop {
            fold: Fold::new(settings.clone(), Root::default()),
            settings,
            keeping: None,
            loading: usize::MAX,
            stored: Documents::default(),
            behind: None,
            times: 1,
            position: 0,
            now: BEGINS,
            last: Written::default(),
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

    /// The same, with batches that load at most so many documents before anything changes, or are of one
    /// message.
    #[must_use]
    pub fn loading(mut self, documents: usize) -> Self {
        self.loading = documents;
        self
    }

    /// The same, with every batch folded while the one before is on its way to the store: until it
    /// has to be there, the store still has its old documents.
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

    /// Delivers the events so far: a batch for each.
    #[must_use]
    pub fn given(self, events: &[(Kind, &str)]) -> Self {
        events.iter().fold(self, |shop, event| shop.when(std::slice::from_ref(event)))
    }

    /// Delivers the present events: one batch, its messages a second of log time apart.
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

    /// Delivers the event at `position` again, as `quarantine replay` publishes it.
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

    /// Lets a time of the log pass.
    #[must_use]
    pub fn after_ms(mut self, ms: i64) -> Self {
        self.now.0 += ms;
        self
    }

    /// Ends the process; another one goes on from the checkpoint.
    #[must_use]
    pub fn then_restarted(mut self) -> Self {
        self.restart();
        self
    }

    /// Checks the documents by `says`, and that they do not contradict one another.
    ///
    /// # Panics
    /// Panics if `says` does, or if they contradict one another.
    #[must_use]
    pub fn then(self, says: impl FnOnce(&Documents)) -> Self {
        assert_eq!(self.stored.contradictions(), [] as [String; 0]);
        says(&self.stored);
        self
    }

    /// Checks the outcomes of all events: applied, repeated, unchanged, stale, quarantined.
    ///
    /// # Panics
    /// Panics if the outcomes are others.
    #[must_use]
    pub fn then_counted(self, expected: [u64; 5]) -> Self {
        self.then(|documents| {
            let Counts { applied, repeated, unchanged, stale, quarantined, .. } =
                documents.root.counts;
            assert_eq!([applied, repeated, unchanged, stale, quarantined], expected);
        })
    }

    /// Checks that the last batch wrote no document but the root, and touched no topic.
    ///
    /// # Panics
    /// Panics if it did.
    #[must_use]
    pub fn then_untouched(self) -> Self {
        assert_eq!(self.last, Written::default());
        self
    }

    /// Checks the sums of the shop's orders of one status: their number, and their total price, as
    /// text.
    ///
    /// # Panics
    /// Panics if the sums are others.
    #[must_use]
    pub fn then_sold(self, status: Status, orders: i64, amount: &str) -> Self {
        self.then(|documents| {
            let sums = documents.root.sales.of(status);
            assert_eq!((sums.orders, &*sums.amount.to_string()), (orders, amount));
        })
    }

    /// All documents of the store, once all is committed.
    #[must_use]
    pub fn documents(&self) -> &Documents {
        &self.stored
    }

    /// Folds one batch and commits it, in several if there is no room for all that it needs.
    ///
    /// # Panics
    /// Panics if the fold asks for too little, or misreports a change.
    pub fn deliver(&mut self, batch: &[Logged]) {
        let messages = messages(batch, self.fold.root.log_time, &self.settings.currency);
        let mut rest = &messages[..];
        while !rest.is_empty() {
            let resolved = self.fold(rest);
            let folded;
            (folded, rest) = rest.split_at(resolved.outcomes.len());
            if self.behind.is_some() {
                self.behind = Some(self.stored.clone());
            }
            self.commit(&resolved, folded);
            self.fold.settle();
        }
    }

    fn fold(&mut self, messages: &[Message<'_>]) -> Resolved {
        let mut batch = Batch::within(self.loading, messages);
        let before = self.fold.sets.documents();
        loop {
            match batch.step(&mut self.fold).expect("a batch asks for enough") {
                Step::Supply(needs) => {
                    if !self.supply(needs, batch.room()) {
                        batch.leave_part(&mut self.fold);
                    }
                }
                Step::Ready => {
                    let loaded = self.fold.sets.documents() - before;
                    assert!(loaded <= self.loading || batch.len() == 1, "{loaded} loaded");
                }
                Step::Purchases => {
                    if self.behind.is_some() {
                        self.behind = Some(self.stored.clone());
                    }
                    let resolved = batch.resolved().expect("purchases are asked for after it");
                    self.recheck(&resolved.recheck);
                }
                Step::Done => return batch.finish(),
            }
        }
    }

    /// The documents of a bulk load of these batches: rows of the ledger as they come, and the rest
    /// once all are folded.
    ///
    /// # Panics
    /// Panics if the fold asks for too little, or misreports a change.
    #[must_use]
    pub fn loaded<'a>(batches: impl IntoIterator<Item = &'a [Logged]>) -> Documents {
        let mut shop = Shop::default();
        shop.fold = shop.fold.complete();
        let mut at_the_end = Resolved::default();
        for batch in batches {
            let messages = messages(batch, shop.fold.root.log_time, &shop.settings.currency);
            let resolved = shop.fold(&messages);
            shop.commit(&resolved, &messages);
            shop.fold.settle();
            at_the_end.recheck.extend(resolved.recheck);
        }
        shop.recheck(&at_the_end.recheck);
        shop.fold.sum_up().expect("all is at hand");
        shop.fold.sets.put_all_counts().expect("all is at hand");
        shop.commit(&at_the_end, &[]);
        shop.stored
    }

    /// Throws the fold away and makes another from the documents, as they read back from text.
    ///
    /// # Panics
    /// Panics if they read back as something else.
    pub fn restart(&mut self) {
        self.stored.assert_reads_back();
        let fold = Fold::new(self.settings.clone(), self.stored.root.clone());
        self.fold = match self.keeping {
            Some(documents) => fold.keeping(documents),
            None => fold,
        };
        for (id, block) in &self.stored.blocks {
            let key = BlockKey::parse(id).expect("a block's id names it");
            self.fold.dedup.restore(key, block);
        }
        self.behind = self.behind.take().map(|_| self.stored.clone());
    }

    /// Whether there was room for all.
    fn supply(&mut self, needs: Needs, room: &mut Room) -> bool {
        let (sets, from) = (&mut self.fold.sets, self.behind.as_ref().unwrap_or(&self.stored));
        macro_rules! supply {
            ($($set:ident: $Collection:ty,)*) => {$(
                for key in needs.$set {
                    let document = from.$set.get(&*key.id()).map(uncounted::<$Collection>);
                    if document.is_some() && !room.take(1) {
                        return false;
                    }
                    sets.$set.supply(key, document);
                }
            )*};
        }
        for_each_collection!(supply);
        true
    }

    /// Searches the ledger for the first and last purchase among the rows that this batch left
    /// alone.
    fn recheck(&mut self, users: &BTreeSet<Box<str>>) {
        let users = || users.iter();
        let changed: BTreeSet<String> = users()
            .flat_map(|user| self.fold.changed_rows(user))
            .map(|key| key.as_str().to_owned())
            .collect();
        let mut stored: BTreeMap<&str, (Time, Time)> = BTreeMap::new();
        for (id, row) in &self.stored.ledger {
            if let (Some(user), Some(at)) = (row.buyer(), row.purchase())
                && !changed.contains(id)
            {
                let (first, last) = stored.entry(user).or_insert((at, at));
                (*first, *last) = ((*first).min(at), (*last).max(at));
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
        let mut changed = 0;
        macro_rules! write {
            ($($set:ident: $Collection:ty,)*) => {$(
                changed += write::<$Collection>(&mut to.$set, fold.sets.$set.changes());
            )*};
        }
        for_each_collection!(write);
        self.last = Written { changed, touched: resolved.touched };
        if resolved.forget_blocks {
            let first = fold.root.blocks.activity_first;
            to.blocks.retain(|id, _| {
                BlockKey::parse(id)
                    .is_none_or(|key| key.kind != BlockKind::Activity || key.number >= first)
            });
        }
        for named in &resolved.named {
            let id = named.entity.name_id(named.ordinal);
            let known = to.names.insert(id, named.id.to_string());
            assert_eq!(known, None, "an ordinal means one entity");
        }
        for (index, reasons) in resolved.quarantined() {
            assert!(!reasons.is_empty(), "a quarantined message has a reason");
            let fields = reasons.iter().map(|reason| reason.field.to_string()).collect();
            to.quarantine.insert(messages[index].stamp.position, fields);
        }
    }
}

fn messages<'a>(batch: &'a [Logged], mut log_time: Time, currency: &str) -> Vec<Message<'a>> {
    let message = |logged: &'a Logged| {
        log_time = log_time.max(logged.log_time);
        let limits = Limits { latest: Time(log_time.0 + Limits::AHEAD_MS), currency };
        Message {
            stamp: Stamp { position: logged.position, log_time, replay_of: logged.replay_of },
            event: event::parse(logged.kind, logged.body.as_bytes(), &limits),
        }
    };
    batch.iter().map(message).collect()
}

/// A document as it is read: the counts of an entity are not part of it.
fn uncounted<C: Collection>(document: &C::Document) -> C::Document {
    let mut document = document.clone();
    C::take_counts(&mut document, &Tally::default());
    document
}

/// Writes the changes and returns the number of documents.
fn write<'a, C: Collection>(
    stored: &mut BTreeMap<String, C::Document>,
    changes: impl Iterator<Item = Change<'a, C>>,
) -> usize {
    let mut count = 0;
    for change in changes {
        count += 1;
        let id = change.key.id().into_owned();
        let before = stored.get(&id);
        assert_eq!(change.new, before.is_none(), "{id} is new or is not");
        if let Some(before) = before.filter(|_| !change.is_written()) {
            let (before, after) = (text::<C>(before), text::<C>(change.document));
            assert_eq!(before, after, "{id} is not written, so only its counts changed");
        }
        stored.insert(id, change.document.clone());
    }
    count
}
