//! The values that producers send, and what answers make of them: over HTTP and from NATS.

use adaptive_bi::app::App;
use serde_json::{Value, json};

use crate::events::{merge, now, sale};
use crate::harness::Shop;

/// The same events by both doors: the first half over HTTP, the rest from NATS.
async fn send(shop: &Shop, app: &App, events: &[(&str, Value)]) -> u64 {
    let (posted, published) = events.split_at(events.len() / 2);
    for (kind, data) in posted {
        let answer = shop.post(app, &format!("/api/events/{kind}"), data.to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    shop.publish_all(published).await
}

fn product(id: &str, and: Value) -> (&'static str, Value) {
    let mut event = json!({ "productId": id, "name": id, "category": "Food", "price": 1 });
    merge(&mut event, and);
    ("product", event)
}

fn bought(id: &str, product: &str, quantity: f64) -> (&'static str, Value) {
    let and = json!({ "productId": product, "quantity": quantity, "transactionDate": now() });
    ("transaction", sale(id, "ann", json!(1), and))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quantities_and_stock_are_units_that_may_be_fractions_and_stock_may_be_negative() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let events = [
        product("flour", json!({ "stock": 12.5 })),
        product("cups", json!({ "stock": 20 })),
        product("salt", json!({ "stock": 19.9996 })),
        bought("t1", "flour", 0.75),
        bought("t2", "cups", 2.0),
        bought("t3", "cups", 1.0),
        ("stock", json!({ "productId": "oil", "stock": -3 })),
        bought("t4", "flour", 1.5),
        bought("t5", "oil", 0.0004),
    ];
    let position = send(&shop, &app, &events).await;
    let data = shop.data(&app, "/api/metrics/products", position).await;
    let sold = |it: &Value| (it["productId"].clone(), it["totalQuantitySold"].to_string());
    let sold: Vec<_> =
        data["topSellingProducts"].as_array().expect("a list").iter().map(sold).collect();
    assert_eq!(sold, [(json!("cups"), "3".into()), (json!("flour"), "2.25".into())]);
    let low = |it: &Value| (it["productId"].clone(), it["stock"].to_string());
    let low: Vec<_> =
        data["productsLowInStock"].as_array().expect("a list").iter().map(low).collect();
    assert_eq!(low, [(json!("oil"), "-3".into()), (json!("flour"), "12.5".into())]);
    let summary = shop.data(&app, "/api/dashboard/summary", position).await;
    assert_eq!(summary["productInsights"][1]["totalQuantitySold"].to_string(), "2.25");
    let counts = shop.folded(position).await.root.counts;
    // The salt is 20 units, and the oil sold was none at all.
    assert_eq!((counts.rounded, counts.quarantined), (1, 1));
    app.stop().await.expect("stopped");
}
