//! The effect of an activity event. An activity is a fact: never corrected, and a repeat within the
//! window changes nothing.

use super::event::Activity;
use crate::bucket;
use crate::customers::document::Customers;
use crate::family::{Dimension, Family, Slice};
use crate::fold::{Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
use crate::packed::rollup;
use crate::packed::vocabulary::Period;
use crate::products::document::Products;
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
        let mut first = None;
        let actor = fold.with_customer(&self.user_id, at, resolved, |customer| {
            first = customer.count_activity(at);
        })?;
        if let Some(product) = &self.product_id {
            fold.with_product(product, resolved, |product| product.count(&self.activity_type))?;
        }
        let quarter = bucket::quarter_of(at);
        let (family, slice) = (Family::Actives, Slice::WHOLE);
        resolved.deltas.extend(rollup::by_entity(family, slice, quarter, actor, [1, 0, 0]));
        let first = first.map(bucket::quarter_of);
        if first.is_none_or(|first| quarter < first) {
            let debut = |quarter, sign| {
                rollup::by_quarter(Family::Debuts, Slice::WHOLE, quarter, [sign, 0, 0])
            };
            resolved.deltas.extend(first.map(|first| debut(first, -1)));
            resolved.deltas.push(debut(quarter, 1));
        }
        let month = Period::Month(bucket::month_of_quarter(quarter));
        for (dimension, family) in DIMENSIONS {
            let code = fold.code(dimension, month, self.value(dimension))?;
            let deltas = rollup::by_value(family, Slice::WHOLE, quarter, code, [1, 0, 0]);
            resolved.deltas.extend(deltas);
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
