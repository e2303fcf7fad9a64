//! Figures that agree: of the same events in any order, and of the same sales and returns in any form.

use std::collections::BTreeMap;

use projections::event::Kind;
use projections::fold::dedup::Blocks;
use projections::fold::root::Root;
use projections::money::Money;
use projections::quantity::Quantity;
use projections::testing::{Documents, Shop};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::generate::words::{DATES, object};
use crate::generate::{in_two_orders, log};
use crate::properties::{assert_same, in_one};

/// A day later than any sale's.
const BACK: &str = "2026-11-21T06:00:00Z";

/// Sales of one customer at one time.
#[derive(Debug, Clone)]
struct Basket {
    user: &'static str,
    at: &'static str,
    method: &'static str,
    country: &'static str,
    status: &'static str,
    lines: Vec<Bought>,
}

#[derive(Debug, Clone)]
struct Bought {
    product: Option<&'static str>,
    category: Option<&'static str>,
    quantity: &'static str,
    price: &'static str,
}

/// A form in which a shop states its sales.
#[derive(Clone, Copy)]
enum Form {
    /// An order event with lines.
    Order,
    /// A transaction for each line, which names the order.
    Lines,
    /// A transaction for each line.
    Bare,
}

impl Bought {
    fn quantity(&self) -> Quantity {
        Quantity::parse_number(self.quantity).unwrap().0
    }

    fn gross(&self) -> Money {
        Money::parse_number(self.price).unwrap().0.times(self.quantity()).unwrap()
    }

    fn line(&self) -> Value {
        let line = object([
            ("productId", self.product.map(|it| json!(it))),
            ("category", self.category.map(|it| json!(it))),
            ("quantity", Some(number(self.quantity))),
            ("price", Some(number(self.price))),
        ]);
        serde_json::from_str(&line).unwrap()
    }
}

impl Basket {
    fn events(&self, n: usize, form: Form) -> Vec<(Kind, String)> {
        if let Form::Order = form {
            let (order, payment) = match self.status {
                "completed" => ("delivered", "paid"),
                "returned" => ("cancelled", "paid"),
                status => ("processing", status),
            };
            let lines: Vec<Value> = self.lines.iter().map(Bought::line).collect();
            let body = object([
                ("orderId", Some(json!(format!("o{n}")))),
                ("userId", Some(json!(self.user))),
                ("orderDate", Some(json!(self.at))),
                ("lines", Some(json!(lines))),
                ("paymentMethod", Some(json!(self.method))),
                ("shippingAddress", Some(json!({ "country": self.country }))),
                ("orderStatus", Some(json!(order))),
                ("paymentStatus", Some(json!(payment))),
                ("updatedAt", Some(json!(BACK))),
            ]);
            return vec![(Kind::Order, body)];
        }
        let transaction = |(at, line): (usize, &Bought)| {
            let order = matches!(form, Form::Lines).then(|| json!(format!("o{n}")));
            let body = object([
                ("transactionId", Some(json!(format!("t{n}-{at}")))),
                ("orderId", order),
                ("userId", Some(json!(self.user))),
                ("transactionDate", Some(json!(self.at))),
                ("totalPrice", Some(json!(line.gross().to_string()))),
                ("quantity", Some(number(line.quantity))),
                ("productId", line.product.map(|it| json!(it))),
                ("category", line.category.map(|it| json!(it))),
                ("paymentMethod", Some(json!(self.method))),
                ("shippingAddress", Some(json!({ "country": self.country }))),
                ("status", Some(json!(self.status))),
                ("updatedAt", Some(json!(BACK))),
            ]);
            (Kind::Transaction, body)
        };
        self.lines.iter().enumerate().map(transaction).collect()
    }

    /// Refunds of everything in it, on the day on which it comes back.
    fn refunds(&self, n: usize, form: Form) -> Vec<(Kind, String)> {
        let refund = |of: (&'static str, String), lines: &[Bought]| {
            let amount: i64 = lines.iter().map(|line| line.gross().0).sum();
            let quantity: i64 = lines.iter().map(|line| line.quantity().0).sum();
            let body = object([
                ("refundId", Some(json!(of.1))),
                (of.0, Some(json!(of.1))),
                ("amount", Some(json!(Money(amount).to_string()))),
                ("quantity", Some(number(&Quantity(quantity).to_string()))),
                ("at", Some(json!(BACK))),
            ]);
            (Kind::Refund, body)
        };
        if let Form::Bare = form {
            let lines = self.lines.chunks(1).enumerate();
            return lines
                .map(|(at, line)| refund(("transactionId", format!("t{n}-{at}")), line))
                .collect();
        }
        vec![refund(("orderId", format!("o{n}")), &self.lines)]
    }
}

fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn bought() -> impl Strategy<Value = Bought> {
    let what = (optional_of(&["p0", "p1", "p2"]), optional_of(&["x", "y", "(none)", "(other)"]));
    let how_much = (select(&["1", "3", "0.75", "2.001"][..]), select(&["0", "12.5", "7.2501"][..]));
    (what, how_much).prop_map(|((product, category), (quantity, price))| Bought {
        product,
        category,
        quantity,
        price,
    })
}

fn optional_of(of: &'static [&'static str]) -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(select(of))
}

fn baskets(statuses: &'static [&'static str]) -> impl Strategy<Value = Vec<Basket>> {
    let who = (select(&["u0", "guest-1"][..]), select(&DATES[..]), select(&["cod", "card"][..]));
    let rest = (select(&["x", "y"][..]), select(statuses), prop::collection::vec(bought(), 1..5));
    let basket = (who, rest).prop_map(|((user, at, method), (country, status, lines))| Basket {
        user,
        at,
        method,
        country,
        status,
        lines,
    });
    prop::collection::vec(basket, 1..6)
}

