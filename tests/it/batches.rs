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
async fn of_many_callers_at_a_time_each_has_the_position_of_its_own_event() {
    const CALLERS: usize = 64;
    const EACH: usize = 10;
    let shop = Shop::new().await;
    let app = shop.start().await;
    let callers = (0..CALLERS).map(async |caller| {
        let mut positions = Vec::new();
        for n in 0..EACH {
            let id = format!("t{caller}-{n}");
            let event = sale(&id, "ann", 1, json!({})).to_string();
            let answer = shop.post(&app, "/api/events/transaction", event).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let position = answer.body["data"]["results"][0]["position"].as_u64();
            positions.push((position.expect("a position"), id));
        }
        positions
    });
    let mut positions = futures_util::future::join_all(callers).await.concat();
    positions.sort();
    assert_eq!(positions.len(), CALLERS * EACH);
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    let mut in_batches = 0;
    for (position, id) in &positions {
        let message = stream.get_raw_message(*position).await.expect("a message");
        let event: Value = serde_json::from_slice(&message.payload).expect("JSON");
        assert_eq!(event["transactionId"], **id, "at {position}");
        in_batches += usize::from(message.headers.get("Nats-Batch-Id").is_some());
    }
    assert!(in_batches > 0, "some shared a batch");
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
