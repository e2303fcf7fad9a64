//! What commits changed, kept for a task that writes documents of it. Nothing is kept unless such a
//! task is there: see [`Projector::changes`](super::Projector::changes).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use projections::fold::Fold;
use projections::topic::{Topic, Topics};
use tokio::sync::Notify;

use crate::store::generation::Checkpoint;
use crate::stream::announce::Buckets;

/// Ordinals of entities, a bit each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ordinals(BTreeMap<u32, u64>);

impl Ordinals {
    /// All that are below a number.
    #[must_use]
    pub fn below(count: u32) -> Self {
        let mut words: BTreeMap<u32, u64> =
            (0..count / u64::BITS).map(|word| (word, u64::MAX)).collect();
        let rest = count % u64::BITS;
        if rest > 0 {
            words.insert(count / u64::BITS, (1 << rest) - 1);
        }
        Ordinals(words)
    }

    /// Adds one.
    pub fn insert(&mut self, ordinal: u32) {
        *self.0.entry(ordinal / u64::BITS).or_default() |= 1 << (ordinal % u64::BITS);
    }

    /// Adds those of another set.
    pub fn add(&mut self, other: &Ordinals) {
        for (word, bits) in &other.0 {
            *self.0.entry(*word).or_default() |= bits;
        }
    }

    /// The number of them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values().map(|bits| bits.count_ones() as usize).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ordinals, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|(word, bits)| {
            let first = word * u64::BITS;
            (0..u64::BITS).filter(move |bit| bits & 1 << bit != 0).map(move |bit| first + bit)
        })
    }
}

impl FromIterator<u32> for Ordinals {
    fn from_iter<I: IntoIterator<Item = u32>>(all: I) -> Self {
        let mut ordinals = Ordinals::default();
        for ordinal in all {
            ordinals.insert(ordinal);
        }
        ordinals
    }
}

/// Figures that some commits changed, and perhaps others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Whether sales of any day may have changed.
    pub all_sales: bool,
    /// Days of UTC of which sales changed, counted from 1970-01-01; of which more than sums did.
    pub days: BTreeSet<u32>,
    /// Months of UTC of which sales changed, counted from January 1970.
    pub months: BTreeSet<u32>,
    /// Customers that changed.
    pub customers: Ordinals,
    /// Products that changed.
    pub products: Ordinals,
}

impl Changes {
    /// Those of the batch at hand. `buckets` are those of its rollups, where they are known.
    #[must_use]
    pub fn of(fold: &Fold, touched: Topics, buckets: Option<&Buckets>) -> Self {
        let customers = fold.sets.customers.changes().map(|change| change.document.ordinal);
        let products = fold.sets.products.changes().map(|change| change.document.ordinal);
        let mut changes = Changes {
            customers: customers.collect(),
            products: products.collect(),
            ..Changes::default()
        };
        if touched.contains(Topic::Sales) {
            match buckets {
                Some(Buckets { days, months }) => {
                    (changes.days, changes.months) = (days.clone(), months.clone());
                }
                None => changes.all_sales = true,
            }
        }
        changes
    }

    fn add(&mut self, other: &Changes) {
        self.all_sales |= other.all_sales;
        self.days.extend(&other.days);
        self.months.extend(&other.months);
        self.customers.add(&other.customers);
        self.products.add(&other.products);
    }
}

/// Commits that follow each other, and what they changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commits {
    /// The generation that they were made in.
    pub generation: u32,
    /// The log that it is folded from.
    pub incarnation: String,
    /// The position before them.
    pub since: u64,
    /// The position after them.
    pub until: u64,
    /// What they changed, all of it.
    pub changes: Changes,
}

impl Commits {
    fn none_after(checkpoint: &Checkpoint, position: u64) -> Self {
        Commits {
            generation: checkpoint.generation,
            incarnation: checkpoint.incarnation.clone(),
            since: position,
            until: position,
            changes: Changes::default(),
        }
    }

