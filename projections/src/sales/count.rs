//! The figures that sales and returns are counted in, and the additions to each.

use std::collections::BTreeMap;

use super::status::Status;
use super::sums::Sums;
use crate::bucket;
use crate::customers::document::Customer;
use crate::days::Days;
use crate::family::{Dimension, Family, Slice};
use crate::fold::{Fold, NotAtHand, Resolved};
use crate::packed::rollup;
use crate::packed::vocabulary::{OVERLAP, Period};
use crate::products::document::Product;
use crate::rates::foreign::Foreign;
use crate::table::Row;
use crate::topic::Topic;

pub use super::basis::Basis;

/// The dimensions that a sale is counted by, in the order of a cell's codes.
pub(crate) const CELL: [Dimension; 3] =
    [Dimension::Category, Dimension::PaymentMethod, Dimension::Country];

/// The families that cells are counted in, and the sums of cells by each of their values.
struct ByCell {
    cells: Family,
    values: [Family; CELL.len()],
}

const SOLD: ByCell = ByCell {
    cells: Family::Cells,
    values: [Family::Categories, Family::PaymentMethods, Family::Destinations],
};
const CAME_BACK: ByCell = ByCell {
    cells: Family::ReturnCells,
    values: [Family::ReturnCategories, Family::ReturnPaymentMethods, Family::ReturnDestinations],
};

impl ByCell {
    fn count(&self, slice: Slice, quarter: u32, cell: [u16; 3], row: Row, resolved: &mut Resolved) {
        resolved.deltas.push(rollup::by_cell(self.cells, slice, quarter, cell, row));
        // An order counts once in each of its categories: only where they are added up is it too much.
        let values = self.values.into_iter().zip(cell).filter(|(_, code)| *code != OVERLAP);
        for (family, code) in values {
            resolved.deltas.push(rollup::by_value(family, slice, quarter, code, row));
        }
    }
}

/// Counts a sale by category, payment method and country.
pub(crate) fn sold_in_cell(
    status: Status,
    quarter: u32,
    cell: [u16; 3],
    row: Row,
    resolved: &mut Resolved,
) {
    SOLD.count(status.into(), quarter, cell, row, resolved);
}

/// Returns, by one basis.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Back {
    pub(crate) basis: Basis,
    /// The quarter hour that the basis puts it in.
    pub(crate) quarter: u32,
    pub(crate) sums: Sums,
}

/// A figure, and its place in time, that an order's sales and returns are counted in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Sales {
        status: Status,
        minute: u32,
    },
    Cell {
        status: Status,
        quarter: u32,
        cell: [u16; 3],
    },
    Customer {
        status: Status,
        quarter: u32,
        user: Box<str>,
        buyer: u32,
    },
    /// A customer in a category, by its code in the shop's vocabulary.
    CategoryOfCustomer {
        status: Status,
        quarter: u32,
        category: u16,
        buyer: u32,
    },
    Product {
        status: Status,
        quarter: u32,
        product: Box<str>,
        sold: u32,
    },
    /// Discounts, delivery fees, tax.
    Money {
        status: Status,
        quarter: u32,
    },
    /// Cost of what was sold, amount of the lines with a cost, lines without.
    Cost {
        status: Status,
        quarter: u32,
    },
    /// In another currency: orders, amount in it, amount in the shop's.
    Currency {
        status: Status,
        quarter: u32,
        code: u16,
    },
    /// Orders that entered a status, and that left it.
    Step {
        slice: Slice,
        quarter: u32,
    },
    Back {
        basis: Basis,
        minute: u32,
    },
    /// By the codes of the shop's vocabularies: returns may be of sales of other months.
    BackInCell {
        basis: Basis,
        quarter: u32,
        cell: [u16; 3],
    },
    /// In another currency, by its code in the shop's vocabulary: returns, amount in it, amount in the
    /// shop's.
    BackInCurrency {
        basis: Basis,
        quarter: u32,
        code: u16,
    },
    BackOfCustomer {
        basis: Basis,
        quarter: u32,
        user: Box<str>,
        buyer: u32,
    },
    BackOfProduct {
        basis: Basis,
        quarter: u32,
        product: Box<str>,
        sold: u32,
    },
}

/// Contributions by place. Two bills of one thing, the earlier taken from the later, are what changed.
#[derive(Debug, Default)]
pub(crate) struct Bill(BTreeMap<Place, Row>);

impl Bill {
    pub(crate) fn add(&mut self, place: Place, row: impl Into<Row>) {
        let sum = self.0.entry(place).or_default();
        sum.iter_mut().zip(row.into()).for_each(|(sum, value)| *sum += value);
    }

