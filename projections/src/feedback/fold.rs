//! The effect of a rating event.

use super::document::Rating;
use super::event::Feedback;
use crate::bucket;
use crate::customers::document::Customers;
use crate::family::{Family, Slice};
use crate::fold::entry::{Entry, reason};
use crate::fold::version::{Stated, Version};
use crate::fold::{Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
use crate::json::Reason;
use crate::ledger::{Ledger, LedgerKey};
use crate::packed::rollup;
use crate::products::document::Products;
use crate::time::Time;
use crate::topic::Topic;

impl EventKind for Feedback<'_> {
    fn identify(&self, _: &Stamp, ask: &mut Ask<'_>) {
        ask.row::<Rating>(&self.feedback_id);
    }

    fn names(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        let replaced = ask.replaced::<Rating>(&self.feedback_id)?;
        if let Some(product) = replaced.map(|rating| rating.product.clone()) {
            ask.document::<Products, _>(&*product);
        }
        ask.document::<Customers, _>(&*self.user_id);
        ask.document::<Products, _>(&*self.product_id);
        Ok(())
    }

    fn fold(
        &self,
        stamp: &Stamp,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        fold.replace::<Rating>(stamp, self, resolved)
    }

    fn is_known(&self, fold: &mut Fold) -> Result<Option<bool>, NotAtHand> {
        fold.knows::<Ledger, _>(&LedgerKey::of::<Rating>(&self.feedback_id)).map(Some)
    }
}

impl Entry for Rating {
    type Event<'a> = Feedback<'a>;

    fn identity<'e>(event: &'e Feedback<'_>) -> (&'e str, Option<Time>) {
        (&event.feedback_id, event.updated_at)
    }

    fn contradiction(&self, event: &Feedback<'_>) -> Option<Reason> {
        let is_another = *self.user != *event.user_id;
        is_another.then(|| reason("userId", "a rating's customer cannot change"))
    }

    fn weigh(&self, event: &Feedback<'_>, version: Version) -> (Stated, Version) {
        let same = self.rating == event.rating
            // An event that states no date leaves the rating's as it is.
            && event.at.is_none_or(|at| at == self.at)
            && *self.user == *event.user_id
            && *self.product == *event.product_id
            && self.comment.as_deref() == event.comment.as_deref();
        version.weigh(Some(self.version), same)
    }

    fn part_version(&mut self, _: &Feedback<'_>) -> Option<&mut Version> {
        Some(&mut self.version)
    }

    fn admits(_: Option<&Self>, _: &Feedback<'_>, _: &Fold) -> Result<(), Reason> {
        Ok(())
    }

    fn place(
        event: &Feedback<'_>,
        prior: Option<&Self>,
        version: Version,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Self, NotAtHand> {
        let at = event.at.or(prior.map(|prior| prior.at)).unwrap_or(fold.root.log_time);
        // A correction is first of all an event of its customer: seen at the new time.
        fold.with_customer(&event.user_id, at, resolved, |_| {})?;
        Ok(Rating {
            user: event.user_id.as_ref().into(),
            product: event.product_id.as_ref().into(),
            rating: event.rating,
            at,
            comment: event.comment.as_deref().map(Into::into),
            commented: event.comment.as_ref().map(|_| at),
            days: [at].into_iter().collect(),
            version,
        })
    }

    fn contribute(
        &self,
        sign: i64,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        let sum = sign * i64::from(self.rating);
        if let Some(customer) = fold.sets.customers.get_mut(&*self.user)? {
            customer.ratings += sign;
            customer.rating_sum += sum;
        }
        let stars = self.rating.clamp(1, 5) - 1;
        let product = fold.with_product(&self.product, resolved, |product| {
            product.ratings[usize::from(stars)] += sign;
            product.ordinal
        })?;
        let quarter = bucket::quarter_of(self.at);
        let (slice, row) = (Slice::WHOLE, [sign, sum, 0]);
        resolved.deltas.push(rollup::by_quarter(Family::Feedback, slice, quarter, row));
        resolved.deltas.push(rollup::by_entity(Family::Rated, slice, quarter, product, row));
        let stars = Slice::at(stars);
        resolved.deltas.push(rollup::by_quarter(Family::Stars, stars, quarter, [sign, 0, 0]));
        fold.root.ratings += sign;
        resolved.touched.insert(Topic::Feedback);
        Ok(())
    }
}
