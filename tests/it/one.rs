//! Orders and transactions: one by its id, and orders a page at a time.

use serde_json::{Value, json};

use crate::harness::Shop;

fn changes(of: &Value) -> Vec<(u64, Vec<&str>)> {
    fn change(it: &Value) -> (u64, Vec<&str>) {
        let parts = it["changed"].as_array().into_iter().flatten();
        (it["position"].as_u64().expect("a position"), parts.filter_map(Value::as_str).collect())
    }
    of["history"].as_array().expect("a history").iter().map(change).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_told_with_its_lines_its_money_and_its_changes() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let path = "/api/orders/A%2F1%20%C3%A9";
    let events = [
        (
            "order",
            json!({ "orderId": "A/1 é", "userId": "ann", "orderDate": "2026-03-01T10:00:00Z",
                "lines": [
                    { "productId": "mug", "quantity": 2, "price": 4.5 },
                    { "lineId": "x", "productId": "hat", "quantity": 1, "price": 21 },
                ],
                "discount": 3, "deliveryFee": 5, "paymentMethod": "card",
                "shippingAddress": { "country": "SA" } }),
        ),
        (
            "orderstatus",
            json!({ "orderId": "A/1 é", "at": "2026-03-02", "orderStatus": "shipped" }),
        ),
        (
            "refund",
            json!({ "refundId": "r", "orderId": "A/1 é", "lineId": "x", "amount": 7,
            "at": "2026-03-04" }),
        ),
    ];
    let position = shop.publish_all(&events).await;
    let order = shop.data(&app, path, position).await;
    let said = json!({
        "orderId": "A/1 é", "userId": "ann", "orderDate": "2026-03-01T10:00:00.000Z",
        "status": "completed", "orderStatus": "shipped", "paymentStatus": null,
        "country": "SA", "paymentMethod": "card",
        "grossSales": 30, "discounts": 3, "returns": 7, "netSales": 20,
        "deliveryFee": 5, "total": 32, "irregular": [], "changes": 3,
        "firstTimes": [{ "status": "order-shipped", "at": "2026-03-02T00:00:00.000Z" }],
    });
    for (name, value) in said.as_object().expect("an object") {
        assert_eq!(&order[name], value, "{name} of {order}");
    }
    let line = |at: usize, name: &str| order["lines"][at][name].to_string();
    assert_eq!([line(0, "lineId"), line(0, "discount"), line(0, "net")], ["\"1\"", "0.9", "8.1"]);
    assert_eq!([line(1, "lineId"), line(1, "discount"), line(1, "net")], ["\"x\"", "2.1", "18.9"]);
    assert_eq!(order["refunds"][0]["refundId"], "r");
    let expected = [(3, vec!["refunds"]), (2, vec!["orderStatus"]), (1, vec!["content"])];
    assert_eq!(changes(&order), expected);

    let tag = shop.get(&app, path).await.header("etag").to_owned();
    let visit = json!({ "activityId": "a", "userId": "ann", "activityType": "search" });
    let position = shop.publish_all(&[("activity", visit)]).await;
    shop.data(&app, path, position).await;
    let same = shop.get_with(&app, path, &[("If-None-Match", &tag)]).await;
    assert_eq!(same.status, 304, "no order has changed");
    let paid = json!({ "orderId": "A/1 é", "at": "2026-03-03", "paymentStatus": "paid" });
    let position = shop.publish_all(&[("orderstatus", paid)]).await;
    assert_eq!(shop.data(&app, path, position).await["paymentStatus"], "paid");
    let other = shop.get_with(&app, path, &[("If-None-Match", &tag)]).await;
    assert_eq!(other.status, 200);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_is_told_with_its_refunds_and_its_changes() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let sale = json!({ "transactionId": "t", "userId": "ann", "productId": "mug", "quantity": 0.5,
        "totalPrice": 9, "transactionDate": "2026-03-01", "category": "Kitchen" });
    let corrected = json!({ "transactionId": "t", "userId": "ann", "productId": "mug",
        "quantity": 0.5, "totalPrice": 10, "transactionDate": "2026-03-01" });
    let refund = json!({ "refundId": "r", "transactionId": "t", "amount": 4, "at": "2026-03-02" });
    let events = [("transaction", sale), ("transaction", corrected), ("refund", refund)];
    let position = shop.publish_all(&events).await;
    let told = shop.data(&app, "/api/transactions/t", position).await;
    let said = json!({
        "transactionId": "t", "userId": "ann", "orderId": null, "category": "Kitchen",
        "status": "completed", "quantity": 0.5, "totalPrice": 10, "returns": 4,
        "returnedAt": null, "changes": 3,
    });
    for (name, value) in said.as_object().expect("an object") {
        assert_eq!(&told[name], value, "{name} of {told}");
    }
    let expected = [(3, vec!["refunds"]), (2, vec!["sale"]), (1, vec!["sale"])];
    assert_eq!(changes(&told), expected);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_is_a_404_that_says_up_to_where_it_was_looked_for() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let sale = json!({ "transactionId": "t", "userId": "ann", "totalPrice": 9,
        "transactionDate": "2026-03-01" });
    let position = shop.publish_all(&[("transaction", sale)]).await;
    shop.data(&app, "/api/transactions/t", position).await;
    for path in ["/api/orders/t", "/api/transactions/T"] {
        let answer = shop.get(&app, path).await;
        assert_eq!((answer.status, answer.header("x-position")), (404, "1"), "{answer:?}");
        assert_eq!(answer.header("etag"), "");
    }
    let id = "x".repeat(129);
    for path in [format!("/api/orders/{id}"), "/api/orders/t?limit=3".to_owned()] {
        assert_eq!(shop.get(&app, &path).await.status, 400, "{path}");
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_listed_a_page_at_a_time_and_by_what_is_odd_about_them() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let order = |n: u32, and: Value| {
        let mut event = json!({ "orderId": format!("o{n}"), "userId": "ann",
            "orderDate": "2026-03-01", "lines": [{ "productId": "mug", "quantity": 1, "price": 5 }] });
        crate::events::merge(&mut event, and);
        ("order", event)
    };
    let back = |n: u32, amount: u32| {
        let refund = json!({ "refundId": format!("r{n}"), "orderId": format!("o{n}"),
            "amount": amount, "at": "2026-03-02" });
        ("refund", refund)
    };
    let events = [
        order(1, json!({ "total": 9 })),
        order(2, json!({})),
        order(3, json!({ "total": 7 })),
        back(3, 6),
        order(4, json!({})),
        back(4, 5),
        (
            "transaction",
            json!({ "transactionId": "p", "userId": "ann", "totalPrice": 1,
            "transactionDate": "2026-03-01" }),
        ),
    ];
    let position = shop.publish_all(&events).await;
    let ids = |page: &Value| -> Vec<String> {
        let orders = page["orders"].as_array().expect("a list").iter();
        orders.map(|it| it["orderId"].as_str().expect("an id").to_owned()).collect()
    };
    let next = |page: &Value| page["pagination"]["next"].as_str().expect("a cursor").to_owned();
    let first = shop.data(&app, "/api/orders?limit=3&sort=id", position).await;
    assert_eq!(ids(&first), ["o1", "o2", "o3"]);
    let path = format!("/api/orders?limit=3&sort=id&cursor={}", next(&first));
    let second = shop.data(&app, &path, position).await;
    assert_eq!((ids(&second), &second["pagination"]["next"]), (vec!["o4".into()], &Value::Null));
    for (odd, expected) in [("total", vec!["o1", "o3"]), ("refund", vec!["o3"]), ("step", vec![])] {
        let page = shop.data(&app, &format!("/api/orders?irregular={odd}"), position).await;
        assert_eq!(ids(&page), expected, "{odd}");
    }
    let odd = shop.data(&app, "/api/orders?irregular=any&limit=1", position).await;
    assert_eq!(ids(&odd), ["o1"]);
    let path = format!("/api/orders?irregular=any&limit=1&cursor={}", next(&odd));
    let any = shop.data(&app, &path, position).await;
    let last = &any["orders"][0];
    assert_eq!((ids(&any), &last["irregular"]), (vec!["o3".into()], &json!(["total", "refund"])));
    assert_eq!(last["netSales"], -1);
    app.stop().await.expect("stopped");
}
