//! Socket.IO sessions whose client does not go when it is told to, in every way in which it can
//! stay: each answers Engine.IO's pings, so that only the service ends it.

use std::time::Duration;

use adaptive_bi::app::App;
use adaptive_bi::auth::key;
use adaptive_bi::rights::role::Role::Admin;
use adaptive_bi::rights::scope::Scope;
use reqwest::Method;
use serde_json::json;
use tokio::time::sleep;

use crate::connections::{Wire, frame};
use crate::door::POLLING;
use crate::harness::{Answer, Shop, answer, until};
use crate::people::{ask, somebody};
use crate::push::Socket;

/// The session that a handshake opens.
fn session(opened: &str) -> String {
    let (_, sid) = opened.split_once("\"sid\":\"").expect("a session");
    sid.split('"').next().expect("its id").to_owned()
}

/// Opens a session by polling, without credentials; returns its path.
async fn polling(shop: &Shop, app: &App) -> (String, String) {
    let opened = answer(shop.request(app, Method::GET, POLLING)).await;
    let session = session(opened.body.as_str().expect("a handshake"));
    (format!("{POLLING}&sid={session}"), session)
}

async fn poll(shop: &Shop, app: &App, path: &str) -> Answer {
    answer(shop.request(app, Method::GET, path)).await
}

async fn tell(shop: &Shop, app: &App, path: &str, packet: &str) -> Answer {
    answer(shop.request(app, Method::POST, path).body(packet.to_owned())).await
}

/// A `WebSocket` to which the service has sent `end`.
async fn web_socket(app: &App, more: &str, frames: &[&str], end: &str) -> (Wire, String) {
    let mut wire = Wire::to(app).await;
    wire.web_socket(more).await;
    let opened =
        if more.contains("sid=") { String::new() } else { wire.until("pingInterval").await };
    for text in frames {
        wire.frame(text).await;
    }
    if !end.is_empty() {
        wire.until(end).await;
    }
    (wire, opened)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_socket_on_which_nobody_signs_in_is_closed_and_another_is_not() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (silent, _) = web_socket(&app, "", &[], "").await;
    let (welcomed, _) = web_socket(&app, "", &["40"], "welcome").await;
    let (hidden, _) = web_socket(&app, "=", &["40"], "welcome").await;
    let (mut left, _) = web_socket(&app, "", &["40"], "welcome").await;
    left.frame("41").await;

    let (path, session_id) = polling(&shop, &app).await;
    assert_eq!(tell(&shop, &app, &path, "40").await.status, 200);
    let sid = format!("&sid={session_id}");
    let (mut upgraded, _) = web_socket(&app, &sid, &["2probe"], "3probe").await;
    upgraded.frame("5").await;

    let (doubled, opened) = web_socket(&app, "", &["40"], "welcome").await;
    let (second, _) = web_socket(&app, &format!("&sid={}", session(&opened)), &[], "").await;
    second.drip(frame("3")).await;

    let shown = format!("40{{\"token\":\"{}\"}}", shop.key);
    let (mut signed_in, _) = web_socket(&app, "", &[&*shown], "authenticated").await;

    // Side by side, each of them within the patience of `drip`.
    let all = [silent, welcomed, hidden, left, upgraded, doubled].map(|it| it.drip(frame("3")));
    let all = futures_util::future::join_all(all);
    let going_on = async {
        for _ in 0..13 {
            signed_in.frame("3").await;
            sleep(Duration::from_secs(1)).await;
        }
        signed_in.frame(r#"42["requestCurrentMetrics"]"#).await;
        signed_in.until("currentMetrics").await;
    };
    tokio::join!(all, going_on);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polling_session_that_was_ended_neither_connects_anew_nor_becomes_a_web_socket() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (path, session) = polling(&shop, &app).await;
    assert_eq!(tell(&shop, &app, &path, "40").await.status, 200);
    let mut told = String::new();
    let disconnected = async {
        while !told.split('\u{1e}').any(|packet| packet == "41") {
            let polled = poll(&shop, &app, &path).await;
            assert_eq!(polled.status, 200, "{told} {polled:?}");
            told = polled.body.as_str().map_or_else(|| polled.body.to_string(), str::to_owned);
            assert_eq!(tell(&shop, &app, &path, "3").await.status, 200);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), disconnected).await.expect("told to go");
    // What it connects anew meanwhile is ended with it.
    let shown = format!("40{{\"token\":\"{}\"}}", shop.key);
    tell(&shop, &app, &path, &shown).await;
    until("the end of the session", || async {
        let answer = tell(&shop, &app, &path, "3").await;
        if answer.status == 400 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    for refused in [poll(&shop, &app, &path).await, tell(&shop, &app, &path, &shown).await] {
        assert_eq!((refused.status, &refused.body["code"]), (400, &json!("1")), "{refused:?}");
    }
    let mut late = Wire::to(&app).await;
    late.web_socket(&format!("&sid={session}")).await;
    let refused = late.until("Session ID unknown").await;
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_nothing_is_ended_as_well_when_its_key_is_revoked() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let board = key::make("board", &[Scope::PushSubscribe], "command", None);
    app.platform.insert_key(&board.row).await.expect("a key");
    let mut socket = Socket::open(&shop, &app, Some(json!({ "token": board.text }))).await;
    socket.next("authenticated").await;
    // More than its queue of packets has room for, so that it cannot be told to go either, and no
    // more at once than is put up with.
    for _ in 0..38 {
        socket.emit(json!(["requestCurrentMetrics"])).await;
    }
    let path = format!("/api/keys/{}", board.row.id);
    assert_eq!(ask(&shop, &app, Method::DELETE, &path, &root.token).await.status, 200);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(socket.waiting().await, None, "nothing more is handed out");
    app.stop().await.expect("stopped");
}
