//! The effect of events about orders.

use super::document::{Content, Line, Member, Order, PartialRefund, PlacedOrder};
use super::event::{self, LINES_MAX};
use super::key::{OrderKey, order_of};
use super::patch::OrderStatus;
use super::priced::Priced;
use super::status::{DeliveryStep, OrderStep, PaymentStep};
use crate::customers::document::Customers;
use crate::family::Dimension;
use crate::fold::entry::reason;
use crate::fold::version::{Stated, Version};
use crate::fold::{Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
use crate::history::{Change, Part, Parts};
use crate::json::Reason;
use crate::ledger::{Ledger, LedgerKey, Row};
use crate::packed::vocabulary::Period;
use crate::products::document::Products;
use crate::products::id::RESERVED;
use crate::rates::fold::{exceeds, no_rate};
use crate::rates::foreign::Foreign;
use crate::sales::count::CELL;
use crate::sales::document::Sale;
use crate::sales::event::Transaction;
use crate::sales::status::Status;
use crate::sales::sums::Sums;
use crate::time::Time;
use crate::topic::Topic;

/// The most refunds that wait for the order or transaction that they name.
const WAITING_MAX: usize = 500;

impl EventKind for event::Order<'_> {
    fn identify(&self, _: &Stamp, ask: &mut Ask<'_>) {
        ask.row::<PlacedOrder>(&self.order_id);
        ask.vocabularies(self.at, CELL);
        ask.shop_vocabularies(CELL);
        if let Some(currency) = self.currency {
            ask.vocabularies(self.at, [Dimension::Currency]);
            ask.rates(currency, self.at);
        }
    }

    fn names(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        ask.document::<Customers, _>(&*self.user_id);
        for line in &self.lines {
            ask.document::<Products, _>(line.product_id.as_deref().unwrap_or(RESERVED));
        }
        ask.names_of_order(OrderKey::Order(&self.order_id))
    }

    fn fold(
        &self,
        stamp: &Stamp,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        let key = OrderKey::Order(&self.order_id);
        let prior = fold.order(key)?.cloned().unwrap_or_default();
        let priced = self.priced(&prior, fold)?;
        if let Some(reason) = self.refused_by(&prior, &priced, fold) {
            return Ok(Outcome::Quarantined(vec![reason]));
        }
        let version = stamp.version(self.updated_at);
        let known = prior.content.as_deref();
        let same = known.is_some_and(|content| self.says(content, prior.at, &priced));
        let (stated, content_version) = version.weigh(known.map(|known| known.version), same);
        if let (Stated::Applied, Some(Foreign { currency, rate: None, .. })) =
            (stated, priced.foreign)
        {
            return Ok(Outcome::Quarantined(vec![no_rate(currency, self.at)]));
        }
        let mut order = prior;
        match (stated, &mut order.content) {
            (Stated::Stale, _) => {}
            (Stated::Unchanged, Some(content)) => content.version = content_version,
            _ => {
                let content = self.content(&order, priced, content_version, fold, resolved)?;
                order.content = Some(Box::new(content));
                (order.user, order.at) = (Some(self.user_id.as_ref().into()), Some(self.at));
            }
        }
        // Statuses have versions of their own: the event's may be news when its content is late. An
        // event without a version states them as of the order's date, so it undoes no newer one.
        let at = self.updated_at.unwrap_or(self.at);
        let statuses = (self.order_status, self.payment_status, self.delivery_status);
        let content = (stated == Stated::Applied).then_some(Part::Content);
        let (of_statuses, parts) = order.state_all(statuses, at, stamp.version(Some(at)));
        let stated = stated.max(of_statuses);
        let parts = parts.and(content.into_iter().collect());
        fold.put_order(key, order, stamp.change(parts), resolved)?;
        Ok(stated.into())
    }

    fn is_known(&self, fold: &mut Fold) -> Result<Option<bool>, NotAtHand> {
        fold.knows::<Ledger, _>(&LedgerKey::of::<PlacedOrder>(&self.order_id)).map(Some)
    }
}

impl EventKind for OrderStatus<'_> {
    fn identify(&self, _: &Stamp, ask: &mut Ask<'_>) {
        ask.row::<PlacedOrder>(&self.order_id);
    }

    fn names(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        ask.names_of_order(OrderKey::Order(&self.order_id))
    }

    fn fold(
        &self,
        stamp: &Stamp,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        let key = OrderKey::Order(&self.order_id);
        let mut order = fold.order(key)?.cloned().unwrap_or_default();
        let version = stamp.version(Some(self.at));
        let statuses = (self.order_status, self.payment_status, self.delivery_status);
        let (stated, parts) = order.state_all(statuses, self.at, version);
        fold.put_order(key, order, stamp.change(parts), resolved)?;
        Ok(stated.into())
    }

    fn is_known(&self, fold: &mut Fold) -> Result<Option<bool>, NotAtHand> {
        fold.knows::<Ledger, _>(&LedgerKey::of::<PlacedOrder>(&self.order_id)).map(Some)
    }
}

