//! The counts of an import.

use std::collections::BTreeMap;

use super::row::Skip;

/// The most malformed lines that a [`Summary`] names, and the most of all that became nothing.
const NAMED_MAX: usize = 10;

/// The counts so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines after the header: sold + returned + skipped.
    pub lines: u64,
    /// Lines that are a sale.
    pub sold: u64,
    /// Lines that are a return.
    pub returned: u64,
    /// Order events.
    pub orders: u64,
    /// Those of them that go on with an invoice of which there is an order already.
    pub further: u64,
    /// Product events.
    pub products: u64,
    /// Customer events, guests among them.
    pub customers: u64,
    /// Customer events of guests.
    pub guests: u64,
    /// Lines that became nothing, by reason.
    pub skipped: Skipped,
    /// The first malformed lines: number in the file (the header is line 1) and error.
    pub malformed_first: Vec<(u64, &'static str)>,
    /// The malformed lines by their error.
    pub malformed: BTreeMap<&'static str, u64>,
    /// The first malformed line as it is in the file.
    pub shown: Option<(u64, Vec<u8>)>,
    /// The first lines that became nothing, by their number in the file.
    pub skipped_first: Vec<u64>,
}

/// Lines that became nothing. A line counts once, under the first reason that fits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skipped {
    /// A field or the line itself could not be read.
    pub malformed: u64,
    /// `UnitPrice` is 0.
    pub zero_price: u64,
    /// `UnitPrice` is below 0.
    pub negative_price: u64,
    /// `Quantity` is 0.
    pub zero_quantity: u64,
    /// `Quantity` is below 0 and the invoice number does not start with C.
    pub negative_quantity: u64,
}

impl Summary {
    /// Counts a line that became nothing.
    pub(super) fn skip(&mut self, line: u64, text: &[u8], skip: Skip) {
        if self.skipped_first.len() < NAMED_MAX {
            self.skipped_first.push(line);
        }
        *match skip {
            Skip::ZeroPrice => &mut self.skipped.zero_price,
            Skip::NegativePrice => &mut self.skipped.negative_price,
            Skip::ZeroQuantity => &mut self.skipped.zero_quantity,
            Skip::NegativeQuantity => &mut self.skipped.negative_quantity,
            Skip::Malformed(reason) => {
                if self.malformed_first.len() < NAMED_MAX {
                    self.malformed_first.push((line, reason));
                }
                self.shown.get_or_insert_with(|| (line, text.to_vec()));
                *self.malformed.entry(reason).or_default() += 1;
                &mut self.skipped.malformed
            }
        } += 1;
    }
}

impl Skipped {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.malformed
            + self.zero_price
            + self.negative_price
            + self.zero_quantity
            + self.negative_quantity
    }
}
