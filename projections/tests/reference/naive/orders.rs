//! Orders, their statuses, and refunds: what was told of each.

use projections::event::Adjusted;
use projections::money::Money;
use projections::orders::document::Stated;
use projections::orders::status::Step;
use projections::orders::{OrderEvent, OrderStatus, event};
use projections::rate::Rate;
use projections::rates::Foreign;
use projections::refunds::event::Refund as RefundEvent;
use projections::time::Time;

use super::rates::{convert, is_too_large};
use super::{Age, Came, Naive, after, is_older};

/// What is known of an order, its transactions and refunds apart.
#[derive(Default)]
pub struct Placed {
    pub content: Option<Content>,
    /// The present status of the order, of its payment and of its delivery, by the place among
    /// `STEPS`, with its age.
    pub steps: [Option<(usize, Age)>; 3],
    /// Every status that was ever told, with its time.
    pub told: Vec<(usize, Time)>,
}

/// The newest event of an order.
#[derive(Clone)]
pub struct Content {
    pub event: OrderEvent<'static>,
    pub age: Age,
    pub lines: Vec<Line>,
    /// The codes of payment method and country.
    pub codes: [u16; 2],
    /// The same among those of all time.
    pub shop_codes: [u16; 2],
    /// The amount as stated, in another currency, under the code of that.
    pub foreign: Option<Foreign>,
    /// Gross, discounts and total as stated, in that currency.
    pub stated: Option<Stated>,
}

#[derive(Clone, PartialEq)]
pub struct Line {
    pub id: String,
    pub product: Option<String>,
    pub category: Option<String>,
    pub code: u16,
    /// The code of the category among those of all time.
    pub shop_code: u16,
    pub quantity: i64,
    pub gross: i64,
    /// Its own, and its share of the order's.
    pub discount: i64,
    pub cost: Option<i64>,
    pub states_cost: bool,
}

impl Line {
    pub fn product(&self) -> &str {
        self.product.as_deref().unwrap_or("(none)")
    }

    pub fn net(&self) -> i64 {
        self.gross - self.discount
    }
}

/// A refund by its newest event.
pub struct Refund {
    pub event: RefundEvent<'static>,
    pub age: Age,
    /// The catalogue's when it first named the product.
    pub category: Option<String>,
    /// The codes of category, payment method and country among those of all time.
    pub codes: [u16; 3],
    /// The code of the currency among those of all time.
    pub currency: u16,
}

impl Refund {
    /// Whether it names nothing that was sold.
    pub fn is_alone(&self) -> bool {
        self.event.order_id.is_none() && self.event.transaction_id.is_none()
    }
}

/// Parts of a whole by their weights, largest remainder first, ties in their order.
pub fn shares(whole: i64, weights: &[i64]) -> Vec<i64> {
    let mut weights: Vec<i128> = weights.iter().map(|it| i128::from((*it).max(0))).collect();
    if weights.iter().all(|it| *it == 0) {
        weights.fill(1);
    }
    let (sign, whole) = (whole.signum(), i128::from(whole).abs());
    let sum: i128 = weights.iter().sum();
    let mut shares: Vec<i128> = weights.iter().map(|it| whole * it / sum).collect();
    let mut by_rest: Vec<usize> = (0..weights.len()).collect();
    by_rest.sort_by_key(|at| -(whole * weights[*at] % sum));
    let missing = whole - shares.iter().sum::<i128>();
    by_rest.iter().take(missing.try_into().unwrap()).for_each(|at| shares[*at] += 1);
    shares.into_iter().map(|it| sign * i64::try_from(it).unwrap()).collect()
}

/// An amount for so many thousandths, rounded half-even.
fn times(amount: i64, thousandths: i64) -> i64 {
    let exact = i128::from(amount) * i128::from(thousandths);
    let (floor, rest) = (exact / 1_000, exact % 1_000);
    let up = rest > 500 || rest == 500 && floor % 2 == 1;
    i64::try_from(floor).unwrap() + i64::from(up)
}

