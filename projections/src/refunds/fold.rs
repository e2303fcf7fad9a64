//! The effect of a refund event.

use super::document::{Alone, Refund};
use super::event;
use crate::bucket::{minute_of, quarter_of_minute};
use crate::customers::document::Customers;
use crate::fold::entry::{Entry, reason};
use crate::fold::version::{Stated, Version};
use crate::fold::{Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
use crate::history::Part;
use crate::json::Reason;
use crate::ledger::{Ledger, LedgerKey, Row};
use crate::money::Money;
use crate::orders::document::{Member, PartialRefund, PlacedOrder, RefundedSale};
use crate::orders::key::OrderKey;
use crate::packed::vocabulary::Period;
use crate::products::document::Products;
use crate::products::id::RESERVED;
use crate::rates::fold::{exceeds, no_rate};
use crate::rates::foreign::Foreign;
use crate::sales::basis::Basis;
use crate::sales::count::{Back, CELL};
use crate::sales::document::Sale;
use crate::sales::sums::Sums;
use crate::time::Time;

impl EventKind for event::Refund<'_> {
    fn identify(&self, _: &Stamp, ask: &mut Ask<'_>) {
        ask.row::<Refund>(&self.refund_id);
        if let Some(order) = &self.order_id {
            ask.row::<PlacedOrder>(order);
        } else if let Some(transaction) = &self.transaction_id {
            ask.row::<Sale>(transaction);
            ask.row::<RefundedSale>(transaction);
        } else {
            ask.shop_vocabularies(CELL);
        }
        if let Some(foreign) = &self.foreign {
            ask.rates(foreign.currency, self.at);
        }
    }

    fn links(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        if let (None, Some(transaction)) = (&self.order_id, &self.transaction_id) {
            let sale = ask.replaced::<Sale>(transaction)?;
            if let Some(order) = sale.and_then(|sale| sale.order.clone()) {
                ask.row::<PlacedOrder>(&order);
            }
        }
        Ok(())
    }

    fn names(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        if let Some(user) = &self.user_id {
            ask.document::<Customers, _>(&**user);
        }
        if let Some(order) = &self.order_id {
            return ask.names_of_order(OrderKey::Order(order));
        }
        if let Some(transaction) = &self.transaction_id {
            let sale = ask.replaced::<Sale>(transaction)?.cloned();
            if let Some(sale) = &sale {
                ask.document::<Customers, _>(&*sale.user);
                ask.document::<Products, _>(sale.product.as_deref().unwrap_or(RESERVED));
            }
            if let Some(order) = sale.and_then(|sale| sale.order) {
                ask.names_of_order(OrderKey::Order(&order))?;
            }
            return ask.names_of_order(OrderKey::Transaction(transaction));
        }
        let replaced = ask.replaced::<Refund>(&self.refund_id)?;
        let known = replaced.map(|refund| (refund.customer.clone(), refund.product.clone()));
        let (customer, product) = known.unzip();
        if let Some(customer) = customer.flatten() {
            ask.document::<Customers, _>(&*customer);
        }
        if let Some(product) = product {
            ask.document::<Products, _>(product.as_deref().unwrap_or(RESERVED));
        }
        ask.document::<Products, _>(self.product_id.as_deref().unwrap_or(RESERVED));
        Ok(())
    }

    fn fold(
        &self,
        stamp: &Stamp,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        let sale = match (&self.order_id, &self.transaction_id) {
            (None, Some(transaction)) => fold.sale(transaction)?.cloned(),
            _ => None,
        };
        let order = self.order_id.as_deref().or(sale.as_ref().and_then(|it| it.order.as_deref()));
        let key = match (order, &self.transaction_id) {
            (Some(order), _) => Some(OrderKey::Order(order)),
            (None, Some(transaction)) => Some(OrderKey::Transaction(transaction)),
            (None, None) => None,
        };
        if let Some(key) = key
            && let Some(reason) = fold.refuses_refund(key, &self.refund_id)?
        {
            return Ok(Outcome::Quarantined(vec![reason]));
        }
        let converted = self.converted(fold)?;
        let event = converted.as_ref().unwrap_or(self);
        if let Some(Foreign { currency, rate: None, .. }) = event.foreign
            && !fold.has_rate_of_sale(key, sale.as_ref(), &event.partial())?
            && fold.is_news::<Refund>(stamp, event)?
        {
            return Ok(Outcome::Quarantined(vec![no_rate(currency, self.at)]));
        }
        let outcome = fold.replace::<Refund>(stamp, event, resolved)?;
        let Some(key) = key else { return Ok(outcome) };
        if outcome != Outcome::Applied {
            return Ok(outcome);
        }
        let mut order = fold.order(key)?.cloned().unwrap_or_default();
        if let (OrderKey::Transaction(transaction), Some(sale)) = (key, &sale) {
            order.put_member(Member::of(transaction, sale));
        }
        // The row has the code of the currency.
        let row = fold.sets.ledger.get(&LedgerKey::of::<Refund>(&self.refund_id))?;
        let foreign = row.and_then(Refund::of).and_then(|refund| refund.foreign);
        order.put_refund(PartialRefund { foreign, ..event.partial() });
        fold.put_order(key, order, stamp.change(Part::Refunds.into()), resolved)?;
        Ok(outcome)
    }

    fn is_known(&self, fold: &mut Fold) -> Result<Option<bool>, NotAtHand> {
        fold.knows::<Ledger, _>(&LedgerKey::of::<Refund>(&self.refund_id)).map(Some)
    }
}

