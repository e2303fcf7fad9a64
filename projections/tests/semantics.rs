//! Sales, ratings, activities and customers: the rules of "What an event does" in
//! `docs/architecture/read-models.md`, one by one, on the smallest logs.

use projections::event::Kind;
use projections::family::Family;
use projections::ledger::LedgerRow;
use projections::sales::Status;
use projections::table::Table;
use projections::testing::{Documents, Shop};
use projections::time::Time;

use Kind::{Activity, Customer, Feedback, Product, Stock, Transaction};

const HOUR_MS: i64 = 3_600_000;

/// A transaction of customer `u` with these members besides.
fn sale(id: &str, rest: &str) -> String {
    let comma = if rest.is_empty() { "" } else { "," };
    format!(r#"{{"transactionId":"{id}","userId":"u"{comma}{rest}}}"#)
}

fn sold(amount: &str, date: &str, rest: &str) -> String {
    format!(r#""totalPrice":{amount},"transactionDate":"{date}"{rest}"#)
}

fn at(date: &str) -> Time {
    Time::parse(date).unwrap()
}

fn quarter(date: &str) -> u32 {
    u32::try_from(Time::parse(date).unwrap().0 / 900_000).unwrap()
}

/// The category that a transaction is counted under.
fn category(documents: &Documents, id: &str) -> String {
    let LedgerRow::Transaction(sale) = &documents.ledger[&format!("t:{id}")] else {
        panic!("{id} is a transaction");
    };
    let month = sale.at.to_rfc3339()[..7].to_owned();
    documents.vocabularies[&format!("category/{month}")].name(sale.cell[0]).to_owned()
}

#[test]
fn pending_becomes_completed_and_completed_becomes_returned() {
    let pending = sale("t", &sold("12.5", "2026-11-20", r#","status":"pending""#));
    let completed = sale("t", &sold("12.5", "2026-11-20", ""));
    let returned = sale("t", &sold("12.5", "2026-11-20", r#","status":"returned""#));
    let _ = Shop::default()
        .given(&[(Transaction, &pending)])
        .then_sold(Status::Pending, 1, "12.5")
        .when(&[(Transaction, &completed)])
        .then_sold(Status::Pending, 0, "0")
        .then_sold(Status::Completed, 1, "12.5")
        .when(&[(Transaction, &returned)])
        .then_sold(Status::Completed, 0, "0")
        .then_sold(Status::Returned, 1, "12.5")
        .then(|documents| assert_eq!(documents.customers["u"].first_purchase, None))
        .then_counted([3, 0, 0, 0, 0]);
}

#[test]
fn a_correction_moves_to_the_bucket_of_its_own_time() {
    let before = sale("t", &sold("1", "2026-11-20T10:14:59.999Z", ""));
    let after = sale("t", &sold("1", "2026-11-20T10:15:00Z", ""));
    let first = quarter("2026-11-20T10:00:00Z");
    let buyers = |documents: &Documents, from, to| {
        documents.within(Family::Buyers, Status::Completed, from, to).len()
    };
    let _ = Shop::default()
        .given(&[(Transaction, &before)])
        .then(|documents| assert_eq!(buyers(documents, first, first + 1), 1))
        .when(&[(Transaction, &after)])
        .then(|documents| {
            assert_eq!(buyers(documents, first, first + 1), 0);
            assert_eq!(buyers(documents, first + 1, first + 2), 1);
        });
}

#[test]
fn an_older_version_is_stale_and_an_equal_or_absent_one_follows_the_log() {
    let version = |amount: &str, day: &str| {
        let updated = format!(r#","updatedAt":"2026-11-{day}""#);
        sale("t", &sold(amount, "2026-11-01", &updated))
    };
    let absent = sale("t", &sold("4", "2026-11-01", ""));
    let _ = Shop::default()
        .given(&[(Transaction, &version("1", "05")), (Transaction, &version("2", "04"))])
        .then_sold(Status::Completed, 1, "1")
        .when(&[(Transaction, &version("3", "05"))])
        .then_sold(Status::Completed, 1, "3")
        .when(&[(Transaction, &absent)])
        .then_sold(Status::Completed, 1, "4")
        .then_counted([3, 0, 0, 1, 0]);
}

#[test]
fn a_version_outlives_the_events_that_state_none() {
    // The values are stated at version 10, then without a version, then at 9: the last one is late.
    let bodies: [(Kind, &dyn Fn(u8) -> String); 5] = [
        (Transaction, &|n| sale("t", &sold(&n.to_string(), "2026-11-01", "")).replace('}', "")),
        (Feedback, &|n| {
            format!(
                r#"{{"feedbackId":"f","userId":"u","productId":"p","rating":{n},"feedbackDate":"2026-11-01""#
            )
        }),
        (Product, &|n| format!(r#"{{"productId":"p","name":"n","category":"c","price":{n}"#)),
        (Stock, &|n| format!(r#"{{"productId":"p","stock":{n}"#)),
        (Customer, &|n| format!(r#"{{"userId":"u","username":"{n}""#)),
    ];
    for (kind, body) in bodies {
        let at = |n: u8, version: &str| body(n) + version + "}";
        let tenth = at(1, r#","updatedAt":"2026-11-10""#);
        for absent in [at(1, ""), at(2, "")] {
            let ninth = at(3, r#","updatedAt":"2026-11-09""#);
            let shop = Shop::default().given(&[(kind, &tenth), (kind, &absent)]);
            let before = shop.documents().counts_apart();
            let _ = shop
                .when(&[(kind, &ninth)])
                .then(|documents| assert_eq!(documents.counts_apart(), before))
                .then(|documents| assert_eq!(documents.root.counts.stale, 1, "{kind:?}"));
        }
    }
}

#[test]
fn the_customer_of_a_transaction_and_of_a_rating_cannot_change() {
    let mine = sale("t", &sold("1", "2026-11-01", ""));
    let theirs = mine.replace("\"u\"", "\"v\"");
    let rating =
        r#"{"feedbackId":"f","userId":"u","productId":"p","rating":5,"feedbackDate":"2026-11-01"}"#;
    let other = rating.replace("\"u\"", "\"v\"");
    let _ = Shop::default()
        .given(&[(Transaction, &mine), (Feedback, rating)])
        .when(&[(Transaction, &theirs), (Feedback, &other)])
        .then(|documents| {
            assert_eq!(documents.quarantine[&3], ["userId"]);
            assert_eq!(documents.quarantine[&4], ["userId"]);
            assert!(!documents.customers.contains_key("v"));
        })
        .then_counted([2, 0, 0, 0, 2]);
}

#[test]
fn a_replay_ranks_where_the_event_first_stood() {
    let first = sale("t", &sold("1", "2026-11-01", ""));
    let second = sale("t", &sold("2", "2026-11-01", ""));
    let _ = Shop::default()
        .given(&[(Transaction, "{}"), (Transaction, &second)])
        .when_replayed(1, (Transaction, &first))
        .then_sold(Status::Completed, 1, "2")
        .then_counted([1, 0, 0, 1, 1]);
}

#[test]
fn what_comes_three_times_counts_once() {
    let bought = sale("t", &sold("1", "2026-11-01", ""));
    let rating =
        r#"{"feedbackId":"f","userId":"u","productId":"p","rating":5,"feedbackDate":"2026-11-01"}"#;
    let viewed = r#"{"activityId":"a","userId":"u","type":"viewed_product","time":"2026-11-01","productId":"p"}"#;
    let product = r#"{"productId":"p","name":"n","category":"c","price":1,"stock":3}"#;
    let _ = Shop::default()
        .deliver_times(3)
        .when(&[
            (Transaction, &bought),
            (Feedback, rating),
            (Activity, viewed),
            (Product, product),
            (Stock, r#"{"productId":"p","stock":4}"#),
            (Customer, r#"{"userId":"u","username":"zoe"}"#),
        ])
        .then_sold(Status::Completed, 1, "1")
        .then_counted([6, 2, 10, 0, 0])
        .then(|documents| {
            assert_eq!(documents.products["p"].views, 1);
            assert_eq!(documents.products["p"].ratings, [0, 0, 0, 0, 1]);
        });
}

#[test]
fn what_is_stale_said_again_or_repeated_writes_nothing_and_wakes_nobody() {
    let versioned = |amount: &str, day: &str| {
        sale("t", &sold(amount, "2026-11-01", &format!(r#","updatedAt":"2026-11-{day}""#)))
    };
    let rated = |rating: u8, day: &str| {
        format!(
            r#"{{"feedbackId":"f","userId":"u","productId":"p","rating":{rating},"feedbackDate":"2026-11-01","updatedAt":"2026-11-{day}"}}"#
        )
    };
    let product = |price: u8, day: &str| {
        format!(
            r#"{{"productId":"p","name":"n","category":"c","price":{price},"stock":3,"lastUpdated":"2026-11-{day}"}}"#
        )
    };
    let stock = |stock: u8, day: &str| {
        format!(r#"{{"productId":"p","stock":{stock},"updatedAt":"2026-11-{day}"}}"#)
    };
    let customer = |name: &str, day: &str| {
        format!(r#"{{"userId":"u","username":"{name}","updatedAt":"2026-11-{day}"}}"#)
    };
    let viewed =
        r#"{"activityId":"a","userId":"u","type":"waved","time":"2026-11-01","productId":"p"}"#;
    let _ = Shop::default()
        .given(&[(Transaction, &versioned("1", "05")), (Feedback, &rated(5, "05"))])
        .given(&[(Product, &product(1, "05")), (Activity, viewed)])
        .given(&[(Customer, &customer("zoe", "05"))])
        .when(&[(Transaction, &versioned("1", "05")), (Feedback, &rated(5, "05"))])
        .then_untouched()
        .when(&[(Product, &product(1, "05")), (Stock, &stock(3, "05")), (Activity, viewed)])
        .then_untouched()
        .when(&[
            (Customer, &customer("zoe", "05")),
            (Customer, r#"{"userId":"u","username":"zoe"}"#),
        ])
        .then_untouched()
        .then_counted([5, 1, 6, 0, 0])
        .when(&[(Transaction, &versioned("2", "04")), (Feedback, &rated(4, "04"))])
        .then_untouched()
        .when(&[(Product, &product(2, "04")), (Stock, &stock(4, "04"))])
        .then_untouched()
        .when(&[(Customer, &customer("ann", "04"))])
        .then_untouched()
        .then_counted([5, 1, 6, 5, 0])
        .when(&[(Transaction, "{}")])
        .then_untouched();
}

#[test]
fn an_activity_is_a_repeat_until_24_hours_of_log_time_have_passed_to_the_millisecond() {
    // The log decides, not the event's own time, which is another each time.
    let waved = |day: &str| {
        format!(r#"{{"activityId":"a","userId":"u","type":"waved","time":"2026-11-{day}"}}"#)
    };
    // The call of `when` itself takes a second.
    let day_ms = 24 * HOUR_MS - 1000;
    for (passed_ms, expected) in
        [(day_ms - 1, [1, 1, 0, 0, 0]), (day_ms, [1, 1, 0, 0, 0]), (day_ms + 1, [2, 0, 0, 0, 0])]
    {
        let shop = || Shop::default().given(&[(Activity, &waved("01"))]).after_ms(passed_ms);
        let _ = shop().when(&[(Activity, &waved("20"))]).then_counted(expected);
        let _ = shop().then_restarted().when(&[(Activity, &waved("20"))]).then_counted(expected);
    }
}

#[test]
fn a_repeat_of_an_activity_does_not_put_off_when_it_counts_again() {
    let waved = r#"{"activityId":"a","userId":"u","type":"waved","time":"2026-11-01"}"#;
    let _ = Shop::default()
        .given(&[(Activity, waved)])
        .after_ms(23 * HOUR_MS - 1000)
        .given(&[(Activity, waved)])
        .then_counted([1, 1, 0, 0, 0])
        .after_ms(HOUR_MS - 1000)
        .given(&[(Activity, waved)])
        .then_counted([1, 2, 0, 0, 0])
        .after_ms(1 - 1000)
        .when(&[(Activity, waved)])
        .then_counted([2, 2, 0, 0, 0]);
}

#[test]
fn a_product_that_moves_takes_its_later_sales_along_and_not_its_past() {
    let product = |category: &str| {
        format!(r#"{{"productId":"p","name":"n","category":"{category}","price":1}}"#)
    };
    let bought = |id| sale(id, &sold("1", "2026-11-01", r#","productId":"p""#));
    let own = sale("own", &sold("1", "2026-11-01", r#","productId":"p","category":"Own""#));
    let _ = Shop::default()
        .given(&[(Transaction, &bought("none")), (Product, &product("Books"))])
        .given(&[(Transaction, &bought("books")), (Product, &product("Toys"))])
        .when(&[(Transaction, &bought("toys")), (Transaction, &own)])
        .when(&[(Transaction, &bought("books"))])
        .then(|documents| {
            assert_eq!(category(documents, "none"), "(none)");
            assert_eq!(category(documents, "books"), "Books", "said again, it stays");
            assert_eq!(category(documents, "toys"), "Toys");
            assert_eq!(category(documents, "own"), "Own");
        });
}

#[test]
fn a_correction_without_a_category_keeps_the_one_that_the_sale_has() {
    let product = |id: &str, category: &str| {
        format!(r#"{{"productId":"{id}","name":"n","category":"{category}","price":1}}"#)
    };
    let of = |id: &str, day: &str, product: &str, rest: &str| {
        let product = format!(r#","productId":"{product}"{rest}"#);
        sale(id, &sold("1", &format!("2026-{day}"), &product))
    };
    let failed = r#","status":"failed""#;
    let own = r#","category":"Own""#;
    let _ = Shop::default()
        .given(&[(Product, &product("p", "Books")), (Product, &product("q", "Food"))])
        .given(&[(Transaction, &of("early", "11-01", "new", ""))])
        .given(&[(Transaction, &of("a", "11-01", "p", "")), (Product, &product("p", "Toys"))])
        .given(&[(Product, &product("new", "Late")), (Transaction, &of("b", "11-01", "p", own))])
        .when(&[(Transaction, &of("a", "11-01", "p", failed))])
        .then(|documents| assert_eq!(category(documents, "a"), "Books", "a status moves nothing"))
        .when(&[(Transaction, &of("a", "10-01", "p", failed))])
        .then(|documents| assert_eq!(category(documents, "a"), "Books", "nor does its date"))
        .when(&[(Transaction, &of("a", "10-01", "q", failed))])
        .then(|documents| assert_eq!(category(documents, "a"), "Food", "another product does"))
        .when(&[(Transaction, &of("b", "11-01", "p", failed))])
        .then(|documents| assert_eq!(category(documents, "b"), "Own", "stated once, it stays"))
        .when(&[(Transaction, &of("early", "11-01", "new", failed))])
        .then(|documents| {
            assert_eq!(category(documents, "early"), "(none)", "sold before it had one");
        })
        .then_counted([12, 0, 0, 0, 0])
        .when(&[(Transaction, &of("b", "11-01", "p", &format!("{failed}{own}")))])
        .then_counted([12, 0, 1, 0, 0]);
}

#[test]
fn first_and_last_purchase_are_retracted_and_first_and_last_seen_are_not() {
    let on = |id, day: &str| sale(id, &sold("1", &format!("2026-11-{day}"), ""));
    let failed = sale("a", &sold("1", "2026-11-01", r#","status":"failed""#));
    let _ = Shop::default()
        .given(&[(Transaction, &on("b", "02")), (Transaction, &on("c", "03"))])
        .given(&[(Transaction, &on("a", "01"))])
        .then(|documents| {
            assert_eq!(documents.customers["u"].first_purchase, Some(at("2026-11-01")));
        })
        .when(&[(Transaction, &failed), (Transaction, &on("c", "02"))])
        .then(|documents| {
            let customer = &documents.customers["u"];
            assert_eq!(customer.first_purchase, Some(at("2026-11-02")));
            assert_eq!(customer.last_purchase, Some(at("2026-11-02")));
            assert_eq!(customer.first_seen, at("2026-11-01"));
            assert_eq!(customer.last_seen, at("2026-11-03"));
        });
}

#[test]
fn a_customer_told_again_without_a_date_was_not_seen_again() {
    let customer = r#"{"userId":"u","username":"zoe"}"#;
    let bought = sale("t", &sold("1", "2026-11-01", ""));
    let shop = Shop::default().given(&[(Customer, customer), (Transaction, &bought)]);
    let before = shop.documents().customers["u"].clone();
    let _ = shop
        .after_ms(9 * HOUR_MS)
        .when(&[(Customer, customer)])
        .then(|documents| assert_eq!(documents.customers["u"], before))
        .then_counted([2, 0, 1, 0, 0]);
}

#[test]
fn a_customer_becomes_known_with_its_first_event_and_dated_by_its_own() {
    let bought = sale("t", &sold("1", "2026-11-20", ""));
    let newcomers = |documents: &Documents, month: &str| {
        documents.rollups.get(&format!("newcomers/-/month/{month}/00000000")).map_or(0, Table::len)
    };
    let _ = Shop::default()
        .given(&[(Transaction, &bought)])
        .then(|documents| assert_eq!(newcomers(documents, "2026-11"), 1))
        .when(&[(Customer, r#"{"userId":"u","createdAt":"2025-01-31"}"#)])
        .then(|documents| {
            assert_eq!(documents.customers["u"].created_at, at("2025-01-31"));
            assert_eq!(newcomers(documents, "2026-11"), 0);
            assert_eq!(newcomers(documents, "2025-01"), 1);
        });
}
