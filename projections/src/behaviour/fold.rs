//! The effect of an activity event. An activity is a fact: never corrected, and a repeat within the
//! window changes nothing.

use super::event::Activity;
use crate::bucket;
use crate::customers::document::{Customers, GUEST_PREFIX};
use crate::family::{Dimension, Family, Slice};
use crate::fold::{Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
use crate::packed::rollup;
use crate::products::document::Products;
use crate::sessions::document::{Opening, Sessions};
use crate::topic::Topic;

/// The dimensions that an activity is counted by, and the family of each.
pub const DIMENSIONS: [(Dimension, Family); 4] = [
    (Dimension::ActivityType, Family::Types),
    (Dimension::Device, Family::Devices),
    (Dimension::Page, Family::Pages),
    (Dimension::ActivityCountry, Family::Countries),
];

impl EventKind for Activity<'_> {
    const IS_FACT: bool = true;

    fn identify(&self, stamp: &Stamp, ask: &mut Ask<'_>) {
        ask.seen(&self.activity_id);
        ask.vocabularies(
            self.at.unwrap_or(stamp.log_time),
            DIMENSIONS.map(|(dimension, _)| dimension),
        );
        if let Some(session) = &self.session_id {
            ask.row::<Sessions>(session);
        }
    }

    fn names(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        ask.document::<Customers, _>(&*self.user_id);
        if let Some(product) = &self.product_id {
            ask.document::<Products, _>(&**product);
        }
        Ok(())
    }

    fn fold(
        &self,
        stamp: &Stamp,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        debug_assert!(stamp.position > 0, "positions start at 1");
        let (id, now) = (&*self.activity_id, fold.root.log_time);
        if fold.dedup.is_repeat(&mut fold.sets.blocks, id, now)? {
            return Ok(Outcome::Repeated);
        }
        fold.dedup.remember(&mut fold.sets.blocks, &mut fold.root.blocks, id, now)?;
        let at = self.at.unwrap_or(stamp.log_time);
        let customer = fold.with_customer(&self.user_id, at, resolved, |customer| {
            customer.activities += 1;
        })?;
        if let Some(product) = &self.product_id {
            fold.with_product(product, resolved, |product| product.count(&self.activity_type))?;
        }
        let quarter = bucket::quarter_of(at);
        let month = bucket::month_of_quarter(quarter);
        let mut codes = [0; 4];
        for (code, (dimension, family)) in codes.iter_mut().zip(DIMENSIONS) {
            *code = fold.code(dimension, month, self.value(dimension))?;
            let deltas = rollup::by_value(family, Slice::WHOLE, quarter, *code, [1, 0, 0]);
            resolved.deltas.extend(deltas);
        }
        if let Some(session) = &self.session_id {
            let [_, device, page, country] = codes;
            let opening = Opening {
                customer: Some(customer),
                identified: !self.user_id.starts_with(GUEST_PREFIX),
                codes: [device, page, country],
            };
            fold.join_session(session, at, opening, resolved)?;
        }
        fold.root.activities += 1;
        resolved.touched.insert(Topic::Behaviour);
        Ok(Outcome::Applied)
    }

    fn is_known(&self, _: &mut Fold) -> Result<Option<bool>, NotAtHand> {
        Ok(None)
    }
}

impl Activity<'_> {
    fn value(&self, dimension: Dimension) -> Option<&str> {
        match dimension {
            Dimension::ActivityType => Some(&self.activity_type),
            Dimension::Device => self.device.as_deref(),
            Dimension::Page => self.page.as_deref(),
            _ => self.country.as_deref(),
        }
    }
}