impl event::Refund<'_> {
    /// The event with its amount in the shop's currency, if it is in another: by its own rate, else
    /// by the one of the same refund before, else by the day's; nothing, while there is none.
    fn converted(&self, fold: &mut Fold) -> Result<Option<Self>, NotAtHand> {
        let Some(stated) = self.foreign else { return Ok(None) };
        let key = LedgerKey::of::<Refund>(&self.refund_id);
        let known = fold.sets.ledger.get(&key)?.and_then(Refund::of);
        let before = known.and_then(|known| known.foreign.zip(Some(known.at)));
        let foreign = fold.exchange(stated, self.at, before)?;
        let amount = foreign.converted().unwrap_or_default();
        Ok(Some(event::Refund { amount, foreign: Some(foreign), ..self.clone() }))
    }

    /// The refund as what it is of counts it.
    fn partial(&self) -> PartialRefund {
        PartialRefund {
            id: self.refund_id.as_ref().into(),
            line: self.transaction_id.as_deref().or(self.line_id.as_deref()).map(Into::into),
            product: self.product_id.as_deref().map(Into::into),
            amount: self.amount,
            foreign: self.foreign,
            quantity: self.quantity,
            at: self.at,
            follows: self.order_id.is_none(),
        }
    }
}

impl Fold {
    /// Whether a refund without a rate has that of its order or transaction, or waits for one.
    fn has_rate_of_sale(
        &mut self,
        key: Option<OrderKey<'_>>,
        sale: Option<&Sale>,
        refund: &PartialRefund,
    ) -> Result<bool, NotAtHand> {
        let Some(key) = key else { return Ok(false) };
        let mut order = self.order(key)?.cloned().unwrap_or_default();
        if let (OrderKey::Transaction(transaction), Some(sale)) = (key, sale) {
            order.put_member(Member::of(transaction, sale));
        }
        Ok(order.is_awaited() || order.amount_of(refund).is_some())
    }
}

impl Entry for Refund {
    type Event<'a> = event::Refund<'a>;

