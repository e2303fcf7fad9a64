//! Rates of exchange, and amounts in other currencies.

use projections::orders::OrderEvent;
use projections::rates::Foreign;
use projections::rates::event::Rate;
use projections::refunds::event::Refund as RefundEvent;
use projections::sales::{Status, Transaction};
use projections::time::Time;

use super::wholes::Whole;
use super::{Age, Came, DAY_MS, Naive, after, is_older};

/// The most that an amount may come to.
const LARGEST: i64 = 1_000_000_000 * 10_000;

/// An amount by a rate, rounded half-even.
pub fn convert(amount: i64, rate: i64) -> i64 {
    let one = 1_000_000_000_i128;
    let twice = i128::from(amount) * i128::from(rate) * 2;
    let (down, rest) = (twice / (2 * one), twice % (2 * one));
    let up = rest > one || rest == one && down % 2 == 1;
    i64::try_from(down + i128::from(up)).unwrap_or(i64::MAX)
}

pub fn is_too_large(amounts: impl IntoIterator<Item = i64>) -> bool {
    amounts.into_iter().any(|amount| amount > LARGEST)
}

fn day(at: Time) -> i64 {
    at.0 / DAY_MS
}

impl Naive {
    pub fn rate(&mut self, event: &Rate<'static>, place: u64) -> Came {
        let day = i64::from(event.day);
        let mut age: Age = (event.updated_at, place);
        let key = (event.currency.to_string(), day);
        if let Some((rate, known)) = self.rates.get_mut(&key) {
            if is_older(age, *known) {
                return Came::Stale;
            }
            age = after(age, *known);
            if *rate == event.rate {
                known.0 = age.0;
                return Came::Unchanged;
            }
        }
        self.rates.insert(key, (event.rate, age));
        Came::Applied
    }

    /// The rate that an event states, else the one used before in that currency on that day, else
    /// the latest of that day and the seven before.
    fn exchange(&self, stated: Foreign, at: Time, before: &[(Option<Foreign>, Time)]) -> Foreign {
        if stated.rate.is_some() {
            return stated;
        }
        for (used, used_at) in before {
            if let Some(used) = used
                && used.rate.is_some()
                && (used.currency, day(*used_at)) == (stated.currency, day(at))
            {
                return Foreign { rate: used.rate, own: used.own, ..stated };
            }
        }
        let currency = stated.currency.to_string();
        let rate = (0..=7).find_map(|age| self.rates.get(&(currency.clone(), day(at) - age)));
        Foreign { rate: rate.map(|(rate, _)| *rate), ..stated }
    }

    /// A transaction with its amount in the shop's currency.
    pub fn converted_sale(&self, event: &Transaction<'static>) -> Transaction<'static> {
        let mut event = event.clone();
        let Some(stated) = event.foreign else { return event };
        let known = self.sales.get(&*event.transaction_id);
        if let Some(known) = known.filter(|known| known.sold.is_some())
            && event.status == Status::Returned
        {
            (event.total_price, event.foreign) = (known.facts().total_price, known.facts().foreign);
            return event;
        }
        let mut before = vec![];
        before.extend(known.map(|known| (known.facts().foreign, known.facts().at)));
        if let Some(order) = &event.order_id {
            for (_, sale) in self.members(Whole::Order(order)) {
                before.push((sale.facts().foreign, sale.facts().at));
            }
        }
        let foreign = self.exchange(stated, event.at, &before);
        if let Some(rate) = foreign.rate {
            event.total_price.0 = convert(stated.amount.0, rate.0);
        }
        event.foreign = Some(foreign);
        event
    }

    /// A refund with its amount in the shop's currency by the rate that it has by itself.
    pub fn converted_refund(&self, event: &RefundEvent<'static>) -> RefundEvent<'static> {
        let mut event = event.clone();
        let Some(stated) = event.foreign else { return event };
        let known = self.refunds.get(&*event.refund_id).map(|known| &known.event);
        let before: Vec<_> = known.map(|known| (known.foreign, known.at)).into_iter().collect();
        let foreign = self.exchange(stated, event.at, &before);
        event.amount.0 = foreign.rate.map_or(0, |rate| convert(stated.amount.0, rate.0));
        event.foreign = Some(foreign);
        event
    }

    /// The rate of an order, and the order with its own amounts in the shop's currency.
    pub fn converted_order(
        &self,
        event: &OrderEvent<'static>,
    ) -> (Option<Foreign>, OrderEvent<'static>) {
        let mut event = event.clone();
        let Some(currency) = event.currency else { return (None, event) };
        let cost: i64 = event.lines.iter().map(|line| line.gross().0 - line.discount.0).sum();
        let net = projections::money::Money(cost - event.discount.0);
        let stated = Foreign::stated(currency, net, event.exchange_rate.take());
        let known = self.orders.get(&*event.order_id).and_then(|known| known.content.as_ref());
        let before: Vec<_> =
            known.map(|known| (known.foreign, known.event.at)).into_iter().collect();
        let foreign = self.exchange(stated, event.at, &before);
        if let Some(rate) = foreign.rate {
            let amounts = [&mut event.discount, &mut event.delivery_fee, &mut event.tax];
            for amount in amounts.into_iter().chain(&mut event.total) {
                amount.0 = convert(amount.0, rate.0);
            }
        }
        (Some(foreign), event)
    }

    /// The amount of a refund as the whole that it is of counts it.
    pub fn amount_of(&self, of: Whole<'_>, event: &RefundEvent<'static>) -> Option<i64> {
        let Some(stated) = event.foreign.filter(|stated| !stated.own) else {
            return Some(event.amount.0);
        };
        let line = event.transaction_id.as_deref().or(event.line_id.as_deref());
        let mut sold: Vec<Option<Foreign>> = vec![self.content(of).and_then(|it| it.foreign)];
        let mut members = self.members(of);
        members.sort_by_key(|(id, sale)| (sale.facts().at, *id));
        sold.extend(members.iter().filter(|it| Some(it.0) == line).map(|it| it.1.facts().foreign));
        sold.extend(members.iter().map(|(_, sale)| sale.facts().foreign));
        let mut sold = sold.into_iter().flatten();
        match sold.find(|sold| sold.currency == stated.currency) {
            Some(sold) => Some(convert(stated.amount.0, sold.rate?.0).min(LARGEST)),
            None => stated.rate.map(|_| event.amount.0),
        }
    }

    /// Whether a refund has neither a rate of its own nor one of what it is of, and does not wait.
    pub fn lacks_rate(&self, event: &RefundEvent<'static>) -> bool {
        if event.foreign.is_none_or(|foreign| foreign.rate.is_some()) {
            return false;
        }
        let transaction = event.transaction_id.as_deref();
        let sale = transaction.and_then(|transaction| self.sales.get(transaction));
        let order = event.order_id.as_deref().or(sale.and_then(super::sales::Sale::order));
        let of = match (order, transaction) {
            (Some(order), _) => Whole::Order(order),
            (None, Some(transaction)) => Whole::Transaction(transaction),
            (None, None) => return true,
        };
        !self.is_awaited(of) && self.amount_of(of, event).is_none()
    }
}
