//! What sales and refunds in other currencies count as, on the smallest logs.

use projections::bucket::Level;
use projections::event::Kind;
use projections::family::Family;
use projections::ledger::LedgerRow;
use projections::money::Money;
use projections::orders::{Irregularity, Order as Placed};
use projections::rate::Rate as Exchange;
use projections::sales::Status;
use projections::testing::{Documents, Shop};

use Kind::{Order, Rate, Refund, Transaction};

fn rate(date: &str, rate: &str) -> String {
    format!(r#"{{"currency":"USD","rate":{rate},"date":"{date}"}}"#)
}

/// A sale of 10 USD.
fn sale(id: &str, date: &str, rest: &str) -> String {
    let sale = format!(r#""transactionId":"{id}","userId":"u","transactionDate":"{date}""#);
    format!(r#"{{{sale},"totalPrice":10,"currency":"USD"{rest}}}"#)
}

/// An order of November 10th in USD.
fn order(lines: &str, rest: &str) -> String {
    let order = r#""orderId":"o","userId":"u","orderDate":"2026-11-10","currency":"USD""#;
    format!(r#"{{{order},"lines":[{lines}]{rest}}}"#)
}

const LINE: &str = r#"{"productId":"p","quantity":1,"price":10}"#;

fn refund(amount: &str, rest: &str) -> String {
    format!(
        r#"{{"refundId":"r","amount":{amount},"at":"2026-11-12","currency":"USD","orderId":"o"{rest}}}"#
    )
}

fn back(documents: &Documents) -> String {
    documents.root.returns.amount.to_string()
}

fn placed(documents: &Documents) -> &Placed {
    match &documents.ledger["o:o"] {
        LedgerRow::Order(row) => &row.0,
        row => panic!("{row:?}"),
    }
}

/// Orders, the amount in their currency and in the shop's.
fn in_usd(documents: &Documents, status: Status) -> (i64, String, String) {
    let [orders, stated, converted] =
        documents.total(Family::Currencies, Some(status), Level::Month);
    (orders, Money(stated).to_string(), Money(converted).to_string())
}

#[test]
fn a_sale_is_converted_by_its_own_rate_else_by_the_newest_of_the_last_seven_days() {
    let (early, late) = (rate("2026-11-01", "0.5"), rate("2026-11-08", "0.75"));
    for (date, rest, amount) in [
        ("2026-11-07T23:59:59Z", "", "5"),
        ("2026-11-08", "", "7.5"),
        ("2026-11-15", "", "7.5"),
        ("2026-11-08", r#","exchangeRate":0.9"#, "9"),
        ("2026-10-01", r#","exchange_rate":"0.9""#, "9"),
    ] {
        let _ = Shop::default()
            .given(&[(Rate, &late), (Rate, &early), (Transaction, &sale("t", date, rest))])
            .then_sold(Status::Completed, 1, amount)
            .then(|documents| {
                let expected = (1, "10".into(), amount.into());
                assert_eq!(in_usd(documents, Status::Completed), expected, "{date} {rest}");
                assert!(
                    documents.vocabularies[&format!("currency/{}", &date[..7])]
                        .code(Some("USD"), 1)
                        == Some(2)
                );
            });
    }
    for date in ["2026-10-31", "2026-11-16"] {
        let _ = Shop::default()
            .given(&[(Rate, &late), (Rate, &early), (Transaction, &sale("t", date, ""))])
            .then_sold(Status::Completed, 0, "0")
            .then(|documents| {
                assert_eq!(documents.quarantine[&3], ["currency"], "{date}");
                assert!(documents.customers.is_empty() && documents.products.is_empty());
            });
    }
}

#[test]
fn a_rate_of_the_year_before_converts_what_was_sold_in_the_first_week() {
    let _ = Shop::default()
        .given(&[
            (Rate, &rate("2025-12-31", "0.5")),
            (Transaction, &sale("t", "2026-01-07", "")),
            (Transaction, &sale("s", "2026-01-08", "")),
        ])
        .then_sold(Status::Completed, 1, "5")
        .then_counted([2, 0, 0, 0, 1]);
}

#[test]
fn what_waits_for_a_rate_counts_once_it_is_replayed() {
    let sold = sale("t", "2026-11-10", "");
    let _ = Shop::default()
        .given(&[(Transaction, &sold), (Rate, &rate("2026-11-10", "0.5"))])
        .then_counted([1, 0, 0, 0, 1])
        .when_replayed(1, (Transaction, &sold))
        .then_sold(Status::Completed, 1, "5");
}

#[test]
fn a_rate_that_was_used_stays_while_currency_and_day_do() {
    let corrected = sale("t", "2026-11-10", r#","status":"pending""#);
    let _ = Shop::default()
        .given(&[
            (Rate, &rate("2026-11-10", "0.5")),
            (Transaction, &sale("t", "2026-11-10", "")),
            (Rate, &rate("2026-11-10", "0.6")),
        ])
        .then_sold(Status::Completed, 1, "5")
        .when(&[(Transaction, &corrected)])
        .then_sold(Status::Pending, 1, "5")
        .when(&[(Transaction, &corrected)])
        .then_untouched()
        .when(&[(Transaction, &sale("t", "2026-11-11", ""))])
        .then_sold(Status::Completed, 1, "6")
        .when(&[(Transaction, &sale("t", "2026-11-11", r#","exchangeRate":0.7"#))])
        .then_sold(Status::Completed, 1, "7")
        .then(|documents| assert_eq!(in_usd(documents, Status::Pending).0, 0))
        .when(&[(Transaction, &sale("t", "2026-11-11", r#","status":"returned""#))])
        .then_sold(Status::Returned, 1, "7")
        .then(|documents| assert_eq!(back(documents), "7"));
}

#[test]
fn a_return_of_a_known_sale_needs_no_rate() {
    let _ = Shop::default()
        .given(&[
            (Transaction, &sale("t", "2026-11-10", r#","exchangeRate":0.5"#)),
            (Transaction, &sale("t", "2026-11-20", r#","status":"returned""#)),
        ])
        .then_sold(Status::Returned, 1, "5")
        .then_counted([2, 0, 0, 0, 0]);
}

#[test]
fn lines_of_one_order_keep_its_rate() {
    let line = |id| sale(id, "2026-11-10", r#","orderId":"o""#);
    let _ = Shop::default()
        .given(&[
            (Rate, &rate("2026-11-10", "0.5")),
            (Transaction, &line("a")),
            (Rate, &rate("2026-11-10", "0.6")),
            (Transaction, &line("b")),
        ])
        .then_sold(Status::Completed, 1, "10")
        .then(|documents| {
            let expected = (1, "20".into(), "10".into());
            assert_eq!(in_usd(documents, Status::Completed), expected);
        });
}

#[test]
fn an_order_is_converted_line_by_line_and_its_discount_shared_after() {
    let line = |id: &str| {
        format!(
            r#"{{"productId":"{id}","quantity":1,"price":0.0001,"cost":0.0003,"discount":0.0001}}"#
        )
    };
    let lines = ["a", "b", "c"].map(line).join(",");
    let _ = Shop::default()
        .given(&[(Order, &order(&lines, r#","exchangeRate":1.5,"deliveryFee":1,"tax":2"#))])
        .then(|documents| {
            let content = placed(documents).content.as_ref().unwrap();
            let amounts = |line: &projections::orders::Line| {
                (line.gross.0, line.discount.0, line.cost.unwrap().0)
            };
            assert_eq!(amounts(&content.lines[0]), (2, 2, 4));
            assert_eq!((content.delivery_fee, content.tax), (Money(15_000), Money(30_000)));
        });
    let lines = [r#"{"quantity":1,"price":10}"#, r#"{"quantity":1,"price":20}"#].join(",");
    let rest = r#","exchangeRate":0.3333,"discount":1,"total":29"#;
    let _ = Shop::default()
        .given(&[(Order, &order(&lines, rest))])
        .then_sold(Status::Completed, 1, "9.6657")
        .then(|documents| {
            let expected = (1, "29".into(), "9.6657".into());
            assert_eq!(in_usd(documents, Status::Completed), expected);
            assert_eq!(placed(documents).irregular, []);
        });
}

#[test]
fn a_refund_takes_the_rate_of_what_it_is_of_whichever_came_first() {
    let (of_day, other) = (rate("2026-11-10", "0.5"), rate("2026-11-12", "0.9"));
    let (sold, part) = (order(LINE, ""), refund("4", ""));
    for events in [[(Order, &*sold), (Refund, &*part)], [(Refund, &part), (Order, &sold)]] {
        let _ = Shop::default()
            .given(&[(Rate, &of_day), (Rate, &other)])
            .given(&events)
            .then(|documents| assert_eq!(back(documents), "2"));
        let _ = Shop::default()
            .given(&[(Rate, &of_day)])
            .given(&events)
            .then(|documents| assert_eq!(back(documents), "2"))
            .when(&[(Order, &order(LINE, r#","exchangeRate":0.25"#))])
            .then(|documents| assert_eq!(back(documents), "1"))
            .when(&[(Refund, &refund("4", r#","exchangeRate":0.75"#))])
            .then(|documents| assert_eq!(back(documents), "3"));
    }
}

#[test]
fn a_refund_of_a_sale_in_another_currency_takes_its_days_rate() {
    let sold = order(LINE, "").replace("USD", "EUR");
    let (rate, part) = (rate("2026-11-12", "0.9"), refund("4", ""));
    let _ = Shop::default()
        .given(&[(Order, &sold), (Refund, &part), (Rate, &rate)])
        .then_counted([2, 0, 0, 0, 1])
        .when_replayed(2, (Refund, &part))
        .then(|documents| assert_eq!(back(documents), "3.6"));
    // One that waited is known, and counts once it is sent again behind a rate.
    let _ = Shop::default()
        .given(&[(Refund, &part), (Order, &sold)])
        .then(|documents| {
            assert_eq!(placed(documents).irregular, [Irregularity::Rate]);
            assert_eq!(back(documents), "0");
        })
        .given(&[(Rate, &rate), (Refund, &part)])
        .then_counted([4, 0, 0, 0, 0])
        .then(|documents| {
            assert_eq!(placed(documents).irregular, []);
            assert_eq!(back(documents), "3.6");
        })
        .when(&[(Refund, &part)])
        .then_untouched();
}

#[test]
fn a_refund_of_nothing_known_needs_a_rate() {
    let alone = refund("4", "").replace(r#","orderId":"o""#, "");
    let _ = Shop::default()
        .given(&[(Refund, &alone), (Rate, &rate("2026-11-12", "0.9"))])
        .then(|documents| assert_eq!(documents.quarantine[&1], ["currency"]))
        .when_replayed(1, (Refund, &alone))
        .then(|documents| assert_eq!(back(documents), "3.6"));
}

#[test]
fn what_is_too_much_once_converted_is_refused() {
    let much = r#","exchangeRate":100000001"#;
    let _ = Shop::default()
        .given(&[
            (Transaction, &sale("t", "2026-11-10", much)),
            (Order, &order(LINE, much)),
            (Refund, &refund("10", much)),
        ])
        .then_counted([0, 0, 0, 0, 3]);
    let fits = r#","exchangeRate":100000000"#;
    let _ = Shop::default()
        .given(&[(Transaction, &sale("t", "2026-11-10", fits)), (Order, &order(LINE, fits))])
        .then_sold(Status::Completed, 2, "2000000000");
}

#[test]
fn a_rate_of_a_day_is_what_its_newest_event_says() {
    let at = |rate: &str, version: &str| {
        let rest = format!(r#","updatedAt":"2026-11-{version}"}}"#);
        format!(r#"{{"currency":"usd","rate":{rate},"at":"2026-11-10T22:00:00Z"{rest}"#)
    };
    let _ = Shop::default()
        .given(&[(Rate, &at("0.5", "12")), (Rate, &at("0.6", "11")), (Rate, &at("0.5", "13"))])
        .then_counted([1, 0, 1, 1, 0])
        .when(&[(Rate, &at("0.5", "13"))])
        .then_untouched()
        .when(&[(Rate, &at("0.6", "14"))])
        .then(|documents| {
            let LedgerRow::Rates(rates) = &documents.ledger["e:USD/2026"] else { panic!("rates") };
            assert_eq!(rates.days.len(), 1);
            assert_eq!(rates.days[0].rate, Exchange(600_000_000));
        });
}
