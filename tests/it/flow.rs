//! The flow from every entry to every figure.

use adaptive_bi::ingest::file::{self, Source};
use serde_json::{Value, json};

use crate::events::{merge, now, sale};
use crate::harness::Shop;

const FIGURES: [&str; 4] = [
    "/api/metrics/sales",
    "/api/metrics/products",
    "/api/metrics/customers",
    "/api/dashboard/summary",
];

/// A small day: the events for each entry, as kind and payload.
fn day() -> Vec<(&'static str, Value)> {
    let at = now();
    let sale = |id: &str, user: &str, product: &str, amount: Value, and: Value| {
        let mut event =
            sale(id, user, amount, json!({ "productId": product, "transactionDate": at }));
        merge(&mut event, and);
        ("transaction", event)
    };
    vec![
        (
            "product",
            json!({ "productId": "mug", "name": "Mug", "category": "Kitchen", "price": 4.5, "stock": 3 }),
        ),
        (
            "product",
            json!({ "productId": "hat", "name": "Hat", "category": "Clothes", "price": 20 }),
        ),
        ("customer", json!({ "userId": "ann", "username": "Ann", "email": "ann@example.org" })),
        sale("t1", "ann", "mug", json!(9.0), json!({ "quantity": 2 })),
        sale("t2", "bob", "hat", json!("20.05"), json!({})),
        sale("t3", "bob", "mug", json!(4.5), json!({ "status": "pending" })),
        sale("t4", "guest-1", "mug", json!(0.1), json!({ "status": "returned" })),
        (
            "activity",
            json!({ "activityId": "a1", "userId": "ann", "activityType": "viewed_product",
            "productId": "mug", "timestamp": at }),
        ),
        (
            "feedback",
            json!({ "feedbackId": "f1", "userId": "ann", "productId": "mug", "rating": 4,
            "feedbackDate": at }),
        ),
        ("stock", json!({ "productId": "hat", "stock": 7 })),
    ]
}

