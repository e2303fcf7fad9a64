//! What becomes one event: an order with its lines, or a line that is one by itself.

use chrono::{DateTime, Utc};
use projections::orders::event::LINES_MAX;

use super::row::{Decimal, Row, Status};

/// The most bytes that the lines of an order may take as JSON: half of what a message may have.
const BYTES_MAX: usize = 512 * 1024;

/// The event that a record becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An order with all its lines.
    Order {
        /// 1, or more where the lines of the invoice did not fit one order.
        number: u32,
    },
    /// A refund of one line.
    Refund,
    /// A transaction of one line.
    Transaction(Status),
}

/// One or more lines of an invoice, and what the first of them says of it.
#[derive(Debug)]
pub struct Record {
    /// See [`Kind`].
    pub kind: Kind,
    /// `InvoiceNo`.
    pub invoice: String,
    /// `CustomerID`, or the id of the invoice's guest.
    pub user: String,
    /// Whether there is no `CustomerID`.
    pub is_guest: bool,
    /// `InvoiceDate`, shifted.
    pub at: DateTime<Utc>,
    /// `Country`, which can be empty.
    pub country: String,
    /// At least one.
    pub lines: Vec<Line>,
    /// No less than the lines take as JSON.
    bytes: usize,
}

/// A line of an invoice. Quantity and amount are absolute.
#[derive(Debug)]
pub struct Line {
    /// Its number within the invoice.
    pub n: u32,
    /// `StockCode`.
    pub product: String,
    /// `Description`, which can be empty.
    pub description: String,
    /// Items.
    pub quantity: i64,
    /// `UnitPrice`.
    pub price: Decimal,
    /// `Quantity` × `UnitPrice`, exact.
    pub total: Decimal,
}

impl Record {
    /// Begins with the `n`th line of an invoice.
    pub fn begin(kind: Kind, row: &Row<'_>, n: u32) -> Self {
        let customer = row.customer.map(str::to_owned);
        let mut record = Record {
            kind,
            invoice: row.invoice.to_owned(),
            is_guest: customer.is_none(),
            user: customer.unwrap_or_else(|| format!("guest-{}", row.invoice)),
            at: row.at,
            country: row.country.to_owned(),
            lines: Vec::new(),
            bytes: 0,
        };
        record.push(row, n);
        record
    }

    /// Whether it is an order that a further line belongs to and fits.
    pub fn takes(&self, row: &Row<'_>) -> bool {
        matches!(self.kind, Kind::Order { .. })
            && self.invoice == row.invoice
            && self.lines.len() < LINES_MAX
            && self.bytes + bytes_of(row) <= BYTES_MAX
    }

    /// Adds the `n`th line of the invoice.
    pub fn push(&mut self, row: &Row<'_>, n: u32) {
        self.bytes += bytes_of(row);
        self.lines.push(Line {
            n,
            product: row.product.to_owned(),
            description: row.description.to_owned(),
            quantity: row.quantity,
            price: row.price,
            total: row.total,
        });
    }
}

/// No less than a line takes as JSON: names and numbers have under 100 bytes, and a byte of a text
/// becomes six at most.
fn bytes_of(row: &Row<'_>) -> usize {
    100 + 6 * row.product.len()
}