impl event::Order<'_> {
    /// The reason against the event, given what is known of the order.
    fn refused_by(&self, prior: &Order, priced: &Priced, fold: &Fold) -> Option<Reason> {
        if !prior.members.is_empty() {
            let message = "came as transactions; send an order or its transactions, not both";
            return Some(reason("orderId", message));
        }
        if prior.user.as_deref().is_some_and(|user| *user != *self.user_id) {
            return Some(reason("userId", "an order's customer cannot change"));
        }
        let text =
            |text: &Option<std::borrow::Cow<'_, str>>| text.as_ref().map_or(0, |it| it.len());
        let lines = self.lines.iter();
        let bytes: usize = lines
            .map(|it| 150 + text(&it.line_id) + text(&it.product_id) + text(&it.category))
            .sum();
        if bytes > Order::BYTES_MAX {
            return Some(reason("lines", "must be shorter: an order is kept as one document"));
        }
        let known = prior.content.iter().flat_map(|content| &content.lines);
        let old = known.fold(Sums::default(), |mut sums, line| {
            sums.add(Sums { orders: 0, quantity: line.quantity, amount: line.net() });
            sums
        });
        if let Some(reason) = exceeds(priced.amounts()) {
            return Some(reason);
        }
        let mut new = Sums::default();
        for (line, priced) in self.lines.iter().zip(&priced.lines) {
            new.add(Sums { orders: 0, quantity: line.quantity, amount: priced.net() });
        }
        let fits = fold.root.admits(old, new) && fold.root.admits_return(new);
        (!fits).then(|| reason("lines", "the shop's total would leave its integer"))
    }

    /// Whether the event states the content that is known.
    fn says(&self, content: &Content, at: Option<Time>, priced: &Priced) -> bool {
        Some(self.at) == at
            && content.payment_method.as_deref() == self.payment_method.as_deref()
            && content.country.as_deref() == self.country.as_deref()
            && content.invoice.as_deref() == self.invoice.as_deref()
            && content.foreign.map(Foreign::uncoded) == priced.foreign
            && content.stated == priced.stated
            && content.discount == priced.discount
            && content.delivery_fee == priced.delivery_fee
            && (content.tax, content.tax_included) == (priced.tax, self.tax_included)
            && content.total == priced.total
            && content.lines.len() == self.lines.len()
            && (content.lines.iter().zip(&self.lines).zip(&priced.lines).enumerate()).all(
                |(at, ((known, line), priced))| {
                    let category = line.category.as_deref();
                    *known.id == *line.id(at)
                        && known.product.as_deref() == line.product_id.as_deref()
                        && known.quantity == line.quantity
                        && known.gross == priced.gross
                        && known.discount == priced.discount
                        && known.says_cost(priced.cost)
                        && (category.is_none() || known.category.as_deref() == category)
                },
            )
    }

    /// The content, with the ordinals and codes that it is counted under.
    fn content(
        &self,
        prior: &Order,
        priced: Priced,
        version: Version,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Content, NotAtHand> {
        let buyer = fold.with_customer(&self.user_id, self.at, resolved, |_| {})?;
        let values = [None, self.payment_method.as_deref(), self.country.as_deref()];
        let month = Period::month_of(self.at);
        let [_, codes @ ..] = fold.cell(month, values)?;
        let [_, shop_codes @ ..] = fold.cell(Period::Ever, values)?;
        let mut lines = Vec::with_capacity(self.lines.len());
        for (at, (line, priced)) in self.lines.iter().zip(priced.lines).enumerate() {
            let id = line.id(at);
            let product = line.product_id.as_deref();
            let before = prior.content.as_ref().map_or(&[][..], |content| &content.lines);
            let is_same = |known: &&Line| *known.id == *id && known.product.as_deref() == product;
            // Of several lines of one id, the one in the same place.
            let known = before.get(at).filter(is_same).or_else(|| before.iter().find(is_same));
            let category = known.map(|known| known.category.clone());
            let of_same = known.filter(|known| known.quantity == line.quantity);
            let cost = of_same.filter(|known| known.is_uncosted()).map(|known| known.cost);
            let (sold, category, cost) =
                fold.with_product(product.unwrap_or(RESERVED), resolved, |product| {
                    let entry = product.catalogue.as_ref();
                    let stated = line.category.as_deref().map(Into::into);
                    let of_product = || entry.map(|it| it.category.clone());
                    let category = stated.or_else(|| category.unwrap_or_else(of_product));
                    let of_product = || entry?.cost?.times(line.quantity);
                    let cost = priced.cost.or_else(|| cost.unwrap_or_else(of_product));
                    (product.ordinal, category, cost)
                })?;
            let code = fold.code(CELL[0], month, category.as_deref())?;
            let shop_code = fold.code(CELL[0], Period::Ever, category.as_deref())?;
            lines.push(Line {
                id: id.as_ref().into(),
                product: product.map(Into::into),
                sold,
                category,
                code,
                shop_code,
                quantity: line.quantity,
                gross: priced.gross,
                discount: priced.discount,
                cost,
                cost_of_catalogue: cost.is_some() && line.cost.is_none(),
            });
        }
        let foreign = priced.foreign.map(|foreign| fold.coded(foreign, self.at)).transpose()?;
        Ok(Content {
            buyer,
            payment_method: self.payment_method.as_deref().map(Into::into),
            country: self.country.as_deref().map(Into::into),
            invoice: self.invoice.as_deref().map(Into::into),
            codes,
            shop_codes,
            lines,
            foreign,
            stated: priced.stated,
            discount: priced.discount,
            delivery_fee: priced.delivery_fee,
            tax: priced.tax,
            tax_included: self.tax_included,
            total: priced.total,
            version,
        })
    }
}