    /// The difference: added to `before` it makes this.
    pub(crate) fn since(mut self, before: Bill) -> Bill {
        for (place, row) in before.0 {
            self.add(place, row.map(|value| -value));
        }
        self.0.retain(|_, row| *row != [0; 3]);
        self
    }

    /// The days in which there is a contribution to a figure, statuses of orders apart.
    pub(crate) fn days(&self) -> Days {
        let there = self.0.iter().filter(|(_, row)| **row != [0; 3]);
        there.filter_map(|(place, _)| place.quarter()).collect()
    }

    /// Every contribution, as sums.
    pub(crate) fn sums(&self) -> impl Iterator<Item = (&Place, Sums)> {
        self.0.iter().map(|(place, row)| (place, Sums::from(*row)))
    }
}

impl Place {
    /// The quarter hour that it is in; none of a status of an order.
    fn quarter(&self) -> Option<u32> {
        match *self {
            Place::Step { .. } => None,
            Place::Sales { minute, .. } | Place::Back { minute, .. } => {
                Some(bucket::quarter_of_minute(minute))
            }
            Place::Cell { quarter, .. }
            | Place::Customer { quarter, .. }
            | Place::CategoryOfCustomer { quarter, .. }
            | Place::Product { quarter, .. }
            | Place::Money { quarter, .. }
            | Place::Cost { quarter, .. }
            | Place::Currency { quarter, .. }
            | Place::BackInCell { quarter, .. }
            | Place::BackInCurrency { quarter, .. }
            | Place::BackOfCustomer { quarter, .. }
            | Place::BackOfProduct { quarter, .. } => Some(quarter),
        }
    }
}

impl Back {
    /// Counts it by category, payment method and country, by their codes in the shop's vocabularies.
    pub(crate) fn count_in_cell(self, cell: [u16; 3], resolved: &mut Resolved) {
        CAME_BACK.count(self.basis.into(), self.quarter, cell, self.sums.into(), resolved);
    }

    /// Counts it by the currency that an amount was stated in.
    pub(crate) fn count_in_currency(self, of: &Foreign, sign: i64, resolved: &mut Resolved) {
        let row = [self.sums.orders, sign * of.amount.0, self.sums.amount.0];
        self.add_in_currency(of.shop_code, row, resolved);
    }

    fn add_in_currency(self, code: u16, row: Row, resolved: &mut Resolved) {
        let (family, slice) = (Family::ReturnCurrencies, self.basis.into());
        resolved.deltas.push(rollup::by_value(family, slice, self.quarter, code, row));
    }
}

impl Fold {
    /// The codes of a cell's three values in the vocabularies of a period.
    pub(crate) fn cell(
        &mut self,
        period: Period,
        values: [Option<&str>; 3],
    ) -> Result<[u16; 3], NotAtHand> {
        let mut cell = [0; 3];
        for ((code, dimension), value) in cell.iter_mut().zip(CELL).zip(values) {
            *code = self.code(dimension, period, value)?;
        }
        Ok(cell)
    }

    /// Makes the additions of a bill.
    pub(crate) fn charge(&mut self, bill: &Bill, resolved: &mut Resolved) -> Result<(), NotAtHand> {
        for (place, row) in &bill.0 {
            self.charge_at(place, *row, resolved)?;
        }
        Ok(())
    }

    fn charge_at(
        &mut self,
        place: &Place,
        row: Row,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        let sums = Sums::from(row);
        let back = |basis: Basis, quarter: u32| Back { basis, quarter, sums };
        match *place {
            Place::Sales { status, minute } => self.count_sale(status, minute, sums, resolved),
            Place::Cell { status, quarter, cell } => {
                sold_in_cell(status, quarter, cell, row, resolved);
            }
            Place::Customer { status, quarter, ref user, buyer } => {
                self.count_customer(user, resolved, |it| it.sales.add(status, sums))?;
                let slice = status.into();
                let delta = rollup::by_entity(Family::Buyers, slice, quarter, buyer, row);
                resolved.deltas.push(delta);
            }
            Place::CategoryOfCustomer { status, quarter, category, buyer } => {
                resolved.deltas.push(rollup::by_entity_in(
                    Family::CategoryBuyers,
                    status.into(),
                    quarter,
                    (category, buyer),
                    row,
                ));
            }
            Place::Product { status, quarter, ref product, sold } => {
                self.count_product(product, resolved, |it| it.sales.add(status, sums))?;
                let delta = rollup::by_entity(Family::Sold, status.into(), quarter, sold, row);
                resolved.deltas.push(delta);
            }
            Place::Money { status, quarter } => {
                self.root.money.add(status, row);
                let slice = status.into();
                resolved.deltas.push(rollup::by_quarter(Family::Money, slice, quarter, row));
            }
            Place::Cost { status, quarter } => {
                let slice = status.into();
                resolved.deltas.push(rollup::by_quarter(Family::Cost, slice, quarter, row));
            }
            Place::Currency { status, quarter, code } => {
                let slice = status.into();
                let delta = rollup::by_value(Family::Currencies, slice, quarter, code, row);
                resolved.deltas.push(delta);
            }
            Place::Step { slice, quarter } => {
                self.root.steps[slice.index()] += row[0] - row[1];
                resolved.deltas.push(rollup::by_quarter(Family::Steps, slice, quarter, row));
            }
            Place::Back { basis, minute } => self.count_back(basis, minute, sums, resolved),
            Place::BackInCell { basis, quarter, cell } => {
                back(basis, quarter).count_in_cell(cell, resolved);
            }
            Place::BackInCurrency { basis, quarter, code } => {
                back(basis, quarter).add_in_currency(code, row, resolved);
            }
            Place::BackOfCustomer { basis, quarter, ref user, buyer } => {
                self.count_back_of_customer(back(basis, quarter), user, buyer, resolved)?;
            }
            Place::BackOfProduct { basis, quarter, ref product, sold } => {
                self.count_back_of_product(back(basis, quarter), product, sold, resolved)?;
            }
        }
        Ok(())
    }

