//! Documents at hand: a bounded, exact copy of a part of one collection.
//!
//! The fold reads and changes documents here; the shell loads what is missing before a batch and
//! writes what changed after it. "Known to be absent" is remembered as well as "known", so that a
//! document is asked for once. Everything here belongs to one checkpoint: after a commit that did
//! not happen the whole space is thrown away.
//!
//! The bound is kept by two halves: what was not touched since the last-but-one turn is dropped.
//! A turn never drops what the latest batch touched, so a batch that is still being committed is
//! never read back from the store.

use std::borrow::Borrow;
use std::fmt::Debug;
use std::hash::Hash;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;

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
}

impl<D> Slot<D> {
    fn new(document: Option<D>) -> Self {
        Slot { document, batch: 0, stored: false }
    }

    fn is_first_change_in(&mut self, batch: u64) -> bool {
        if self.batch == batch {
            return false;
        }
        (self.batch, self.stored) = (batch, self.document.is_some());
        true
    }
}

/// The documents of one collection that are at hand, by key.
#[derive(Debug)]
pub struct Space<K, D> {
    at_hand: Halves<K, D>,
    /// The keys of those that the batch at hand changed.
    changed: Vec<K>,
    /// Batches are counted from 1.
    batch: u64,
    capacity: usize,
}

/// What was touched since the last turn, and what was touched before.
#[derive(Debug)]
struct Halves<K, D> {
    young: HashMap<K, Slot<D>, RandomState>,
    old: HashMap<K, Slot<D>, RandomState>,
    /// Whether what is not here is not anywhere.
    complete: bool,
}

/// A document that a batch changed.
#[derive(Debug)]
pub struct Change<'a, K, D> {
    /// Its key.
    pub key: &'a K,
    /// Its whole new content.
    pub document: &'a D,
    /// Whether the store has no document of that key yet.
    pub new: bool,
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

    /// What is at a key, which is kept for another turn.
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

