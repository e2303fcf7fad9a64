//! A working set: the documents of one collection that are at hand, a bounded, exact copy of a part
//! of it.
//!
//! The fold reads and changes documents here; the shell loads the missing ones before a batch and
//! writes the changed ones after it. "Known to be absent" is remembered as well as "known", so that
//! a document is asked for once. Everything here belongs to one checkpoint: after a commit that
//! failed the whole working set is thrown away.
//!
//! The bound is kept by two halves: documents that were not touched since the last eviction but one
//! are dropped. An eviction never drops those that the latest batch touched, so a batch that is
//! still being committed is never read back from the store.

use std::borrow::Borrow;
use std::fmt::Debug;
use std::hash::Hash;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;

use crate::collection::Collection;

/// A document that a batch needs was never loaded: a fault of the caller, not of the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAtHand(pub String);

impl std::fmt::Display for NotAtHand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a document was needed that had not been loaded: {}", self.0)
    }
}

impl std::error::Error for NotAtHand {}

#[derive(Debug, Clone)]
struct Slot<D> {
    document: Option<D>,
    /// The latest batch that changed it; 0 is none.
    batch: u64,
    /// Whether there was a document before that.
    stored: bool,
    /// Whether that batch changed more than the counts.
    stated: bool,
}

impl<D> Slot<D> {
    fn new(document: Option<D>) -> Self {
        Slot { document, batch: 0, stored: false, stated: false }
    }

    fn is_first_change_in(&mut self, batch: u64) -> bool {
        if self.batch == batch {
            return false;
        }
        (self.batch, self.stored, self.stated) = (batch, self.document.is_some(), false);
        true
    }
}

/// The documents of one collection that are at hand, by key.
#[derive(Debug)]
pub struct WorkingSet<C: Collection> {
    at_hand: Halves<C::Key, C::Document>,
    /// The keys of those that the batch at hand changed.
    changed: Vec<C::Key>,
    /// The keys of documents that were supplied and are not kept yet.
    supplied: Vec<C::Key>,
    /// The number of the batch, from 1.
    batch: u64,
    capacity: usize,
}

/// The documents touched since the last turn, and those touched before.
#[derive(Debug)]
struct Halves<K, D> {
    young: HashMap<K, Slot<D>, RandomState>,
    /// About the room that the young ones take beyond one each.
    surplus: usize,
    old: HashMap<K, Slot<D>, RandomState>,
    /// Whether a key that is not here has no document anywhere.
    complete: bool,
}

/// A document that a batch changed.
#[derive(Debug)]
pub struct Change<'a, C: Collection> {
    /// Its key.
    pub key: &'a C::Key,
    /// Its whole new content.
    pub document: &'a C::Document,
    /// Whether the store has no document of that key yet.
    pub new: bool,
    /// Whether more changed than the counts.
    pub stated: bool,
}

impl<C: Collection> Change<'_, C> {
    /// Whether the document is to be written; if only counts changed, only its tally is.
    #[must_use]
    pub fn is_written(&self) -> bool {
        C::ENTITY.is_none() || self.new || self.stated
    }
}

impl<K: Eq + Hash, D> Halves<K, D> {
    /// Whether the store need not be asked for a key, which is then kept for another turn.
    fn have<Q>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if self.complete || self.young.contains_key(key) {
            return true;
        }
        match self.old.remove_entry(key) {
            Some((key, slot)) => {
                self.young.insert(key, slot);
                true
            }
            None => false,
        }
    }

    /// The slot of a key, which is kept for another turn.
    fn slot<Q>(&mut self, key: &Q) -> Result<&mut Slot<D>, NotAtHand>
    where
        K: Borrow<Q> + for<'a> From<&'a Q>,
        Q: Eq + Hash + Debug + ?Sized,
    {
        let vacant = match self.young.entry_ref(key) {
            EntryRef::Occupied(slot) => return Ok(slot.into_mut()),
            EntryRef::Vacant(vacant) => vacant,
        };
        match self.old.remove(key) {
            Some(slot) => Ok(vacant.insert_with_key(K::from(key), slot)),
            None if self.complete => Ok(vacant.insert_with_key(K::from(key), Slot::new(None))),
            None => Err(NotAtHand(format!("{key:?}"))),
        }
    }
}

