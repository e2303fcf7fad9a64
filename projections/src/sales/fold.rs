//! The effect of a transaction event.
//!
//! Taking a contribution out leaves every row of every rollup, and every sum, as if it had never
//! been put in: the ledger row has the codes and ordinals that it was counted under. Some facts are
//! never retracted and stay: that the customer and the product are known, when the customer was
//! seen, the values of the vocabularies, and the extent of sales.

use super::count::{Back, Basis, CELL, sold_in_cell};
use super::document::{Returned, Sale};
use super::event::Transaction;
use super::status::Status;
use super::sums::Sums;
use crate::bucket;
use crate::customers::document::Customers;
use crate::days::Days;
use crate::family::{Dimension, Family, Slice};
use crate::fold::entry::{Entry, reason};
use crate::fold::version::{Stated, Version};
use crate::fold::{Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
use crate::history::{History, Part};
use crate::json::Reason;
use crate::ledger::{Ledger, LedgerKey};
use crate::orders::document::{PlacedOrder, RefundedSale};
use crate::orders::key::OrderKey;
use crate::packed::rollup;
use crate::packed::vocabulary::Period;
use crate::products::document::Products;
use crate::products::id::RESERVED;
use crate::rates::fold::{exceeds, no_rate};
use crate::rates::foreign::Foreign;
use crate::table::Row;
use crate::time::Time;

impl EventKind for Transaction<'_> {
    fn identify(&self, _: &Stamp, ask: &mut Ask<'_>) {
        ask.row::<Sale>(&self.transaction_id);
        ask.row_if_known::<RefundedSale>(&self.transaction_id);
        if let Some(order) = &self.order_id {
            ask.row::<PlacedOrder>(order);
        }
        ask.vocabularies(self.at, CELL);
        ask.shop_vocabularies(CELL);
        if let Some(foreign) = &self.foreign {
            ask.vocabularies(self.at, [Dimension::Currency]);
            ask.rates(foreign.currency, self.at);
        }
    }

    fn links(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        let replaced = ask.replaced::<Sale>(&self.transaction_id)?;
        if let Some(order) = replaced.and_then(|sale| sale.order.clone()) {
            ask.row::<PlacedOrder>(&order);
        }
        Ok(())
    }

    fn names(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        let replaced = ask.replaced::<Sale>(&self.transaction_id)?;
        let (product, order) =
            replaced.map(|sale| (sale.product.clone(), sale.order.clone())).unzip();
        if let Some(product) = product {
            ask.document::<Products, _>(product.as_deref().unwrap_or(RESERVED));
        }
        ask.document::<Customers, _>(&*self.user_id);
        ask.document::<Products, _>(self.product_id.as_deref().unwrap_or(RESERVED));
        ask.names_of_order(OrderKey::Transaction(&self.transaction_id))?;
        for order in [order.flatten().as_deref(), self.order_id.as_deref()].into_iter().flatten() {
            ask.names_of_order(OrderKey::Order(order))?;
        }
        Ok(())
    }

    fn fold(
        &self,
        stamp: &Stamp,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        if let Some(reason) = fold.refuses_line(self)? {
            return Ok(Outcome::Quarantined(vec![reason]));
        }
        let before = fold.sale(&self.transaction_id)?.and_then(|sale| sale.order.clone());
        let converted = self.converted(fold)?;
        let event = converted.as_ref().unwrap_or(self);
        if let Some(Foreign { currency, rate: None, .. }) = event.foreign
            && fold.is_news::<Sale>(stamp, event)?
        {
            return Ok(Outcome::Quarantined(vec![no_rate(currency, self.at)]));
        }
        let outcome = fold.replace::<Sale>(stamp, event, resolved)?;
        if outcome == Outcome::Applied {
            fold.follow_line(stamp, &self.transaction_id, before.as_deref(), resolved)?;
        }
        Ok(outcome)
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

    fn contradiction(&self, event: &Transaction<'_>) -> Option<Reason> {
        let is_another = *self.user != *event.user_id;
        is_another.then(|| reason("userId", "a transaction's customer cannot change"))
    }

    /// An event behind the other part fills in its own and does not speak for the whole. The same
    /// statement as before is news only where it changes which part speaks.
    fn weigh(&self, event: &Transaction<'_>, version: Version) -> (Stated, Version) {
        let is_return = event.status == Status::Returned;
        let (sold, back) = (self.sale_version(), self.returned.as_ref().map(|it| it.version));
        let (own, other) = if is_return { (back, sold) } else { (sold, back) };
        // An event without a version leaves the transaction at the one that it had.
        let speaking = if self.status == Status::Returned { back } else { sold };
        let newest = speaking.and_then(|version| version.updated_at);
        let version = Version { updated_at: version.updated_at.or(newest), ..version };
        let same = match &self.returned {
            Some(returned) if is_return => {
                returned.date == event.at
                    && event.updated_at.is_none_or(|at| Some(at) == returned.processed)
                    && (sold.is_some() || self.has_facts_of(event))
            }
            Some(returned) => returned.sold_as == Some(event.status) && self.has_facts_of(event),
            None => self.status == event.status && self.has_facts_of(event),
        };
        let speaks = (self.status == Status::Returned) == is_return;
        let speaks_at = |own: Version| match other {
            None => true,
            Some(sold) if is_return => sold.is_stale_after(own),
            Some(back) => !own.is_stale_after(back),
        };
        let stays = own.is_some_and(|own| {
            let updated_at = version.updated_at.or(own.updated_at);
            let is_same = speaks_at(Version { updated_at, ..own }) == speaks;
            is_same && (speaks || !speaks_at(Version { updated_at, ..version }))
        });
        version.weigh(own, same && stays)
    }

    fn part_version(&mut self, event: &Transaction<'_>) -> Option<&mut Version> {
        match (&mut self.returned, event.status) {
            (Some(returned), Status::Returned) => Some(&mut returned.version),
            _ => Some(&mut self.version),
        }
    }

    fn admits(prior: Option<&Self>, event: &Transaction<'_>, fold: &Fold) -> Result<(), Reason> {
        exceeds([event.total_price]).map_or(Ok(()), Err)?;
        let stated = Sums { orders: 1, quantity: event.quantity, amount: event.total_price };
        if fold.root.admits(prior.map(Sale::sums).unwrap_or_default(), stated) {
            return Ok(());
        }
        Err(reason("totalPrice", "the shop's total would leave its integer"))
    }

    fn place(
        event: &Transaction<'_>,
        prior: Option<&Self>,
        version: Version,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Self, NotAtHand> {
        let mut sale = Sale::stated(event, prior, version, fold, resolved)?;
        sale.days = sale.days_counted();
        Ok(sale)
    }

    fn history(&mut self, event: &Transaction<'_>) -> Option<(&mut History, Part)> {
        let is_return = event.status == Status::Returned;
        Some((&mut self.history, if is_return { Part::Return } else { Part::Sale }))
    }

    fn contribute(
        &self,
        sign: i64,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        let (sums, minute) = (self.sums().times(sign), bucket::minute_of(self.at));
        let quarter = bucket::quarter_of_minute(minute);
        let status = self.status;
        let row = Row::from(sums);
        let mut recheck = false;
        fold.with_customer(&self.user, self.at, resolved, |customer| {
            customer.sales.add(status, sums);
            recheck = status == Status::Completed && customer.count_purchase(sign, self.at);
        })?;
        if recheck {
            resolved.recheck.insert(self.user.clone());
        }
        let product = self.product.as_deref().unwrap_or(RESERVED);
        fold.with_product(product, resolved, |product| product.sales.add(status, sums))?;
        fold.count_sale(status, minute, sums, resolved);
        let slice = Slice::from(status);
        sold_in_cell(status, quarter, self.cell, row, resolved);
        resolved.deltas.push(rollup::by_entity(Family::Buyers, slice, quarter, self.buyer, row));
        resolved.deltas.push(rollup::by_entity(Family::Sold, slice, quarter, self.sold, row));
        if self.order.is_none() {
            let (family, of) = (Family::CategoryBuyers, (self.shop_cell[0], self.buyer));
            resolved.deltas.push(rollup::by_entity_in(family, slice, quarter, of, [sign, 0, 0]));
        }
        if let Some(foreign) = &self.foreign {
            let row = [sums.orders, sign * foreign.amount.0, sums.amount.0];
            let code = foreign.code;
            resolved.deltas.push(rollup::by_value(Family::Currencies, slice, quarter, code, row));
        }
        if let Some(at) = self.returned_at() {
            let sums = Sums { orders: sign, ..sums };
            for (basis, minute) in Basis::both(bucket::minute_of(at), minute) {
                fold.count_back(basis, minute, sums, resolved);
                let back = Back { basis, quarter: bucket::quarter_of_minute(minute), sums };
                back.count_in_cell(self.shop_cell, resolved);
                fold.count_back_of_customer(back, &self.user, self.buyer, resolved)?;
                fold.count_back_of_product(back, product, self.sold, resolved)?;
                if let Some(foreign) = &self.foreign {
                    back.count_in_currency(foreign, sign, resolved);
                }
            }
        }
        Ok(())
    }
}

impl Transaction<'_> {
    /// The event with its amount in the shop's currency, if it is in another: by its own rate, else
    /// by the one of the same sale or of its order before, else by the day's. A return of a known
    /// sale is of that one's amount, whatever it says.
    fn converted(&self, fold: &mut Fold) -> Result<Option<Self>, NotAtHand> {
        let Some(stated) = self.foreign else { return Ok(None) };
        let known = fold.sale(&self.transaction_id)?;
        if self.status == Status::Returned
            && let Some(sale) = known.filter(|sale| sale.sold_as().is_some())
        {
            let (total_price, foreign) = (sale.amount, sale.foreign.map(Foreign::uncoded));
            return Ok(Some(Transaction { total_price, foreign, ..self.clone() }));
        }
        let mut before: Vec<(Foreign, Time)> =
            known.and_then(|sale| sale.foreign.zip(Some(sale.at))).into_iter().collect();
        if let Some(order) = &self.order_id
            && let Some(order) = fold.order(OrderKey::Order(order))?
        {
            let members = order.members.iter();
            before.extend(members.filter_map(|it| it.foreign.zip(Some(it.at))));
        }
        let foreign = fold.exchange(stated, self.at, before)?;
        let total_price = foreign.converted().unwrap_or(self.total_price);
        Ok(Some(Transaction { total_price, foreign: Some(foreign), ..self.clone() }))
    }
}

impl Sale {
    /// The sale, or its return, as an event states it, with the other part as it was.
    fn stated(
        event: &Transaction<'_>,
        prior: Option<&Self>,
        version: Version,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Self, NotAtHand> {
        if event.status != Status::Returned {
            let mut sale = Sale::of(event, prior, version, fold, resolved)?;
            if let Some(returned) = prior.and_then(|prior| prior.returned.clone()) {
                sale.come_back(Returned { sold_as: Some(event.status), ..*returned });
            }
            return Ok(sale);
        }
        let sold_as = prior.and_then(Sale::sold_as);
        let mut sale = match prior.filter(|_| sold_as.is_some()) {
            Some(prior) => {
                fold.with_customer(&event.user_id, event.at, resolved, |_| {})?;
                prior.clone()
            }
            None => Sale::of(event, prior, version, fold, resolved)?,
        };
        let processed = event.updated_at;
        sale.come_back(Returned { date: event.at, processed, sold_as, version });
        Ok(sale)
    }

    /// The sale as an event states it. If it states no category, the sale keeps the one that it has
    /// while its product is the same, and else takes the catalogue's: a change of status moves no
    /// sale of the past.
    fn of(
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
        let values = [category.as_deref(), Some(&*event.payment_method), event.country.as_deref()];
        let cell = fold.cell(Period::month_of(event.at), values)?;
        let shop_cell = fold.cell(Period::Ever, values)?;
        let foreign = event.foreign.map(|foreign| fold.coded(foreign, event.at)).transpose()?;
        Ok(Sale {
            user: event.user_id.as_ref().into(),
            buyer,
            product: event.product_id.as_deref().map(Into::into),
            sold,
            status: event.status,
            amount: event.total_price,
            foreign,
            quantity: event.quantity,
            at: event.at,
            payment_method: event.payment_method.as_ref().into(),
            category,
            country: event.country.as_deref().map(Into::into),
            cell,
            shop_cell,
            order: event.order_id.as_deref().map(Into::into),
            returned: None,
            days: Days::default(),
            version,
            history: prior.map(|prior| prior.history.clone()).unwrap_or_default(),
        })
    }

    /// Whether an event states the sale as it is known, its status and time apart.
    fn has_facts_of(&self, event: &Transaction<'_>) -> bool {
        let category = event.category.as_deref();
        self.amount == event.total_price
            && self.foreign.map(Foreign::uncoded) == event.foreign
            && self.quantity == event.quantity
            && self.at == event.at
            && self.product.as_deref() == event.product_id.as_deref()
            && *self.payment_method == *event.payment_method
            // An event that states no category leaves the sale's as it is.
            && (category.is_none() || self.category.as_deref() == category)
            && self.country.as_deref() == event.country.as_deref()
            && self.order.as_deref() == event.order_id.as_deref()
    }

    /// Takes in the return, and counts as the newer part says.
    fn come_back(&mut self, returned: Returned) {
        self.status = match returned.sold_as {
            Some(sold_as) if !self.version.is_stale_after(returned.version) => sold_as,
            _ => Status::Returned,
        };
        self.returned = Some(Box::new(returned));
    }

    /// The status that the sale itself was stated with, if an event other than a return stated it.
    fn sold_as(&self) -> Option<Status> {
        self.returned.as_ref().map_or(Some(self.status), |returned| returned.sold_as)
    }

    /// The version of the sale, if an event other than a return stated it.
    fn sale_version(&self) -> Option<Version> {
        self.sold_as().map(|_| self.version)
    }
}
