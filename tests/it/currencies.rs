//! Sales in other currencies: they wait for a rate, are sent again once it is there, and are added up
//! in both.

use adaptive_bi::rights::role::Role::Admin;
use reqwest::Method;
use serde_json::{Value, json};

use crate::commands::{folder, run};
use crate::events::{merge, now, sale};
use crate::harness::Shop;
use crate::people::{ask, somebody, tell};

fn order(id: &str, currency: &str, and: Value) -> Value {
    let lines = json!([{ "productId": "mug", "quantity": 2, "price": 10 }]);
    let mut order = json!({
        "orderId": id, "userId": "ann", "orderDate": now(), "currency": currency, "lines": lines,
    });
    merge(&mut order, and);
    order
}

fn rate(currency: &str, rate: f64) -> (&'static str, Value) {
    ("rate", json!({ "currency": currency, "rate": rate, "date": &now()[..10] }))
}

/// Sales and a refund, three of them in a currency without a rate.
fn sold() -> Vec<(&'static str, Value)> {
    let dollars = |and: Value| {
        let mut event = json!({ "currency": "USD" });
        merge(&mut event, and);
        event
    };
    vec![
        ("transaction", sale("t1", "ann", 10, dollars(json!({})))),
        ("transaction", sale("t2", "bob", 10, json!({}))),
        ("order", order("o1", "usd", json!({ "discount": 1 }))),
        (
            "refund",
            json!({ "refundId": "r1", "orderId": "o1", "amount": 4, "currency": "USD",
            "at": now() }),
        ),
        ("transaction", sale("t3", "ann", 10, dollars(json!({ "exchangeRate": 0.9 })))),
        ("transaction", sale("t4", "ann", 10, json!({ "currency": "CHF" }))),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_rate_waits_and_counts_once_all_that_wait_are_sent_again() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let last = shop.publish_all(&sold()).await;
    let counts = shop.folded(last).await.root.counts;
    assert_eq!((counts.applied, counts.quarantined), (3, 3), "{counts:?}");
    let listed = async |query: &str| {
        let path = format!("/api/quarantine{query}");
        ask(&shop, &app, Method::GET, &path, &root.token).await.body["data"].clone()
    };
    let open = listed("?reason=no-rate").await;
    assert_eq!(open["events"].as_array().map(Vec::len), Some(3), "{open}");
    let reason = &open["events"][0]["reasons"][0];
    assert_eq!((&reason["field"], &reason["code"]), (&json!("currency"), &json!("no-rate")));
    let message = reason["message"].as_str().expect("text");
    assert!(message.contains("USD") && message.contains(&now()[..10]), "{message}");

    // Of what waits, the dollars have a rate now.
    let last = shop.publish_all(&[rate("USD", 0.8)]).await;
    shop.folded(last).await;
    let path = "/api/quarantine/replay?reason=no-rate&dryRun=true&limit=2";
    let dry = tell(&shop, &app, path, &root.token, &json!({})).await;
    let replays = dry.body["data"]["replays"].clone();
    let told = ["sent", "refused", "next"].map(|member| replays[member].clone());
    assert_eq!(told, [json!(2), json!(0), json!("3")], "{replays}");
    assert_eq!(shop.log.extent().await.expect("the log").last, last, "nothing is sent");

    let ran = run(
        &["quarantine", "replay", "--reason", "no-rate"],
        &shop.environment(),
        &folder("currencies"),
    )
    .await;
    assert!(ran.stdout.contains("2 replayed, 1 not"), "{ran:?}");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let last = shop.log.extent().await.expect("the log").last;
    let sales = shop.data(&app, "/api/metrics/sales", last).await;
    // 10 USD, 10 of the shop's, 19 USD, 10 USD at a rate of their own; 4 USD came back.
    assert_eq!(
        (&sales["grossSales"], &sales["discounts"], &sales["returns"], &sales["totalOrders"]),
        (&json!(43), &json!(0.8), &json!(3.2), &json!(4)),
        "{sales}"
    );
    let dollars = json!([{ "currency": "USD", "orders": 3, "original": 39, "converted": 32.2 }]);
    assert_eq!(sales["currencies"], dollars, "{sales}");
    assert_eq!(shop.folded(last).await.root.counts.quarantined, 3);

    // A rate that was used stays; the rest goes with a rate over HTTP.
    let (kind, franc) = rate("CHF", 1.1);
    let last = shop.publish_all(&[(kind, franc), rate("USD", 0.5)]).await;
    shop.folded(last).await;
    let path = "/api/quarantine/replay";
    let refused = tell(&shop, &app, path, &root.token, &json!({})).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (400, &json!("reason")));
    let path = "/api/quarantine/replay?reason=no-rate";
    let sent = tell(&shop, &app, path, &root.token, &json!({})).await;
    let replays = &sent.body["data"]["replays"];
    assert_eq!((&replays["sent"], &replays["next"]), (&json!(1), &Value::Null), "{sent:?}");
    let corrected = order("o1", "USD", json!({ "discount": 1, "orderStatus": "delivered" }));
    let last = shop.publish_all(&[("order", corrected)]).await;
    let sales = shop.data(&app, "/api/metrics/sales", last).await;
    assert_eq!((&sales["grossSales"], &sales["returns"]), (&json!(54), &json!(3.2)), "{sales}");
    assert_eq!(sales["currencies"][0]["currency"], "CHF", "{sales}");
    assert_eq!(listed("?reason=no-rate").await["events"], json!([]));
    app.stop().await.expect("stopped");
}
