//! Behaviour: what an activity event changes. An activity is a fact: never corrected, and a
//! repeat within the window changes nothing.

use crate::bucket;
use crate::event;
use crate::fold::{Fold, Message, Outcome, Resolved};
use crate::rollup::{self, Family};
use crate::space::NotAtHand;
use crate::vocabulary::Dimension;

/// The dimensions an activity is counted by, and the family of each.
pub const DIMENSIONS: [(Dimension, Family); 4] = [
    (Dimension::ActivityType, Family::Types),
    (Dimension::Device, Family::Devices),
    (Dimension::Page, Family::Pages),
    (Dimension::ActivityCountry, Family::Countries),
];

impl Fold {
    pub(crate) fn activity(
        &mut self,
        message: &Message<'_>,
        event: &event::Activity<'_>,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        let (id, now) = (&*event.activity_id, self.root.log_time);
        if self.seen.is_repeat(&mut self.blocks, id, now)? {
            return Ok(Outcome::Repeated);
        }
        debug_assert!(message.position > 0, "positions start at 1");
        self.seen.remember(&mut self.blocks, &mut self.root.blocks, id, now)?;
        self.with_customer(&event.user_id, event.at, resolved, |customer| {
            customer.activities += 1;
        })?;
        if let Some(product) = &event.product_id {
            self.with_product(product, resolved, |product| product.count(&event.activity_type))?;
        }
        let quarter = bucket::quarter_of(event.at);
        let month = bucket::month_of_quarter(quarter);
        for (dimension, family) in DIMENSIONS {
            let value = match dimension {
                Dimension::ActivityType => Some(&*event.activity_type),
                Dimension::Device => event.device.as_deref(),
                Dimension::Page => event.page.as_deref(),
                _ => event.country.as_deref(),
            };
            let code = self.code(dimension, month, value)?;
            resolved.deltas.extend(rollup::by_value(family, quarter, code, [1, 0, 0]));
        }
        self.root.activities += 1;
        resolved.touched.behaviour = true;
        Ok(Outcome::Applied)
    }
}
