//! The effect of a transaction event.
//!
//! Taking a contribution out leaves every row of every rollup, and every sum, as if it had never
//! been put in: the ledger row has the codes and ordinals that it was counted under. Some facts are
//! never retracted and stay: that the customer and the product are known, when the customer was
//! seen, the values of the vocabularies, and the extent of sales.

use super::document::Sale;
use super::event::Transaction;
use super::sums::Sums;
use crate::bucket;
use crate::customers::document::Customers;
use crate::family::{Dimension, Family, Slice};
use crate::fold::entry::{Entry, reason};
use crate::fold::version::Version;
use crate::fold::{Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
use crate::json::Reason;
use crate::ledger::{Ledger, LedgerKey};
use crate::packed::rollup::{self, Delta};
use crate::products::document::Products;
use crate::products::id::RESERVED;
use crate::table::Row;
use crate::time::Time;
use crate::topic::Topic;

/// The dimensions that a sale is counted by, in the order of [`Sale::cell`].
const CELL: [Dimension; 3] = [Dimension::Category, Dimension::PaymentMethod, Dimension::Country];

impl EventKind for Transaction<'_> {
    fn identify(&self, _: &Stamp, ask: &mut Ask<'_>) {
        ask.row::<Sale>(&self.transaction_id);
        ask.vocabularies(self.at, CELL);
    }

    fn names(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        let replaced = ask.replaced::<Sale>(&self.transaction_id)?;
        if let Some(product) = replaced.map(|sale| sale.product.clone()) {
            ask.document::<Products, _>(product.as_deref().unwrap_or(RESERVED));
        }
        ask.document::<Customers, _>(&*self.user_id);
        ask.document::<Products, _>(self.product_id.as_deref().unwrap_or(RESERVED));
        Ok(())
    }

    fn fold(
        &self,
        stamp: &Stamp,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        fold.replace::<Sale>(stamp, self, resolved)
    }

    fn is_known(&self, fold: &mut Fold) -> Result<Option<bool>, NotAtHand> {
        fold.knows::<Ledger, _>(&LedgerKey::of::<Sale>(&self.transaction_id)).map(Some)
    }
}

impl Entry for Sale {
    type Event<'a> = Transaction<'a>;

    fn identity<'e>(event: &'e Transaction<'_>) -> (&'e str, Option<Time>) {
        (&event.transaction_id, event.updated_at)
    }

    fn version(&self) -> Version {
        self.version
    }

    fn contradiction(&self, event: &Transaction<'_>) -> Option<Reason> {
        let is_another = *self.user != *event.user_id;
        is_another.then(|| reason("userId", "a transaction's customer cannot change"))
    }

    fn says_the_same(&self, event: &Transaction<'_>) -> bool {
        let category = event.category.as_deref();
        self.status == event.status
            && self.amount == event.total_price
            && self.quantity == event.quantity
            && self.at == event.at
            && *self.user == *event.user_id
            && self.product.as_deref() == event.product_id.as_deref()
            && *self.payment_method == *event.payment_method
            // An event that states no category leaves the sale's as it is.
            && (category.is_none() || self.category.as_deref() == category)
            && self.country.as_deref() == event.country.as_deref()
    }

    fn admits(prior: Option<&Self>, event: &Transaction<'_>, fold: &Fold) -> Result<(), Reason> {
        let stated = Sums { orders: 1, quantity: event.quantity, amount: event.total_price };
        if fold.root.admits(prior.map(Sale::sums).unwrap_or_default(), stated) {
            return Ok(());
        }
        Err(reason("totalPrice", "the shop's total would leave its integer"))
    }

    /// If an event states no category, the sale keeps the one that it has while its product is the
    /// same, and else takes the catalogue's: a change of status moves no sale of the past.
    fn place(
        event: &Transaction<'_>,
        prior: Option<&Self>,
        version: Version,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Self, NotAtHand> {
        let product = event.product_id.as_deref().unwrap_or(RESERVED);
        let (sold, category) = fold.with_product(product, resolved, |product| {
            let category = match (&event.category, prior) {
                (Some(stated), _) => Some(stated.as_ref().into()),
                (None, Some(prior)) if prior.product.as_deref() == event.product_id.as_deref() => {
                    prior.category.clone()
                }
                _ => product.catalogue.as_ref().map(|entry| entry.category.clone()),
            };
            (product.ordinal, category)
        })?;
        let buyer = fold.with_customer(&event.user_id, event.at, resolved, |_| {})?;
        let month = bucket::month_of_quarter(bucket::quarter_of(event.at));
        let values = [category.as_deref(), Some(&*event.payment_method), event.country.as_deref()];
        let mut cell = [0; 3];
        for ((code, dimension), value) in cell.iter_mut().zip(CELL).zip(values) {
            *code = fold.code(dimension, month, value)?;
        }
        Ok(Sale {
            user: event.user_id.as_ref().into(),
            buyer,
            product: event.product_id.as_deref().map(Into::into),
            sold,
            status: event.status,
            amount: event.total_price,
            quantity: event.quantity,
            at: event.at,
            payment_method: event.payment_method.as_ref().into(),
            category,
            country: event.country.as_deref().map(Into::into),
            cell,
            version,
        })
    }

    fn contribute(
        &self,
        sign: i64,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        let sums = if sign < 0 { self.sums().negated() } else { self.sums() };
        let mut recheck = false;
        fold.with_customer(&self.user, self.at, resolved, |customer| {
            if sign < 0 {
                recheck = customer.retract(self.status, self.at, self.sums());
            } else {
                customer.buy(self.status, self.at, sums);
            }
        })?;
        if recheck {
            resolved.recheck.insert(self.user.clone());
        }
        let product = self.product.as_deref().unwrap_or(RESERVED);
        fold.with_product(product, resolved, |product| product.sales.add(self.status, sums))?;
        fold.root.sales.add(self.status, sums);
        fold.root.extend_to(bucket::quarter_of(self.at));
        add_to_rollups(self, sums.into(), &mut resolved.deltas);
        resolved.touched.insert(Topic::Sales);
        Ok(())
    }
}

/// Every row of every rollup that a sale is counted in.
fn add_to_rollups(sale: &Sale, delta: Row, deltas: &mut Vec<Delta>) {
    let (slice, quarter) = (Slice::from(sale.status), bucket::quarter_of(sale.at));
    deltas.push(rollup::by_quarter(Family::Sales, slice, quarter, delta));
    deltas.push(rollup::by_cell(Family::Cells, slice, quarter, sale.cell, delta));
    deltas.extend(rollup::by_entity(Family::Buyers, slice, quarter, sale.buyer, delta));
    deltas.extend(rollup::by_entity(Family::Sold, slice, quarter, sale.sold, delta));
}