/// Gross, discount and cost of a line in the shop's currency.
fn amounts_of_line(line: &event::Line<'_>, rate: Option<Rate>) -> [i64; 3] {
    let (quantity, cost) = (line.quantity.0, line.cost.map_or(0, |cost| cost.0));
    let stated = [times(line.price.0, quantity), line.discount.0, times(cost, quantity)];
    stated.map(|amount| rate.map_or(amount, |rate| convert(amount, rate.0)))
}

fn amounts_of_lines(event: &OrderEvent<'static>, rate: Option<Rate>) -> Vec<i64> {
    event.lines.iter().flat_map(|line| amounts_of_line(line, rate)).collect()
}

/// The strongest of some effects.
pub fn strongest(all: impl IntoIterator<Item = Came>) -> Came {
    let mut strongest = Came::Stale;
    for came in all {
        match came {
            Came::Applied => strongest = Came::Applied,
            Came::Unchanged if matches!(strongest, Came::Stale) => strongest = Came::Unchanged,
            _ => {}
        }
    }
    strongest
}

impl Placed {
    fn state(&mut self, part: usize, step: Option<usize>, age: Age) -> Option<Came> {
        let (step, at) = (step?, age.0.unwrap());
        let is_first = self.told.iter().all(|(other, told)| *other != step || at < *told);
        self.told.push((step, at));
        let came = match &mut self.steps[part] {
            Some((_, known)) if is_older(age, *known) => Came::Stale,
            Some((is, known)) if *is == step => {
                *known = (age.0, known.1);
                Came::Unchanged
            }
            present => {
                *present = Some((step, age));
                Came::Applied
            }
        };
        Some(if is_first { Came::Applied } else { came })
    }
}

impl Content {
    /// Whether it says the same as another one, at whatever version.
    fn says_the_same(&self, other: &Content) -> bool {
        let facts = |it: &Content| OrderEvent {
            lines: vec![],
            order_status: None,
            payment_status: None,
            delivery_status: None,
            adjusted: Adjusted::default(),
            updated_at: None,
            ..it.event.clone()
        };
        let uncoded = |it: &Content| {
            let lines = it.lines.iter().map(|line| Line { code: 0, shop_code: 0, ..line.clone() });
            lines.collect::<Vec<_>>()
        };
        let foreign = |it: &Content| it.foreign.map(projections::rates::Foreign::uncoded);
        facts(self) == facts(other)
            && foreign(self) == foreign(other)
            && self.stated == other.stated
            && uncoded(self) == uncoded(other)
    }
}

impl Naive {
    pub fn has_content(&self, order: &str) -> bool {
        self.orders.get(order).is_some_and(|placed| placed.content.is_some())
    }

