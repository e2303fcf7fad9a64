//! What orders, their statuses, returns and refunds count as, on the smallest logs.

use projections::bucket::Level;
use projections::event::Kind;
use projections::family::{Family, Slice};
use projections::history::{Change, History, Part};
use projections::ledger::LedgerRow;
use projections::orders::{Irregularity, Order as Placed};
use projections::sales::{Basis, Status};
use projections::testing::{Documents, Shop};
use projections::time::Time;

use Kind::{Order, OrderStatus, Refund, Transaction};

/// An order of customer `u` on November 1st with these lines and members besides.
fn order(lines: &str, rest: &str) -> String {
    format!(
        r#"{{"orderId":"o","userId":"u","orderDate":"2026-11-01","lines":[{lines}]{}}}"#,
        more(rest)
    )
}

/// A line of a product of the same id.
fn line(id: &str, quantity: &str, price: &str) -> String {
    format!(r#"{{"lineId":"{id}","productId":"{id}","quantity":{quantity},"price":{price}}}"#)
}

fn two_lines() -> String {
    [line("a", "1", "10"), line("b", "1", "10")].join(",")
}

fn sale(id: &str, rest: &str) -> String {
    format!(
        r#"{{"transactionId":"{id}","userId":"u","totalPrice":10,"transactionDate":"2026-11-01"{}}}"#,
        more(rest)
    )
}

fn refund(id: &str, amount: &str, rest: &str) -> String {
    format!(r#"{{"refundId":"{id}","amount":{amount},"at":"2026-11-05"{}}}"#, more(rest))
}

fn more(rest: &str) -> String {
    if rest.is_empty() { String::new() } else { format!(",{rest}") }
}

fn placed<'d>(documents: &'d Documents, id: &str) -> &'d Placed {
    match &documents.ledger[id] {
        LedgerRow::Order(row) => &row.0,
        LedgerRow::Refunded(row) => &row.0,
        row => panic!("{row:?}"),
    }
}

/// Returns, and the amount of what came back, as text.
fn back(documents: &Documents) -> (i64, String) {
    (documents.root.returns.orders, documents.root.returns.amount.to_string())
}

/// The quarter hours that returns are counted in.
fn returned_at(documents: &Documents, basis: Basis) -> Vec<String> {
    let prefix = format!("returns/{}/month/", basis.as_str());
    let mut times = Vec::new();
    for (id, table) in documents.rollups.range(prefix.clone()..) {
        let Some(month) = id.strip_prefix(&prefix) else { break };
        let begin = Time::parse(&format!("{}-01", &month[..7])).unwrap();
        times.extend(table.iter().map(|(row, _)| {
            let at = Time(begin.0 + i64::from(row) * 900_000);
            at.to_rfc3339()[..10].to_owned()
        }));
    }
    times
}

fn status(slice: &str) -> Slice {
    Family::Steps.slice(slice).unwrap()
}

