//! Additions to figures of sales, of orders, and of what came back of them.

use projections::sales::{Basis, Status};
use projections::table::Row;
use projections::time::Time;

use super::wholes::Line;

/// What an addition counts.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    Sales(Status),
    Buyer(Status, &'a str),
    /// A customer in a category.
    CategoryBuyer(Status, u16, &'a str),
    Cell(Status, [u16; 3]),
    Sold(Status, &'a str),
    Returns(Basis),
    ReturnCell(Basis, [u16; 3]),
    Returner(Basis, &'a str),
    Returned(Basis, &'a str),
    Money(Status),
    Cost(Status),
    Step(usize),
    Currency(Status, u16),
    /// By the code of a currency among those of all time.
    ReturnCurrency(Basis, u16),
}

/// An addition to a figure at a time.
pub struct Addition<'a> {
    pub of: Of<'a>,
    pub at: Time,
    pub row: Row,
}

/// Additions, in the order in which they were counted.
#[derive(Default)]
pub struct Additions<'a>(pub Vec<Addition<'a>>);

impl<'a> Additions<'a> {
    pub fn add(&mut self, of: Of<'a>, at: Time, row: Row) {
        self.0.push(Addition { of, at, row });
    }

    pub fn back(
        &mut self,
        [processed, sold]: [Time; 2],
        cell: [u16; 3],
        user: Option<&'a str>,
        product: &'a str,
        row: Row,
    ) {
        for (basis, at) in [(Basis::Processed, processed), (Basis::Order, sold)] {
            self.add(Of::Returns(basis), at, row);
            self.add(Of::ReturnCell(basis, cell), at, row);
            self.add(Of::Returned(basis, product), at, row);
            if let Some(user) = user {
                self.add(Of::Returner(basis, user), at, row);
            }
        }
    }

    pub fn back_in_currency(
        &mut self,
        [processed, sold]: [Time; 2],
        foreign: Option<(u16, i64)>,
        row: Row,
    ) {
        let Some((code, amount)) = foreign else { return };
        let row = [row[0], amount, row[2]];
        self.add(Of::ReturnCurrency(Basis::Processed, code), processed, row);
        self.add(Of::ReturnCurrency(Basis::Order, code), sold, row);
    }

    pub fn back_of_line(
        &mut self,
        processed: Time,
        line: &Line<'a>,
        foreign: Option<(u16, i64)>,
        row: Row,
    ) {
        let product = line.product.unwrap_or("(none)");
        self.back_in_currency([processed, line.at], foreign, row);
        self.back([processed, line.at], line.cell, Some(line.user), product, row);
    }
}
