//! What those who sent events are told of what became of them.

use adaptive_bi::auth::key;
use adaptive_bi::rights::scope::Scope;
use projections::event::Kind;
use reqwest::Method;
use serde_json::{Value, json};

use crate::events::sale;
use crate::harness::{Answer, Shop, answer};

async fn send(shop: &Shop, app: &adaptive_bi::app::App, prefer: &str, events: &Value) -> Answer {
    let request = shop.request(app, Method::POST, "/api/events").header("x-api-key", &shop.key);
    answer(request.header("prefer", prefer).body(events.to_string())).await
}

#[allow(clippy::needless_pass_by_value)] // it reads as the event
fn of(kind: &str, data: Value) -> Value {
    json!({ "kind": kind, "data": data })
}

fn outcomes(answer: &Answer) -> Vec<&str> {
    let results = answer.body["data"]["results"].as_array().expect("results");
    results.iter().map(|it| it["outcome"].as_str().unwrap_or("none")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_waits_says_what_became_of_each_event() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let events = json!([
        of("transaction", sale("t", "ann", 5, json!({}))),
        of("transaction", sale("u", "ann", 5, json!({ "currency": "XXX" }))),
        of("stock", json!({ "productId": "p" })),
    ]);
    for (prefer, applied) in
        [("wait=20", "wait=20"), ("respond-async, wait=500", "wait=30"), ("wait", "wait=30")]
    {
        let answer = send(&shop, &app, prefer, &events).await;
        assert_eq!(
            (answer.status, answer.header("preference-applied")),
            (207, applied),
            "{answer:?}"
        );
        assert_eq!(outcomes(&answer), ["folded", "quarantined", "none"], "{answer:?}");
        let error = &answer.body["data"]["results"][1]["errors"][0];
        assert_eq!(error["code"], "no-rate", "{answer:?}");
        assert_eq!(answer.body["data"]["results"][2]["status"], "rejected");
    }
    for prefer in ["return=minimal", "wait=soon"] {
        let answer = send(&shop, &app, prefer, &events).await;
        assert_eq!(answer.header("preference-applied"), "", "{answer:?}");
        assert_eq!(outcomes(&answer), ["none"; 3], "{answer:?}");
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_figures_have_not_reached_is_pending_and_is_told_later_by_its_position() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    app.stop().await.expect("stopped");
    shop.hold_the_lease().await;
    let app = shop.launch().await;
    let events = json!([
        of("transaction", sale("t", "ann", 5, json!({}))),
        of("transaction", sale("t", "bob", 5, json!({}))),
    ]);
    let sent = send(&shop, &app, "wait=1", &events).await;
    assert_eq!(outcomes(&sent), ["pending", "pending"], "{sent:?}");
    let position = sent.body["data"]["position"].as_u64().expect("a position");
    let path = |position: u64| format!("/api/events/{position}");
    let pending = shop.get_with(&app, &path(position), &[]).await;
    assert_eq!((pending.status, &pending.body["data"]["outcome"]), (200, &json!("pending")));
    shop.release_the_lease().await;
    shop.folded(position).await;
    let ask = async |position| shop.get_with(&app, &path(position), &[]).await;
    let folded = ask(position - 1).await;
    assert_eq!(
        folded.body["data"],
        json!({ "position": position - 1, "kind": "transaction", "outcome": "folded" })
    );
    let refused = ask(position).await;
    assert_eq!(refused.body["data"]["outcome"], "quarantined", "{refused:?}");
    assert_eq!(refused.body["data"]["errors"][0]["field"], "userId", "{refused:?}");
    let beyond = ask(position + 1).await;
    let message = beyond.body["message"].as_str().expect("a message");
    assert!(beyond.status == 404 && message.contains(&format!("ends at {position}")), "{beyond:?}");
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("a stream");
    stream.delete_message(position - 1).await.expect("deleted");
    let hole = ask(position - 1).await;
    let message = hole.body["message"].as_str().expect("a message");
    assert!(hole.status == 404 && message.contains("has no event at"), "{hole:?}");
    assert_eq!(shop.get_with(&app, "/api/events/transaction", &[]).await.status, 400);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_one_kind_is_told_of_events_of_that_kind_alone() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let till = key::make("till", &[Scope::EventsWrite(Some(Kind::Stock))], "command", None);
    app.platform.insert_key(&till.row).await.expect("a key");
    let stock = shop.publish("stock", r#"{"productId":"p","stock":1}"#).await;
    let sold = shop.publish("transaction", sale("t", "ann", 5, json!({})).to_string()).await;
    let unknown = shop.publish("nonsense", "{}").await;
    shop.folded(unknown).await;
    for (position, status) in [(stock, 200), (sold, 403), (unknown, 403)] {
        let request = shop.request(&app, Method::GET, &format!("/api/events/{position}"));
        let told = answer(request.header("x-api-key", &till.text)).await;
        assert_eq!(told.status, status, "{told:?}");
    }
    let told = shop.get(&app, &format!("/api/events/{unknown}")).await;
    assert_eq!(
        (&told.body["data"]["kind"], &told.body["data"]["outcome"]),
        (&Value::Null, &json!("quarantined"))
    );
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_batch_that_are_one_thing_are_noted() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let line = |amount| of("transaction", sale("o1", "ann", amount, json!({})));
    let seen =
        |user: &str| of("activity", json!({ "activityId": "1", "userId": user, "type": "viewed" }));
    let sent =
        send(&shop, &app, "wait=20", &json!([line(10.0), line(20.0), line(5.5), line(5.5)])).await;
    let note = |answer: &Answer, at: usize| answer.body["data"]["results"][at]["note"].to_string();
    for at in 0..3 {
        assert!(note(&sent, at).contains("lines need ids of their own"), "{sent:?}");
    }
    let sent = send(&shop, &app, "wait=20", &json!([seen("ann"), seen("bob"), seen("cy")])).await;
    for at in 0..3 {
        assert!(note(&sent, at).contains("one id is one fact"), "{sent:?}");
    }
    let same = send(&shop, &app, "wait=20", &json!([seen("ann"), seen("ann")])).await;
    assert_eq!((note(&same, 0), note(&same, 1)), ("null".to_owned(), "null".to_owned()));
    app.stop().await.expect("stopped");
}