    fn are_of(&self, generation: u32, incarnation: &str) -> bool {
        self.generation == generation && self.incarnation == incarnation
    }
}

/// Keeps what this process's commits changed until somebody takes it.
#[derive(Debug, Default)]
pub struct Tracker {
    known: Mutex<Known>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Known {
    /// Whether this process folds.
    folds: bool,
    commits: Option<Commits>,
}

/// A session of the fold; dropped when it ends.
#[derive(Debug)]
pub struct Folding(Arc<Tracker>);

impl Drop for Folding {
    fn drop(&mut self) {
        self.0.lock().folds = false;
        self.0.more.notify_one();
    }
}

impl Tracker {
    /// Says that this process folds on from a checkpoint.
    #[must_use]
    pub fn begin(self: &Arc<Self>, checkpoint: &Checkpoint) -> Folding {
        let mut known = self.lock();
        known.folds = true;
        let Checkpoint { generation, incarnation, position, .. } = checkpoint;
        let goes_on = known.commits.as_ref().is_some_and(|commits| {
            commits.are_of(*generation, incarnation) && commits.until == *position
        });
        if !goes_on {
            known.commits = Some(Commits::none_after(checkpoint, *position));
        }
        drop(known);
        self.more.notify_one();
        Folding(self.clone())
    }

    /// Takes note of a commit that went from a position to a checkpoint.
    pub fn committed(&self, from: u64, checkpoint: &Checkpoint, changes: &Changes) {
        let mut known = self.lock();
        let commits = known.commits.take().filter(|commits| {
            commits.are_of(checkpoint.generation, &checkpoint.incarnation) && commits.until == from
        });
        let mut commits = commits.unwrap_or_else(|| Commits::none_after(checkpoint, from));
        commits.until = checkpoint.position;
        commits.changes.add(changes);
        known.commits = Some(commits);
        drop(known);
        self.more.notify_one();
    }

    /// Whether this process folds.
    #[must_use]
    pub fn folds(&self) -> bool {
        self.lock().folds
    }

    /// Takes what is known; what comes is kept from there on. `None` before this process ever folded.
    #[must_use]
    pub fn take(&self) -> Option<Commits> {
        let mut known = self.lock();
        let commits = known.commits.as_mut()?;
        let rest = Commits { since: commits.until, changes: Changes::default(), ..commits.clone() };
        Some(std::mem::replace(commits, rest))
    }

    /// Takes back what could not be made use of.
    pub fn give_back(&self, earlier: &Commits) {
        let mut known = self.lock();
        if let Some(commits) = &mut known.commits
            && commits.are_of(earlier.generation, &earlier.incarnation)
            && commits.since == earlier.until
        {
            commits.since = earlier.since;
            commits.changes.add(&earlier.changes);
        }
    }

    /// The number of customers and products that are known to have changed.
    #[must_use]
    pub fn entities(&self) -> usize {
        let known = self.lock();
        let changes = known.commits.as_ref().map(|commits| &commits.changes);
        changes.map_or(0, |changes| changes.customers.len() + changes.products.len())
    }

    /// The days that commits up to a position named since what is known was last taken, if they are
    /// known: a commit is in the store a moment before it is known here.
    #[must_use]
    pub fn days_until(&self, position: u64) -> Option<BTreeSet<u32>> {
        let known = self.lock();
        let commits = known.commits.as_ref().filter(|commits| commits.until >= position)?;
        (!commits.changes.all_sales).then(|| commits.changes.days.clone())
    }

    /// Waits until something happened since the last time.
    pub async fn more(&self) {
        self.more.notified().await;
    }

    /// The set is right after every step, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use projections::fold::root::{FoldSettings, Root};

    use super::*;

    fn checkpoint(generation: u32, position: u64) -> Checkpoint {
        Checkpoint {
            generation,
            position,
            incarnation: "a log".to_owned(),
            anchor: None,
            committed_at: 0,
            settings: FoldSettings::new("GBP"),
            root: Root::default(),
            left_at: None,
        }
    }

