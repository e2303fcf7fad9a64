//! Figures for analysis, on the smallest logs: customers by category, activities, first and last
//! purchases, ratings, returns by currency, and the days that a row contributes in.

use std::collections::BTreeMap;

use projections::bucket::{Level, quarter_of};
use projections::days::Days;
use projections::event::Kind;
use projections::family::{Family, Slice};
use projections::ledger::LedgerRow;
use projections::money::Money;
use projections::orders::document::Stated;
use projections::rollup;
use projections::sales::{Basis, Status};
use projections::table::Row;
use projections::testing::{Documents, Shop};
use projections::time::Time;

use Kind::{Activity, Feedback, Order, OrderStatus, Refund, Transaction};

fn at(date: &str) -> Time {
    Time::parse(date).unwrap()
}

fn quarter(date: &str) -> i64 {
    quarter_of(at(date)).into()
}

fn sale(id: &str, user: &str, date: &str, rest: &str) -> String {
    format!(
        r#"{{"transactionId":"{id}","userId":"{user}","totalPrice":10,"transactionDate":"{date}"{rest}}}"#
    )
}

/// The orders of each customer, by ordinal, in each category, by name, in one bucket.
fn of_categories(documents: &Documents, label: &str) -> BTreeMap<(String, u32), Row> {
    let level = if label == "ever" { Level::Ever } else { Level::Month };
    let prefix = rollup::prefix(Family::CategoryBuyers, Status::Completed.into(), level) + label;
    let names = &documents.vocabularies["category/ever"];
    let mut all = BTreeMap::new();
    for (id, table) in documents.rollups.iter().filter(|(id, _)| id.starts_with(&prefix)) {
        let chunk = rollup::chunk_of_id(id).unwrap();
        for (row, sums) in table.iter() {
            let (code, ordinal) = rollup::entity_in(level, chunk, row);
            all.insert((names.name(code).to_owned(), ordinal), sums);
        }
    }
    all
}

fn in_categories<const N: usize>(expected: [(&str, u32, i64); N]) -> BTreeMap<(String, u32), Row> {
    let row =
        |(name, ordinal, orders): (&str, u32, i64)| ((name.to_owned(), ordinal), [orders, 0, 0]);
    expected.into_iter().map(row).collect()
}

#[test]
fn a_customer_of_two_months_is_one_of_the_category_and_leaves_it_with_the_last_order() {
    let of = |category: &str| format!(r#","category":"{category}""#);
    let order = r#"{"orderId":"o","userId":"v","orderDate":"2026-11-01","paymentStatus":"paid",
        "lines":[{"category":"tea","quantity":1,"price":1},{"category":"cups","quantity":1,"price":1},
        {"category":"tea","quantity":2,"price":1}]}"#;
    let _ = Shop::default()
        .given(&[(Transaction, &sale("1", "u", "2026-10-31", &of("cups")))])
        .given(&[(Transaction, &sale("2", "u", "2026-11-01", &of("tea")))])
        .given(&[(Transaction, &sale("3", "u", "2026-11-02", &of("cups"))), (Order, order)])
        .then(|documents| {
            let november =
                in_categories([("cups", 0, 1), ("cups", 1, 1), ("tea", 0, 1), ("tea", 1, 1)]);
            assert_eq!(of_categories(documents, "2026-11"), november);
            let ever =
                in_categories([("cups", 0, 2), ("cups", 1, 1), ("tea", 0, 1), ("tea", 1, 1)]);
            assert_eq!(of_categories(documents, "ever"), ever);
        })
        .when(&[(Transaction, &sale("2", "u", "2026-11-01", &of("cups")))])
        .then(|documents| {
            let ever = in_categories([("cups", 0, 3), ("cups", 1, 1), ("tea", 1, 1)]);
            assert_eq!(of_categories(documents, "ever"), ever);
        });
}

#[test]
fn what_is_sold_at_a_minute_is_counted_there() {
    let _ = Shop::default()
        .given(&[(Transaction, &sale("1", "u", "2026-11-01T23:59:59.999Z", ""))])
        .then(|documents| {
            let table = &documents.rollups["minutes/completed/day/2026-11-01/00000000"];
            assert_eq!(table.iter().collect::<Vec<_>>(), [(1_439, [1, 1_000, 100_000])]);
        });
}

#[test]
fn a_late_activity_moves_the_first_one_of_its_customer() {
    let waved = |id: &str, date: &str| {
        format!(
            r#"{{"activityId":"{id}","userId":"u","activityType":"waved","timestamp":"{date}"}}"#
        )
    };
    let debuts = |documents: &Documents| {
        let tables = documents.rollups.iter().filter(|(id, _)| id.starts_with("debuts/"));
        let rows =
            tables.flat_map(|(id, table)| table.iter().map(move |(row, it)| (&**id, row, it[0])));
        rows.map(|(id, row, it)| (id.to_owned(), row, it)).collect::<Vec<_>>()
    };
    let first = |month: &str, row| vec![(format!("debuts/-/month/{month}/00000000"), row, 1)];
    let _ = Shop::default()
        .given(&[(Activity, &waved("1", "2026-11-02T01:00:00Z"))])
        .given(&[(Activity, &waved("2", "2026-11-03"))])
        .then(|documents| assert_eq!(debuts(documents), first("2026-11", 100)))
        .when(&[(Activity, &waved("3", "2026-10-01T00:15:00Z"))])
        .then(|documents| {
            assert_eq!(debuts(documents), first("2026-10", 1));
            let ever = documents.rows(Family::Actives, Slice::WHOLE, Level::Ever, 0);
            assert_eq!(ever, BTreeMap::from([(0, [3, 0, 0])]));
            let customer = &documents.customers["u"];
            assert_eq!(customer.first_activity, Some(at("2026-10-01T00:15:00Z")));
            assert_eq!(customer.last_activity, Some(at("2026-11-03")));
        });
}