impl<C: Collection> WorkingSet<C> {
    /// An empty space that keeps about `capacity` documents after each [`WorkingSet::evict`].
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let (young, old) = (HashMap::default(), HashMap::default());
        let at_hand = Halves { young, surplus: 0, old, complete: false };
        WorkingSet {
            at_hand,
            changed: vec![],
            supplied: vec![],
            batch: 1,
            capacity: capacity.max(2),
        }
    }

    /// A set of a collection that begins empty, with every document that is ever put into it: a key
    /// that is not here has no document, so nothing is asked for and nothing dropped.
    #[must_use]
    pub fn complete() -> Self {
        let mut set = WorkingSet::new(0);
        set.at_hand.complete = true;
        set
    }

    /// Every document at hand, in no particular order.
    pub fn all(&self) -> impl Iterator<Item = (&C::Key, &C::Document)> {
        let slots = self.at_hand.young.iter().chain(&self.at_hand.old);
        slots.filter_map(|(key, slot)| Some((key, slot.document.as_ref()?)))
    }

    /// The number of keys at hand, those known to be absent included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.at_hand.young.len() + self.at_hand.old.len()
    }

    /// Whether no key is at hand.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops the documents that are not `kept`: they are gone from the collection as well.
    pub fn retain(&mut self, kept: impl Fn(&C::Key) -> bool) {
        self.at_hand.young.retain(|key, _| kept(key));
        self.at_hand.old.retain(|key, _| kept(key));
    }

    /// Whether no document has to be asked for.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.at_hand.complete
    }

    /// Notes that more changed of a document than the counts.
    pub fn state<Q>(&mut self, key: &Q)
    where
        C::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(slot) = self.at_hand.young.get_mut(key) {
            slot.stated = true;
        }
    }

    /// Whether the store need not be asked for `key`. A document at hand is kept for another turn.
    pub fn at_hand<Q>(&mut self, key: &Q) -> bool
    where
        C::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.at_hand.have(key)
    }

    /// Takes in the store's document for `key`, or its absence. Does nothing if the key is at hand
    /// already.
    pub fn supply(&mut self, key: C::Key, document: Option<C::Document>) {
        if self.at_hand.have(&key) {
            return;
        }
        if document.is_some() {
            self.supplied.push(key.clone());
        }
        self.at_hand.surplus += document.as_ref().map_or(0, |it| C::weight(it) - 1);
        self.at_hand.young.insert(key, Slot::new(document));
    }

    /// The documents that were supplied and are not kept yet.
    pub(crate) fn supplied(&self) -> impl Iterator<Item = &C::Document> {
        let slots = self.supplied.iter().filter_map(|key| self.at_hand.young.get(key));
        slots.filter_map(|slot| slot.document.as_ref())
    }

    /// Takes their counts.
    pub(crate) fn count(
        &mut self,
        mut count: impl FnMut(&mut C::Document) -> Result<(), NotAtHand>,
    ) -> Result<(), NotAtHand> {
        for key in &self.supplied {
            let slot = self.at_hand.young.get_mut(key);
            if let Some(document) = slot.and_then(|slot| slot.document.as_mut()) {
                count(document)?;
            }
        }
        Ok(())
    }

    /// Keeps the documents that were supplied.
    pub(crate) fn keep_supplied(&mut self) {
        self.supplied.clear();
    }

    /// Drops the documents that were supplied and are not kept. None of them may have changed.
    pub(crate) fn drop_supplied(&mut self) {
        for key in self.supplied.drain(..) {
            let dropped = self.at_hand.young.remove(&key).and_then(|slot| slot.document);
            self.at_hand.surplus -= dropped.map_or(0, |it| C::weight(&it) - 1);
        }
    }

    /// The document, or `None` if it is known to be absent.
    ///
    /// # Errors
    /// [`NotAtHand`] if the store was never asked.
    pub fn get<Q>(&mut self, key: &Q) -> Result<Option<&C::Document>, NotAtHand>
    where
        C::Key: Borrow<Q> + for<'a> From<&'a Q>,
        Q: Eq + Hash + Debug + ?Sized,
    {
        Ok(self.at_hand.slot(key)?.document.as_ref())
    }

    /// The document, to be changed, or `None` if it is known to be absent.
    ///
    /// # Errors
    /// [`NotAtHand`] if the store was never asked.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Result<Option<&mut C::Document>, NotAtHand>
    where
        C::Key: Borrow<Q> + for<'a> From<&'a Q>,
        Q: Eq + Hash + Debug + ?Sized,
    {
        let slot = self.at_hand.slot(key)?;
        if slot.document.is_some() && slot.is_first_change_in(self.batch) {
            self.changed.push(C::Key::from(key));
        }
        Ok(slot.document.as_mut())
    }

    /// The document, to be changed; made by `make` if it is known to be absent.
    ///
    /// # Errors
    /// [`NotAtHand`] if the store was never asked.
    pub fn edit<Q>(
        &mut self,
        key: &Q,
        make: impl FnOnce() -> C::Document,
    ) -> Result<&mut C::Document, NotAtHand>
    where
        C::Key: Borrow<Q> + for<'a> From<&'a Q>,
        Q: Eq + Hash + Debug + ?Sized,
    {
        let slot = self.at_hand.slot(key)?;
        if slot.is_first_change_in(self.batch) {
            self.changed.push(C::Key::from(key));
        }
        Ok(slot.document.get_or_insert_with(make))
    }

    /// Replaces the document, or makes it.
    ///
    /// # Errors
    /// [`NotAtHand`] if the store was never asked.
    pub fn put(&mut self, key: C::Key, document: C::Document) -> Result<(), NotAtHand>
    where
        C::Key: for<'a> From<&'a C::Key>,
    {
        let slot = self.at_hand.slot(&key)?;
        if slot.is_first_change_in(self.batch) {
            self.changed.push(key);
        }
        // Of one that takes the place of another both are counted until the next eviction.
        let surplus = C::weight(&document) - 1;
        slot.document = Some(document);
        self.at_hand.surplus += surplus;
        Ok(())
    }

    /// The documents changed since [`WorkingSet::settle`], in the order of their first change.
    pub fn changes(&self) -> impl Iterator<Item = Change<'_, C>> + Clone {
        self.changed.iter().filter_map(|key| {
            let slot = self.at_hand.young.get(key)?;
            let document = slot.document.as_ref()?;
            Some(Change { key, document, new: !slot.stored, stated: slot.stated })
        })
    }

    /// Forgets which documents changed: they are on their way to the store.
    pub fn settle(&mut self) {
        self.changed.clear();
        self.supplied.clear();
        self.batch += 1;
    }

    /// Drops the documents that were not touched lately if there are too many. At most once a
    /// batch, after it has settled.
    pub fn evict(&mut self) {
        let Halves { young, surplus, old, complete } = &mut self.at_hand;
        if !*complete && young.len() + *surplus > self.capacity / 2 {
            *surplus = 0;
            // The room of the dropped documents is used for the next ones.
            std::mem::swap(young, old);
            young.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::entity::Entity;

    #[derive(Debug)]
    struct Numbers;

    impl Collection for Numbers {
        const NAME: &'static str = "numbers";
        const AT_HAND: usize = 4;
        const ENTITY: Option<Entity> = Some(Entity::Product);
        type Key = Box<str>;
        type Document = u32;
        type Stored = u32;

        fn stored(document: &u32) -> impl Serialize + '_ {
            document
        }

        fn read(stored: u32) -> u32 {
            stored
        }

        fn weight(document: &u32) -> usize {
            1 + *document as usize / 1_000
        }
    }

    fn working_set() -> WorkingSet<Numbers> {
        let mut set = WorkingSet::new(4);
        set.supply("known".into(), Some(1));
        set.supply("absent".into(), None);
        set
    }

    #[test]
    fn asking_for_what_was_never_loaded_is_an_error() {
        let mut set = working_set();
        assert_eq!(set.get("known"), Ok(Some(&1)));
        assert_eq!(set.get("absent"), Ok(None));
        assert!(set.get("other").is_err());
        assert!(set.edit("other", || 0).is_err());
    }

    #[test]
    fn a_change_says_whether_the_store_has_the_document() {
        let mut set = working_set();
        *set.edit("known", || 0).unwrap() += 1;
        *set.edit("absent", || 0).unwrap() += 5;
        let changes: Vec<_> = set.changes().map(|c| (&**c.key, *c.document, c.new)).collect();
        assert_eq!(changes, [("known", 2, false), ("absent", 5, true)]);
        set.settle();
        assert_eq!(set.changes().count(), 0);
        *set.edit("absent", || 0).unwrap() += 1;
        assert!(!set.changes().next().unwrap().new);
    }

    #[test]
    fn an_entity_of_which_counts_alone_changed_is_not_written() {
        let mut set = working_set();
        let written = |set: &WorkingSet<Numbers>| set.changes().next().unwrap().is_written();
        *set.edit("known", || 0).unwrap() += 1;
        assert!(!written(&set));
        set.state("known");
        assert!(written(&set));
        set.settle();
        *set.edit("known", || 0).unwrap() += 1;
        assert!(!written(&set), "what was stated is of one batch");
        set.settle();
        *set.edit("absent", || 0).unwrap() += 1;
        assert!(written(&set), "a new one is");
    }

    #[test]
    fn a_heavy_document_counts_as_several() {
        let mut set: WorkingSet<Numbers> = WorkingSet::new(40);
        let mut kept_after = |n: u32| {
            for at in 0..12 {
                set.supply(format!("{n}/{at}").into(), Some(n));
            }
            set.settle();
            set.evict();
            set.at_hand.young.len()
        };
        assert_eq!(kept_after(1), 12, "light ones stay young");
        assert_eq!(kept_after(2_000), 0, "of heavy ones half the room is used");
    }

    #[test]
    fn what_was_supplied_is_dropped_unless_it_is_kept() {
        let mut set: WorkingSet<Numbers> = WorkingSet::new(40);
        set.supply("kept".into(), Some(1));
        set.keep_supplied();
        set.supply("dropped".into(), Some(9_000));
        set.supply("kept".into(), Some(2));
        set.drop_supplied();
        assert_eq!(set.get("kept"), Ok(Some(&1)));
        assert_eq!(set.at_hand.surplus, 0);
        assert!(!set.at_hand("dropped"), "the store is asked again");
    }

    #[test]
    fn what_a_complete_set_does_not_have_is_not_anywhere() {
        let mut set: WorkingSet<Numbers> = WorkingSet::complete();
        assert_eq!(set.get("any"), Ok(None));
        *set.edit("a", || 0).unwrap() += 1;
        *set.edit("b", || 0).unwrap() += 2;
        assert!(set.changes().all(|change| change.new));
        set.settle();
        set.evict();
        set.evict();
        let mut all: Vec<_> = set.all().map(|(key, document)| (&**key, *document)).collect();
        all.sort_unstable();
        assert_eq!(all, [("a", 1), ("b", 2)]);
        set.retain(|key| &**key != "a");
        assert_eq!(set.all().count(), 1);
    }

    #[test]
    fn an_eviction_keeps_what_the_last_batch_touched() {
        let mut set = working_set();
        set.supply("third".into(), Some(3));
        set.evict();
        assert!(set.at_hand("known"));
        set.evict();
        set.supply("a".into(), None);
        set.supply("b".into(), None);
        set.evict();
        assert!(!set.at_hand("third"));
        assert!(set.at_hand("known"));
    }
}