async fn figures(shop: &Shop, app: &adaptive_bi::app::App, position: u64) -> Vec<Value> {
    let mut all = Vec::new();
    for path in FIGURES {
        all.push(shop.data(app, path, position).await);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_in_gives_the_same_figures() {
    let day = day();
    let mut all = Vec::new();
    let enveloped =
        || day.iter().map(|(kind, data)| json!({ "kind": kind, "data": data }).to_string());
    for way in ["nats", "array", "ndjson", "kinds", "file"] {
        let shop = Shop::new().await;
        let app = shop.start().await;
        let posted = async |path: &str, body: String| {
            let answer = shop.post(&app, path, body).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.body["data"]["rejected"], 0, "{answer:?}");
            answer.body["data"]["position"].as_u64().expect("a position")
        };
        let position = match way {
            "nats" => shop.publish_all(&day).await,
            "array" => {
                let body = format!("[{}]", enveloped().collect::<Vec<_>>().join(","));
                posted("/api/events", body).await
            }
            "ndjson" => posted("/api/events", enveloped().collect::<Vec<_>>().join("\n")).await,
            "kinds" => {
                let mut position = 0;
                for (kind, data) in &day {
                    position = posted(&format!("/api/events/{kind}"), data.to_string()).await;
                }
                position
            }
            _ => {
                let text: String = enveloped().map(|line| line + "\n").collect();
                let source = Source::Json(Box::new(std::io::Cursor::new(text)));
                let summary = file::ingest(&shop.log, "GBP", source, 0, |_| {}).await;
                summary.expect("ingested").position
            }
        };
        assert_eq!(position, day.len() as u64, "{way}");
        all.push((way, figures(&shop, &app, position).await));
        app.stop().await.expect("stopped");
    }
    let (_, expected) = &all[0];
    assert_eq!(expected[0]["totalRevenue"], 29.05);
    assert_eq!(expected[0]["returnedAmount"], 0.1);
    assert_eq!(expected[0]["totalOrders"], 3, "what came back was sold");
    assert_eq!(expected[1]["productsLowInStock"][0]["productId"], "mug");
    assert_eq!(expected[2]["topSpendingCustomers"][0]["userId"], "bob");
    assert_eq!(expected[2]["guests"], 1);
    assert_eq!(expected[3]["userBehavior"]["totalActivities"], 1);
    for (way, figures) in &all {
        assert_eq!(figures, expected, "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sale_that_is_paid_and_then_returned_moves_from_figure_to_figure() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let steps = [("pending", 0.0, 0.0, 0), ("completed", 12.5, 0.0, 1), ("returned", 0.0, 12.5, 1)];
    for (status, revenue, returned, buyers) in steps {
        let event =
            sale("t1", "ann", 12.5, json!({ "status": status, "transactionDate": "2026-01-05" }));
        let position = shop.publish("transaction.t1", event.to_string()).await;
        let sales = shop.data(&app, "/api/metrics/sales", position).await;
        let found = (sales["totalRevenue"].as_f64(), sales["returnedAmount"].as_f64());
        assert_eq!(found, (Some(revenue), Some(returned)), "{status}: {sales}");
        assert_eq!(sales["uniqueCustomers"], buyers, "{status}");
        let range = "/api/metrics/sales?startDate=2026-01-05&endDate=2026-01-05";
        let sales = shop.data(&app, range, position).await;
        assert_eq!(sales["totalRevenue"].as_f64(), Some(revenue), "{status} in its range");
        let customers = shop.data(&app, "/api/metrics/customers", position).await;
        assert_eq!(
            (&customers["totalCustomers"], &customers["buyers"]),
            (&json!(1), &json!(buyers))
        );
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cloud_events_are_understood_in_both_forms() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let headers = [
        ("ce-specversion", "1.0"),
        ("CE-Id", "1"),
        ("ce-source", "/till"),
        ("Ce-Type", "shop.sale"),
    ];
    shop.publish_with("transaction", &headers, sale("t1", "ann", 1, json!({})).to_string()).await;
    let structured = json!({
        "specversion": "1.0", "id": "2", "source": "/till", "type": "shop.sale",
        "datacontenttype": "application/json", "data": sale("t2", "bob", 2, json!({})),
    });
    let position = shop.publish("transaction", structured.to_string()).await;
    let sales = shop.data(&app, "/api/metrics/sales", position).await;
    assert_eq!((&sales["totalOrders"], sales["totalRevenue"].as_f64()), (&json!(2), Some(3.0)));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_waits_for_the_position_it_asks_for_or_says_how_far_it_is() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let event = sale("t1", "ann", 5, json!({}));
    let answer = shop.post(&app, "/api/events/transaction", event.to_string()).await;
    let position = answer.body["data"]["position"].as_u64().expect("a position");
    let asked = position.to_string();
    let wait = [("X-Min-Position", asked.as_str()), ("Prefer", "wait=60")];
    let answer = shop.get_with(&app, FIGURES[0], &wait).await;
    assert_eq!((answer.status, answer.header("x-position")), (200, asked.as_str()), "{answer:?}");
    assert_eq!(answer.body["data"]["totalOrders"], 1);
    let known = [("If-None-Match", answer.header("etag"))];
    assert_eq!(shop.get_with(&app, FIGURES[0], &known).await.status, 304);

    // A commit that changes no sale leaves the answer as it is; a 304 says which position it is of.
    let stock = json!({ "productId": "p1", "stock": 7 });
    let position = shop.publish("stock", stock.to_string()).await;
    let asked = position.to_string();
    let wait = [("X-Min-Position", asked.as_str()), ("Prefer", "wait=60"), known[0]];
    let known = shop.get_with(&app, FIGURES[0], &wait).await;
    assert_eq!((known.status, known.header("x-position")), (304, &*asked), "{known:?}");

    let past = [("X-Min-Position", "1000"), ("Prefer", "wait=60")];
    let answer = shop.get_with(&app, FIGURES[0], &past).await;
    assert_eq!(
        (answer.status, &answer.body["errors"][0]["field"]),
        (400, &json!("X-Min-Position"))
    );
    app.stop().await.expect("stopped");

    // A position that is on the log while nobody folds: halted, so that it stays behind.
    let mut other = shop.clone();
    other.settings.currency = "EUR".to_owned();
    let app = other.start().await;
    let asked = shop.publish("transaction", sale("t2", "ann", 5, json!({})).to_string()).await;
    let ahead = [("X-Min-Position", &*asked.to_string()), ("Prefer", "wait=1")];
    let answer = shop.get_with(&app, FIGURES[0], &ahead).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(
        answer.body["type"].as_str().is_some_and(|it| it.ends_with("projection-behind")),
        "{answer:?}"
    );
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(answer.header("x-position"), position.to_string());
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_may_wait_waits_for_the_first_read_models() {
    let shop = Shop::new().await;
    shop.hold_the_lease().await;
    let app = shop.launch().await;
    let asked = shop.publish("transaction", sale("t1", "ann", 5, json!({})).to_string()).await;
    let asked = asked.to_string();

    let refused = shop.get(&app, FIGURES[0]).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    let refused = shop.get_with(&app, FIGURES[0], &[("Prefer", "wait=1")]).await;
    let problem = refused.body["type"].as_str().unwrap_or_default();
    assert!(refused.status == 503 && !problem.ends_with("projection-behind"), "{refused:?}");
    let ahead = [("X-Min-Position", asked.as_str()), ("Prefer", "wait=1")];
    let behind = shop.get_with(&app, FIGURES[0], &ahead).await;
    let problem = behind.body["type"].as_str().unwrap_or_default();
    assert!(behind.status == 503 && problem.ends_with("projection-behind"), "{behind:?}");
    assert_eq!((behind.header("x-position"), &behind.body["position"]), ("0", &json!(0)));
    let past = [("X-Min-Position", "1000"), ("Prefer", "wait=60")];
    assert_eq!(shop.get_with(&app, FIGURES[0], &past).await.status, 400);

    let waits = [("Prefer", "wait=60")];
    let reads = [("X-Min-Position", asked.as_str()), ("Prefer", "wait=60")];
    let (any, read, ()) = tokio::join!(
        shop.get_with(&app, FIGURES[0], &waits),
        shop.get_with(&app, FIGURES[0], &reads),
        shop.release_the_lease(),
    );
    assert_eq!(any.status, 200, "{any:?}");
    assert_eq!((read.status, read.header("x-position")), (200, asked.as_str()), "{read:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_batch_again_changes_nothing() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let events: Vec<Value> = day()
        .iter()
        .enumerate()
        .map(|(n, (kind, data))| match n % 2 {
            0 => json!({ "kind": kind, "id": format!("e{n}"), "data": data }),
            _ => json!({ "kind": kind, "data": data }),
        })
        .collect();
    let body = Value::Array(events).to_string();
    let first = shop.post(&app, "/api/events", body.clone()).await;
    assert_eq!((first.status, &first.body["data"]["accepted"]), (200, &json!(10)), "{first:?}");
    let before = figures(&shop, &app, first.body["data"]["position"].as_u64().expect("one")).await;
    let again = shop.post(&app, "/api/events", body).await;
    let data = &again.body["data"];
    assert_eq!((&data["accepted"], &data["duplicates"]), (&json!(5), &json!(5)), "{again:?}");
    let position = data["position"].as_u64().expect("one");
    assert_eq!(figures(&shop, &app, position).await, before);
    let counts = shop.folded(position).await.root.counts;
    assert_eq!((counts.read, counts.applied, counts.repeated + counts.unchanged), (15, 10, 5));
    app.stop().await.expect("stopped");
}
