//! Feedback: what a rating event changes.

use crate::bucket;
use crate::event;
use crate::fold::{Fold, Message, Outcome, Resolved};
use crate::ledger::{LedgerKey, LedgerRow, Rating};
use crate::rank::Stated;
use crate::rollup::{self, Family};
use crate::sales::refused;
use crate::space::NotAtHand;

impl Fold {
    pub(crate) fn feedback(
        &mut self,
        message: &Message<'_>,
        event: &event::Feedback<'_>,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        let key = LedgerKey::feedback(&event.feedback_id);
        let prior = match self.ledger.get(&key)? {
            Some(LedgerRow::Feedback(row)) => Some(row.clone()),
            _ => None,
        };
        if prior.as_ref().is_some_and(|prior| *prior.user != *event.user_id) {
            return Ok(refused("userId", "a rating's customer cannot change"));
        }
        let unchanged = prior.as_ref().is_some_and(|prior| prior.says_the_same(event));
        let known = prior.as_ref().map(|prior| prior.rank);
        let (stated, rank) = message.rank(event.updated_at).weigh(known, unchanged);
        if stated != Stated::Applied {
            self.date_row(&key, rank)?;
            return Ok(stated.into());
        }
        if prior.is_none() {
            let (place, now) = (&mut self.root.blocks, self.root.log_time);
            self.seen.note(&mut self.blocks, place, key.as_str(), now)?;
        }
        let rating = Rating {
            user: event.user_id.as_ref().into(),
            product: event.product_id.as_ref().into(),
            rating: event.rating,
            at: event.at,
            comment: event.comment.as_deref().map(Into::into),
            rank,
        };
        // A correction is first of all an event of its customer: seen at the new time.
        self.with_customer(&event.user_id, event.at, resolved, |_| {})?;
        for (rating, sign) in prior.iter().map(|prior| (prior, -1)).chain([(&rating, 1)]) {
            self.count_rating(rating, sign, resolved)?;
        }
        self.ledger.put(key, LedgerRow::Feedback(rating))?;
        resolved.touched.feedback = true;
        Ok(Outcome::Applied)
    }

    fn count_rating(
        &mut self,
        rating: &Rating,
        sign: i64,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        let sum = sign * i64::from(rating.rating);
        if let Some(customer) = self.customers.get_mut(&*rating.user)? {
            customer.ratings += sign;
            customer.rating_sum += sum;
        }
        self.with_product(&rating.product, resolved, |product| {
            product.ratings[usize::from(rating.rating.clamp(1, 5) - 1)] += sign;
        })?;
        let quarter = bucket::quarter_of(rating.at);
        resolved.deltas.push(rollup::by_quarter(Family::Feedback, None, quarter, [sign, sum, 0]));
        self.root.ratings += sign;
        Ok(())
    }
}