impl<K: Eq + Hash, D> Space<K, D> {
    /// An empty space that keeps about `capacity` documents after each [`Space::turn`].
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let (young, old) = (HashMap::default(), HashMap::default());
        let at_hand = Halves { young, old, complete: false };
        Space { at_hand, changed: Vec::new(), batch: 1, capacity: capacity.max(2) }
    }

    /// A space of a collection that begins empty, with everything that is ever put into it: what
    /// is not here is not anywhere, so nothing is asked for and nothing dropped.
    #[must_use]
    pub fn complete() -> Self {
        let mut space = Space::new(0);
        space.at_hand.complete = true;
        space
    }

    /// Every document at hand, in no particular order.
    pub fn all(&self) -> impl Iterator<Item = (&K, &D)> {
        let slots = self.at_hand.young.iter().chain(&self.at_hand.old);
        slots.filter_map(|(key, slot)| Some((key, slot.document.as_ref()?)))
    }

    /// How many documents are at hand, those known to be absent included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.at_hand.young.len() + self.at_hand.old.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops what is not `kept`: it is gone from the collection as well.
    pub fn retain(&mut self, kept: impl Fn(&K) -> bool) {
        self.at_hand.young.retain(|key, _| kept(key));
        self.at_hand.old.retain(|key, _| kept(key));
    }

    /// Whether the store need not be asked for `key`. What is at hand is kept for another turn.
    pub fn at_hand<Q>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.at_hand.have(key)
    }

    /// Takes in what the store has for `key`. Does nothing where the key is at hand already.
    pub fn supply(&mut self, key: K, document: Option<D>) {
        if !self.at_hand.have(&key) {
            self.at_hand.young.insert(key, Slot::new(document));
        }
    }

    /// The document, or `None` where it is known to be absent.
    ///
    /// # Errors
    /// [`NotAtHand`] where the store was never asked.
    pub fn get<Q>(&mut self, key: &Q) -> Result<Option<&D>, NotAtHand>
    where
        K: Borrow<Q> + for<'a> From<&'a Q>,
        Q: Eq + Hash + Debug + ?Sized,
    {
        Ok(self.at_hand.slot(key)?.document.as_ref())
    }

    /// The document, to be changed, or `None` where it is known to be absent.
    ///
    /// # Errors
    /// [`NotAtHand`] where the store was never asked.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Result<Option<&mut D>, NotAtHand>
    where
        K: Borrow<Q> + for<'a> From<&'a Q>,
        Q: Eq + Hash + Debug + ?Sized,
    {
        let slot = self.at_hand.slot(key)?;
        if slot.document.is_some() && slot.is_first_change_in(self.batch) {
            self.changed.push(K::from(key));
        }
        Ok(slot.document.as_mut())
    }

    /// The document, to be changed; made by `make` where it is known to be absent.
    ///
    /// # Errors
    /// [`NotAtHand`] where the store was never asked.
    pub fn edit<Q>(&mut self, key: &Q, make: impl FnOnce() -> D) -> Result<&mut D, NotAtHand>
    where
        K: Borrow<Q> + for<'a> From<&'a Q>,
        Q: Eq + Hash + Debug + ?Sized,
    {
        let slot = self.at_hand.slot(key)?;
        if slot.is_first_change_in(self.batch) {
            self.changed.push(K::from(key));
        }
        Ok(slot.document.get_or_insert_with(make))
    }

    /// Replaces the document, or makes it.
    ///
    /// # Errors
    /// [`NotAtHand`] where the store was never asked.
    pub fn put(&mut self, key: K, document: D) -> Result<(), NotAtHand>
    where
        K: Debug + for<'a> From<&'a K>,
    {
        let slot = self.at_hand.slot(&key)?;
        if slot.is_first_change_in(self.batch) {
            self.changed.push(key);
        }
        slot.document = Some(document);
        Ok(())
    }

    /// The documents changed since [`Space::settle`], in the order of their first change.
    pub fn changes(&self) -> impl Iterator<Item = Change<'_, K, D>> + Clone {
        self.changed.iter().filter_map(|key| {
            let slot = self.at_hand.young.get(key)?;
            let document = slot.document.as_ref()?;
            Some(Change { key, document, new: !slot.stored })
        })
    }

    /// Forgets which documents changed: they are on their way to the store.
    pub fn settle(&mut self) {
        self.changed.clear();
        self.batch += 1;
    }

    /// Drops what was not touched lately where there is too much. At most once a batch, after it
    /// has settled.
    pub fn turn(&mut self) {
        let Halves { young, old, complete } = &mut self.at_hand;
        if !*complete && young.len() > self.capacity / 2 {
            // The room of those that go is there for those that come.
            std::mem::swap(young, old);
            young.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space<String, u32> {
        let mut space = Space::new(4);
        space.supply("known".into(), Some(1));
        space.supply("absent".into(), None);
        space
    }

    #[test]
    fn asking_for_what_was_never_loaded_is_an_error() {
        let mut space = space();
        assert_eq!(space.get("known"), Ok(Some(&1)));
        assert_eq!(space.get("absent"), Ok(None));
        assert!(space.get("other").is_err());
        assert!(space.edit("other", || 0).is_err());
    }

    #[test]
    fn a_change_says_whether_the_store_has_the_document() {
        let mut space = space();
        *space.edit("known", || 0).unwrap() += 1;
        *space.edit("absent", || 0).unwrap() += 5;
        let changes: Vec<_> =
            space.changes().map(|c| (c.key.clone(), *c.document, c.new)).collect();
        assert_eq!(changes, [("known".into(), 2, false), ("absent".into(), 5, true)]);
        space.settle();
        assert_eq!(space.changes().count(), 0);
        *space.edit("absent", || 0).unwrap() += 1;
        assert!(!space.changes().next().unwrap().new);
    }

    #[test]
    fn what_a_complete_space_does_not_have_is_not_anywhere() {
        let mut space: Space<String, u32> = Space::complete();
        assert_eq!(space.get("any"), Ok(None));
        *space.edit("a", || 0).unwrap() += 1;
        space.put("b".into(), 2).unwrap();
        assert!(space.changes().all(|change| change.new));
        space.settle();
        space.turn();
        space.turn();
        let mut all: Vec<_> = space.all().map(|(key, document)| (&**key, *document)).collect();
        all.sort_unstable();
        assert_eq!(all, [("a", 1), ("b", 2)]);
        space.retain(|key| key != "a");
        assert_eq!(space.all().count(), 1);
    }

    #[test]
    fn a_turn_keeps_what_the_last_batch_touched() {
        let mut space = space();
        space.supply("third".into(), Some(3));
        space.turn();
        assert!(space.at_hand("known"));
        space.turn();
        space.supply("a".into(), None);
        space.supply("b".into(), None);
        space.turn();
        assert!(!space.at_hand("third"));
        assert!(space.at_hand("known"));
    }
}
