//! The limits on strangers: their sessions and connections, per address and in all.

use std::net::IpAddr;
use std::time::Duration;

use adaptive_bi::app::App;
use adaptive_bi::auth::key;
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::telemetry;
use reqwest::Method;
use serde_json::json;

use crate::connections::{Wire, frame};
use crate::door::{POLLING, assert_kept};
use crate::harness::{Answer, Shop, answer, until};
use crate::push::Socket;

/// Numbers of sessions at an address, and in all, that are more than are allowed.
const MANY: usize = 200;
const VERY_MANY: usize = 1_500;

/// A client at an address of this machine.
fn client(address: [u8; 4]) -> reqwest::Client {
    let client = reqwest::Client::builder().local_address(IpAddr::from(address));
    client.build().expect("a client")
}

async fn handshake(client: &reqwest::Client, app: &App) -> Answer {
    answer(client.get(format!("http://{}{POLLING}", app.address))).await
}

fn assert_refused(refused: &Answer, status: u16) {
    assert_eq!(refused.status, status, "{refused:?}");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!(refused.header("retry-after"), "5");
    assert_kept(refused);
}

/// Checks that a socket that is signed in is still there.
async fn is_answered(socket: &mut Socket<'_>) {
    socket.emit(json!(["requestCurrentMetrics"])).await;
    socket.next("currentMetrics").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_begins_so_many_sessions_and_no_more_until_they_are_over() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let mut board = Socket::open(&shop, &app, Some(json!({ "token": shop.key }))).await;
    board.next("authenticated").await;
    let stranger = client([127, 0, 0, 1]);
    let mut begun = 0;
    let refused = loop {
        let answer = handshake(&stranger, &app).await;
        if answer.status != 200 {
            break answer;
        }
        begun += 1;
        assert!(begun < MANY, "there is no end of sessions");
    };
    assert_refused(&refused, 429);
    let mut wire = Wire::to(&app).await;
    wire.web_socket("").await;
    let refused = wire.until("\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");

    is_answered(&mut board).await;
    let other = client([127, 0, 0, 2]);
    assert_eq!(handshake(&other, &app).await.status, 200, "others are no worse off");
    let scraper = key::make("prometheus", &[Scope::MetricsScrape], "command", None);
    app.platform.insert_key(&scraper.row).await.expect("a key");
    until("the figures", || async {
        let request = shop.request(&app, Method::GET, "/metrics").bearer_auth(&scraper.text);
        let text = answer(request).await.body.to_string();
        let is_told = text.contains(telemetry::PUSH_SESSIONS)
            && text.contains(telemetry::PUSH_REFUSED)
            && text.contains(telemetry::CONNECTIONS);
        if is_told { Ok(()) } else { Err(text) }
    })
    .await;
    until("the end of some", || async {
        let answer = handshake(&stranger, &app).await;
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    is_answered(&mut board).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_of_all_addresses_begin_so_many_sessions_and_who_is_in_stays_in() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let mut board = Socket::open(&shop, &app, Some(json!({ "token": shop.key }))).await;
    board.next("authenticated").await;
    let mut begun = 0;
    let mut refused = None;
    for n in 2.. {
        assert!(begun < VERY_MANY, "there is no end of sessions");
        let stranger = client([127, 0, 1, n]);
        let stopped = loop {
            let answer = handshake(&stranger, &app).await;
            if answer.status != 200 {
                break answer;
            }
            begun += 1;
            assert!(begun < VERY_MANY, "there is no end of sessions");
        };
        if stopped.status != 429 {
            refused = Some(stopped);
            break;
        }
    }
    assert_refused(&refused.expect("a refusal"), 503);
    is_answered(&mut board).await;
    app.stop().await.expect("stopped");
}

/// Sign-in makes room, so that an office behind one address can have more sessions than strangers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_in_counts_no_more_as_a_stranger() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let mut boards = Vec::new();
    for _ in 0..MANY {
        let mut wire = Wire::to(&app).await;
        wire.web_socket("").await;
        wire.until("pingInterval").await;
        wire.frame(&format!("40{{\"token\":\"{}\"}}", shop.key)).await;
        wire.until("authenticated").await;
        boards.push(wire);
    }
    assert_eq!(shop.get(&app, POLLING).await.status, 200);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_so_many_connections_until_somebody_signs_in() {
    let mut shop = Shop::new().await;
    shop.settings.door.trusted_proxies = "127.0.0.3".parse().expect("an address");
    let app = shop.start().await;
    app.stop().await.expect("stopped");
    shop.settings.door.max_address_connections = 2;
    let app = shop.launch().await;
    let stranger = [127, 0, 0, 2];
    let mut first = Wire::from(&app, stranger).await;
    first.web_socket("").await;
    first.until("pingInterval").await;
    let mut second = Wire::from(&app, stranger).await;
    second.send("GET /health/live HTTP/1.1\r\nhost: x\r\n").await;

    let live = |address: [u8; 4]| {
        let client = client(address);
        let url = format!("http://{}/health/live", app.address);
        async move { answer(client.get(url)).await }
    };
    assert_refused(&live(stranger).await, 429);
    assert_eq!(live([127, 0, 0, 4]).await.status, 200, "others are no worse off");
    let mut proxied = Vec::new();
    for _ in 0..5 {
        let mut wire = Wire::from(&app, [127, 0, 0, 3]).await;
        wire.send("GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(wire.until("\r\n\r\n").await.starts_with("HTTP/1.1 200 "));
        proxied.push(wire);
    }
    first.frame(&format!("40{{\"token\":\"{}\"}}", shop.key)).await;
    first.until("authenticated").await;
    until("a place", || async {
        let answer = live(stranger).await;
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    app.stop().await.expect("stopped");
}

/// A message that is long or comes in parts is not held until it is whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_long_or_has_attachments_ends_its_session() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let attached = r#"451-["x",{"_placeholder":true,"num":0}]"#.to_owned();
    for sent in ["2".repeat(5_000), format!("40/{},", "x".repeat(5_000)), attached] {
        let mut wire = Wire::to(&app).await;
        wire.web_socket("").await;
        wire.until("pingInterval").await;
        wire.frame(&format!("40{{\"token\":\"{}\"}}", shop.key)).await;
        wire.until("authenticated").await;
        wire.frame(&sent).await;
        let closed = tokio::time::timeout(Duration::from_secs(15), wire.drip(frame("3"))).await;
        assert!(closed.is_ok(), "still open after {sent:.40}");
    }
    app.stop().await.expect("stopped");
}