    fn identity<'e>(event: &'e event::Refund<'_>) -> (&'e str, Option<Time>) {
        (&event.refund_id, event.updated_at)
    }

    fn contradiction(&self, event: &event::Refund<'_>) -> Option<Reason> {
        if self.order.as_deref() != event.order_id.as_deref() {
            return Some(reason("orderId", "a refund's order cannot change"));
        }
        let is_another = self.transaction.as_deref() != event.transaction_id.as_deref();
        is_another.then(|| reason("transactionId", "a refund's transaction cannot change"))
    }

    fn weigh(&self, event: &event::Refund<'_>, version: Version) -> (Stated, Version) {
        let same = self.amount == event.amount
            && self.foreign.map(Foreign::uncoded) == event.foreign
            && self.quantity == event.quantity
            && self.at == event.at
            && self.line.as_deref() == event.line_id.as_deref()
            && self.product.as_deref() == event.product_id.as_deref()
            && self.customer.as_deref() == event.user_id.as_deref()
            && self.country.as_deref() == event.country.as_deref()
            && self.reason.as_deref() == event.reason.as_deref();
        version.weigh(Some(self.version), same)
    }

    fn part_version(&mut self, _: &event::Refund<'_>) -> Option<&mut Version> {
        Some(&mut self.version)
    }

    fn admits(_: Option<&Self>, event: &event::Refund<'_>, fold: &Fold) -> Result<(), Reason> {
        exceeds([event.amount]).map_or(Ok(()), Err)?;
        // That of what it is of may give it another amount.
        let amount = event.foreign.map_or(event.amount, |_| Money::LARGEST);
        let more = Sums { orders: 1, quantity: event.quantity, amount };
        if fold.root.admits_return(more) {
            return Ok(());
        }
        Err(reason("amount", "the shop's total of returns would leave its integer"))
    }

    fn place(
        event: &event::Refund<'_>,
        prior: Option<&Self>,
        version: Version,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Self, NotAtHand> {
        let customer = event.user_id.as_deref();
        let buyer = customer.map(|user| fold.with_customer(user, event.at, resolved, |_| {}));
        let buyer = buyer.transpose()?;
        let alone = match (&event.order_id, &event.transaction_id) {
            (None, None) => {
                let product = event.product_id.as_deref().unwrap_or(RESERVED);
                let known = prior
                    .filter(|prior| prior.product.as_deref() == event.product_id.as_deref())
                    .and_then(|prior| prior.alone.as_ref())
                    .map(|alone| alone.category.clone());
                let (sold, category) = fold.with_product(product, resolved, |product| {
                    let entry = product.catalogue.as_ref();
                    let of_product = || entry.map(|entry| entry.category.clone());
                    (product.ordinal, known.unwrap_or_else(of_product))
                })?;
                let values = [category.as_deref(), None, event.country.as_deref()];
                let cell = fold.cell(Period::Ever, values)?;
                Some(Alone { buyer, sold, category, cell })
            }
            _ => None,
        };
        let foreign = event.foreign.map(|foreign| fold.coded_by_shop(foreign)).transpose()?;
        let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(Into::into);
        Ok(Refund {
            order: text(&event.order_id),
            transaction: text(&event.transaction_id),
            line: text(&event.line_id),
            product: text(&event.product_id),
            customer: text(&event.user_id),
            amount: event.amount,
            foreign,
            quantity: event.quantity,
            at: event.at,
            country: text(&event.country),
            reason: text(&event.reason),
            days: alone.iter().map(|_| event.at).collect(),
            alone,
            version,
        })
    }

    /// A refund of nothing known is counted by itself, on its own day by either basis.
    fn contribute(
        &self,
        sign: i64,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        let Some(Alone { buyer, sold, cell, .. }) = self.alone else { return Ok(()) };
        let sums = Sums { orders: 1, quantity: self.quantity, amount: self.amount }.times(sign);
        for (basis, minute) in Basis::both(minute_of(self.at), minute_of(self.at)) {
            fold.count_back(basis, minute, sums, resolved);
            let back = Back { basis, quarter: quarter_of_minute(minute), sums };
            back.count_in_cell(cell, resolved);
            let product = self.product.as_deref().unwrap_or(RESERVED);
            fold.count_back_of_product(back, product, sold, resolved)?;
            if let Some(foreign) = &self.foreign {
                back.count_in_currency(foreign, sign, resolved);
            }
            if let (Some(user), Some(buyer)) = (&self.customer, buyer) {
                fold.count_back_of_customer(back, user, buyer, resolved)?;
            }
        }
        Ok(())
    }
}