    /// Counts sales of one status in the totals and by time.
    pub(crate) fn count_sale(
        &mut self,
        status: Status,
        minute: u32,
        sums: Sums,
        resolved: &mut Resolved,
    ) {
        let quarter = bucket::quarter_of_minute(minute);
        self.root.sales.add(status, sums);
        self.root.extend_to(quarter);
        let (slice, row) = (status.into(), sums.into());
        resolved.deltas.push(rollup::by_quarter(Family::Sales, slice, quarter, row));
        resolved.deltas.push(rollup::by_minute(Family::Minutes, slice, minute, row));
        resolved.touched.insert(Topic::Sales);
    }

    /// Counts what came back in the totals and by time.
    pub(crate) fn count_back(
        &mut self,
        basis: Basis,
        minute: u32,
        sums: Sums,
        resolved: &mut Resolved,
    ) {
        let quarter = bucket::quarter_of_minute(minute);
        if basis == Basis::Processed {
            self.root.returns.add(sums);
            self.root.extend_to(quarter);
        }
        let (slice, row) = (basis.into(), sums.into());
        resolved.deltas.push(rollup::by_quarter(Family::Returns, slice, quarter, row));
        resolved.deltas.push(rollup::by_minute(Family::ReturnMinutes, slice, minute, row));
        resolved.touched.insert(Topic::Sales);
    }

    /// Counts what came back from a customer.
    pub(crate) fn count_back_of_customer(
        &mut self,
        back: Back,
        user: &str,
        buyer: u32,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        if back.basis == Basis::Processed {
            self.count_customer(user, resolved, |customer| customer.returns.add(back.sums))?;
        }
        let (slice, row) = (back.basis.into(), back.sums.into());
        let delta = rollup::by_entity(Family::Returners, slice, back.quarter, buyer, row);
        resolved.deltas.push(delta);
        Ok(())
    }

    /// Counts what came back of a product.
    pub(crate) fn count_back_of_product(
        &mut self,
        back: Back,
        product: &str,
        sold: u32,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        if back.basis == Basis::Processed {
            self.count_product(product, resolved, |product| product.returns.add(back.sums))?;
        }
        let (slice, row) = (back.basis.into(), back.sums.into());
        let delta = rollup::by_entity(Family::Returned, slice, back.quarter, sold, row);
        resolved.deltas.push(delta);
        Ok(())
    }

    /// Changes the counts of a customer who is known.
    fn count_customer(
        &mut self,
        user: &str,
        resolved: &mut Resolved,
        count: impl FnOnce(&mut Customer),
    ) -> Result<(), NotAtHand> {
        let known = self.sets.customers.get_mut(user)?;
        let customer = known.ok_or_else(|| NotAtHand(format!("the customer {user:?}")))?;
        let before = customer.sales;
        count(customer);
        self.root.buyers.follow(&before, &customer.sales);
        resolved.touched.insert(Topic::Customers);
        Ok(())
    }

    /// Changes the counts of a product that is known.
    fn count_product(
        &mut self,
        product: &str,
        resolved: &mut Resolved,
        count: impl FnOnce(&mut Product),
    ) -> Result<(), NotAtHand> {
        let known = self.sets.products.get_mut(product)?;
        count(known.ok_or_else(|| NotAtHand(format!("the product {product:?}")))?);
        resolved.touched.insert(Topic::Products);
        Ok(())
    }
}
