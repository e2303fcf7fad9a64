//! Following topics and views, by server-sent events and by `WebSocket`s: what a subscriber is sent, what
//! it gets when it comes back, and when it is ended.
//!
//! # Layout
//!
//! - [`client`]: what a client has; here: what it is sent; [`socket_io`]: the same by Socket.IO, and its
//!   own events; [`described`]: these as they are described; [`words`]: the words to everybody;
//!   [`events`]: the log itself; [`complaints`]: the faults that other channels are known for;
//!   [`crowd`]: many connections at a time.

pub mod client;
mod complaints;
mod crowd;
mod described;
mod events;
mod socket_io;
mod words;

use adaptive_bi::app::App;
use adaptive_bi::rights::role::Role;
use client::{Client, Events, PATIENCE, Socket};
use futures_util::SinkExt;
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::contract::shop;
use crate::events::sale;
use crate::harness::{Answer, Shop, answer, until};
use crate::people::{ask, kind, send, somebody, tell};

/// A shop with a sale, whose service has heard of it.
async fn ready() -> (Shop, App, u64) {
    let (shop, app, position) = shop().await;
    figures(&shop, &app, "/api/metrics/sales", position).await;
    (shop, app, position)
}

async fn sell(shop: &Shop, id: &str) -> u64 {
    shop.publish("transaction", sale(id, "ann", 3, json!({ "productId": "mug" })).to_string()).await
}