type Statuses = (Option<OrderStep>, Option<PaymentStep>, Option<DeliveryStep>);

impl Order {
    /// States those of its statuses that an event names. Returns the strongest effect, and the parts
    /// that changed.
    fn state_all(
        &mut self,
        (order, payment, delivery): Statuses,
        at: Time,
        by: Version,
    ) -> (Stated, Parts) {
        let firsts = &mut self.firsts;
        let order = order.map(|is| Order::state(&mut self.order_status, firsts, is, at, by));
        let payment = payment.map(|is| Order::state(&mut self.payment_status, firsts, is, at, by));
        let delivery =
            delivery.map(|is| Order::state(&mut self.delivery_status, firsts, is, at, by));
        let parts = [Part::OrderStatus, Part::PaymentStatus, Part::DeliveryStatus];
        let stated = [order, payment, delivery];
        let changed = parts.into_iter().zip(stated).filter(|it| it.1 == Some(Stated::Applied));
        let strongest = stated.into_iter().flatten().max().unwrap_or(Stated::Stale);
        (strongest, changed.map(|(part, _)| part).collect())
    }
}

impl Fold {
    /// An order as it is known, or a transaction that refunds name.
    pub(crate) fn order(&mut self, key: OrderKey<'_>) -> Result<Option<&Order>, NotAtHand> {
        let key = LedgerKey::from(key);
        if !self.sets.ledger.at_hand(&key) {
            // It was not asked for, so it is surely new.
            return Ok(None);
        }
        Ok(self.sets.ledger.get(&key)?.and_then(order_of))
    }

    /// A transaction of the ledger.
    pub(crate) fn sale(&mut self, transaction: &str) -> Result<Option<&Sale>, NotAtHand> {
        Ok(self.sets.ledger.get(&LedgerKey::of::<Sale>(transaction))?.and_then(<Sale as Row>::of))
    }

    /// Replaces what is known of an order; figures and its history follow.
    pub(crate) fn put_order(
        &mut self,
        key: OrderKey<'_>,
        mut order: Order,
        change: Change,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        order.settle();
        let before = self.order(key)?.cloned();
        if before.as_ref() == Some(&order) {
            return Ok(());
        }
        order.history.note(change);
        resolved.touched.insert(Topic::Orders);
        let id = LedgerKey::from(key);
        let is_new = before.is_none();
        let before = before.unwrap_or_default();
        let bill = order.bill(key);
        order.days = bill.days();
        self.charge(&bill.since(before.bill(key)), resolved)?;
        let purchase = |order: &Order| order.at.filter(|_| order.status == Some(Status::Completed));
        let (old, new) = (purchase(&before), purchase(&order));
        if let Some(user) = order.user.as_deref().filter(|_| old != new) {
            self.move_purchase(user, (old, new), resolved)?;
        }
        let odd = |order: &Order| i64::from(!order.irregular.is_empty());
        self.root.irregular += odd(&order) - odd(&before);
        if is_new {
            let (place, now) = (&mut self.root.blocks, self.root.log_time);
            self.dedup.note(&mut self.sets.blocks, place, id.as_str(), now)?;
            self.sets.ledger.supply(id.clone(), None);
        }
        self.sets.ledger.put(id, key.row(order))
    }