    pub fn order(&mut self, event: &OrderEvent<'static>, place: u64) -> Came {
        let known = self.orders.get(&*event.order_id).and_then(|placed| placed.content.as_ref());
        if known.is_some_and(|known| known.event.user_id != event.user_id) {
            return Came::Quarantined(vec!["userId".into()]);
        }
        if self.sales.values().any(|sale| sale.order() == Some(&*event.order_id)) {
            return Came::Quarantined(vec!["orderId".into()]);
        }
        let (foreign, converted) = self.converted_order(event);
        let rate = foreign.map_or(Some(None), |foreign| foreign.rate.map(Some));
        let amounts = [&converted.discount, &converted.delivery_fee, &converted.tax];
        let amounts = amounts.into_iter().chain(&converted.total).map(|it| it.0);
        if rate.is_some_and(|rate| is_too_large(amounts.chain(amounts_of_lines(event, rate)))) {
            return Came::Quarantined(vec!["currency".into()]);
        }
        let sum = |of: &dyn Fn(&event::Line<'_>) -> i64| Money(event.lines.iter().map(of).sum());
        let stated = foreign.map(|_| Stated {
            gross: sum(&|line| times(line.price.0, line.quantity.0)),
            discounts: Money(sum(&|line| line.discount.0).0 + event.discount.0),
            total: event.total,
        });
        let content = self.state_content(&converted, foreign, stated, place);
        if let Came::Quarantined(fields) = content {
            return Came::Quarantined(fields);
        }
        let age = (Some(event.updated_at.unwrap_or(event.at)), place);
        let placed = self.orders.entry(event.order_id.to_string()).or_default();
        let steps = [
            placed.state(0, event.order_status.map(Step::step), age),
            placed.state(1, event.payment_status.map(Step::step), age),
            placed.state(2, event.delivery_status.map(Step::step), age),
        ];
        strongest(steps.into_iter().flatten().chain([content]))
    }

    fn state_content(
        &mut self,
        event: &OrderEvent<'static>,
        foreign: Option<Foreign>,
        stated: Option<Stated>,
        place: u64,
    ) -> Came {
        let mut age = (event.updated_at, place);
        let known = self.orders.get(&*event.order_id).and_then(|placed| placed.content.as_ref());
        let lines = self.lines(event, foreign.and_then(|foreign| foreign.rate), known);
        let mut content = Content {
            event: event.clone(),
            age,
            lines,
            codes: [0; 2],
            shop_codes: [0; 2],
            foreign,
            stated,
        };
        if let Some(known) = known {
            if is_older(age, known.age) {
                return Came::Stale;
            }
            age = after(age, known.age);
            if content.says_the_same(known) {
                let placed = self.orders.get_mut(&*event.order_id).unwrap();
                placed.content.as_mut().unwrap().age.0 = age.0;
                return Came::Unchanged;
            }
        }
        if foreign.is_some_and(|foreign| foreign.rate.is_none()) {
            return Came::Quarantined(vec!["currency".into()]);
        }
        content.age = age;
        self.seen(&event.user_id, event.at);
        for line in &mut content.lines {
            self.thing(line.product());
            line.code = self.word("category", 256, event.at, line.category.as_deref());
            line.shop_code = self.shop_word("category", 256, line.category.as_deref());
        }
        content.codes = [
            self.word("paymentMethod", 256, event.at, event.payment_method.as_deref()),
            self.word("country", 256, event.at, event.country.as_deref()),
        ];
        content.shop_codes = [
            self.shop_word("paymentMethod", 256, event.payment_method.as_deref()),
            self.shop_word("country", 256, event.country.as_deref()),
        ];
        content.foreign = foreign.map(|foreign| foreign.under(self.currency(event.at, foreign)));
        self.orders.entry(event.order_id.to_string()).or_default().content = Some(content);
        Came::Applied
    }

    fn lines(
        &self,
        event: &OrderEvent<'static>,
        rate: Option<Rate>,
        known: Option<&Content>,
    ) -> Vec<Line> {
        let line = |(at, line): (usize, &event::Line<'static>)| {
            let id = line.line_id.as_deref().map_or((at + 1).to_string(), Into::into);
            let product = line.product_id.as_deref().map(str::to_owned);
            let is_same = |it: &&Line| it.id == id && it.product == product;
            let known = known.map_or(&[][..], |known| &known.lines);
            let before = known.get(at).filter(is_same).or_else(|| known.iter().find(is_same));
            let category = match (&line.category, before) {
                (Some(stated), _) => Some(stated.to_string()),
                (None, Some(before)) => before.category.clone(),
                (None, None) => self.catalogued(product.as_deref()),
            };
            let quantity = line.quantity.0;
            let [gross, discount, stated] = amounts_of_line(line, rate);
            let of_same = before.filter(|it| it.quantity == quantity && !it.states_cost);
            let cost = match (line.cost, of_same) {
                (Some(_), _) => Some(stated),
                (None, Some(before)) => before.cost,
                // More than can be stated is not known.
                (None, None) => self
                    .catalogued_cost(product.as_deref())
                    .filter(|cost| i128::from(*cost) * i128::from(quantity) <= 10_i128.pow(16))
                    .map(|cost| times(cost, quantity)),
            };
            Line {
                id,
                product,
                category,
                code: 0,
                shop_code: 0,
                quantity,
                gross,
                discount,
                cost,
                states_cost: line.cost.is_some(),
            }
        };
        let mut lines: Vec<Line> = event.lines.iter().enumerate().map(line).collect();
        let nets: Vec<i64> = lines.iter().map(Line::net).collect();
        let shares = shares(event.discount.0, &nets);
        lines.iter_mut().zip(shares).for_each(|(line, share)| line.discount += share);
        lines
    }

    pub fn order_status(&mut self, event: &OrderStatus<'static>, place: u64) -> Came {
        let age = (Some(event.at), place);
        let placed = self.orders.entry(event.order_id.to_string()).or_default();
        let steps = [
            placed.state(0, event.order_status.map(Step::step), age),
            placed.state(1, event.payment_status.map(Step::step), age),
            placed.state(2, event.delivery_status.map(Step::step), age),
        ];
        strongest(steps.into_iter().flatten())
    }

    pub fn refund(&mut self, event: &RefundEvent<'static>, place: u64) -> Came {
        let event = &self.converted_refund(event);
        let lacks_rate = self.lacks_rate(event);
        let mut age = (event.updated_at, place);
        let mut category = self.catalogued(event.product_id.as_deref());
        if let Some(known) = self.refunds.get_mut(&*event.refund_id) {
            if known.event.order_id != event.order_id {
                return Came::Quarantined(vec!["orderId".into()]);
            }
            if known.event.transaction_id != event.transaction_id {
                return Came::Quarantined(vec!["transactionId".into()]);
            }
            if is_older(age, known.age) {
                return Came::Stale;
            }
            age = after(age, known.age);
            let content = |it: &RefundEvent<'static>| RefundEvent {
                updated_at: None,
                adjusted: Adjusted::default(),
                ..it.clone()
            };
            if content(&known.event) == content(event) {
                known.age.0 = age.0;
                return Came::Unchanged;
            }
            if known.event.product_id == event.product_id {
                category.clone_from(&known.category);
            }
        }
        if lacks_rate || is_too_large([event.amount.0]) {
            return Came::Quarantined(vec!["currency".into()]);
        }
        let mut refund = Refund { event: event.clone(), age, category, codes: [0; 3], currency: 0 };
        if let Some(user) = &event.user_id {
            self.seen(user, event.at);
        }
        if refund.is_alone() {
            self.thing(event.product_id.as_deref().unwrap_or("(none)"));
            refund.codes = [
                self.shop_word("category", 256, refund.category.as_deref()),
                0,
                self.shop_word("country", 256, event.country.as_deref()),
            ];
        }
        if let Some(foreign) = &event.foreign {
            refund.currency = self.shop_word("currency", 64, Some(foreign.currency.as_str()));
        }
        if let Some(order) = &event.order_id {
            self.orders.entry(order.to_string()).or_default();
        }
        self.refunds.insert(event.refund_id.to_string(), refund);
        if let Some(transaction) = &event.transaction_id {
            self.note_refunded(transaction);
        }
        Came::Applied
    }

    /// Takes note of a transaction that is no line of an order, if a refund names it.
    pub fn note_refunded(&mut self, transaction: &str) {
        let is_named = self.refunds.values().any(|refund| {
            refund.event.order_id.is_none()
                && refund.event.transaction_id.as_deref() == Some(transaction)
        });
        let has_order = self.sales.get(transaction).is_some_and(|sale| sale.order().is_some());
        if is_named && !has_order {
            self.refunded.insert(transaction.to_owned());
        }
    }
}
