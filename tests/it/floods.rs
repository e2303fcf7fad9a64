//! Sockets that send more than a client ever needs to.

use adaptive_bi::app::App;
use serde_json::json;

use crate::connections::{Wire, frame};
use crate::events::sale;
use crate::harness::Shop;
use crate::push::Socket;

/// A number of messages at once that is more than are answered.
const FLOOD: usize = 100;

/// A `WebSocket` that is signed in.
async fn signed_in(shop: &Shop, app: &App) -> Wire {
    let mut wire = Wire::to(app).await;
    wire.web_socket("").await;
    wire.until("pingInterval").await;
    wire.frame(&format!("40{{\"token\":\"{}\"}}", shop.key)).await;
    wire.until("authenticated").await;
    wire
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_floods_is_told_once_and_not_answered_and_disconnected_and_others_do_not_feel_it() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let mut board = Socket::open(&shop, &app, Some(json!({ "token": shop.key }))).await;
    board.next("authenticated").await;
    let authenticate = json!(["authenticate", { "token": shop.key }]);
    for message in [json!(["requestCurrentMetrics"]), authenticate, json!(["nothing", 7])] {
        let mut wire = signed_in(&shop, &app).await;
        let message = frame(&format!("42{message}"));
        wire.send_bytes(&message.repeat(FLOOD)).await;
        let mut heard = wire.until("Too many messages").await;
        heard += &wire.drip(message.repeat(FLOOD / 10)).await;
        assert_eq!(heard.matches("Too many messages").count(), 1, "{heard}");
        let answers = heard.matches("currentMetrics").count() + heard.matches("signed in").count();
        assert!(answers < FLOOD, "{answers} answers: {heard}");
        board.emit(json!(["requestCurrentMetrics"])).await;
        board.next("currentMetrics").await;
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_for_a_moment_is_told_so_and_answered_again() {
    let mut shop = Shop::new().await;
    shop.settings.ws_heartbeat_interval = 1_000;
    let app = shop.start().await;
    let mut board = Socket::open(&shop, &app, Some(json!({ "token": shop.key }))).await;
    board.next("authenticated").await;
    board.send(vec![r#"42["requestCurrentMetrics"]"#; FLOOD / 2].join("\u{1e}")).await;
    board.next("error").await;
    // A second, by the service's own clock: each ping comes so long after the one before.
    for _ in 0..2 {
        board.send("3".to_owned()).await;
        while board.packet().await.expect("not closed") != "2" {}
    }
    let position = shop.publish("transaction", sale("t1", "ann", 1, json!({})).to_string()).await;
    // The process that is asked knows of the commit once it pushes it.
    board.is_pushed(position).await;
    board.emit(json!(["requestCurrentMetrics"])).await;
    assert_eq!(board.next("currentMetrics").await["position"].as_u64(), Some(position));
    app.stop().await.expect("stopped");
}

/// These messages are never answered, so that only the reading of them can be slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_faster_than_it_is_read_waits_in_the_network() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let mut wire = signed_in(&shop, &app).await;
    let (pongs, megabytes) = (frame("3").repeat(10_000), 32);
    let times = megabytes * 1_000_000 / pongs.len();
    assert!(wire.stalls(&pongs, times).await, "{megabytes} MB were taken in");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_polls_is_refused_more_packets_than_there_is_time_for() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let mut board = Socket::open(&shop, &app, Some(json!({ "token": shop.key }))).await;
    board.next("authenticated").await;
    let refused = board.tell(["2"; 200].join("\u{1e}")).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let refused = board.tell("3".repeat(5_000)).await;
    assert_eq!(refused.status, 413, "{refused:?}");
    board.emit(json!(["requestCurrentMetrics"])).await;
    board.next("currentMetrics").await;
    app.stop().await.expect("stopped");
}
