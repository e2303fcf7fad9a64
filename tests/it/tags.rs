//! `ETag`s over commits: an answer is known as long as nothing that it is made of changes.

use adaptive_bi::app::App;
use serde_json::{Value, json};

use crate::harness::Shop;

const RANGE: &str = "startDate=2026-01-01&endDate=2026-01-31";
/// Views of what is sold alone, and of what visitors do alone.
const SALES: [&str; 3] = ["sales", "transactions", "revenue"];
const VISITS: [&str; 4] = ["behaviour", "actives", "sessions", "funnel"];

/// An answer that a caller has.
struct Known {
    path: String,
    tag: String,
}

async fn known(shop: &Shop, app: &App, views: &[&str]) -> Vec<Known> {
    let mut all = Vec::new();
    for view in views {
        let path = format!("/api/metrics/{view}?{RANGE}");
        let answer = shop.get(app, &path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        all.push(Known { tag: answer.header("etag").to_owned(), path });
    }
    all
}

/// Asks for each answer again, of a position, and looks at the status.
async fn assert_all(shop: &Shop, app: &App, known: &[Known], position: u64, status: u16) {
    let position = position.to_string();
    for Known { path, tag } in known {
        let headers =
            [("X-Min-Position", &*position), ("Prefer", "wait=60"), ("If-None-Match", tag)];
        let answer = shop.get_with(app, path, &headers).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert_eq!(answer.header("x-position"), position, "{path}");
    }
}

fn activities(from: u32) -> Vec<(&'static str, Value)> {
    let activity = |n: u32| {
        let (user, session) = (format!("u{}", n % 7), format!("s{}", n % 11));
        let data = json!({
            "activityId": format!("a{n}"), "userId": user, "activityType": "viewed_product",
            "timestamp": format!("2026-01-{:02}T10:00:00Z", n % 28 + 1), "sessionId": session,
            "productId": "p", "device": "phone", "page": "/",
        });
        ("activity", data)
    };
    (from..from + 50).map(activity).collect()
}

fn sale(id: &str) -> String {
    let data = json!({
        "transactionId": id, "userId": "u1", "totalPrice": 5, "transactionDate": "2026-01-02T00:00:00Z",
    });
    data.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_about_sales_stays_known_over_activities_and_not_over_a_sale() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    shop.publish_all(&activities(0)).await;
    let position = shop.publish("transaction", sale("t1")).await;
    shop.folded(position).await;
    let (sales, visits) = (known(&shop, &app, &SALES).await, known(&shop, &app, &VISITS).await);
    assert_all(&shop, &app, &sales, position, 304).await;
    assert_all(&shop, &app, &visits, position, 304).await;

    // Several commits with activities alone.
    let mut position = position;
    for round in 1..4 {
        position = shop.publish_all(&activities(round * 50)).await;
        shop.folded(position).await;
    }
    assert_all(&shop, &app, &sales, position, 304).await;
    assert_all(&shop, &app, &visits, position, 200).await;

    let visits = known(&shop, &app, &VISITS).await;
    let position = shop.publish("transaction", sale("t2")).await;
    shop.folded(position).await;
    assert_all(&shop, &app, &sales, position, 200).await;
    assert_all(&shop, &app, &visits, position, 304).await;
    app.stop().await.expect("stopped");
}
