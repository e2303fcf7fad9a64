//! A message that is invalid is kept, with every reason, and is never in the way.

use adaptive_bi::store::commit::Quarantined;
use futures_util::TryStreamExt;
use mongodb::bson::doc;
use serde_json::json;

use crate::events::{mixed, sale};
use crate::harness::Shop;

/// Subjects below the prefix, bodies, and the fields of the reasons that each must have.
fn rotten() -> Vec<(&'static str, Vec<u8>, Vec<&'static str>)> {
    let of = |body: serde_json::Value| body.to_string().into_bytes();
    let sale = |id: &str, amount: serde_json::Value, and| of(sale(id, "u1", amount, and));
    let raw = |text: &str| text.as_bytes().to_vec();
    let huge = r#"{"transactionId":"h","userId":"u1","totalPrice":1e400,"quantity":99999999999999999999,"transactionDate":"2026-01-01"}"#;
    vec![
        ("transaction", raw("{not json"), vec![""]),
        ("transaction", Vec::new(), vec![""]),
        ("transaction", raw("[]"), vec![""]),
        ("transaction", vec![b'{', b'"', 0xff, 0xfe, b'"', b'}'], vec![""]),
        ("transaction", vec![b'['; 100_000], vec![""]),
        ("transaction", raw(huge), vec!["totalPrice", "quantity"]),
        (
            "transaction",
            raw("{}"),
            vec!["transactionId", "userId", "totalPrice", "transactionDate"],
        ),
        (
            "transaction",
            sale("w", json!(-1), json!({ "status": "paid", "quantity": 0 })),
            vec!["totalPrice", "quantity", "status"],
        ),
        (
            "transaction",
            sale("w", json!("12.34567"), json!({ "transactionDate": "yesterday" })),
            vec!["totalPrice", "transactionDate"],
        ),
        (
            "transaction",
            sale("w", json!(1), json!({ "transactionDate": "2999-01-01" })),
            vec!["transactionDate"],
        ),
        ("transaction", sale("w", json!(1), json!({ "currency": "USD" })), vec!["currency"]),
        (
            "transaction",
            sale("good", json!(1), json!({ "userId": "somebody else" })),
            vec!["userId"],
        ),
        ("orders.1", of(json!({ "transactionId": "t" })), vec!["subject"]),
        (
            "feedback",
            of(json!({ "feedbackId": "f", "userId": "u", "productId": "p", "rating": 6,
            "feedbackDate": "2026-01-01" })),
            vec!["rating"],
        ),
        (
            "activity",
            of(
                json!({ "activityId": "a", "userId": "u", "activityType": "t", "productId": "(none)",
            "timestamp": "2026-01-01" }),
            ),
            vec!["productId"],
        ),
        (
            "activity.x",
            of(json!({ "activityId": "a", "userId": 7.5, "activityType": "t",
            "timestamp": "2026-01-01" })),
            vec!["userId"],
        ),
    ]
}

async fn rows(shop: &Shop) -> Vec<Quarantined> {
    let rows = shop.database.collection::<Quarantined>("g1_quarantine");
    let found = rows.find(doc! {}).sort(doc! { "_id": 1 }).await.expect("quarantine");
    found.try_collect().await.expect("quarantine")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_understood_is_kept_whole_and_what_stands_around_it_is_counted() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let good = |n| sale(&format!("good{n}"), "u1", 10, json!({})).to_string();
    shop.publish("transaction", sale("good", "u1", 10, json!({})).to_string()).await;
    let mut expected = Vec::new();
    for (n, (subject, body, fields)) in rotten().into_iter().enumerate() {
        let position = shop.publish(subject, body.clone()).await;
        expected.push((position, subject, body, fields));
        shop.publish("transaction", good(n)).await;
    }
    let position = shop.publish_with("transaction", &[("Replay-Of", "soon")], good(999)).await;
    expected.push((position, "transaction", good(999).into_bytes(), vec!["Replay-Of"]));
    let last = shop.publish("transaction", good(1000)).await;

    let checkpoint = shop.folded(last).await;
    let (counts, rows) = (checkpoint.root.counts, rows(&shop).await);
    assert_eq!(
        rows.iter().map(|it| it.position).collect::<Vec<_>>(),
        expected.iter().map(|it| it.0).collect::<Vec<_>>()
    );
    for (row, (position, subject, body, fields)) in rows.iter().zip(&expected) {
        assert_eq!(row.subject, format!("{}.{subject}", shop.settings.subject_prefix));
        assert_eq!(row.payload.bytes(), body, "the body at {position}");
        let found: Vec<_> = row.reasons.iter().map(|reason| reason.field.as_str()).collect();
        assert_eq!(&found, fields, "at {position}: {:?}", row.reasons);
        assert!(row.reasons.iter().all(|reason| !reason.message.is_empty()));
    }
    assert_eq!(rows.last().expect("some").headers, [("Replay-Of".to_owned(), "soon".to_owned())]);

    let (bad, fine) = (expected.len() as u64, last - expected.len() as u64);
    assert_eq!((counts.read, counts.quarantined, counts.applied), (last, bad, fine), "{counts:?}");
    let sales = shop.data(&app, "/api/metrics/sales", last).await;
    assert_eq!(sales["totalOrders"], fine);
    assert_eq!(sales["totalRevenue"], 10 * fine);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_read_is_applied_repeated_unchanged_stale_or_quarantined() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let position = shop.publish_all(&mixed(1_500, 7)).await;
    let checkpoint = shop.folded(position).await;
    let counts = checkpoint.root.counts;
    assert_eq!(counts.read, position);
    let sum =
        counts.applied + counts.repeated + counts.unchanged + counts.stale + counts.quarantined;
    assert_eq!(sum, counts.read, "{counts:?}");
    for (name, count) in [
        ("applied", counts.applied),
        ("repeated", counts.repeated),
        ("unchanged", counts.unchanged),
        ("stale", counts.stale),
        ("quarantined", counts.quarantined),
    ] {
        assert!(count > 0, "the log has none that is {name}: {counts:?}");
    }
    assert_eq!(counts.quarantined, rows(&shop).await.len() as u64);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_rotten_messages_may_be_larger_than_a_document_of_the_store_may_be() {
    let shop = Shop::new().await;
    let mut last = 0;
    for _ in 0..18 {
        last = shop.publish("feedback", vec![b'x'; 990_000]).await;
    }
    let app = shop.start().await;
    assert_eq!(shop.folded(last).await.root.counts.quarantined, last);
    assert!(rows(&shop).await.iter().all(|row| row.payload.bytes().len() == 990_000));
    app.stop().await.expect("stopped");
}