/// The figures of a view as its own address answers them.
async fn figures(shop: &Shop, app: &App, path: &str, position: u64) -> Value {
    shop.data(app, path, position).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_begins_with_a_snapshot_and_goes_on_with_what_changed() {
    let (shop, app, position) = ready().await;
    let view = "/api/metrics/revenue?period=day";
    let query = format!("topics=sales,products,stock&views={}", view.replace('?', "%3F"));
    let mut client = Client::default();
    let mut events = Events::follow(&shop, &app, &query, &client).await;
    for topic in ["sales", "products", "stock"] {
        events.reach(&mut client, topic, position).await;
    }
    let name = format!("view:{view}");
    events.reach(&mut client, &name, position).await;
    assert_eq!((client.snapshots, client.deltas), (4, 0), "{client:?}");
    let sold = sell(&shop, "t2").await;
    for topic in ["sales", &name] {
        events.reach(&mut client, topic, sold).await;
    }
    assert!(client.deltas >= 1, "{client:?}");
    assert_eq!(client.data("sales"), figures(&shop, &app, "/api/metrics/sales", sold).await);
    assert_eq!(client.data(&name), figures(&shop, &app, view, sold).await);
    assert_eq!(client.data("stock").as_object().map(Map::len), Some(1), "{client:?}");
    let id = client.id.clone().expect("an id");
    let (log, cursor) = id.split_once('.').expect("a log");
    let parts: Vec<u64> = cursor.split('-').map(|part| part.parse().expect("a number")).collect();
    assert!(log == client.topics["sales"].log && parts.len() == 2 && parts[1] <= sold, "{id}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_goes_on_where_it_was_or_is_told_that_it_cannot() {
    let (shop, app, position) = ready().await;
    let mut client = Client::default();
    let mut events = Events::follow(&shop, &app, "topics=sales", &client).await;
    events.reach(&mut client, "sales", position).await;
    drop(events);

    // Nothing was missed.
    let mut events = Events::follow(&shop, &app, "topics=sales", &client).await;
    assert_eq!(events.word(&mut client, "subscribed").await["recovered"], true);
    drop(events);

    // What was missed comes as it was sent to others, and no snapshot.
    let mut other = Client::default();
    let mut others = Events::follow(&shop, &app, "topics=sales", &other).await;
    let sold = sell(&shop, "t2").await;
    others.reach(&mut other, "sales", sold).await;
    let mut events = Events::follow(&shop, &app, "topics=sales", &client).await;
    assert_eq!(events.word(&mut client, "subscribed").await["recovered"], true);
    events.reach(&mut client, "sales", sold).await;
    assert_eq!((client.snapshots, client.deltas, client.twice), (1, 1, 0), "{client:?}");
    assert_eq!(client.data("sales"), other.data("sales"));

    // A position of before that nobody saw, and another generation.
    for id in ["1-1", "7-1"] {
        let mut lost = Client { id: Some(id.to_owned()), ..Client::default() };
        let mut events = Events::follow(&shop, &app, "topics=sales", &lost).await;
        assert_eq!(events.word(&mut lost, "subscribed").await["recovered"], false, "{id}");
        events.reach(&mut lost, "sales", sold).await;
        assert_eq!((lost.snapshots, lost.data("sales")), (1, other.data("sales")));
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_cut_off_fifty_times_misses_nothing_and_applies_nothing_twice() {
    let (shop, app, _) = ready().await;
    let other = shop.start().await;
    let mut client = Client::default();
    let mut dice = 7_u64;
    let (mut ends, mut last) = ((0, 0), 0);
    for cut in 0..50 {
        for n in 0..4 {
            last = sell(&shop, &format!("c{cut}-{n}")).await;
        }
        // Now this process, now another.
        let app = if cut % 5 == 4 { &other } else { &app };
        let mut events = Events::follow(&shop, app, "topics=sales,products", &client).await;
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // A word and a frame come of each topic, at least.
        let hears = 1 + (dice >> 33) % 4;
        for _ in 0..hears {
            assert!(events.next(&mut client).await);
        }
        for (_, word) in client.words.drain(..) {
            match word["recovered"].as_bool() {
                Some(true) => ends.0 += 1,
                Some(false) => ends.1 += 1,
                None => {}
            }
        }
    }
    let mut events = Events::follow(&shop, &app, "topics=sales,products", &client).await;
    for (topic, path) in [("sales", "/api/metrics/sales"), ("products", "/api/metrics/products")] {
        events.reach(&mut client, topic, last).await;
        let mut figures = figures(&shop, &app, path, last).await;
        if topic == "products" {
            figures.as_object_mut().expect("figures").remove("productsLowInStock");
        }
        assert_eq!((client.position(topic), client.data(topic)), (last, figures), "{topic}");
    }
    assert!(ends.0 > 0, "some of them went on where they were: {ends:?}");
    app.stop().await.expect("stopped");
    other.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_socket_subscribes_resumes_and_unsubscribes() {
    let (shop, app, position) = ready().await;
    let (mut client, key) = (Client::default(), shop.key.clone());
    let mut socket = Socket::open(&app, "/api/ws", Some(&key)).await;
    socket.say(json!({ "type": "ping" })).await;
    socket.word(&mut client, "pong").await;
    socket.say(json!({ "type": "subscribe", "topics": ["sales", "nothing"] })).await;
    let refused = socket.word(&mut client, "refused").await;
    assert_eq!((&refused["topic"], &refused["status"]), (&json!("nothing"), &json!(404)));
    socket.reach(&mut client, "sales", position).await;
    drop(socket);

    let sold = sell(&shop, "t2").await;
    let mut socket = Socket::open(&app, "/api/ws", Some(&key)).await;
    let state = client.topics["sales"].clone();
    let since = format!("{}.{}-{}", state.log, state.generation, state.position);
    socket.say(json!({ "type": "resume", "since": since, "topics": ["sales"] })).await;
    assert_eq!(socket.word(&mut client, "subscribed").await["recovered"], true);
    socket.reach(&mut client, "sales", sold).await;
    assert_eq!((client.snapshots, client.twice), (1, 0), "{client:?}");
    assert_eq!(client.data("sales"), figures(&shop, &app, "/api/metrics/sales", sold).await);

    socket.say(json!({ "type": "unsubscribe", "topics": ["sales"] })).await;
    socket.word(&mut client, "unsubscribed").await;
    for wrong in ["7", "{}", r#"{"type":"resume","since":"x","topics":["sales"]}"#] {
        socket.0.send(Message::text(wrong)).await.expect("sent");
        socket.word(&mut client, "error").await;
    }
    let before = client.position("sales");
    let sold = sell(&shop, "t3").await;
    shop.folded(sold).await;
    socket.say(json!({ "type": "subscribe", "views": ["/api/metrics/sales?period=moon"] })).await;
    assert_eq!(socket.word(&mut client, "refused").await["status"], 400);
    assert_eq!(client.position("sales"), before, "it is not followed any more");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_opens_one_connection_and_no_other_route() {
    let (shop, app, position) = ready().await;
    let new_ticket = async || -> String {
        let made = shop.post(&app, "/api/stream/ticket", "").await;
        assert_eq!((made.status, &made.body["data"]["expiresIn"]), (200, &json!(30)), "{made:?}");
        made.body["data"]["ticket"].as_str().expect("a ticket").to_owned()
    };
    let get = async |path: &str| -> Answer { answer(shop.request(&app, Method::GET, path)).await };
    let ticket = new_ticket().await;
    let elsewhere = get(&format!("/api/metrics/sales?ticket={ticket}")).await;
    assert_eq!(kind(&elsewhere), (401, "unauthenticated"));
    let path = format!("/api/stream?topics=sales&ticket={ticket}");
    let mut client = Client::default();
    let mut events = Events::open(shop.request(&app, Method::GET, &path)).await;
    events.reach(&mut client, "sales", position).await;
    assert_eq!(kind(&get(&path).await), (401, "ticket-invalid"), "once");

    let ticket = new_ticket().await;
    let mut socket = Socket::open(&app, &format!("/api/ws?ticket={ticket}"), None).await;
    socket.say(json!({ "type": "subscribe", "topics": ["sales"] })).await;
    socket.reach(&mut Client::default(), "sales", position).await;

    // One whose time is over, and one whose holder is gone.
    let ticket = new_ticket().await;
    let tickets = shop.database.collection::<mongodb::bson::Document>("tickets");
    let past =
        mongodb::bson::doc! { "$set": { "expiresAt": mongodb::bson::DateTime::from_millis(0) } };
    tickets.update_many(mongodb::bson::doc! {}, past).await.expect("written");
    let late = get(&format!("/api/stream?topics=sales&ticket={ticket}")).await;
    assert_eq!(kind(&late), (401, "ticket-invalid"));
    let ann = somebody(&app, "ann", Role::Viewer).await;
    let made = tell(&shop, &app, "/api/stream/ticket", &ann.token, &json!({})).await;
    let ticket = made.body["data"]["ticket"].as_str().expect("a ticket");
    ask(&shop, &app, Method::POST, "/api/auth/logout", &ann.token).await;
    let gone = get(&format!("/api/stream?topics=sales&ticket={ticket}")).await;
    assert_eq!(kind(&gone), (401, "ticket-invalid"));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_out_is_told_and_ended_and_who_gets_other_rights_is_judged_anew() {
    let (shop, app, position) = ready().await;
    let other = shop.start().await;
    let root = somebody(&app, "root", Role::Admin).await;
    let (ann, bob) =
        (somebody(&app, "ann", Role::Viewer).await, somebody(&app, "bob", Role::Viewer).await);
    let path = "/api/stream?topics=sales&views=/api/metrics/customers";
    let open = async |token: &str| {
        Events::open(shop.request(&app, Method::GET, path).bearer_auth(token)).await
    };
    let (mut of_ann, mut of_bob) = (Client::default(), Client::default());
    let (mut first, mut second) = (open(&ann.token).await, open(&bob.token).await);
    first.reach(&mut of_ann, "sales", position).await;
    second.reach(&mut of_bob, "view:/api/metrics/customers", position).await;

    // At another process.
    ask(&shop, &other, Method::POST, "/api/auth/logout", &ann.token).await;
    first.end(&mut of_ann).await;
    assert!(of_ann.word("session_ended").is_some(), "{of_ann:?}");

    // The figures of a view can depend on rights, so those of another role are sent anew.
    of_bob.words.clear();
    let before = of_bob.snapshots;
    let path = format!("/api/users/{}", bob.id);
    let changed = send(&shop, &app, &root, Method::PUT, &path, &json!({ "role": "manager" })).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let told = second.word(&mut of_bob, "subscribed").await;
    assert_eq!(told["topic"], "view:/api/metrics/customers");
    while of_bob.snapshots == before {
        assert!(second.next(&mut of_bob).await);
    }
    app.stop().await.expect("stopped");
    other.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stops_says_so_to_all_and_does_not_wait_for_who_reads_nothing() {
    let (shop, app, position) = ready().await;
    let mut client = Client::default();
    let mut events = Events::follow(&shop, &app, "topics=sales", &client).await;
    events.reach(&mut client, "sales", position).await;
    let mut of_socket = Client::default();
    let mut socket = Socket::open(&app, "/api/ws", Some(&shop.key)).await;
    socket.say(json!({ "type": "subscribe", "topics": ["sales"] })).await;
    socket.reach(&mut of_socket, "sales", position).await;
    let mut stalled = TcpStream::connect(app.address).await.expect("connected");
    let request = format!(
        "GET /api/stream?topics=sales HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\n\r\n",
        app.address, shop.key
    );
    stalled.write_all(request.as_bytes()).await.expect("written");
    let stopping = tokio::spawn(app.stop());
    events.end(&mut client).await;
    assert!(client.word("server_shutdown").is_some(), "{client:?}");
    while socket.next(&mut of_socket).await {}
    assert!(of_socket.word("server_shutdown").is_some(), "{of_socket:?}");
    timeout(PATIENCE, stopping).await.expect("in time").expect("no panic").expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_nothing_delays_nobody_and_gets_the_last_state_when_it_reads() {
    let (shop, app, position) = ready().await;
    let views: Vec<_> =
        (1..=20).map(|n| format!("views=/api/metrics/sales%3Flimit%3D{n}")).collect();
    let request = format!(
        "GET /api/stream?topics=sales&{} HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\n\r\n",
        views.join("&"),
        app.address,
        shop.key
    );
    let mut stalled = TcpStream::connect(app.address).await.expect("connected");
    stalled.write_all(request.as_bytes()).await.expect("written");
    let mut client = Client::default();
    let mut events = Events::follow(&shop, &app, "topics=sales", &client).await;
    events.reach(&mut client, "sales", position).await;
    let mut last = 0;
    for n in 0..20 {
        last = sell(&shop, &format!("s{n}")).await;
        events.reach(&mut client, "sales", last).await;
    }
    assert_eq!(client.snapshots, 1, "{client:?}");
    let (mut read, mut part) = (String::new(), vec![0; 1 << 16]);
    let wanted = format!("\"position\":{last},");
    while !read.contains(&wanted) {
        let count =
            timeout(PATIENCE, stalled.read(&mut part)).await.expect("in time").expect("read");
        assert!(count > 0, "it was closed");
        read.push_str(&String::from_utf8_lossy(&part[..count]));
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn different_views_are_bounded_and_a_caller_has_half_of_them() {
    let mut shop = Shop::new().await;
    shop.settings.push_questions = 4;
    let app = shop.start().await;
    let mut client = Client::default();
    let mut socket = Socket::open(&app, "/api/ws", Some(&shop.key)).await;
    let view = |n: u32| format!("/api/metrics/sales?limit={n}");
    socket.say(json!({ "type": "subscribe", "views": [view(1), view(2), view(3)] })).await;
    let refused = socket.word(&mut client, "refused").await;
    assert_eq!(
        (&refused["topic"], &refused["status"]),
        (&json!(format!("view:{}", view(3))), &json!(429))
    );
    // Those of others can be followed by all; and a place that is left can be had.
    let mut again = Socket::open(&app, "/api/ws", Some(&shop.key)).await;
    let mut other = Client::default();
    again.say(json!({ "type": "subscribe", "views": [view(1)] })).await;
    again.reach(&mut other, &format!("view:{}", view(1)), 0).await;
    again.word(&mut other, "subscribed").await;
    socket.say(json!({ "type": "unsubscribe", "views": [view(2)] })).await;
    socket.word(&mut client, "unsubscribed").await;
    socket.say(json!({ "type": "subscribe", "views": [view(3)] })).await;
    assert_eq!(socket.word(&mut client, "subscribed").await["topic"], format!("view:{}", view(3)));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_revoked_ends_its_web_socket() {
    let (shop, app, position) = ready().await;
    let root = somebody(&app, "root", Role::Admin).await;
    let board = json!({ "name": "board", "scopes": ["push:subscribe"] });
    let made = tell(&shop, &app, "/api/keys", &root.token, &board).await;
    let data = &made.body["data"];
    let mut client = Client::default();
    let mut socket = Socket::open(&app, "/api/ws", data["key"].as_str()).await;
    socket.say(json!({ "type": "subscribe", "topics": ["sales"], "views": ["/api/orders"] })).await;
    let refused = socket.word(&mut client, "refused").await;
    assert_eq!((&refused["topic"], &refused["status"]), (&json!("view:/api/orders"), &json!(403)));
    socket.reach(&mut client, "sales", position).await;
    let path = format!("/api/keys/{}", data["apiKey"]["id"].as_str().expect("an id"));
    assert_eq!(ask(&shop, &app, Method::DELETE, &path, &root.token).await.status, 200);
    while socket.next(&mut client).await {}
    assert!(client.word("session_ended").is_some(), "{client:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_has_half_of_all_connections_and_one_that_ends_leaves_its_place() {
    let mut shop = Shop::new().await;
    shop.settings.door.max_connections = 8;
    let app = shop.start().await;
    let open = async || Events::follow(&shop, &app, "topics=sales", &Client::default()).await;
    let mut held = vec![open().await, open().await, open().await, open().await];
    let request = || shop.request(&app, Method::GET, "/api/stream?topics=sales");
    let more = answer(request().header("x-api-key", &shop.key)).await;
    assert_eq!(kind(&more), (429, "rate-limited"));
    held.pop();
    until("a place", async || {
        let request = request().header("x-api-key", &shop.key);
        let status = request.send().await.expect("an answer").status().as_u16();
        if status == 200 { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    app.stop().await.expect("stopped");
}
