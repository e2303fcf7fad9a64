//! The data set that the repository ships, imported whole.

use std::collections::{HashMap, HashSet};

use projections::event::{Event as Read, Kind, Limits, parse};
use projections::money::Money;
use projections::quantity::Quantity;
use projections::sales::Status;
use projections::time::Time;
use serde_json::Value;

use super::super::{Event, Form, Importer, Options, last_date};
use super::{TRANSACTIONS, data, time};

const DEMO: Options = Options { form: Form::Orders, shift_weeks: 0, demo: true };

/// What the events of a file come to, as the fold reads them.
#[derive(Default)]
struct Totals {
    orders: u64,
    lines: u64,
    longest: usize,
    gross: i64,
    returned: i64,
    spent: HashMap<String, i64>,
    sold: HashMap<String, i64>,
}

impl Totals {
    fn add(&mut self, event: &Event) {
        let limits = Limits { latest: Time(4_000_000_000_000), currency: "GBP" };
        let kind = Kind::parse(event.kind).expect("a kind");
        match parse(kind, &event.body, &limits).expect("it is understood") {
            Read::Order(order) => {
                self.orders += 1;
                self.longest = self.longest.max(order.lines.len());
                for line in &order.lines {
                    let product = line.product_id.as_deref().expect("named");
                    self.sell(&order.user_id, product, line.quantity, line.gross());
                }
            }
            Read::Transaction(sale) if sale.status == Status::Completed => {
                let product = sale.product_id.as_deref().expect("named");
                self.sell(&sale.user_id, product, sale.quantity, sale.total_price);
            }
            Read::Transaction(sale) => self.returned += sale.total_price.0,
            Read::Refund(refund) => {
                assert_eq!((refund.order_id, refund.adjusted.rounded), (None, false));
                self.returned += refund.amount.0;
            }
            _ => {}
        }
    }

    fn sell(&mut self, user: &str, product: &str, quantity: Quantity, amount: Money) {
        self.lines += 1;
        self.gross += amount.0;
        *self.spent.entry(user.to_owned()).or_default() += amount.0;
        *self.sold.entry(product.to_owned()).or_default() += quantity.0;
    }
}

#[test]
fn the_real_year_gives_its_known_totals_as_orders_and_as_transactions() {
    for (options, events, orders, longest) in
        [(Options::default(), 39_167, 19_960, 1_114), (TRANSACTIONS, 549_311, 0, 0)]
    {
        let mut importer = Importer::new(data(), options);
        let (mut totals, mut count) = (Totals::default(), 0);
        for event in importer.by_ref().map(Result::unwrap) {
            totals.add(&event);
            count += 1;
        }
        let summary = importer.summary();
        assert_eq!((count, summary.orders, summary.further), (events, orders, 0));
        assert_eq!((summary.lines, summary.sold, summary.returned), (541_909, 530_104, 9_288));
        assert_eq!((summary.skipped.total(), summary.skipped.malformed), (2_517, 0));
        assert_eq!((summary.products, summary.customers, summary.guests), (3_938, 5_981, 1_610));
        assert_eq!((totals.orders, totals.lines, totals.longest), (orders, 530_104, longest));
        assert_eq!((totals.gross, totals.returned), (106_666_845_440, 8_968_124_900));
        let guests = totals.spent.keys().filter(|id| id.starts_with("guest-")).count();
        assert_eq!((totals.spent.len(), guests), (5_766, 1_428));
        let most = |sums: &HashMap<String, i64>| {
            sums.iter().max_by_key(|(_, sum)| **sum).map(|(id, sum)| (id.clone(), *sum))
        };
        assert_eq!(most(&totals.spent), Some(("14646".to_owned(), 2_802_060_200)));
        assert_eq!(most(&totals.sold), Some(("23843".to_owned(), 80_995_000)));
    }
}

#[test]
fn the_interrupted_invoice_is_one_order() {
    let mut events = Importer::new(data(), Options::default()).map(Result::unwrap);
    let order = events.find(|it| (it.kind, it.id.as_str()) == ("order", "542806")).unwrap();
    let body: Value = serde_json::from_slice(&order.body).unwrap();
    assert_eq!(body["lines"].as_array().unwrap().len(), 39);
    assert_eq!(body["orderDate"], "2011-02-01T11:19:00Z");
    assert!(events.any(|it| it.id == "C542805-1"), "it began later, so it comes later");
}

#[test]
fn the_real_year_gives_the_same_bytes_again_and_no_id_twice() {
    let mut again = Importer::new(data(), DEMO);
    let mut seen = HashSet::new();
    for event in Importer::new(data(), DEMO).map(Result::unwrap) {
        assert_eq!(again.next().unwrap().unwrap(), event);
        assert!(seen.insert((event.kind, event.id)), "an id is given twice");
    }
    assert!(again.next().is_none());
}

#[test]
fn the_real_years_last_date_is_known() {
    assert_eq!(last_date(data()).unwrap(), Some(time("2011-12-09T12:50:00Z")));
}

/// The part of `part` in `whole`, in 1/1,000.
fn per_mille(part: usize, whole: usize) -> usize {
    part * 1000 / whole
}

#[test]
fn a_demos_products_are_mostly_in_a_category_and_a_few_are_low_on_stock() {
    let mut category_of = HashMap::new();
    let mut stocks = Vec::new();
    let mut sales: HashMap<String, usize> = HashMap::new();
    for event in Importer::new(data(), DEMO).map(Result::unwrap) {
        let body: Value = serde_json::from_slice(&event.body).unwrap();
        match event.kind {
            "product" => {
                category_of.insert(event.id, body["category"].as_str().unwrap().to_owned());
                stocks.push(body["stock"].as_u64().unwrap());
                assert_eq!(body["description"], "Category and stock are derived for the demo.");
            }
            "order" => {
                for line in body["lines"].as_array().unwrap() {
                    let category = &category_of[line["productId"].as_str().unwrap()];
                    *sales.entry(category.clone()).or_default() += 1;
                }
            }
            _ => {}
        }
    }
    let low = stocks.iter().filter(|stock| **stock < 20).count();
    assert!((50..=70).contains(&per_mille(low, stocks.len())), "{low} are low on stock");
    assert!(stocks.iter().all(|stock| *stock <= 400));
    assert!(per_mille(sales["Other"], sales.values().sum()) <= 50, "{sales:?}");
    assert!((12..=17).contains(&sales.len()), "{sales:?}");
}
