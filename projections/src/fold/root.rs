//! The totals of a generation and the state of its fold; kept in its checkpoint, changed with every
//! batch.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::dedup::Blocks;
use crate::bucket::quarter_of;
use crate::entity::Ordinals;
use crate::family::Family;
use crate::json::limits::Limits;
use crate::orders::status::STEPS;
use crate::quantity::Quantity;
use crate::sales::status::Status;
use crate::sales::sums::{ByStatus, Sums};
use crate::table::Row;
use crate::time::Time;
use crate::topic::{Changed, Topics};

/// The version of the fold. Another version may make other documents from the same events, so
/// it is part of a generation and a change asks for a rebuild.
pub const FOLD_VERSION: u32 = 7;

/// The settings that a generation was made with. Other settings would make other documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoldSettings {
    /// [`FOLD_VERSION`].
    pub fold_version: u32,
    /// The shop's currency, which all amounts are counted in.
    pub currency: String,
    /// The time for which an activity's id is remembered, in milliseconds of log time.
    pub activity_window_ms: i64,
}

impl FoldSettings {
    /// Settings for a shop of that currency: activities are remembered for 24 h.
    #[must_use]
    pub fn new(currency: &str) -> Self {
        FoldSettings {
            fold_version: FOLD_VERSION,
            currency: currency.to_owned(),
            activity_window_ms: 24 * 3600 * 1000,
        }
    }

    /// The quantity that a stored integer of a generation with these settings stands for. Before
    /// version 3 of the fold they counted whole units.
    #[must_use]
    pub fn quantity(&self, stored: i64) -> Quantity {
        let scale = if self.fold_version < 3 { 1_000 } else { 1 };
        Quantity(stored.saturating_mul(scale))
    }
}

/// The outcomes of the events that were read; those from `applied` to `quarantined` add up to
/// `read`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Messages of the log.
    pub read: u64,
    /// Those that changed something.
    pub applied: u64,
    /// Activities that were seen before.
    pub repeated: u64,
    /// Those that stated known values.
    pub unchanged: u64,
    /// Those that came after a newer one of the same entity.
    pub stale: u64,
    /// Those that were invalid or not admissible.
    pub quarantined: u64,
    /// Those of the applied with an amount of more than four decimals or a quantity of more than
    /// three, which was rounded half-even.
    pub rounded: u64,
    /// Those of the applied with a text that was too long, which was shortened; or with an address
    /// that was, which was left out.
    #[serde(default)]
    pub shortened: u64,
    /// The number of times that a value past its vocabulary's cap was counted as `(other)`.
    pub folded: u64,
}

/// The number of customers that are counted in each status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyers {
    /// With a completed transaction.
    pub completed: i64,
    /// With a pending one.
    pub pending: i64,
    /// With a failed one.
    pub failed: i64,
    /// With a returned one.
    pub returned: i64,
    /// With any.
    pub all: i64,
    /// With a completed or a returned one.
    #[serde(default)]
    pub sold: i64,
}

impl Buyers {
    /// The customers of one status, or of any.
    #[must_use]
    pub fn of(&self, status: Option<Status>) -> i64 {
        match status {
            None => self.all,
            Some(Status::Completed) => self.completed,
            Some(Status::Pending) => self.pending,
            Some(Status::Failed) => self.failed,
            Some(Status::Returned) => self.returned,
        }
    }

    fn of_mut(&mut self, status: Status) -> &mut i64 {
        match status {
            Status::Completed => &mut self.completed,
            Status::Pending => &mut self.pending,
            Status::Failed => &mut self.failed,
            Status::Returned => &mut self.returned,
        }
    }

    /// Follows one customer's sums from `before` to `after`.
    pub fn follow(&mut self, before: &ByStatus, after: &ByStatus) {
        for status in Status::ALL {
            *self.of_mut(status) += step(before.of(status), after.of(status));
        }
        self.all += step(before.all(), after.all());
        self.sold += step(before.sold(), after.sold());
    }
}

/// A customer is counted in a status while there is a line of it: the quantity of each is above zero.
fn step(before: Sums, after: Sums) -> i64 {
    i64::from(after.quantity > Quantity::ZERO) - i64::from(before.quantity > Quantity::ZERO)
}

/// Discounts, delivery fees and tax of each status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extras([Row; Status::ALL.len()]);

impl Extras {
    /// Those of one status.
    #[must_use]
    pub fn of(&self, status: Status) -> Row {
        self.0[status.index()]
    }

    /// Adds to one status.
    pub fn add(&mut self, status: Status, row: Row) {
        let sums = &mut self.0[status.index()];
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum = sum.saturating_add(value));
    }
}

/// An event that was applied, as it was new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// The word of its kind.
    pub kind: Box<str>,
    /// The id of its entity.
    pub id: Box<str>,
    /// Its position.
    pub position: u64,
    /// The log's time of it.
    pub at: Time,
}

/// The most [`News`] that are kept.
pub const NEWS_MAX: usize = 20;

