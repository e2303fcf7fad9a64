//! The effect of a customer event, and that of every event on its customer.

use super::document::{Customer, Customers, Profile};
use super::event;
use crate::bucket;
use crate::family::{Family, Slice};
use crate::fold::version::Stated;
use crate::fold::{self, Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
use crate::ledger::{LedgerKey, LedgerRow};
use crate::packed::rollup::{self, Delta};
use crate::table::Row;
use crate::time::Time;
use crate::topic::Topic;

impl EventKind for event::Customer<'_> {
    fn identify(&self, _: &Stamp, _: &mut Ask<'_>) {}

    fn names(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        ask.document::<Customers, _>(&*self.user_id);
        Ok(())
    }

    fn fold(
        &self,
        stamp: &Stamp,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        let mut profile = Profile::of(self, stamp.version(self.updated_at));
        let known = fold.sets.customers.get(&*self.user_id)?;
        let applied = known.and_then(|known| known.profile.as_deref());
        let same = applied.is_some_and(|applied| applied.says_the_same(&profile));
        let (stated, version) = profile.version.weigh(applied.map(|applied| applied.version), same);
        if stated == Stated::Stale {
            return Ok(Outcome::Stale);
        }
        // The event time is that of the customer's change or creation, or of the first event about
        // it. The same statement again, without a date, is no news: a producer's second run must
        // change nothing.
        let told_before = known.filter(|_| same).map(|known| known.last_seen);
        let at = self.updated_at.or(self.created_at).or(told_before).unwrap_or(stamp.log_time);
        let is_seen = known.is_some_and(|known| (known.first_seen..=known.last_seen).contains(&at));
        if is_seen && applied.is_some_and(|applied| same && applied.version == version) {
            return Ok(Outcome::Unchanged);
        }
        profile.version = version;
        fold.with_customer(&self.user_id, at, resolved, |customer| customer.state(profile))?;
        fold.sets.customers.state(&*self.user_id);
        resolved.touched.insert(Topic::Customers);
        Ok(stated.into())
    }

    fn is_known(&self, fold: &mut Fold) -> Result<Option<bool>, NotAtHand> {
        fold.knows::<Customers, _>(&*self.user_id).map(Some)
    }
}

impl Fold {
    /// Changes a customer, who becomes known by it if new; the totals of customers follow. The times at
    /// which they were seen, and the counts of their activities, are told with those, and are no
    /// change of the customers.
    pub(crate) fn with_customer(
        &mut self,
        id: &str,
        at: Time,
        resolved: &mut Resolved,
        change: impl FnOnce(&mut Customer),
    ) -> Result<u32, NotAtHand> {
        let (customer, new) = fold::known(
            &mut self.sets.customers,
            &mut self.root.next,
            &mut resolved.named,
            id,
            |ordinal| Customer::new(id, ordinal, at),
        )?;
        let was_there = !new && !customer.is_gone();
        let (created, sales) = (customer.created_at, customer.sales);
        let purchases = customer.purchases();
        customer.seen(at);
        change(customer);
        self.root.buyers.follow(&sales, &customer.sales);
        let (before, after) =
            (bucket::quarter_of(created), bucket::quarter_of(customer.created_at));
        let (identified, guests) = (i64::from(!customer.guest), i64::from(customer.guest));
        let ordinal = customer.ordinal;
        let is_other = created != customer.created_at
            || sales != customer.sales
            || purchases != customer.purchases();
        resolved.deltas.extend(purchases_moved(customer, purchases));
        let more = i64::from(!customer.is_gone()) - i64::from(was_there);
        self.root.identified += more * identified;
        self.root.guests += more * guests;
        if new || before != after {
            let mut count = |quarter, sign: i64| {
                let delta = [sign * identified, sign * guests, 0];
                let newcomers = rollup::by_quarter(Family::Newcomers, Slice::WHOLE, quarter, delta);
                resolved.deltas.push(newcomers);
            };
            if !new {
                count(before, -1);
            }
            count(after, 1);
        }
        if new || is_other || more != 0 {
            resolved.touched.insert(Topic::Customers);
        }
        Ok(ordinal)
    }

    /// Completes a customer of [`Resolved::recheck`]: `stored` is the first and last completed
    /// purchase among the rows that this batch did not change.
    ///
    /// # Errors
    /// [`NotAtHand`] if the customer is not at hand.
    pub fn set_purchases(
        &mut self,
        user: &str,
        stored: Option<(Time, Time)>,
    ) -> Result<(), NotAtHand> {
        let mut bounds = stored;
        for key in self.rechecked.get(user).into_iter().flatten() {
            if let Some(at) = self.sets.ledger.get(key)?.and_then(LedgerRow::purchase) {
                bounds =
                    Some(bounds.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
            }
        }
        let customer = self.sets.customers.edit(user, || Customer::new(user, 0, Time(0)))?;
        let before = customer.purchases();
        customer.first_purchase = bounds.map(|(first, _)| first);
        customer.last_purchase = bounds.map(|(_, last)| last);
        let moved = purchases_moved(customer, before);
        self.completed.extend(moved);
        Ok(())
    }

    /// Moves the completed purchase of a customer who is known: takes out the one at `old`, puts in
    /// the one at `new`.
    pub(crate) fn move_purchase(
        &mut self,
        user: &str,
        (old, new): (Option<Time>, Option<Time>),
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        let Some(customer) = self.sets.customers.get_mut(user)? else { return Ok(()) };
        let before = customer.purchases();
        let mut recheck = old.is_some_and(|at| customer.count_purchase(-1, at));
        recheck |= new.is_some_and(|at| customer.count_purchase(1, at));
        resolved.deltas.extend(purchases_moved(customer, before));
        if recheck {
            resolved.recheck.insert(user.into());
        }
        Ok(())
    }

    /// The rows that this batch changed of a customer of [`Resolved::recheck`], to be left out of
    /// the search of the ledger.
    pub fn changed_rows(&self, user: &str) -> impl Iterator<Item = &LedgerKey> {
        self.rechecked.get(user).into_iter().flatten()
    }

    /// Finds those rows in one pass, as the rows and the customers may both be many.
    pub(crate) fn find_changed_rows(&mut self, resolved: &Resolved) {
        self.rechecked.clear();
        if resolved.recheck.is_empty() {
            return;
        }
        for change in self.sets.ledger.changes() {
            if let Some(user) = change.document.buyer()
                && resolved.recheck.contains(user)
            {
                self.rechecked.entry(user.into()).or_default().push(change.key.clone());
            }
        }
    }
}

/// The addition by which the table of first and last purchases follows a customer; none if they are
/// in the quarter hours of `before`.
fn purchases_moved(customer: &Customer, before: Row) -> Option<Delta> {
    let now = customer.purchases();
    let moved = std::array::from_fn(|at| now[at] - before[at]);
    let delta = rollup::now(Family::Purchases, Slice::WHOLE, customer.ordinal, moved);
    (now != before).then_some(delta)
}
