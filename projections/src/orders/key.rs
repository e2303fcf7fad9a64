//! The rows of the ledger that are of orders, and those that are purchases.

use super::document::{Order, PlacedOrder, RefundedSale};
use crate::ledger::{LedgerKey, LedgerRow, Row};
use crate::sales::status::Status;
use crate::time::Time;

/// The thing that was sold as a whole: an order, or a transaction that is no line of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderKey<'a> {
    /// An order, by `orderId`.
    Order(&'a str),
    /// A transaction without an order, by `transactionId`; it has a row once a refund names it.
    Transaction(&'a str),
}

impl From<OrderKey<'_>> for LedgerKey {
    fn from(key: OrderKey<'_>) -> Self {
        match key {
            OrderKey::Order(id) => LedgerKey::of::<PlacedOrder>(id),
            OrderKey::Transaction(id) => LedgerKey::of::<RefundedSale>(id),
        }
    }
}

impl<'a> OrderKey<'a> {
    /// The key of an order's row, by its id in the ledger.
    pub(crate) fn of_row(id: &'a str) -> Option<Self> {
        let order = id.strip_prefix(PlacedOrder::PREFIX).map(OrderKey::Order);
        order.or_else(|| id.strip_prefix(RefundedSale::PREFIX).map(OrderKey::Transaction))
    }

    /// Whether it is of an order, and not of a transaction without one.
    pub(crate) fn is_order(self) -> bool {
        matches!(self, OrderKey::Order(_))
    }

    /// The order as a row of the ledger.
    pub(crate) fn row(self, order: Order) -> LedgerRow {
        match self {
            OrderKey::Order(_) => PlacedOrder(order.into()).into_row(),
            OrderKey::Transaction(_) => RefundedSale(order.into()).into_row(),
        }
    }
}

impl LedgerRow {
    /// The customer of a row that can be a purchase.
    #[must_use]
    pub fn buyer(&self) -> Option<&str> {
        match self {
            LedgerRow::Transaction(sale) => Some(&sale.user),
            LedgerRow::Order(PlacedOrder(order)) => order.user.as_deref(),
            _ => None,
        }
    }

    /// The time of a completed purchase.
    #[must_use]
    pub fn purchase(&self) -> Option<Time> {
        match self {
            LedgerRow::Transaction(sale) if sale.status == Status::Completed => Some(sale.at),
            LedgerRow::Order(PlacedOrder(order)) if order.status == Some(Status::Completed) => {
                order.at
            }
            _ => None,
        }
    }
}

/// The order of a row, if it is of one.
pub(crate) fn order_of(row: &LedgerRow) -> Option<&Order> {
    match row {
        LedgerRow::Order(PlacedOrder(order)) | LedgerRow::Refunded(RefundedSale(order)) => {
            Some(order)
        }
        _ => None,
    }
}