/// The totals of a generation and the state that its fold needs to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Root {
    /// The latest message time so far: the log's time, which never goes back.
    pub log_time: Time,
    /// The outcomes of the events.
    pub counts: Counts,
    /// All sales.
    pub sales: ByStatus,
    /// The number of returns and refunds, and the sums of what came back.
    #[serde(default)]
    pub returns: Sums,
    /// The money of orders beside the amount of their lines.
    #[serde(default)]
    pub money: Extras,
    /// The number of orders in each status of an order, of a payment and of a delivery, in the order of
    /// [`STEPS`](crate::orders::status::STEPS).
    #[serde(default)]
    pub steps: [i64; STEPS.len()],
    /// Distinct customers by status.
    pub buyers: Buyers,
    /// The number of orders about which something is odd.
    #[serde(default)]
    pub irregular: i64,
    /// The first quarter hour with a sale or a return, ever; not retracted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_quarter: Option<u32>,
    /// The last quarter hour with a sale or a return, ever; not retracted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_quarter: Option<u32>,
    /// Customers with an account who are not gone.
    pub identified: i64,
    /// Customers without who are not gone.
    pub guests: i64,
    /// Products that an event has named and that are not gone, the reserved one apart.
    pub products: i64,
    /// Activities applied.
    pub activities: i64,
    /// Ratings counted now.
    pub ratings: i64,
    /// The ordinals of the next customer, product and so on.
    #[serde(flatten)]
    pub next: Ordinals,
    /// The bounds of the blocks of seen ids.
    pub blocks: Blocks,
    /// The last change of each topic; absent before the first change, and of a fold before version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Changed>,
    /// The latest events of kinds that are news, the last one last; of a fold before version 6 none.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub news: VecDeque<News>,
}

impl Root {
    /// Notes the topics that the event at a position touched.
    pub(crate) fn note(&mut self, touched: Topics, position: u64) {
        if !touched.is_empty() {
            self.changed.get_or_insert_default().note(touched, position);
        }
    }

    /// Keeps an event among the news.
    pub(crate) fn tell(&mut self, news: News) {
        if self.news.len() == NEWS_MAX {
            self.news.pop_front();
        }
        self.news.push_back(news);
    }

    /// Whether `new` can take the place of `old` among all sales without leaving their integers.
    /// No other sum is larger than these, so this is the one place that has to ask.
    #[must_use]
    pub fn admits(&self, old: Sums, new: Sums) -> bool {
        let mut rest = self.sales.all();
        rest.add(old.negated());
        fits(rest, new)
    }

    /// Whether so much more can come back without leaving those integers.
    #[must_use]
    pub fn admits_return(&self, more: Sums) -> bool {
        fits(self.returns, more)
    }

    /// The first and the last quarter hour that a family can have a row of; `None` where there is
    /// none. That of sales and returns is kept; of others it is known that no event is dated later.
    #[must_use]
    pub fn extent(&self, family: Family) -> Option<(u32, u32)> {
        match family {
            Family::Sales
            | Family::Minutes
            | Family::Cells
            | Family::Categories
            | Family::PaymentMethods
            | Family::Destinations
            | Family::Buyers
            | Family::Sold
            | Family::CategoryBuyers
            | Family::Returns
            | Family::ReturnMinutes
            | Family::ReturnCells
            | Family::ReturnCategories
            | Family::ReturnPaymentMethods
            | Family::ReturnDestinations
            | Family::Returners
            | Family::Returned
            | Family::Money
            | Family::Currencies
            | Family::ReturnCurrencies
            | Family::Cost => self.first_quarter.zip(self.last_quarter),
            _ => Some((0, quarter_of(Time(self.log_time.0 + Limits::AHEAD_MS)))),
        }
    }

    /// Widens the extent of sales to a quarter hour.
    pub fn extend_to(&mut self, quarter: u32) {
        self.first_quarter = Some(self.first_quarter.map_or(quarter, |first| first.min(quarter)));
        self.last_quarter = Some(self.last_quarter.map_or(quarter, |last| last.max(quarter)));
    }
}

fn fits(sum: Sums, more: Sums) -> bool {
    sum.amount.checked_add(more.amount).is_some()
        && sum.quantity.checked_add(more.quantity).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::{QUARTER_MS, QUARTERS_PER_DAY};
    use crate::money::Money;

    #[test]
    fn no_family_is_of_a_fold_that_is_still_to_come() {
        for family in Family::ALL {
            assert!((1..=FOLD_VERSION).contains(&family.since()), "{family:?}");
        }
    }

    #[test]
    fn sales_have_an_extent_of_their_own_and_other_figures_that_of_all_events() {
        let mut root = Root { log_time: Time(10 * QUARTER_MS), ..Root::default() };
        assert_eq!(root.extent(Family::Sold), None);
        root.extend_to(7);
        root.extend_to(5);
        assert_eq!(root.extent(Family::Sold), Some((5, 7)));
        assert_eq!(root.extent(Family::Feedback), Some((0, 10 + QUARTERS_PER_DAY)));
    }

    #[test]
    fn a_shop_at_the_end_of_its_integers_admits_corrections_and_nothing_more() {
        let sums = |amount| Sums { orders: 1, quantity: Quantity::ONE, amount: Money(amount) };
        let mut root = Root::default();
        root.sales.add(Status::Pending, sums(i64::MAX - 10));
        root.sales.add(Status::Completed, sums(10));
        assert!(!root.admits(Sums::default(), sums(1)));
        assert!(root.admits(Sums::default(), sums(0)));
        assert!(root.admits(sums(10), sums(10)));
        assert!(root.admits(sums(10), sums(3)));
        assert!(!root.admits(sums(10), sums(11)));
    }

    #[test]
    fn what_a_fold_of_before_counted_in_whole_units_is_read_as_such() {
        let mut settings = FoldSettings::new("EUR");
        assert_eq!(settings.quantity(2_500), Quantity(2_500));
        settings.fold_version = 2;
        assert_eq!(settings.quantity(25), Quantity::whole(25));
    }

    #[test]
    fn a_shops_units_end_at_their_integer_as_its_money_does() {
        let sums = |units| Sums { orders: 1, quantity: Quantity(units), amount: Money::ZERO };
        let mut root = Root::default();
        root.sales.add(Status::Completed, sums(i64::MAX - 1));
        assert!(root.admits(Sums::default(), sums(1)));
        assert!(!root.admits(Sums::default(), sums(2)));
    }
}
