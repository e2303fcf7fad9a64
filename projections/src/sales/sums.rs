//! The sums of a set of sales, and the same by status.

use serde::{Deserialize, Serialize};

use super::status::Status;
use crate::money::Money;
use crate::quantity::Quantity;
use crate::table::Row;

/// The sums of some sales.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// The number of transactions.
    pub orders: i64,
    /// The number of units.
    pub quantity: Quantity,
    /// Their total price.
    pub amount: Money,
}

impl Sums {
    /// Adds `other`, saturating; see [`crate::table::Table::add`].
    pub fn add(&mut self, other: Sums) {
        self.orders = self.orders.saturating_add(other.orders);
        self.quantity = self.quantity.saturating_add(other.quantity);
        self.amount = Money(self.amount.0.saturating_add(other.amount.0));
    }

    /// The same with every sign turned.
    #[must_use]
    pub fn negated(self) -> Sums {
        self.times(-1)
    }

    /// The same put in (1) or taken out (-1).
    #[must_use]
    pub(crate) fn times(self, sign: i64) -> Sums {
        Sums {
            orders: sign * self.orders,
            quantity: Quantity(sign * self.quantity.0),
            amount: Money(sign * self.amount.0),
        }
    }

    /// Whether all sums are zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Sums::default()
    }
}

impl From<Sums> for Row {
    fn from(sums: Sums) -> Row {
        [sums.orders, sums.quantity.0, sums.amount.0]
    }
}

impl From<Row> for Sums {
    fn from([orders, quantity, amount]: Row) -> Sums {
        Sums { orders, quantity: Quantity(quantity), amount: Money(amount) }
    }
}

/// [`Sums`] for each status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ByStatus {
    /// Revenue.
    #[serde(skip_serializing_if = "Sums::is_zero")]
    pub completed: Sums,
    /// Not paid yet.
    #[serde(skip_serializing_if = "Sums::is_zero")]
    pub pending: Sums,
    /// Never paid.
    #[serde(skip_serializing_if = "Sums::is_zero")]
    pub failed: Sums,
    /// Given back.
    #[serde(skip_serializing_if = "Sums::is_zero")]
    pub returned: Sums,
}

impl ByStatus {
    /// The sums as integers side by side: orders, quantity and amount of each status in turn.
    pub(crate) fn to_columns(self, columns: &mut [i64]) {
        for (status, columns) in Status::ALL.into_iter().zip(columns.chunks_mut(3)) {
            columns.copy_from_slice(&Row::from(self.of(status)));
        }
    }

    /// Reads the integers that [`ByStatus::to_columns`] wrote.
    pub(crate) fn from_columns(columns: &[i64]) -> Self {
        let mut sums = ByStatus::default();
        for (status, columns) in Status::ALL.into_iter().zip(columns.as_chunks().0) {
            sums.add(status, Sums::from(*columns));
        }
        sums
    }

    /// The sums of one status.
    #[must_use]
    pub fn of(&self, status: Status) -> Sums {
        match status {
            Status::Completed => self.completed,
            Status::Pending => self.pending,
            Status::Failed => self.failed,
            Status::Returned => self.returned,
        }
    }

    /// Adds to one status.
    pub fn add(&mut self, status: Status, sums: Sums) {
        match status {
            Status::Completed => self.completed.add(sums),
            Status::Pending => self.pending.add(sums),
            Status::Failed => self.failed.add(sums),
            Status::Returned => self.returned.add(sums),
        }
    }

    /// All that was sold: completed sales, and returned ones, which were completed before.
    #[must_use]
    pub fn sold(&self) -> Sums {
        let mut sold = self.completed;
        sold.add(self.returned);
        sold
    }

    /// All statuses together.
    #[must_use]
    pub fn all(&self) -> Sums {
        let mut all = self.completed;
        for sums in [self.pending, self.failed, self.returned] {
            all.add(sums);
        }
        all
    }
}