    /// The reason against a transaction as a line of the order that it names.
    pub(crate) fn refuses_line(
        &mut self,
        event: &Transaction<'_>,
    ) -> Result<Option<Reason>, NotAtHand> {
        let Some(id) = &event.order_id else { return Ok(None) };
        let Some(order) = self.order(OrderKey::Order(id))? else { return Ok(None) };
        if order.content.is_some() {
            let message = "came as an order event; send an order or its transactions, not both";
            return Ok(Some(reason("orderId", message)));
        }
        let is_member = order.members.iter().any(|member| *member.id == *event.transaction_id);
        let is_full = order.members.len() >= LINES_MAX || order.bytes() > Order::BYTES_MAX;
        let message = "must have at most 2000 transactions, and 640 KB of their texts";
        Ok((is_full && !is_member).then(|| reason("orderId", message)))
    }

    /// Follows a transaction that changed, in the order that it is a line of now and in the one that
    /// it was a line of before; refunds that named the transaction alone go with it.
    pub(crate) fn follow_line(
        &mut self,
        stamp: &Stamp,
        transaction: &str,
        before: Option<&str>,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        let Some(sale) = self.sale(transaction)?.cloned() else { return Ok(()) };
        let now = sale.order.clone();
        let old_key = before.map_or(OrderKey::Transaction(transaction), OrderKey::Order);
        let new_key = now.as_deref().map_or(OrderKey::Transaction(transaction), OrderKey::Order);
        let mut moved = Vec::new();
        // The transaction's own history says the rest.
        let change = |key: OrderKey<'_>, moved: &[PartialRefund]| {
            let line = matches!(key, OrderKey::Order(_)).then_some(Part::Transactions);
            let refunds = (!moved.is_empty()).then_some(Part::Refunds);
            stamp.change(line.into_iter().chain(refunds).collect())
        };
        if old_key != new_key
            && let Some(mut order) = self.order(old_key)?.cloned()
        {
            order.members.retain(|member| *member.id != *transaction);
            let follows = |refund: &mut PartialRefund| {
                refund.follows && refund.line.as_deref() == Some(transaction)
            };
            moved.extend(order.refunds.extract_if(.., follows));
            self.put_order(old_key, order, change(old_key, &moved), resolved)?;
        }
        let known = self.order(new_key)?.cloned();
        if now.is_none() && known.is_none() && moved.is_empty() {
            return Ok(());
        }
        let mut order = known.unwrap_or_default();
        order.put_member(Member::of(transaction, &sale));
        let change = change(new_key, &moved);
        for refund in moved {
            order.put_refund(refund);
        }
        self.put_order(new_key, order, change, resolved)
    }

    /// The reason against one more refund of an order.
    pub(crate) fn refuses_refund(
        &mut self,
        key: OrderKey<'_>,
        refund: &str,
    ) -> Result<Option<Reason>, NotAtHand> {
        let Some(order) = self.order(key)? else { return Ok(None) };
        if order.refunds.iter().any(|known| *known.id == *refund) {
            return Ok(None);
        }
        if order.is_awaited() && order.refunds.len() >= WAITING_MAX {
            let message = "500 refunds wait for the order or transaction that they name";
            return Ok(Some(reason("refundId", message)));
        }
        let is_full = order.refunds.len() >= LINES_MAX || order.bytes() > Order::BYTES_MAX;
        Ok(is_full.then(|| reason("refundId", "an order has at most 2000 refunds")))
    }
}

impl event::Line<'_> {
    /// Its id, else its place among the lines from 1.
    fn id(&self, at: usize) -> std::borrow::Cow<'_, str> {
        match &self.line_id {
            Some(id) => std::borrow::Cow::Borrowed(id),
            None => std::borrow::Cow::Owned((at + 1).to_string()),
        }
    }
}

impl Order {
    /// Puts a transaction in the place of its id.
    pub(crate) fn put_member(&mut self, member: Member) {
        match self.members.binary_search_by(|known| known.id.cmp(&member.id)) {
            Ok(at) => self.members[at] = member,
            Err(at) => self.members.insert(at, member),
        }
    }

    /// Puts a refund in the place of its id.
    pub(crate) fn put_refund(&mut self, refund: PartialRefund) {
        match self.refunds.binary_search_by(|known| known.id.cmp(&refund.id)) {
            Ok(at) => self.refunds[at] = refund,
            Err(at) => self.refunds.insert(at, refund),
        }
    }
}
