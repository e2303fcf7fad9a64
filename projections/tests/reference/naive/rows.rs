//! The rows of the ledger, made from the statements that hold.

use std::collections::BTreeMap;

use projections::history::History;
use projections::ledger::LedgerRow;
use projections::money::Money;
use projections::orders::status::{OrderStep, PaymentStep, STEPS, Step};
use projections::orders::{self, Member, Order, PartialRefund, PlacedOrder, RefundedSale};
use projections::quantity::Quantity;
use projections::rates::document::{OfDay, Rates};
use projections::time::Time;
use projections::{feedback, refunds, sales};

use super::figures::{date, version};
use super::orders::{Content, Placed, Refund};
use super::sales::Sale;
use super::statuses::{counts_as, first};
use super::wholes::{Partial, Whole};
use super::{Age, DAY_MS, Naive};

impl Naive {
    pub fn ledger(&self) -> BTreeMap<String, LedgerRow> {
        let sales = self.sales.iter().map(|(id, sale)| (format!("t:{id}"), self.row(sale)));
        let orders = self.wholes().map(|of| match of {
            Whole::Order(id) => {
                let order = self.order_row(of, &self.orders[id]).into();
                (format!("o:{id}"), LedgerRow::Order(PlacedOrder(order)))
            }
            Whole::Transaction(id) => {
                let order = self.order_row(of, &Placed::default()).into();
                (format!("x:{id}"), LedgerRow::Refunded(RefundedSale(order)))
            }
        });
        let refunds = self.refunds.iter().map(|(id, it)| (format!("r:{id}"), self.refund_row(it)));
        let ratings = self.ratings.iter().map(|(id, rating)| {
            let row = feedback::Rating {
                user: (*rating.event.user_id).into(),
                product: (*rating.event.product_id).into(),
                rating: rating.event.rating,
                at: rating.at,
                comment: text(rating.event.comment.as_deref()),
                commented: rating.event.comment.as_ref().map(|_| rating.at),
                days: [rating.at].into_iter().collect(),
                version: version(rating.age),
            };
            (format!("f:{id}"), LedgerRow::Feedback(row))
        });
        let visits = self.visits.iter().map(|(id, it)| (format!("s:{id}"), it.row()));
        let rows = sales.chain(orders).chain(refunds).chain(ratings).chain(visits);
        let mut rows: BTreeMap<String, LedgerRow> = rows.collect();
        for ((currency, day), (rate, age)) in &self.rates {
            let at = Time(day * DAY_MS);
            let row = rows.entry(format!("e:{currency}/{}", date(at).format("%Y")));
            let row = row.or_insert_with(|| LedgerRow::Rates(Rates::default()));
            let (day, version) = (u32::try_from(*day).unwrap(), version(*age));
            if let LedgerRow::Rates(rates) = row {
                rates.days.push(OfDay { day, rate: *rate, version });
            }
        }
        rows
    }

    fn row(&self, sale: &Sale) -> LedgerRow {
        let event = sale.facts();
        let age = sale.sold.as_ref().or(sale.back.as_ref()).unwrap().1;
        let returned = sale.back.as_ref().map(|(back, age)| sales::Returned {
            date: back.at,
            processed: back.updated_at,
            sold_as: sale.sold.as_ref().map(|(sold, _)| sold.status),
            version: version(*age),
        });
        LedgerRow::Transaction(sales::Sale {
            user: (*event.user_id).into(),
            buyer: self.people[&*event.user_id].ordinal,
            product: text(event.product_id.as_deref()),
            sold: self.things[sale.product()].ordinal,
            status: sale.status(),
            amount: event.total_price,
            foreign: event.foreign.map(|foreign| foreign.under(sale.currency)),
            quantity: event.quantity,
            at: event.at,
            payment_method: (*event.payment_method).into(),
            category: text(sale.category.as_deref()),
            country: text(event.country.as_deref()),
            cell: sale.codes,
            shop_cell: sale.shop_codes,
            order: text(event.order_id.as_deref()),
            returned: returned.map(Box::new),
            days: [Some(event.at), sale.returned_at()].into_iter().flatten().collect(),
            version: version(age),
            history: History::default(),
        })
    }

