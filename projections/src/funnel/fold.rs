//! The figures of the funnel.

use super::document::Change;
use crate::bucket::quarter_of;
use crate::family::{Family, Slice};
use crate::fold::Resolved;
use crate::packed::rollup;

impl Change {
    /// Counts the change of a customer's attempts.
    pub(crate) fn count(self, customer: u32, resolved: &mut Resolved) {
        let (quarter, whole, row) = (quarter_of(self.at), Slice::WHOLE, self.row);
        let [category, device] = self.place.codes;
        let deltas = &mut resolved.deltas;
        let cell = [category, device, 0];
        deltas.push(rollup::by_cell(Family::Funnel, whole, quarter, cell, row));
        deltas.push(rollup::by_entity(Family::FunnelUsers, whole, quarter, customer, row));
        let families = [Family::FunnelCategories, Family::FunnelDevices];
        for (stage, count) in (0..).map(Slice::at).zip(row).filter(|(_, count)| *count != 0) {
            for (family, code) in families.into_iter().zip(self.place.of_shop) {
                let (of, row) = ((code, customer), [count, 0, 0]);
                deltas.push(rollup::by_entity_in(family, stage, quarter, of, row));
            }
        }
    }
}