fn shop_of(events: impl Iterator<Item = (Kind, String)>) -> Documents {
    let events: Vec<(Kind, String)> = events.collect();
    let events: Vec<(Kind, &str)> = events.iter().map(|(kind, body)| (*kind, &**body)).collect();
    let shop = Shop::default().when(&events);
    let applied = shop.documents().root.counts.applied;
    assert_eq!(applied, events.len() as u64, "{:?}", shop.documents().quarantine);
    let shop = shop.then(|_| {});
    shop.documents().clone()
}

fn stated(baskets: &[Basket], form: Form) -> Documents {
    shop_of(baskets.iter().enumerate().flat_map(|(n, basket)| basket.events(n, form)))
}

/// The rows of some families, the slices of each together or apart.
fn rows(
    documents: &Documents,
    families: &[&str],
    apart: bool,
) -> BTreeMap<(String, u32), [i64; 3]> {
    let mut rows: BTreeMap<_, [i64; 3]> = BTreeMap::new();
    for (id, table) in &documents.rollups {
        let [family, slice, rest] = id.splitn(3, '/').collect::<Vec<_>>()[..] else {
            panic!("{id}");
        };
        if families.contains(&family) {
            let slice = if apart { slice } else { "" };
            for (row, sums) in table.iter() {
                let sum = rows.entry((format!("{family}/{slice}/{rest}"), row)).or_default();
                sum.iter_mut().zip(sums).for_each(|(sum, value)| *sum += value);
            }
        }
    }
    rows.retain(|_, sums| *sums != [0; 3]);
    rows
}

/// Quantity and amount alone.
fn money(rows: BTreeMap<(String, u32), [i64; 3]>) -> BTreeMap<(String, u32), [i64; 2]> {
    let money = rows.into_iter().map(|(key, [_, quantity, amount])| (key, [quantity, amount]));
    money.filter(|(_, sums)| *sums != [0; 2]).collect()
}

const GROSS: &[&str] = &["sales", "minutes", "cells", "categories", "buyers", "sold"];
const RETURNS: &[&str] =
    &["returns", "returnminutes", "returncells", "returncategories", "returners", "returned"];

/// The documents without what tells of the order of arrival: positions, versions' among them, and
/// orders that lost everything.
pub fn settled(documents: &Documents) -> (Documents, BTreeMap<String, Value>) {
    let mut settled = documents.counts_apart();
    settled.root = Root { blocks: Blocks::default(), ..settled.root };
    settled.blocks.clear();
    let rows = std::mem::take(&mut settled.ledger).into_iter().map(|(id, row)| {
        let mut row = serde_json::to_value(row).unwrap();
        forget_positions(&mut row);
        (id, row)
    });
    let rows = rows.filter(|(_, row)| row.as_object().is_some_and(|row| row.len() > 1)).collect();
    (settled, rows)
}

fn forget_positions(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("position");
            members.values_mut().for_each(forget_positions);
        }
        Value::Array(values) => values.iter_mut().for_each(forget_positions),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn versioned_events_of_sales_orders_and_refunds_may_arrive_in_any_order(
        logs in in_two_orders(40),
    ) {
        let [one, other] = logs.map(|acts| settled(&in_one(&log(&acts, 1))));
        prop_assert_eq!(&one.1, &other.1);
        assert_same(&one.0, &other.0)?;
    }

    #[test]
    fn sales_are_the_same_as_orders_as_their_lines_and_as_bare_transactions(
        baskets in baskets(&["completed", "pending", "failed", "returned"]),
    ) {
        let [orders, lines, bare] =
            [Form::Order, Form::Lines, Form::Bare].map(|form| stated(&baskets, form));
        let gross = |documents: &Documents| rows(documents, GROSS, true);
        prop_assert_eq!(gross(&orders), gross(&lines));
        prop_assert_eq!(money(gross(&lines)), money(gross(&bare)));
        let returns = |documents: &Documents| money(rows(documents, RETURNS, true));
        prop_assert_eq!(returns(&orders), returns(&lines));
        prop_assert_eq!(returns(&lines), returns(&bare));
        prop_assert_eq!(&orders.root.sales, &lines.root.sales);
        prop_assert_eq!(usize::try_from(orders.root.sales.all().orders), Ok(baskets.len()));
        prop_assert_eq!(&orders.root.buyers, &bare.root.buyers);
    }

    #[test]
    fn a_return_is_the_same_by_status_and_by_a_refund_of_the_whole(
        baskets in baskets(&["returned"]),
    ) {
        for form in [Form::Order, Form::Lines, Form::Bare] {
            let by_status = stated(&baskets, form);
            let refunded = baskets.iter().enumerate().flat_map(|(n, basket)| {
                let sold = Basket { status: "completed", ..basket.clone() };
                let mut events = sold.events(n, form);
                events.extend(basket.refunds(n, form));
                events
            });
            let by_refund = shop_of(refunded);
            let gross = |documents: &Documents| rows(documents, GROSS, false);
            prop_assert_eq!(gross(&by_status), gross(&by_refund));
            let returns = |documents: &Documents| rows(documents, RETURNS, true);
            prop_assert_eq!(money(returns(&by_status)), money(returns(&by_refund)));
            if !matches!(form, Form::Lines) {
                prop_assert_eq!(returns(&by_status), returns(&by_refund));
            }
        }
    }
}
