//! The data set that the repository ships, imported whole.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::{Importer, Options, last_date};
use super::{data, time};

const DEMO: Options = Options { shift_weeks: 0, demo: true };

/// The fields of a transaction's payload that the totals need.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sale<'a> {
    user_id: &'a str,
    product_id: &'a str,
    quantity: u64,
    #[serde(borrow)]
    total_price: &'a RawValue,
    status: &'a str,
}

/// A decimal's digits as 1/1,000.
fn thousandths(number: &str) -> u64 {
    let (ones, places) = number.split_once('.').unwrap_or((number, ""));
    format!("{ones}{places:0<3}").parse().unwrap()
}

#[derive(Default)]
struct Totals {
    revenue: u64,
    returned: u64,
    spent: HashMap<String, u64>,
    sold: HashMap<String, u64>,
}

impl Totals {
    fn add(&mut self, body: &[u8]) {
        let sale: Sale<'_> = serde_json::from_slice(body).unwrap();
        let amount = thousandths(sale.total_price.get());
        if sale.status == "returned" {
            self.returned += amount;
            return;
        }
        self.revenue += amount;
        *self.spent.entry(sale.user_id.to_owned()).or_default() += amount;
        *self.sold.entry(sale.product_id.to_owned()).or_default() += sale.quantity;
    }
}

#[test]
fn the_real_year_gives_its_known_totals() {
    let mut importer = Importer::new(data(), Options::default());
    let mut totals = Totals::default();
    for event in importer.by_ref().map(Result::unwrap) {
        if event.kind == "transaction" {
            totals.add(&event.body);
        }
    }
    let summary = importer.summary();
    assert_eq!((summary.lines, summary.completed, summary.returned), (541_909, 530_104, 9_288));
    assert_eq!((summary.skipped.total(), summary.skipped.malformed), (2_517, 0));
    assert_eq!((summary.products, summary.customers, summary.guests), (3_938, 5_981, 1_610));
    assert_eq!((totals.revenue, totals.returned), (10_666_684_544, 896_812_490));
    let guests = totals.spent.keys().filter(|id| id.starts_with("guest-")).count();
    assert_eq!((totals.spent.len(), guests), (5_766, 1_428));
    assert_eq!(totals.spent.iter().max_by_key(|(_, n)| **n), Some((&"14646".into(), &280_206_020)));
    assert_eq!(totals.sold.iter().max_by_key(|(_, n)| **n), Some((&"23843".into(), &80_995)));
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
            "transaction" => {
                let category = &category_of[body["productId"].as_str().unwrap()];
                *sales.entry(category.clone()).or_default() += 1;
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
