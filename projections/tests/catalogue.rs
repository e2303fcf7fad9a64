//! Products, their stock at its places and their costs: the rules of "What an event does" in
//! `docs/architecture/read-models.md`, on the smallest logs.

use projections::bucket::Level;
use projections::event::Kind;
use projections::family::Family;
use projections::ledger::LedgerRow;
use projections::quantity::Quantity;
use projections::sales::Status;
use projections::testing::{Documents, Shop};

use Kind::{Customer, Order, Product, Stock, Transaction};

#[test]
fn what_a_product_event_says_of_the_stock_is_weighed_by_the_stocks_own_version() {
    let product = |price: u8, stock: u8, day: &str| {
        format!(
            r#"{{"productId":"p","name":"n","category":"c","price":{price},"stock":{stock},"lastUpdated":"2026-11-{day}"}}"#
        )
    };
    let stock = |stock: u8, day: &str| {
        format!(r#"{{"productId":"p","stock":{stock},"updatedAt":"2026-11-{day}"}}"#)
    };
    let bare =
        r#"{"productId":"p","name":"n","category":"c","price":9,"lastUpdated":"2026-11-10"}"#;
    let holds = |price: &str, stock| {
        let price = price.to_owned();
        move |documents: &Documents| {
            let product = &documents.products["p"];
            let entry = product.catalogue.as_ref().unwrap();
            assert_eq!(
                (entry.price.to_string(), product.stock),
                (price, Some(Quantity::whole(stock)))
            );
        }
    };
    let _ = Shop::default()
        .given(&[(Stock, &stock(1, "05")), (Product, bare)])
        .when(&[(Product, &product(7, 2, "08"))])
        .then(holds("9", 2))
        .then_counted([3, 0, 0, 0, 0])
        .when(&[(Stock, &stock(3, "12")), (Product, &product(8, 4, "11"))])
        .then(holds("8", 3))
        .then_counted([5, 0, 0, 0, 0])
        .when(&[(Product, &product(6, 5, "09"))])
        .then(holds("8", 3))
        .then_counted([5, 0, 0, 1, 0])
        .when(&[(Product, &product(8, 4, "11"))])
        .then_counted([5, 0, 1, 1, 0]);
}

#[test]
fn stock_that_is_absent_leaves_the_last_known_and_sales_do_not_change_it() {
    let product =
        |rest: &str| format!(r#"{{"productId":"p","name":"n","category":"c","price":1{rest}}}"#);
    let bought = r#"{"transactionId":"t","userId":"u","totalPrice":1,"transactionDate":"2026-11-01","productId":"p","quantity":2}"#;
    let _ = Shop::default()
        .given(&[(Product, &product(""))])
        .then(|documents| assert_eq!(documents.products["p"].stock, None))
        .when(&[(Product, &product(r#","stock":3"#)), (Transaction, bought)])
        .when(&[(Product, &product(r#","description":"d""#))])
        .then(|documents| assert_eq!(documents.products["p"].stock, Some(Quantity::whole(3))));
}

#[test]
fn stock_is_the_sum_of_the_locations_that_are_known() {
    let at = |place: &str, stock: &str, day: &str| {
        format!(
            r#"{{"productId":"p","locationId":{place},"stock":{stock},"updatedAt":"2026-11-{day}"}}"#
        )
    };
    let on_hand = |units: i64| {
        move |documents: &Documents| {
            assert_eq!(documents.products["p"].on_hand(), Some(Quantity(units)));
        }
    };
    let _ = Shop::default()
        .given(&[(Stock, r#"{"productId":"p","stock":40}"#)])
        .then(on_hand(40_000))
        .when(&[(Stock, &at("1", "12.5", "05")), (Stock, &at("\"2\"", "-3", "05"))])
        .then(on_hand(9_500))
        // Each part has a version of its own.
        .when(&[(Stock, &at("1", "99", "04")), (Stock, &at("2", "1", "06"))])
        .then(on_hand(13_500))
        .then_counted([4, 0, 0, 1, 0])
        .when(&[(
            Product,
            r#"{"productId":"p","name":"n","category":"c","price":1,"stock":7,"lastUpdated":"2026-11-05",
            "locationStocks":[{"locationId":2,"name":"B","qty":80},{"locationId":3,"qty":"0.5"}]}"#,
        )])
        .then(on_hand(14_000))
        .then(|documents| assert_eq!(documents.products["p"].stock, Some(Quantity::whole(7))));
}

#[test]
fn a_product_has_64_locations_and_no_more() {
    let at = |place: usize| format!(r#"{{"productId":"p","locationId":{place},"stock":1}}"#);
    let mut shop = Shop::default();
    for place in 0..64 {
        shop = shop.given(&[(Stock, &at(place))]);
    }
    let product = |place: usize| {
        format!(
            r#"{{"productId":"p","name":"n","category":"c","price":1,"locationStocks":[{{"locationId":{place},"qty":2}}]}}"#
        )
    };
    let _ = shop
        .when(&[(Stock, &at(64)), (Product, &product(64)), (Product, &product(63))])
        .then_counted([65, 0, 0, 0, 2])
        .then(|documents| {
            assert_eq!(documents.products["p"].on_hand(), Some(Quantity::whole(65)));
            let reasons: Vec<_> = documents.quarantine.values().collect();
            assert_eq!(reasons, [&["locationId"], &["locationStocks"]]);
        });
}

#[test]
fn what_is_gone_leaves_what_is_there_and_not_what_was() {
    let product = |rest: &str| {
        format!(r#"{{"productId":"p","name":"n","category":"c","price":1,"stock":3{rest}}}"#)
    };
    let bought = r#"{"transactionId":"t","userId":"u","totalPrice":5,"transactionDate":"2026-11-01","productId":"p"}"#;
    let there = |products: i64, customers: i64, known: i64| {
        move |documents: &Documents| {
            assert_eq!((documents.root.products, documents.root.identified), (products, customers));
            let stock = documents.total(Family::Stock, None, Level::Ever);
            assert_eq!(stock, [3_000 * known, known, 0]);
        }
    };
    let _ = Shop::default()
        .given(&[(Product, &product("")), (Transaction, bought)])
        .then(there(1, 1, 1))
        .when(&[
            (Product, &product(r#","isActive":false"#)),
            (Customer, r#"{"userId":"u","deletedAt":"2026-11-02"}"#),
        ])
        .then(there(0, 0, 0))
        .then_sold(Status::Completed, 1, "5")
        .then(|documents| assert_eq!(documents.products["p"].sales.completed.orders, 1))
        .when(&[(Product, &product("")), (Customer, r#"{"userId":"u"}"#)])
        .then(there(1, 1, 1));
}

#[test]
fn a_line_without_a_cost_has_the_one_that_stood_in_the_catalogue() {
    let product = |cost: &str| {
        format!(
            r#"{{"productId":"p","name":"n","category":"c","price":9,"standard_price":{cost}}}"#
        )
    };
    let order = |line: &str| {
        format!(
            r#"{{"orderId":"o","userId":"u","orderDate":"2026-11-01","lines":[{{"productId":"p","price":9,{line}}}]}}"#
        )
    };
    let cost = |of_line: Option<i64>| {
        move |documents: &Documents| {
            let LedgerRow::Order(order) = &documents.ledger["o:o"] else { panic!("an order") };
            let line = &order.0.content.as_ref().expect("content").lines[0];
            assert_eq!(line.cost.map(|cost| cost.0), of_line);
        }
    };
    let _ = Shop::default()
        .given(&[(Order, &order(r#""quantity":1"#))])
        .then(cost(None))
        .when(&[(Product, &product("4")), (Order, &order(r#""quantity":2"#))])
        .then(cost(Some(80_000)))
        .when(&[(Product, &product("5")), (Order, &order(r#""quantity":2,"discount":1"#))])
        .then(cost(Some(80_000)))
        .when(&[(Order, &order(r#""quantity":3"#))])
        .then(cost(Some(150_000)))
        .when(&[(Order, &order(r#""quantity":3,"cost":1"#))])
        .then(cost(Some(30_000)))
        .when(&[(Order, &order(r#""quantity":3"#))])
        .then(cost(Some(150_000)));
}
