//! Sales: what a transaction event changes.
//!
//! Taking a contribution out leaves every row of every rollup, and every sum, as if it had never
//! been put in: the ledger row says under which codes and ordinals it was counted. What stays is
//! what is never retracted: that the customer and the product are known, when the customer was
//! seen, the values of the vocabularies, and the extent of the year.

use crate::bucket;
use crate::event::{self, Reason};
use crate::fold::{Fold, Message, Outcome, Resolved};
use crate::ledger::{LedgerKey, LedgerRow, Sale};
use crate::products;
use crate::rank::{Rank, Stated};
use crate::rollup::{self, Delta, Family, RollupKey};
use crate::space::NotAtHand;
use crate::sums::Sums;
use crate::table::Row;
use crate::vocabulary::Dimension;

impl Fold {
    pub(crate) fn transaction(
        &mut self,
        message: &Message<'_>,
        event: &event::Transaction<'_>,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        let key = LedgerKey::transaction(&event.transaction_id);
        let prior = match self.ledger.get(&key)? {
            Some(LedgerRow::Transaction(row)) => Some(row.clone()),
            _ => None,
        };
        if prior.as_ref().is_some_and(|prior| *prior.user != *event.user_id) {
            return Ok(refused("userId", "a transaction's customer cannot change"));
        }
        let unchanged = prior.as_ref().is_some_and(|prior| prior.says_the_same(event));
        let known = prior.as_ref().map(|prior| prior.rank);
        let (stated, rank) = message.rank(event.updated_at).weigh(known, unchanged);
        if stated != Stated::Applied {
            self.date_row(&key, rank)?;
            return Ok(stated.into());
        }
        let sums =
            Sums { orders: 1, quantity: i64::from(event.quantity), amount: event.total_price };
        let replaced = prior.as_ref().map(Sale::sums).unwrap_or_default();
        if !self.root.admits(replaced, sums) {
            return Ok(refused("totalPrice", "the shop's total would leave its integer"));
        }
        let sale = self.place(event, prior.as_ref(), rank, resolved)?;
        if prior.is_none() {
            let (place, now) = (&mut self.root.blocks, self.root.log_time);
            self.seen.note(&mut self.blocks, place, key.as_str(), now)?;
        }
        self.exchange(prior.as_ref(), &sale, resolved)?;
        self.ledger.put(key, LedgerRow::Transaction(sale))?;
        self.root.counts.rounded += u64::from(event.rounded);
        resolved.touched.sales = true;
        Ok(Outcome::Applied)
    }

    /// Finds where a sale is counted: its product's and customer's ordinals, its codes.
    ///
    /// Where an event states no category, the sale keeps the one it has while its product is the
    /// same, and else takes the catalogue's: a change of status moves no sale of the past.
    fn place(
        &mut self,
        event: &event::Transaction<'_>,
        prior: Option<&Sale>,
        rank: Rank,
        resolved: &mut Resolved,
    ) -> Result<Sale, NotAtHand> {
        let product = event.product_id.as_deref().unwrap_or(products::RESERVED);
        let (sold, category) = self.with_product(product, resolved, |product| {
            let category = match (&event.category, prior) {
                (Some(stated), _) => Some(stated.as_ref().into()),
                (None, Some(prior)) if prior.product.as_deref() == event.product_id.as_deref() => {
                    prior.category.clone()
                }
                _ => product.catalogue.as_ref().map(|entry| entry.category.clone()),
            };
            (product.ordinal, category)
        })?;
        let buyer = self.with_customer(&event.user_id, event.at, resolved, |_| {})?;
        let month = bucket::month_of_quarter(bucket::quarter_of(event.at));
        let cell = [
            self.code(Dimension::Category, month, category.as_deref())?,
            self.code(Dimension::PaymentMethod, month, Some(&event.payment_method))?,
            self.code(Dimension::Country, month, event.country.as_deref())?,
        ];
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
            rank,
        })
    }

    /// Takes the old contribution out and puts the new one in.
    fn exchange(
        &mut self,
        old: Option<&Sale>,
        new: &Sale,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        let mut recheck = false;
        self.with_customer(&new.user, new.at, resolved, |customer| {
            if let Some(old) = old {
                recheck = customer.unbuy(old.status, old.at, old.sums());
            }
            customer.buy(new.status, new.at, new.sums());
        })?;
        if recheck {
            resolved.recheck.insert(new.user.clone());
        }
        for (sale, sums) in
            old.map(|old| (old, old.sums().negated())).into_iter().chain([(new, new.sums())])
        {
            let product = sale.product.as_deref().unwrap_or(products::RESERVED);
            self.with_product(product, resolved, |product| product.sales.add(sale.status, sums))?;
            self.root.sales.add(sale.status, sums);
            contribute(sale, sums.into(), &mut resolved.deltas);
        }
        self.root.extend_to(bucket::quarter_of(new.at));
        Ok(())
    }

    /// Moves the version of a row on whose content stays. One that has it already is not written.
    pub(crate) fn date_row(&mut self, key: &LedgerKey, rank: Rank) -> Result<(), NotAtHand> {
        if self.ledger.get(key)?.is_some_and(|row| row.rank() != rank)
            && let Some(row) = self.ledger.get_mut(key)?
        {
            *row.rank_mut() = rank;
        }
        Ok(())
    }
}

pub(crate) fn refused(field: &'static str, message: &str) -> Outcome {
    Outcome::Quarantined(vec![Reason { field: field.into(), message: message.to_owned() }])
}

/// Every row of every rollup that a sale is counted in.
fn contribute(sale: &Sale, delta: Row, deltas: &mut Vec<Delta>) {
    let quarter = bucket::quarter_of(sale.at);
    deltas.push(rollup::by_quarter(Family::Sales, Some(sale.status), quarter, delta));
    let [category, payment_method, country] = sale.cell;
    let cell = RollupKey {
        family: Family::Cells,
        slice: Some(sale.status),
        level: bucket::Level::Day,
        bucket: bucket::day_of_quarter(quarter),
        chunk: u32::from(category) << 16 | u32::from(country),
    };
    deltas.push(Delta { key: cell, row: rollup::slot_row(payment_method, quarter), delta });
    deltas.extend(rollup::by_entity(Family::Buyers, sale.status, quarter, sale.buyer, delta));
    deltas.extend(rollup::by_entity(Family::Sold, sale.status, quarter, sale.sold, delta));
}
