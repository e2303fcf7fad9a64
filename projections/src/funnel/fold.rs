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
        let cell = [category, device, 0];
        let deltas = &mut resolved.deltas;
        deltas.push(rollup::by_cell(Family::Funnel, whole, quarter, cell, row));
        deltas.extend(rollup::by_entity(Family::FunnelUsers, whole, quarter, customer, row));
    }
}
