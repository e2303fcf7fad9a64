//! Batches over HTTP: many events at a time, and bodies that are no batch.

use std::time::Duration;

use serde_json::{Value, json};

use crate::events::sale;
use crate::harness::{Shop, answer, until};

fn batch(of: &str, count: usize) -> String {
    let event = |n| json!({ "kind": "transaction", "data": sale(&format!("{of}{n}"), "ann", 1, json!({})) });
    Value::Array((0..count).map(event).collect()).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_full_batches_at_once_and_a_single_event_meanwhile_are_all_taken() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let single = async {
        until("a batch under way", || async {
            let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await;
            let there = stream.expect("the stream").cached_info().state.messages;
            if there > 0 { Ok(()) } else { Err("nothing on the log".to_owned()) }
        })
        .await;
        shop.post(&app, "/api/events", batch("single", 1)).await
    };
    let all = async {
        tokio::join!(
            shop.post(&app, "/api/events", batch("a", 10_000)),
            shop.post(&app, "/api/events", batch("b", 10_000)),
            single,
        )
    };
    let (first, second, single) =
        tokio::time::timeout(Duration::from_mins(1), all).await.expect("every answer");
    for (answer, count) in [(first, 10_000), (second, 10_000), (single, 1)] {
        assert_eq!(answer.status, 200, "{}", answer.body["message"]);
        assert_eq!(answer.body["data"]["accepted"], count);
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_says_that_it_is_no_json_is_refused_and_a_byte_order_mark_is_not() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let http = reqwest::Client::new();
    let url = format!("http://{}/api/events", app.address);
    let post = async |kind: &str, body: String| {
        let request = http.post(&url).header("x-api-key", &shop.key).header("content-type", kind);
        answer(request.body(body)).await
    };
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"] {
        let refused = post(kind, batch("x", 1)).await;
        assert_eq!(refused.status, 415, "{kind}: {refused:?}");
        let message = refused.body["message"].as_str().unwrap_or_default();
        assert!(message.contains("application/json, application/x-ndjson"), "{refused:?}");
    }
    for kind in ["application/json", "Application/JSON; charset=utf-8", "application/x-ndjson"] {
        assert_eq!(post(kind, batch("x", 1)).await.status, 200, "{kind}");
    }
    let event = json!({ "kind": "stock", "data": { "productId": "p", "stock": 1 } }).to_string();
    let lines = format!("\u{feff}{event}\n{event}\n");
    assert_eq!(post("application/x-ndjson", lines).await.body["data"]["accepted"], 2);
    let array = format!("\u{feff}[{event}]");
    assert_eq!(post("application/json", array).await.body["data"]["accepted"], 1);
    app.stop().await.expect("stopped");
}