    fn customer(ordinal: u32) -> Changes {
        Changes { customers: [ordinal].into_iter().collect(), ..Changes::default() }
    }

    fn taken(tracker: &Tracker) -> (u64, u64, Vec<u32>) {
        let Commits { since, until, changes, .. } = tracker.take().unwrap();
        (since, until, changes.customers.iter().collect())
    }

    #[test]
    fn ordinals_are_a_set_in_order() {
        let ordinals: Ordinals = [700, 3, 64, 3, 63].into_iter().collect();
        assert_eq!(ordinals.iter().collect::<Vec<_>>(), [3, 63, 64, 700]);
        assert_eq!(ordinals.len(), 4);
        for count in [0, 1, 63, 64, 65, 200] {
            let all = Ordinals::below(count);
            assert_eq!(all.iter().collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
            assert_eq!(all.is_empty(), count == 0);
        }
        let mut sum = Ordinals::below(2);
        sum.add(&ordinals);
        assert_eq!(sum.iter().collect::<Vec<_>>(), [0, 1, 3, 63, 64, 700]);
    }

    #[test]
    fn what_commits_changed_is_kept_until_it_is_taken_and_over_sessions_that_join() {
        let tracker = Arc::new(Tracker::default());
        assert_eq!((tracker.folds(), tracker.take()), (false, None));
        let folding = tracker.begin(&checkpoint(1, 10));
        tracker.committed(10, &checkpoint(1, 20), &customer(1));
        tracker.committed(20, &checkpoint(1, 30), &customer(2));
        assert_eq!(taken(&tracker), (10, 30, vec![1, 2]));
        assert_eq!(taken(&tracker), (30, 30, vec![]));
        tracker.committed(30, &checkpoint(1, 40), &customer(3));
        assert!(tracker.folds());
        drop(folding);
        assert!(!tracker.folds());
        let _folding = tracker.begin(&checkpoint(1, 40));
        assert_eq!(taken(&tracker), (30, 40, vec![3]));
    }

    #[test]
    fn days_are_told_up_to_a_position_that_is_known() {
        let tracker = Arc::new(Tracker::default());
        assert_eq!(tracker.days_until(0), None);
        let _folding = tracker.begin(&checkpoint(1, 10));
        let day = |day| Changes { days: [day].into(), ..Changes::default() };
        tracker.committed(10, &checkpoint(1, 20), &day(3));
        assert_eq!((tracker.days_until(20), tracker.days_until(21)), (Some([3].into()), None));
        tracker.take().unwrap();
        tracker.committed(20, &checkpoint(1, 30), &day(4));
        assert_eq!(tracker.days_until(30), Some([4].into()));
        let any = Changes { all_sales: true, ..Changes::default() };
        tracker.committed(30, &checkpoint(1, 40), &any);
        assert_eq!(tracker.days_until(40), None);
    }

    #[test]
    fn of_a_session_that_does_not_join_the_last_one_nothing_before_is_known() {
        let tracker = Arc::new(Tracker::default());
        for other in [checkpoint(1, 25), checkpoint(2, 20)] {
            let _folding = tracker.begin(&checkpoint(1, 10));
            tracker.committed(10, &checkpoint(1, 20), &customer(1));
            let _folding = tracker.begin(&other);
            assert_eq!(taken(&tracker), (other.position, other.position, vec![]));
        }
    }

    #[test]
    fn what_could_not_be_used_is_known_again_with_what_came_meanwhile() {
        let tracker = Arc::new(Tracker::default());
        let _folding = tracker.begin(&checkpoint(1, 10));
        tracker.committed(10, &checkpoint(1, 20), &customer(1));
        let earlier = tracker.take().unwrap();
        tracker.committed(20, &checkpoint(1, 30), &customer(2));
        tracker.give_back(&earlier);
        assert_eq!(taken(&tracker), (10, 30, vec![1, 2]));
        let _folding = tracker.begin(&checkpoint(2, 30));
        tracker.give_back(&earlier);
        assert_eq!(taken(&tracker), (30, 30, vec![]));
    }
}