#[test]
fn a_discount_that_does_not_divide_is_shared_to_the_last_unit() {
    let lines = [line("a", "1", "10"), line("b", "1", "10"), line("c", "1", "10")].join(",");
    let _ = Shop::default()
        .when(&[(Order, &order(&lines, r#""discount":1"#))])
        .then_sold(Status::Completed, 1, "29")
        .then(|documents| {
            let amount = |id: &str| documents.products[id].sales.completed.amount.to_string();
            assert_eq!(["a", "b", "c"].map(amount), ["9.6666", "9.6667", "9.6667"]);
            assert_eq!(documents.root.money.of(Status::Completed), [10_000, 0, 0]);
        });
}

#[test]
fn a_discount_is_shared_by_what_each_line_costs_after_its_own() {
    let own = r#"{"lineId":"b","productId":"b","quantity":2.5,"price":8,"discount":10}"#;
    let lines = format!("{},{own}", line("a", "1", "30"));
    let _ = Shop::default()
        .when(&[(Order, &order(&lines, r#""discount":4,"deliveryFee":5,"total":41"#))])
        .then_sold(Status::Completed, 1, "36")
        .then(|documents| {
            let amount = |id: &str| documents.products[id].sales.completed.amount.to_string();
            assert_eq!(["a", "b"].map(amount), ["27", "9"]);
            assert_eq!(placed(documents, "o:o").irregular, []);
        });
}

#[test]
fn what_is_odd_about_an_order_is_counted_all_the_same() {
    let own = r#"{"productId":"a","quantity":1,"price":8,"discount":10}"#;
    let rest = r#""total":3,"orderStatus":"shipped","updatedAt":"2026-11-02""#;
    let back = r#"{"orderId":"o","at":"2026-11-03","orderStatus":"processing"}"#;
    let _ = Shop::default()
        .given(&[(Order, &order(own, rest)), (OrderStatus, back)])
        .then_sold(Status::Completed, 1, "-2")
        .then(|documents| {
            let odd = [Irregularity::Total, Irregularity::Discount, Irregularity::Step];
            assert_eq!(placed(documents, "o:o").irregular, odd);
            assert_eq!(documents.root.irregular, 1);
        });
}

#[test]
fn a_total_may_be_a_cent_from_that_of_the_lines_and_of_what_is_beside_them() {
    let odd = |rest: &str| {
        let body = order(&line("a", "1", "10"), rest);
        let shop = Shop::default().when(&[(Order, &body)]);
        placed(shop.documents(), "o:o").irregular == [Irregularity::Total]
    };
    assert!(!odd(r#""total":12.01,"deliveryFee":2,"tax":1"#));
    assert!(!odd(r#""total":12.99,"deliveryFee":2,"tax":1,"taxIncluded":false"#));
    assert!(odd(r#""total":12.0101,"deliveryFee":2,"tax":1"#));
    assert!(odd(r#""total":12,"deliveryFee":2,"tax":1,"taxIncluded":false"#));
}

#[test]
fn an_order_event_that_comes_late_undoes_no_newer_status() {
    let shipped = r#"{"orderId":"o","at":"2026-11-03","orderStatus":"shipped"}"#;
    let pending = r#""orderStatus":"pending""#;
    let line = line("a", "1", "10");
    for version in ["", r#","updatedAt":"2026-11-02""#] {
        let late = order(&line, &format!("{pending}{version}"));
        let _ = Shop::default()
            .given(&[(OrderStatus, shipped)])
            .then_sold(Status::Completed, 0, "0")
            .then(|documents| assert_eq!(documents.root.steps, [0; 12]))
            .when(&[(Order, &late)])
            .then_sold(Status::Completed, 1, "10")
            .then(|documents| {
                let total = |slice| documents.total(Family::Steps, status(slice), Level::Month);
                assert_eq!(total("order-pending"), [1, 1, 0]);
                assert_eq!(total("order-shipped"), [1, 0, 0]);
                assert_eq!(documents.root.irregular, 0);
            });
    }
}

#[test]
fn a_refund_waits_for_its_order_and_then_counts_on_its_own_day_and_on_that_of_the_order() {
    let _ = Shop::default()
        .given(&[(Refund, &refund("r", "4", r#""orderId":"o","lineId":"b","quantity":1"#))])
        .then(|documents| assert_eq!(back(documents), (0, "0".into())))
        .when(&[(Order, &order(&two_lines(), ""))])
        .then(|documents| {
            assert_eq!(back(documents), (1, "4".into()));
            assert_eq!(documents.products["a"].returns.amount.0, 0);
            assert_eq!(documents.products["b"].returns.amount.to_string(), "4");
            assert_eq!(documents.customers["u"].returns.orders, 1);
            assert_eq!(returned_at(documents, Basis::Processed), ["2026-11-05"]);
            assert_eq!(returned_at(documents, Basis::Order), ["2026-11-01"]);
        })
        .then_counted([2, 0, 0, 0, 0]);
}

#[test]
fn a_refund_of_what_was_never_sold_waits_and_is_odd() {
    let refund = refund("r", "4", r#""orderId":"o""#);
    let paid = r#"{"orderId":"o","at":"2026-11-03","paymentStatus":"paid"}"#;
    let pending = order(&two_lines(), r#""paymentStatus":"pending""#);
    let _ = Shop::default()
        .given(&[(Order, &pending), (Refund, &refund)])
        .then(|documents| {
            assert_eq!(back(documents), (0, "0".into()));
            assert_eq!(placed(documents, "o:o").irregular, [Irregularity::Unsold]);
        })
        .when(&[(OrderStatus, paid)])
        .then(|documents| {
            assert_eq!(back(documents), (1, "4".into()));
            assert_eq!(placed(documents, "o:o").irregular, []);
        });
}

#[test]
fn a_refund_beyond_what_was_paid_counts_and_is_odd() {
    let _ = Shop::default()
        .given(&[(Order, &order(&two_lines(), ""))])
        .when(&[(Refund, &refund("r", "15", r#""orderId":"o","lineId":"a""#))])
        .then(|documents| {
            assert_eq!(back(documents), (1, "15".into()));
            assert_eq!(placed(documents, "o:o").irregular, [Irregularity::Refund]);
            assert_eq!(documents.root.irregular, 1);
        })
        .when(&[(Refund, &refund("r", "10", r#""orderId":"o","lineId":"a""#))])
        .then(|documents| {
            assert_eq!(back(documents), (1, "10".into()));
            assert_eq!(documents.root.irregular, 0);
        });
}

#[test]
fn a_refund_of_a_whole_order_is_shared_by_what_others_left_of_its_lines() {
    let _ = Shop::default()
        .given(&[(Order, &order(&two_lines(), ""))])
        .given(&[(Refund, &refund("r", "12", r#""orderId":"o""#))])
        .then(|documents| {
            assert_eq!(documents.products["a"].returns.amount.to_string(), "6");
        })
        .when(&[(Refund, &refund("s", "6", r#""orderId":"o","productId":"a""#))])
        .then(|documents| {
            assert_eq!(documents.products["a"].returns.amount.to_string(), "9.4286");
            assert_eq!(documents.products["b"].returns.amount.to_string(), "8.5714");
            assert_eq!(back(documents), (2, "18".into()));
            assert_eq!(documents.root.irregular, 0);
        });
}

#[test]
fn only_what_was_not_refunded_comes_back_with_an_order() {
    let part = refund("r", "4", r#""orderId":"o","lineId":"a","quantity":0.5"#);
    let paid = order(&two_lines(), r#""paymentStatus":"paid""#);
    let cancelled = r#"{"orderId":"o","at":"2026-11-07","orderStatus":"cancelled"}"#;
    let whole = refund("s", "16", r#""orderId":"o","quantity":1.5"#);
    let _ = Shop::default()
        .given(&[(Order, &paid), (Refund, &part), (OrderStatus, cancelled)])
        .then_sold(Status::Returned, 1, "20")
        .then(|documents| {
            assert_eq!(back(documents), (2, "20".into()));
            assert_eq!(documents.products["a"].returns.amount.to_string(), "10");
            assert_eq!(returned_at(documents, Basis::Processed), ["2026-11-05", "2026-11-07"]);
            assert_eq!(returned_at(documents, Basis::Order), ["2026-11-01"]);
        })
        .when(&[(Refund, &whole)])
        .then(|documents| {
            assert_eq!(back(documents), (3, "20".into()));
            assert_eq!(documents.root.irregular, 0);
        });
}

#[test]
fn a_sale_and_its_return_may_come_in_either_order() {
    let sold = sale("t", r#""updatedAt":"2026-11-01""#);
    let returned = r#"{"transactionId":"t","userId":"u","totalPrice":7,"status":"returned",
        "transactionDate":"2026-11-06","updatedAt":"2026-11-07"}"#;
    let is_right = |documents: &Documents| {
        assert_eq!(back(documents), (1, "10".into()));
        assert_eq!(returned_at(documents, Basis::Processed), ["2026-11-06"]);
        assert_eq!(returned_at(documents, Basis::Order), ["2026-11-01"]);
    };
    let _ = Shop::default()
        .given(&[(Transaction, &sold), (Transaction, returned)])
        .then_sold(Status::Returned, 1, "10")
        .then(is_right);
    let _ = Shop::default()
        .given(&[(Transaction, returned)])
        .then_sold(Status::Returned, 1, "7")
        .when(&[(Transaction, &sold)])
        .then_sold(Status::Returned, 1, "10")
        .then(is_right)
        .when(&[(Transaction, &sold), (Transaction, returned)])
        .then_counted([2, 0, 2, 0, 0]);
}

#[test]
fn an_order_of_transactions_counts_once_whatever_its_lines_are() {
    let lines =
        [("t1", "p", "x"), ("t2", "p", "y"), ("t3", "q", "x")].map(|(id, product, word)| {
            sale(id, &format!(r#""orderId":"o","productId":"{product}","category":"{word}""#))
        });
    let events = lines.each_ref().map(|body| (Transaction, &**body));
    let _ = Shop::default().when(&events).then_sold(Status::Completed, 1, "30").then(|documents| {
        assert_eq!(documents.customers["u"].sales.completed.orders, 1);
        let orders = |id: &str| documents.products[id].sales.completed.orders;
        assert_eq!((orders("p"), orders("q")), (1, 1));
        let cells = documents.total(Family::Cells, Some(Status::Completed), Level::Day);
        assert_eq!(cells, [1, 3_000, 300_000]);
    });
}

#[test]
fn a_refund_of_a_transaction_goes_with_it_to_another_order() {
    let of = |order: &str| sale("t", &format!(r#""productId":"p"{order}"#));
    let (one, other) = (of(r#","orderId":"o""#), of(r#","orderId":"n""#));
    let follows = refund("r", "4", r#""transactionId":"t""#);
    let stays = refund("s", "5", r#""orderId":"o""#);
    let _ = Shop::default()
        .given(&[(Transaction, &one), (Refund, &follows), (Refund, &stays)])
        .then(|documents| assert_eq!(back(documents), (2, "9".into())))
        .when(&[(Transaction, &other)])
        .then_sold(Status::Completed, 1, "10")
        .then(|documents| {
            assert_eq!(back(documents), (1, "4".into()));
            assert_eq!(placed(documents, "o:o").refunds.len(), 1);
            assert!(placed(documents, "o:o").is_awaited());
            assert_eq!(placed(documents, "o:n").refunds.len(), 1);
        })
        .when(&[(Transaction, &of(""))])
        .then_sold(Status::Completed, 1, "10")
        .then(|documents| {
            assert_eq!(back(documents), (1, "4".into()));
            assert_eq!(placed(documents, "x:t").refunds.len(), 1);
            let left = &documents.clone().histories_apart();
            assert_eq!(placed(left, "o:n"), &Placed::default());
        });
}

/// The positions of an entity's changes, each with the parts that changed.
fn changes(history: &History) -> Vec<(u64, Vec<&'static str>)> {
    let parts = |change: &Change| change.parts.iter().map(Part::as_str).collect();
    history.newest.iter().map(|change| (change.position, parts(change))).collect()
}

#[test]
fn an_order_remembers_what_changed_and_when() {
    let at = |day: u8, rest: &str| {
        order(&two_lines(), &format!(r#""updatedAt":"2026-11-{day:02}",{rest}"#))
    };
    let shipped =
        r#"{"orderId":"o","at":"2026-11-03","orderStatus":"shipped","paymentStatus":"paid"}"#;
    let _ = Shop::default()
        .when(&[
            (Order, &at(2, r#""orderStatus":"pending""#)),
            (OrderStatus, shipped),
            // The same statuses again, and a content that is known with a newer version.
            (OrderStatus, shipped),
            (Order, &at(4, r#""orderStatus":"shipped""#)),
            // A late content changes nothing, and its status comes too late to be the newest.
            (Order, &at(3, r#""orderStatus":"shipped","discount":1"#)),
            (Order, &at(5, r#""orderStatus":"shipped","discount":2"#)),
            (Refund, &refund("r", "3", r#""orderId":"o""#)),
        ])
        .then(|documents| {
            let history = &placed(documents, "o:o").history;
            let expected = [
                (1, vec!["content", "orderStatus"]),
                (2, vec!["orderStatus", "paymentStatus"]),
                (6, vec!["content"]),
                (7, vec!["refunds"]),
            ];
            assert_eq!(changes(history), expected);
            assert_eq!(history.changes, 4);
        });
}

#[test]
fn a_transaction_remembers_what_changed_and_an_order_that_it_was_its_line() {
    let back = sale("t", r#""status":"returned","updatedAt":"2026-11-04","orderId":"o""#);
    let _ = Shop::default()
        .when(&[
            (Transaction, &sale("t", r#""updatedAt":"2026-11-02""#)),
            (Transaction, &sale("t", r#""updatedAt":"2026-11-02","orderId":"o""#)),
            (Transaction, &back),
        ])
        .then(|documents| {
            let LedgerRow::Transaction(sale) = &documents.ledger["t:t"] else { panic!() };
            let of_sale = [(1, vec!["sale"]), (2, vec!["sale"]), (3, vec!["return"])];
            assert_eq!(changes(&sale.history), of_sale);
            let of_order = [(2, vec!["transactions"]), (3, vec!["transactions"])];
            assert_eq!(changes(&placed(documents, "o:o").history), of_order);
        });
}

#[test]
fn a_sale_comes_as_an_order_or_as_transactions_and_not_as_both() {
    let (whole, line) = (order(&line("a", "1", "10"), ""), sale("t", r#""orderId":"o""#));
    for events in
        [[(Order, &*whole), (Transaction, &*line)], [(Transaction, &line), (Order, &whole)]]
    {
        let _ = Shop::default()
            .when(&events)
            .then_sold(Status::Completed, 1, "10")
            .then(|documents| assert_eq!(documents.quarantine[&2], ["orderId"]));
    }
    let theirs = whole.replace("\"u\"", "\"v\"");
    let _ = Shop::default()
        .when(&[(Order, &whole), (Order, &theirs)])
        .then(|documents| assert_eq!(documents.quarantine[&2], ["userId"]));
}

#[test]
fn what_a_refund_is_of_cannot_change() {
    let of = |rest: &str| refund("r", "1", rest);
    let first = [of(r#""orderId":"o""#), of(r#""transactionId":"t""#)];
    let second = [of(r#""orderId":"n""#), of(r#""transactionId":"s""#)];
    for ((first, second), field) in first.iter().zip(&second).zip(["orderId", "transactionId"]) {
        let _ = Shop::default()
            .when(&[(Refund, first), (Refund, second)])
            .then(|documents| assert_eq!(documents.quarantine[&2], [field]));
    }
}