#[test]
fn first_and_last_purchases_are_as_they_stand() {
    let purchases = |first: &'static str, last: &'static str| {
        move |documents: &Documents| {
            let rows = documents.rows(Family::Purchases, Slice::WHOLE, Level::Ever, 0);
            assert_eq!(rows, BTreeMap::from([(0, [quarter(first), quarter(last), 1])]));
        }
    };
    let failed = r#","status":"failed""#;
    let of = |id: &str, date: &str, rest: &str| sale(id, "u", date, rest);
    let _ = Shop::default()
        .given(&[(Transaction, &of("1", "2026-11-02", ""))])
        .then(purchases("2026-11-02", "2026-11-02"))
        .given(&[
            (Transaction, &of("2", "1970-01-01", "")),
            (Transaction, &of("3", "2026-11-05", "")),
        ])
        .then(purchases("1970-01-01", "2026-11-05"))
        .when(&[(Transaction, &of("2", "1970-01-01", failed))])
        .then(purchases("2026-11-02", "2026-11-05"))
        .when(&[
            (Transaction, &of("3", "2026-11-05", failed)),
            (Transaction, &of("1", "2026-11-01", "")),
        ])
        .then(purchases("2026-11-01", "2026-11-01"))
        .when(&[(Transaction, &of("1", "2026-11-01", failed))])
        .then(|documents| {
            assert!(documents.rows(Family::Purchases, Slice::WHOLE, Level::Ever, 0).is_empty());
        });
}

#[test]
fn a_rating_is_counted_by_its_stars_and_of_its_product_and_a_comment_has_its_time() {
    let rated = |stars: u8, rest: &str| {
        format!(
            r#"{{"feedbackId":"f","userId":"u","productId":"p","rating":{stars},"feedbackDate":"2026-11-02"{rest}}}"#
        )
    };
    let commented = |documents: &Documents| match &documents.ledger["f:f"] {
        LedgerRow::Feedback(rating) => rating.commented,
        row => panic!("{row:?}"),
    };
    let stars = |documents: &Documents| {
        let total = |slice| documents.total(Family::Stars, slice, Level::Month)[0];
        Family::Stars.every_slice().map(total).collect::<Vec<_>>()
    };
    let _ = Shop::default()
        .given(&[(Feedback, &rated(5, r#","comment":"Fine.""#))])
        .then(|documents| {
            assert_eq!(commented(documents), Some(at("2026-11-02")));
            assert_eq!(stars(documents), [0, 0, 0, 0, 1]);
        })
        .when(&[(Feedback, &rated(2, ""))])
        .then(|documents| {
            assert_eq!((commented(documents), stars(documents)), (None, vec![0, 1, 0, 0, 0]));
            let rated = documents.rows(Family::Rated, Slice::WHOLE, Level::Ever, 0);
            assert_eq!(rated.into_values().collect::<Vec<_>>(), [[1, 2, 0]]);
        });
}

#[test]
fn what_comes_back_is_counted_in_the_currency_that_it_was_stated_in() {
    let order = r#"{"orderId":"o","userId":"u","orderDate":"2026-10-31","currency":"USD","exchangeRate":0.5,
        "paymentStatus":"paid","discount":10,"total":95,
        "lines":[{"quantity":1,"price":70},{"quantity":1,"price":40,"discount":5}]}"#;
    let refund = r#"{"refundId":"r","orderId":"o","amount":19,"currency":"USD","at":"2026-11-02"}"#;
    let cancelled = r#"{"orderId":"o","orderStatus":"cancelled","at":"2026-11-03"}"#;
    let back = |expected: Row| {
        move |documents: &Documents| {
            for basis in Basis::ALL {
                let total = documents.total(Family::ReturnCurrencies, basis, Level::Month);
                assert_eq!(total, expected, "{basis:?}");
            }
            let names = &documents.vocabularies["currency/ever"];
            assert_eq!(names.code(Some("USD"), 64), Some(2));
        }
    };
    let days = |expected: &'static [&'static str]| {
        move |documents: &Documents| {
            let LedgerRow::Order(order) = &documents.ledger["o:o"] else { panic!("an order") };
            let expected: Days = expected.iter().map(|date| at(date)).collect();
            assert_eq!(order.0.days, expected);
        }
    };
    let usd = |amount: i64| Money(amount * 10_000);
    let _ = Shop::default()
        .given(&[(Order, order)])
        .then(days(&["2026-10-31"]))
        .then(|documents| {
            let LedgerRow::Order(order) = &documents.ledger["o:o"] else { panic!("an order") };
            let content = order.0.content.as_ref().expect("content");
            let stated = Stated { gross: usd(110), discounts: usd(15), total: Some(usd(95)) };
            assert_eq!(content.stated, Some(stated));
            assert_eq!(content.foreign.map(|it| it.amount), Some(usd(95)));
        })
        .when(&[(Refund, refund)])
        .then(back([1, 190_000, 95_000]))
        .then(days(&["2026-10-31", "2026-11-02"]))
        .when(&[(OrderStatus, cancelled)])
        .then(back([2, 950_000, 475_000]))
        .then(days(&["2026-10-31", "2026-11-02", "2026-11-03"]));
}
