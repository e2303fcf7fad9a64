//! Active customers: those with an activity, and those who bought.

use projections::family::{Family, Slice};

use super::members::Members;
use super::memory::ReadContext;
use super::statuses::Statuses;

/// All of them.
#[must_use]
pub fn customers(from: ReadContext<'_>) -> Members<'_> {
    // The activities are the first number of a row, what was bought the second.
    let sold = Statuses::Sold.of(from.snapshot).slices();
    let bought = Members::of(from, Family::Buyers, &sold, 1);
    Members::of(from, Family::Actives, &[Slice::WHOLE], 0).or(bought)
}
