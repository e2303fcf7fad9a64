//! The effect of an activity event. An activity is a fact: never corrected, and a repeat within the
//! window changes nothing.

use super::event::Activity;
use crate::bucket;
use crate::customers::document::{Customers, GUEST_PREFIX};
use crate::family::{Dimension, Family, Slice};
use crate::fold::{Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
use crate::funnel::document::{Place, Step, VIEWED};
use crate::packed::rollup;
use crate::packed::vocabulary::Period;
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
        let category = (self.activity_type == VIEWED).then_some(Dimension::Category);
        let dimensions = DIMENSIONS.into_iter().map(|(dimension, _)| dimension).chain(category);
        ask.vocabularies(self.at.unwrap_or(stamp.log_time), dimensions);
        if self.activity_type == VIEWED {
            ask.shop_vocabularies([Dimension::Category, Dimension::Device]);
        }
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
        let quarter = bucket::quarter_of(at);
        let category = self.count_product(fold, resolved)?;
        let codes = self.count_values(quarter, fold, resolved)?;
        let step = self.step(quarter, category.as_deref(), codes, fold)?;
        let (mut first, mut changes) = (None, vec![]);
        let actor = fold.with_customer(&self.user_id, at, resolved, |customer| {
            first = customer.count_activity(at);
            if let Some(step) = step {
                changes = customer.funnel.take(at, step);
            }
        })?;
        count_actor(actor, quarter, first.map(bucket::quarter_of), resolved);
        for change in changes {
            change.count(actor, resolved);
        }
        if let Some(session) = &self.session_id {
            let [_, device, page, country] = codes;
            let opening = Opening {
                customer: Some(actor),
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

/// Counts an activity of a customer, whose first one was in a quarter hour if there was one before.
fn count_actor(actor: u32, quarter: u32, first: Option<u32>, resolved: &mut Resolved) {
    let whole = Slice::WHOLE;
    resolved.deltas.push(rollup::by_entity(Family::Actives, whole, quarter, actor, [1, 0, 0]));
    if first.is_none_or(|first| quarter < first) {
        let debut =
            |quarter, sign| rollup::by_quarter(Family::Debuts, whole, quarter, [sign, 0, 0]);
        resolved.deltas.extend(first.map(|first| debut(first, -1)));
        resolved.deltas.push(debut(quarter, 1));
    }
}

impl Activity<'_> {
    /// Counts it for its product, and says the product's category in the catalogue.
    fn count_product(
        &self,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Option<Box<str>>, NotAtHand> {
        let Some(product) = &self.product_id else { return Ok(None) };
        fold.with_product(product, resolved, |product| {
            product.count(&self.activity_type);
            let entry = product.catalogue.as_ref().filter(|_| self.activity_type == VIEWED);
            entry.map(|entry| entry.category.clone())
        })
    }

    /// Counts it by each dimension, and says the codes of its values.
    fn count_values(
        &self,
        quarter: u32,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<[u16; 4], NotAtHand> {
        let month = Period::Month(bucket::month_of_quarter(quarter));
        let mut codes = [0; 4];
        for (code, (dimension, family)) in codes.iter_mut().zip(DIMENSIONS) {
            *code = fold.code(dimension, month, self.value(dimension))?;
            let delta = rollup::by_value(family, Slice::WHOLE, quarter, *code, [1, 0, 0]);
            resolved.deltas.push(delta);
        }
        Ok(codes)
    }

    /// The step of the funnel that it is.
    fn step(
        &self,
        quarter: u32,
        category: Option<&str>,
        codes: [u16; 4],
        fold: &mut Fold,
    ) -> Result<Option<Step>, NotAtHand> {
        if self.activity_type != VIEWED {
            return Ok(Step::of(&self.activity_type));
        }
        let month = Period::Month(bucket::month_of_quarter(quarter));
        let category = |period| fold.code(Dimension::Category, period, category);
        let [of_month, of_shop] = [month, Period::Ever].map(category);
        let device = fold.code(Dimension::Device, Period::Ever, self.device.as_deref())?;
        let place = Place { codes: [of_month?, codes[1]], of_shop: [of_shop?, device] };
        Ok(Some(Step::Viewed(place)))
    }

    fn value(&self, dimension: Dimension) -> Option<&str> {
        match dimension {
            Dimension::ActivityType => Some(&self.activity_type),
            Dimension::Device => self.device.as_deref(),
            Dimension::Page => self.page.as_deref(),
            _ => self.country.as_deref(),
        }
    }
}
