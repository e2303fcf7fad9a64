//! Lists a page at a time, and one whole: against what was published.

use std::collections::BTreeMap;

use adaptive_bi::app::App;
use serde_json::{Value, json};

use crate::explain::{Part, made, shop};
use crate::harness::Shop;

/// Whether a part is of a filter.
type Has = fn(&Part) -> bool;

/// The entries of all pages, each checked against the limit.
async fn all(shop: &Shop, app: &App, path: &str, of: &str, limit: usize) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let join = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{join}limit={limit}{cursor}");
        let answer = shop.get(app, &path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let page = answer.body["data"][of].as_array().expect("a list");
        assert!(page.len() <= limit, "{path}");
        found.extend(page.iter().cloned());
        match answer.body["data"]["pagination"]["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

fn ids(list: &[Value], of: &str) -> Vec<String> {
    list.iter().map(|it| it[of].as_str().expect("an id").to_owned()).collect()
}

/// The ids of what was published, the newest sale first.
fn newest(parts: &[Part], kind: &str, has: impl Fn(&Part) -> bool) -> Vec<String> {
    let sold = parts.iter().filter(|it| it.kind == kind && it.orders == 1 && has(it));
    let mut sold: Vec<_> = sold.map(|it| (it.sold_at, it.id.clone())).collect();
    sold.sort();
    sold.into_iter().rev().map(|(_, id)| id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sales_are_listed_from_the_newest_on_a_page_at_a_time() {
    let made = made();
    let (shop, app) = shop(&made).await;
    for (path, of, id, kind) in [
        ("/api/orders", "orders", "orderId", "order"),
        ("/api/transactions", "transactions", "transactionId", "transaction"),
    ] {
        let filters: [(&str, Has); 5] = [
            ("status=sold", |_| true),
            ("status=sold&userId=u3", |part| part.user.as_deref() == Some("u3")),
            ("status=sold&productId=pen", |part| part.product == "pen"),
            ("status=sold&country=France&category=mug", |part| {
                part.country == "France" && part.product == "mug"
            }),
            ("status=sold&startDate=2026-02-10T10:00:00Z&endDate=2026-02-20T09:44:00Z", |part| {
                let at = part.sold_at.to_rfc3339();
                ("2026-02-10T10:00".."2026-02-20T09:45").contains(&&at[..16])
            }),
        ];
        for (filter, has) in filters {
            for limit in [3, 100] {
                let found = all(&shop, &app, &format!("{path}?{filter}"), of, limit).await;
                assert_eq!(ids(&found, id), newest(&made.parts, kind, has), "{path}?{filter}");
            }
        }
        let mut by_id = ids(&all(&shop, &app, &format!("{path}?sort=id"), of, 7).await, id);
        let mut by_time = ids(&all(&shop, &app, path, of, 7).await, id);
        assert!(by_id.is_sorted());
        by_time.sort();
        by_id.dedup();
        assert_eq!(by_id, by_time);
    }
    let failed = all(&shop, &app, "/api/orders?status=failed", "orders", 2).await;
    assert!(!failed.is_empty() && failed.iter().all(|it| it["status"] == "failed"), "{failed:?}");
    let searched = ids(&all(&shop, &app, "/api/orders?search=o11", "orders", 2).await, "orderId");
    let expected: Vec<String> = (0..120)
        .filter(|n| n % 3 != 2)
        .map(|n| format!("o{n}"))
        .filter(|id| id.starts_with("o11"))
        .collect();
    let mut sorted = expected.clone();
    sorted.sort();
    assert_eq!(searched, sorted);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_transactions_is_listed_once_on_the_day_of_its_sale() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let line = |id: &str, order: &str, at: &str| {
        let sale = json!({ "transactionId": id, "orderId": order, "userId": "ann",
            "totalPrice": 5, "productId": "mug", "transactionDate": at });
        ("transaction", sale)
    };
    let refund = json!({ "refundId": "r", "orderId": "a", "amount": 1, "at": "2026-03-09" });
    let position = shop
        .publish_all(&[
            line("1", "a", "2026-03-01T10:00:00Z"),
            line("2", "a", "2026-03-02T10:00:00Z"),
            line("3", "b", "2026-03-01T12:00:00Z"),
            ("refund", refund),
        ])
        .await;
    shop.folded(position).await;
    let orders = all(&shop, &app, "/api/orders", "orders", 1).await;
    assert_eq!(ids(&orders, "orderId"), ["b", "a"]);
    let lines = all(&shop, &app, "/api/transactions?userId=ann", "transactions", 2).await;
    assert_eq!(ids(&lines, "transactionId"), ["2", "3", "1"]);
    app.stop().await.expect("stopped");
}

/// Net sales, orders and units by what has them.
fn ranked(parts: &[Part], by: impl Fn(&Part) -> String) -> BTreeMap<String, [i64; 3]> {
    let mut sums: BTreeMap<String, [i64; 3]> = BTreeMap::new();
    for part in parts {
        let sum = sums.entry(by(part)).or_default();
        sum[0] += part.gross - part.discount - part.back;
        sum[1] += part.orders;
        sum[2] += part.units;
    }
    sums.remove("");
    sums
}

#[allow(clippy::cast_possible_truncation)] // a test's numbers are small
fn sums(sold: &Value) -> [i64; 3] {
    let number = |name: &str| sold[name].as_f64().unwrap_or_else(|| panic!("{sold}"));
    [
        (number("netSales") * 10_000.0).round() as i64,
        number("orders") as i64,
        number("units") as i64,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn products_and_customers_are_listed_by_what_they_came_to() {
    let made = made();
    let (shop, app) = shop(&made).await;
    let by_user = ranked(&made.parts, |part| part.user.clone().unwrap_or_default());
    let by_product = ranked(&made.parts, |part| part.product.to_owned());
    for (path, of, id, expected) in [
        ("/api/products", "products", "productId", by_product),
        ("/api/customers", "customers", "userId", by_user),
    ] {
        for (sort, column) in [("netSales", 0), ("orders", 1), ("units", 2)] {
            let list = all(&shop, &app, &format!("{path}?sort={sort}"), of, 2).await;
            let found: BTreeMap<String, [i64; 3]> =
                ids(&list, id).into_iter().zip(list.iter().map(|it| sums(&it["sold"]))).collect();
            assert_eq!(found, expected, "{path} by {sort}");
            let column: Vec<i64> = list.iter().map(|it| -sums(&it["sold"])[column]).collect();
            assert!(column.is_sorted(), "{path} by {sort}: {column:?}");
        }
        let by_id = ids(&all(&shop, &app, &format!("{path}?sort=id"), of, 2).await, id);
        assert_eq!(by_id, expected.into_keys().collect::<Vec<_>>());
        for wrong in [
            "sort=price",
            "search=m&sort=orders",
            "search=m&sort=name",
            "cursor=nothing",
            "limit=101",
        ] {
            let answer = shop.get(&app, &format!("{path}?{wrong}")).await;
            assert_eq!(answer.status, 400, "{path}?{wrong}");
        }
        let other = all_first_cursor(&shop, &app, &format!("{path}?limit=1")).await;
        let answer = shop.get(&app, &format!("{path}?limit=1&sort=id&cursor={other}")).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["field"]), (400, &json!("cursor")));
    }
    app.stop().await.expect("stopped");
}

async fn all_first_cursor(shop: &Shop, app: &App, path: &str) -> String {
    let answer = shop.get(app, path).await;
    answer.body["data"]["pagination"]["next"].as_str().expect("another page").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_finds_ids_first_and_then_words_of_names() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let product = |id: &str, name: &str, category: &str| {
        let product = json!({ "productId": id, "name": name, "category": category, "price": 1 });
        ("product", product)
    };
    let customer = |id: &str, and: Value| {
        let mut customer = json!({ "userId": id });
        crate::events::merge(&mut customer, and);
        ("customer", customer)
    };
    let position = shop
        .publish_all(&[
            product("a1", "Red enamel mug", "Kitchen"),
            product("b2", "Blue mug", "Kitchen"),
            product("mug-3", "Cup", "Office"),
            product("c4", "Smuggler", "Books"),
            customer(
                "u1",
                json!({ "username": "Ann", "email": "ann@example.org", "country": "SA" }),
            ),
            customer("u2", json!({ "firstName": "Anna", "country": "FR" })),
            customer("ann", json!({})),
            customer("guest-1", json!({})),
            customer("u3", json!({ "username": "bea" })),
            customer("u0", json!({ "username": "ANN" })),
        ])
        .await;
    shop.folded(position).await;
    for (query, expected) in [
        ("search=mug", vec!["mug-3", "a1", "b2"]),
        ("search=MUG%20red", vec!["a1"]),
        ("search=mug&category=Kitchen", vec!["a1", "b2"]),
        ("search=zebra", vec![]),
        ("category=Books&sort=newest", vec!["c4"]),
        ("sort=newest", vec!["c4", "mug-3", "b2", "a1"]),
        ("sort=name", vec!["b2", "mug-3", "a1", "c4"]),
        ("sort=-name", vec!["c4", "a1", "mug-3", "b2"]),
        ("sort=-name&category=Kitchen", vec!["a1", "b2"]),
        ("category=(none)", vec![]),
    ] {
        let path = format!("/api/products?{query}");
        let found = ids(&all(&shop, &app, &path, "products", 1).await, "productId");
        assert_eq!(found, expected, "{query}");
    }
    for (query, expected) in [
        ("search=ann", vec!["ann", "u0", "u1", "u2"]),
        ("search=example", vec!["u1"]),
        ("country=FR", vec!["u2"]),
        ("account=guest", vec!["guest-1"]),
        ("sort=name", vec!["u0", "u1", "u3", "ann", "guest-1", "u2"]),
        ("sort=-name", vec!["u3", "u1", "u0", "ann", "guest-1", "u2"]),
        ("country=(none)&sort=id", vec!["ann", "guest-1", "u0", "u3"]),
    ] {
        let path = format!("/api/customers?{query}");
        let found = ids(&all(&shop, &app, &path, "customers", 1).await, "userId");
        assert_eq!(found, expected, "{query}");
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_product_and_one_customer_are_told_whole() {
    let mut made = made();
    made.events.extend([
        (
            "product",
            json!({ "productId": "mug", "name": "Mug", "category": "Kitchen", "price": 10.25 }),
        ),
        ("stock", json!({ "productId": "mug", "locationId": "north", "stock": 4 })),
        ("stock", json!({ "productId": "mug", "locationId": "south", "stock": 5 })),
        (
            "feedback",
            json!({ "feedbackId": "f", "userId": "u3", "productId": "mug", "rating": 4,
            "comment": "good", "feedbackDate": "2026-03-01" }),
        ),
        (
            "activity",
            json!({ "activityId": "a", "userId": "u3", "activityType": "viewed_product",
            "productId": "mug", "timestamp": "2026-03-01" }),
        ),
        ("customer", json!({ "userId": "u3", "username": "Uma", "email": "uma@example.org" })),
    ]);
    let (shop, app) = shop(&made).await;
    let get = async |path: &str| shop.get(&app, path).await.body["data"].clone();

    let mug = get("/api/products/mug?startDate=2026-02-01&endDate=2026-04-30&period=month").await;
    let expected = ranked(&made.parts, |part| part.product.to_owned())["mug"];
    assert_eq!(sums(&mug["sold"]), expected, "{mug}");
    let trend = mug["trend"].as_array().expect("months");
    let sum = |name: &str| trend.iter().filter_map(|it| it[name].as_f64()).sum::<f64>();
    let sold = |name: &str| mug["sold"][name].as_f64().expect("a number");
    for name in ["orders", "units", "netSales"] {
        assert!((sum(name) - sold(name)).abs() < 0.000_01, "{name} of {mug}");
    }
    assert_eq!((&mug["name"], &mug["stock"]), (&json!("Mug"), &json!(9)), "{mug}");
    assert_eq!(mug["stockByLocation"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&mug["activities"]["views"], &mug["ratings"]["averageRating"]),
        (&json!(1), &json!(4.0))
    );
    assert_eq!(mug["ratings"]["comments"][0]["comment"], "good");

    let uma = get("/api/customers/u3").await;
    let expected = ranked(&made.parts, |it| it.user.clone().unwrap_or_default())["u3"];
    assert_eq!(
        (sums(&uma["sold"]), &uma["profile"]["username"]),
        (expected, &json!("Uma")),
        "{uma}"
    );
    let of_uma = |part: &Part| part.user.as_deref() == Some("u3");
    let orders = ids(uma["orders"].as_array().expect("orders"), "orderId");
    // Those that failed are among them.
    let counted = all(&shop, &app, "/api/orders?userId=u3", "orders", 10).await;
    assert_eq!(orders, ids(&counted[..10.min(counted.len())], "orderId"));
    let transactions = ids(uma["transactions"].as_array().expect("some"), "transactionId");
    let mut expected = newest(&made.parts, "transaction", of_uma);
    expected.truncate(10);
    assert_eq!(transactions, expected);
    assert_eq!((&uma["activities"], &uma["ratings"]), (&json!(1), &json!(1)));

    for path in ["/api/products/none", "/api/customers/none"] {
        let answer = shop.get(&app, path).await;
        assert_eq!(answer.status, 404, "{answer:?}");
        assert!(!answer.header("x-position").is_empty());
    }
    app.stop().await.expect("stopped");
}