    fn order_row(&self, of: Whole<'_>, placed: &Placed) -> Order {
        let content = placed.content.as_ref();
        let [order, payment, delivery] = placed.steps;
        let firsts = (0..STEPS.len()).filter_map(|step| Some((step, first(placed, step)?)));
        Order {
            user: content.map(|content| (*content.event.user_id).into()),
            status: content.map(|content| counts_as(placed, content)),
            at: content.map(|content| content.event.at),
            content: content.map(|content| Box::new(self.content_row(content))),
            order_status: order.map(current::<OrderStep>),
            payment_status: payment.map(current::<PaymentStep>),
            delivery_status: delivery.map(current),
            firsts: firsts.collect(),
            members: self.members(of).into_iter().map(|it| self.member_row(it)).collect(),
            refunds: self.partials(of).iter().map(refund_of).collect(),
            irregular: self.irregular(of),
            days: self.days_of(of),
            history: History::default(),
        }
    }

    fn content_row(&self, content: &Content) -> orders::Content {
        let event = &content.event;
        let lines = content.lines.iter().map(|line| orders::Line {
            id: (*line.id).into(),
            product: text(line.product.as_deref()),
            sold: self.things[line.product()].ordinal,
            category: text(line.category.as_deref()),
            code: line.code,
            shop_code: line.shop_code,
            quantity: Quantity(line.quantity),
            gross: Money(line.gross),
            discount: Money(line.discount),
            cost: line.cost.map(Money),
            cost_of_catalogue: line.cost.is_some() && !line.states_cost,
        });
        orders::Content {
            buyer: self.people[&*event.user_id].ordinal,
            payment_method: text(event.payment_method.as_deref()),
            country: text(event.country.as_deref()),
            invoice: text(event.invoice.as_deref()),
            codes: content.codes,
            shop_codes: content.shop_codes,
            lines: lines.collect(),
            foreign: content.foreign,
            stated: content.stated,
            discount: event.discount,
            delivery_fee: event.delivery_fee,
            tax: event.tax,
            tax_included: event.tax_included,
            total: event.total,
            version: version(content.age),
        }
    }

    fn member_row(&self, (id, sale): (&str, &Sale)) -> Member {
        let event = sale.facts();
        Member {
            id: id.into(),
            user: (*event.user_id).into(),
            buyer: self.people[&*event.user_id].ordinal,
            product: text(event.product_id.as_deref()),
            sold: self.things[sale.product()].ordinal,
            category: text(sale.category.as_deref()),
            cell: sale.codes,
            shop_cell: sale.shop_codes,
            status: sale.status(),
            at: event.at,
            quantity: event.quantity,
            amount: event.total_price,
            foreign: event.foreign.map(|foreign| foreign.under(sale.currency)),
            returned_at: sale.returned_at(),
        }
    }

    fn refund_row(&self, refund: &Refund) -> LedgerRow {
        let event = &refund.event;
        let alone = refund.is_alone().then(|| refunds::document::Alone {
            buyer: event.user_id.as_deref().map(|user| self.people[user].ordinal),
            sold: self.things[event.product_id.as_deref().unwrap_or("(none)")].ordinal,
            category: text(refund.category.as_deref()),
            cell: refund.codes,
        });
        LedgerRow::Refund(refunds::Refund {
            order: text(event.order_id.as_deref()),
            transaction: text(event.transaction_id.as_deref()),
            line: text(event.line_id.as_deref()),
            product: text(event.product_id.as_deref()),
            customer: text(event.user_id.as_deref()),
            amount: event.amount,
            foreign: event.foreign.map(|foreign| foreign.under([0, refund.currency])),
            quantity: event.quantity,
            at: event.at,
            country: text(event.country.as_deref()),
            reason: text(event.reason.as_deref()),
            days: alone.iter().map(|_| event.at).collect(),
            alone,
            version: version(refund.age),
        })
    }
}

pub fn text(text: Option<&str>) -> Option<Box<str>> {
    text.map(Into::into)
}

fn current<S: Step>((step, age): (usize, Age)) -> orders::document::Current<S> {
    let is = S::ALL.iter().copied().find(|it| it.step() == step).unwrap();
    orders::document::Current { is, version: version(age) }
}

fn refund_of(partial: &Partial<'_>) -> PartialRefund {
    PartialRefund {
        id: partial.id.into(),
        line: partial.line.map(Into::into),
        product: partial.product.map(Into::into),
        amount: partial.event.amount,
        foreign: partial.event.foreign.map(|foreign| foreign.under([0, partial.currency])),
        quantity: Quantity(partial.quantity),
        at: partial.at,
        follows: partial.follows,
    }
}
