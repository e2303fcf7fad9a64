//! Duplicates by the log's judgement: it judges by an id, which anybody can put on a message of
//! their own.

use adaptive_bi::app::App;
use adaptive_bi::auth::key;
use adaptive_bi::rights::role::Role::Admin;
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::stream::subject;
use adaptive_bi::telemetry;
use async_nats::jetstream::message::StreamMessage;
use projections::event::Kind;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::commands::{folder, run};
use crate::events::sale;
use crate::harness::{Shop, answer};
use crate::people::{somebody, tell};

/// One event as the caller names and sends it.
fn batch(event: &Value) -> String {
    json!([{ "kind": "transaction", "id": "till-1", "data": event }]).to_string()
}

/// Sends an event; returns its status and position.
async fn sent(shop: &Shop, app: &App, event: &Value) -> (String, u64) {
    let answer = shop.post(app, "/api/events", batch(event)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let result = &answer.body["data"]["results"][0];
    let status = result["status"].as_str().expect("a status").to_owned();
    (status, result["position"].as_u64().expect("a position"))
}

async fn on_the_log(shop: &Shop, position: u64) -> StreamMessage {
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    stream.get_raw_message(position).await.expect("a message")
}

fn id_of(message: &StreamMessage) -> Option<String> {
    message.headers.get("Nats-Msg-Id").map(ToString::to_string)
}

async fn revenue(shop: &Shop, app: &App, position: u64) -> Option<f64> {
    shop.data(app, "/api/metrics/sales", position).await["totalRevenue"].as_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_knows_an_event_in_advance_does_not_know_its_id() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let event = sale("t1", "ann", 7, json!({}));
    let mut guessed = Sha256::new();
    for part in ["transaction", "till-1", &event.to_string()] {
        guessed.update(part.len().to_le_bytes());
        guessed.update(part);
    }
    let guessed = format!("{:x}", guessed.finalize());
    shop.publish_with("transaction.x", &[("Nats-Msg-Id", &guessed)], "{}").await;
    let (status, position) = sent(&shop, &app, &event).await;
    assert_eq!((status.as_str(), position), ("accepted", 2));
    assert_ne!(id_of(&on_the_log(&shop, 2).await), Some(guessed));
    assert_eq!(sent(&shop, &app, &event).await, ("duplicate".to_owned(), 2), "and it has one");
    assert_eq!(revenue(&shop, &app, position).await, Some(7.0));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_a_duplicate_of_itself_and_of_nothing_else() {
    // Both have the same secret, so the id that one shop shows is the other's as well.
    let (shown, shop) = (Shop::new().await, Shop::new().await);
    let app = shown.start().await;
    let event = sale("t1", "ann", 7, json!({}));
    let (_, at) = sent(&shown, &app, &event).await;
    let id = id_of(&on_the_log(&shown, at).await).expect("an id");
    app.stop().await.expect("stopped");
    let app = shop.start().await;

    let prefix = &shop.settings.subject_prefix;
    let whole = subject::of_event(prefix, Kind::Transaction, "t1");
    let subject = whole.strip_prefix(&format!("{prefix}.")).expect("below the prefix");
    let body = event.to_string();
    let other = sale("t1", "ann", 1, json!({})).to_string();
    // Each takes the id anew, as it is free again once its message is not there.
    for (subject, header, body) in [
        ("transaction.t2", ("Nats-Msg-Id", &*id), &body),
        (subject, ("Replay-Of", "1"), &body),
        (subject, ("ce-specversion", "1.0"), &body),
        (subject, ("Nats-Msg-Id", &*id), &other),
    ] {
        shop.log.delete().await.expect("deleted");
        shop.log.make_anew().await.expect("made");
        let taken = [("Nats-Msg-Id", &*id), header];
        assert_eq!(shop.publish_with(subject, &taken, body.clone()).await, 1);
        let (status, position) = sent(&shop, &app, &event).await;
        // Without an id nothing keeps a line that breaks from carrying it twice, so not just at 2.
        let is_sent = status == "accepted" && position >= 2;
        assert!(is_sent, "{status} at {position}: {subject} {header:?} {body}");
        let message = on_the_log(&shop, position).await;
        assert_eq!((id_of(&message), message.payload), (None, event.to_string().into()));
    }
    let scraper = key::make("prometheus", &[Scope::MetricsScrape], "command", None);
    app.platform.insert_key(&scraper.row).await.expect("a key");
    let metrics = answer(shop.request(&app, Method::GET, "/metrics").bearer_auth(scraper.text));
    let metrics = metrics.await.body.to_string();
    assert!(metrics.contains(telemetry::NO_DUPLICATES), "it is counted: {metrics}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_first_message_is_gone_is_sent_again() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let event = sale("t1", "ann", 7, json!({}));
    let (_, first) = sent(&shop, &app, &event).await;
    shop.folded(first).await;
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    assert!(stream.delete_message(first).await.expect("deleted"));
    let (status, position) = sent(&shop, &app, &event).await;
    assert_eq!((status.as_str(), position), ("accepted", first + 1));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_whose_id_another_message_took_is_on_the_log_all_the_same() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let (bad, good) = (sale("t1", "ann", -5, json!({})), sale("t1", "ann", 5, json!({})));
    let at = shop.publish("transaction.t1", bad.to_string()).await;
    shop.folded(at).await;
    let subject = subject::of_event(&shop.settings.subject_prefix, Kind::Transaction, "t1");
    let hash = Sha256::new().chain_update(&subject).chain_update([0]);
    let id = format!("replay-{at}-{:x}", hash.chain_update(good.to_string()).finalize());
    let taken = shop.publish_with("transaction", &[("Nats-Msg-Id", &id)], "{}").await;
    let path = format!("/api/quarantine/{at}/replay");
    let done = tell(&shop, &app, &path, &root.token, &json!({ "payload": good })).await;
    let position = done.body["data"]["replay"]["position"].as_u64().expect("a position");
    assert_eq!(position, taken + 1, "{done:?}");
    assert_eq!(id_of(&on_the_log(&shop, position).await), None);
    assert_eq!(revenue(&shop, &app, position).await, Some(5.0));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_puts_no_id_on_its_events_as_it_has_no_secret_to_make_one_with() {
    let shop = Shop::new().await;
    let folder = folder("no-ids");
    let event =
        json!({ "kind": "transaction", "id": "1", "data": sale("t1", "ann", 7, json!({})) });
    std::fs::write(folder.join("events"), event.to_string()).expect("written");
    for position in 1..=2 {
        let ran = run(&["ingest", "events"], &shop.environment(), &folder).await;
        assert!(ran.stdout.contains(&format!("position {position}")), "{ran:?}");
        assert_eq!(id_of(&on_the_log(&shop, position).await), None);
    }
}
