//! The contributions of a row of the ledger to figures of sales: those that the fold has added for it,
//! so that a figure can be told by what it is made of.

use crate::bucket::{minute_of, quarter_of, quarter_of_minute};
use crate::ledger::LedgerRow;
use crate::orders::document::{PlacedOrder, RefundedSale};
use crate::orders::key::OrderKey;
use crate::refunds::document::Refund;
use crate::sales::basis::Basis;
use crate::sales::count::Place;
use crate::sales::document::Sale;
use crate::sales::status::Status;
use crate::sales::sums::Sums;
use crate::table::Row;

/// The figures that something is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Sales of one status.
    Sold(Status),
    /// Returns, on the day of one basis.
    Back(Basis),
}

/// The dimension that figures are counted by, beside time. Those of each add up to the same, money
/// apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// All together: orders, quantity, amount less discounts; returns, quantity, amount.
    Whole,
    /// All together: discounts, delivery fees, tax.
    Money,
    /// By the codes of category, payment method and country: of sales in the vocabularies of the month, of
    /// what came back in those of the shop.
    Cell([u16; 3]),
    /// By the customer's ordinal.
    Customer(u32),
    /// By the product's ordinal.
    Product(u32),
}

/// One contribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contribution {
    /// The figures.
    pub counted: Counted,
    /// The dimension that they are counted by.
    pub by: By,
    /// The quarter hour that it is counted in.
    pub quarter: u32,
    /// The columns of the figures, as rollups have them.
    pub row: Row,
}

/// The contributions of a row, by its id in the ledger. Statuses of orders, costs and currencies apart.
#[must_use]
pub fn of(id: &str, row: &LedgerRow) -> Vec<Contribution> {
    match row {
        LedgerRow::Transaction(sale) => of_sale(sale),
        LedgerRow::Order(PlacedOrder(order)) | LedgerRow::Refunded(RefundedSale(order)) => {
            let bill = OrderKey::of_row(id).map(|key| order.bill(key)).unwrap_or_default();
            bill.sums().filter_map(|(place, sums)| at_place(place, sums.into())).collect()
        }
        LedgerRow::Refund(refund) => of_refund(refund),
        _ => Vec::new(),
    }
}

fn at_place(place: &Place, row: Row) -> Option<Contribution> {
    let (counted, by, quarter) = match *place {
        Place::Sales { status, minute } => {
            (Counted::Sold(status), By::Whole, quarter_of_minute(minute))
        }
        Place::Money { status, quarter } => (Counted::Sold(status), By::Money, quarter),
        Place::Cell { status, quarter, cell } => (Counted::Sold(status), By::Cell(cell), quarter),
        Place::Customer { status, quarter, buyer, .. } => {
            (Counted::Sold(status), By::Customer(buyer), quarter)
        }
        Place::Product { status, quarter, sold, .. } => {
            (Counted::Sold(status), By::Product(sold), quarter)
        }
        Place::Back { basis, minute } => {
            (Counted::Back(basis), By::Whole, quarter_of_minute(minute))
        }
        Place::BackInCell { basis, quarter, cell } => {
            (Counted::Back(basis), By::Cell(cell), quarter)
        }
        Place::BackOfCustomer { basis, quarter, buyer, .. } => {
            (Counted::Back(basis), By::Customer(buyer), quarter)
        }
        Place::BackOfProduct { basis, quarter, sold, .. } => {
            (Counted::Back(basis), By::Product(sold), quarter)
        }
        Place::CategoryOfCustomer { .. }
        | Place::Cost { .. }
        | Place::Currency { .. }
        | Place::Step { .. }
        | Place::BackInCurrency { .. } => return None,
    };
    Some(Contribution { counted, by, quarter, row })
}

fn of_sale(sale: &Sale) -> Vec<Contribution> {
    let (sums, quarter) = (sale.sums(), quarter_of(sale.at));
    let whole = |counted, quarter, cell, sums: Sums| {
        let by = [By::Whole, By::Cell(cell), By::Customer(sale.buyer), By::Product(sale.sold)];
        by.map(|by| Contribution { counted, by, quarter, row: sums.into() })
    };
    let mut all = whole(Counted::Sold(sale.status), quarter, sale.cell, sums).to_vec();
    if let Some(at) = sale.returned_at() {
        let sums = Sums { orders: 1, ..sums };
        for (basis, minute) in Basis::both(minute_of(at), minute_of(sale.at)) {
            let back = quarter_of_minute(minute);
            all.extend(whole(Counted::Back(basis), back, sale.shop_cell, sums));
        }
    }
    all
}

/// A refund of an order or a transaction is counted with that.
fn of_refund(refund: &Refund) -> Vec<Contribution> {
    let Some(alone) = &refund.alone else { return Vec::new() };
    let (quarter, row) = (quarter_of(refund.at), [1, refund.quantity.0, refund.amount.0]);
    let buyer = refund.customer.as_ref().and(alone.buyer).map(By::Customer);
    let by = [By::Whole, By::Cell(alone.cell), By::Product(alone.sold)].into_iter().chain(buyer);
    let both = |by| Basis::ALL.map(|basis| (Counted::Back(basis), by));
    let one = |(counted, by)| Contribution { counted, by, quarter, row };
    by.flat_map(both).map(one).collect()
}
