//! The topic `events`: the log itself, from any position that it still has.

use std::collections::BTreeSet;

use adaptive_bi::app::App;
use adaptive_bi::auth::key;
use adaptive_bi::rights::role::Role;
use adaptive_bi::rights::scope::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::client::{Client, Events, Socket};
use super::{ready, sell};
use crate::events::sale;
use crate::harness::{Shop, until};
use crate::people::{send, somebody};

fn product(id: &str) -> Value {
    json!({ "productId": id, "name": id, "category": "Kitchen", "price": 3 })
}

/// A client that has come to a position.
fn at(position: u64) -> Client {
    Client { id: Some(format!("1-{position}")), ..Client::default() }
}

async fn follow(shop: &Shop, app: &App, topic: &str, client: &Client) -> Events {
    Events::follow(shop, app, &format!("topics={topic}"), client).await
}

/// Many sales; returns the last position.
async fn sell_many(shop: &Shop, prefix: &str, count: usize) -> u64 {
    let sales: Vec<_> = (0..count)
        .map(|n| ("transaction", sale(&format!("{prefix}{n}"), "ann", 1, json!({}))))
        .collect();
    shop.publish_all(&sales).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_comes_as_it_was_sent_once_it_is_folded() {
    let (shop, app, position) = ready().await;
    let mut client = Client::default();
    let mut events = follow(&shop, &app, "events", &client).await;
    let begun = events.word(&mut client, "subscribed").await;
    assert_eq!((&begun["position"], begun.get("recovered")), (&json!(position), None));
    let payload = "{\n  \"productId\": \"mug\",\r\n  \"stock\": 7, \"a\": \"x\\ny\"\n}";
    let first = shop.publish_with("stock", &[("Nats-Msg-Id", "m1")], payload).await;
    let wrong = shop.publish("stock", "{}").await;
    let nonsense = shop.publish("nonsense", "{}").await;
    let last = sell(&shop, "t2").await;
    events.reach(&mut client, "events", last).await;
    let had: Vec<_> = client.events.keys().copied().collect();
    assert_eq!(had, [first, last], "quarantined are {wrong} and {nonsense}");
    let event = &client.events[&first];
    let sent = json!({ "productId": "mug", "stock": 7, "a": "x\ny" });
    assert_eq!(event["event"], sent);
    assert_eq!((&event["kind"], &event["id"]), (&json!("stock"), &json!("mug")));
    assert_eq!(event["messageId"], "m1");
    chrono::DateTime::parse_from_rfc3339(event["at"].as_str().expect("text")).expect("a time");
    assert_eq!(client.events[&last]["messageId"], Value::Null);
    assert_eq!(client.events[&last]["id"], "t2");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_gets_every_event_since_from_the_log_at_any_process() {
    let (shop, app, position) = ready().await;
    let last = sell_many(&shop, "m", 3_000).await;
    shop.folded(last).await;
    // A process that nobody has followed events at, and so keeps none.
    let other = shop.start().await;
    for app in [&app, &other] {
        for since in [0, position, position + 1_234, last] {
            let mut client = at(since);
            let mut events = follow(&shop, app, "events", &client).await;
            let word = events.word(&mut client, "subscribed").await;
            assert_eq!((&word["recovered"], &word["position"]), (&json!(true), &json!(since)));
            events.reach(&mut client, "events", last).await;
            let had: Vec<_> = client.events.keys().copied().collect();
            assert_eq!(had, (since + 1..=last).collect::<Vec<_>>(), "since {since}");
        }
    }
    // And goes on with what is new.
    let mut client = at(0);
    let mut events = follow(&shop, &other, "events", &client).await;
    let next = sell(&shop, "next").await;
    events.reach(&mut client, "events", next).await;
    assert_eq!(client.events.len() as u64, next);
    app.stop().await.expect("stopped");
    other.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_where_the_log_is_trimmed_or_never_was_is_told_where_it_goes_on() {
    let (shop, app, _) = ready().await;
    let mut last = sell_many(&shop, "m", 20).await;
    shop.folded(last).await;
    // The process has come there too, so it begins to read behind all of them.
    shop.data(&app, "/api/metrics/sales", last).await;
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    stream.purge().sequence(11).await.expect("trimmed");
    stream.delete_message(15).await.expect("deleted");
    for (since, goes_on) in [(3, Some(10)), (9, Some(10)), (1_000, None)] {
        let (mut client, goes_on) = (at(since), goes_on.unwrap_or(last));
        let mut events = follow(&shop, &app, "events", &client).await;
        let word = events.word(&mut client, "subscribed").await;
        let expected = (&json!(false), &json!(goes_on));
        assert_eq!((&word["recovered"], &word["position"]), expected, "since {since}");
        let next = sell(&shop, &format!("after-{since}")).await;
        events.reach(&mut client, "events", next).await;
        let had: Vec<_> = client.events.keys().copied().collect();
        let right: Vec<_> = (goes_on + 1..=next).filter(|it| *it != 15).collect();
        assert_eq!(had, right, "since {since}");
        assert_eq!(client.holes, if goes_on < 15 { vec![(15, 15)] } else { vec![] });
        last = next;
    }
    // The last that is gone is no loss to who has it.
    let mut client = at(10);
    let mut events = follow(&shop, &app, "events", &client).await;
    assert_eq!(events.word(&mut client, "subscribed").await["recovered"], true);
    // Another generation than there is any may be of another log.
    let mut client = Client { id: Some("7-12".to_owned()), ..Client::default() };
    let mut events = follow(&shop, &app, "events", &client).await;
    assert_eq!(events.word(&mut client, "subscribed").await["recovered"], false);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_are_filtered_and_other_kinds_cost_no_frame() {
    let (shop, app, _) = ready().await;
    let mut client = Client::default();
    let mut events = follow(&shop, &app, "sales,events:product,stock", &client).await;
    let topic = "events:product,stock";
    while events.word(&mut client, "subscribed").await["topic"] != topic {}
    let product = shop.publish("product", product("cup").to_string()).await;
    sell_many(&shop, "m", 1_000).await;
    let stock = shop.publish("stock", json!({ "productId": "cup", "stock": 1 }).to_string()).await;
    events.reach(&mut client, topic, stock).await;
    let had: Vec<_> = client.events.keys().copied().collect();
    assert_eq!(had, [product, stock]);
    let mut socket = Socket::open(&app, "/api/ws", Some(&shop.key)).await;
    for (topics, status) in [
        (json!(["events:sales"]), 400),
        (json!(["events", "events:order"]), 400),
        (json!(["eventsx"]), 404),
    ] {
        socket.say(json!({ "type": "subscribe", "topics": topics })).await;
        let refused = socket.word(&mut Client::default(), "refused").await;
        assert_eq!(refused["status"], status, "{refused}");
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_need_their_own_right_and_end_with_it() {
    let (shop, app, position) = ready().await;
    let root = somebody(&app, "root", Role::Admin).await;
    let ann = somebody(&app, "ann", Role::Admin).await;
    let follows = [Scope::PushSubscribe, Scope::MetricsRead];
    let board = key::make("board", &follows, "command", None);
    app.platform.insert_key(&board.row).await.expect("a key");
    let mut socket = Socket::open(&app, "/api/ws", Some(&board.text)).await;
    let mut client = Client::default();
    socket.say(json!({ "type": "subscribe", "topics": ["events"] })).await;
    assert_eq!(socket.word(&mut client, "refused").await["status"], 403);
    let bob = somebody(&app, "bob", Role::Manager).await;
    let open = async |token: &str| {
        let path = "/api/stream?topics=sales,events";
        Events::open(shop.request(&app, Method::GET, path).bearer_auth(token)).await
    };
    let mut of_bob = Client::default();
    let refused = open(&bob.token).await.word(&mut of_bob, "refused").await;
    assert_eq!((&refused["topic"], &refused["status"]), (&json!("events"), &json!(403)));

    let mut of_ann = Client::default();
    let mut events = open(&ann.token).await;
    events.reach(&mut of_ann, "sales", position).await;
    let path = format!("/api/users/{}", ann.id);
    let body = json!({ "role": "viewer" });
    let changed = send(&shop, &app, &root, Method::PUT, &path, &body).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let told = events.word(&mut of_ann, "unsubscribed").await;
    assert_eq!(told["topic"], "events");
    let had = of_ann.events.len();
    let sold = sell(&shop, "t2").await;
    events.reach(&mut of_ann, "sales", sold).await;
    assert_eq!(of_ann.events.len(), had, "{of_ann:?}");
    app.stop().await.expect("stopped");
}

/// Events and figures have positions of their own, which one id keeps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_events_and_figures_that_is_cut_fifty_times_has_every_event_once() {
    let (shop, app, _) = ready().await;
    let other = shop.start().await;
    let (mut client, mut dice) = (Client::default(), 11_u64);
    let mut events = follow(&shop, &app, "sales,events,products", &client).await;
    while client.id.is_none() {
        assert!(events.next(&mut client).await);
    }
    let (first, mut last) = (client.position("events"), 0);
    for cut in 0..50 {
        for n in 0..4 {
            last = sell(&shop, &format!("c{cut}-{n}")).await;
        }
        let app = if cut % 5 == 4 { &other } else { &app };
        let mut events = follow(&shop, app, "sales,events,products", &client).await;
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        for _ in 0..2 + (dice >> 33) % 5 {
            assert!(events.next(&mut client).await);
        }
        // An event that came behind the last id was not kept by a client that goes by ids.
        let id = client.id.clone().expect("an id");
        let kept: u64 = id.rsplit('-').next().expect("a part").parse().expect("a position");
        client.events.retain(|position, _| *position <= kept);
        if let Some(state) = client.topics.get_mut("events") {
            state.position = state.position.min(kept);
        }
    }
    let mut events = follow(&shop, &app, "sales,events,products", &client).await;
    events.reach(&mut client, "events", last).await;
    let had: Vec<_> = client.events.keys().copied().collect();
    assert_eq!(had, (first + 1..=last).collect::<Vec<_>>());
    let not_recovered = |(kind, word): &(String, Value)| {
        kind == "subscribed" && word["topic"] == "events" && word["recovered"] == false
    };
    assert!(!client.words.iter().any(not_recovered), "{:?}", client.words);
    app.stop().await.expect("stopped");
    other.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_of_events_that_reads_nothing_delays_nobody() {
    let (shop, app, position) = ready().await;
    let request = format!(
        "GET /api/stream?topics=events&since=1-0 HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\n\r\n",
        app.address, shop.key
    );
    let mut stalled = Vec::new();
    for _ in 0..12 {
        let mut stream = TcpStream::connect(app.address).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("written");
        stalled.push(stream);
    }
    let mut client = at(position);
    let mut events = follow(&shop, &app, "events", &client).await;
    let long = "x".repeat(2_000);
    let mut last = 0;
    for round in 0..10 {
        let products: Vec<_> = (0..400)
            .map(|n| {
                let mut product = product(&format!("p{round}-{n}"));
                product["page"] = long.clone().into();
                ("product", product)
            })
            .collect();
        last = shop.publish_all(&products).await;
        events.reach(&mut client, "events", last).await;
    }
    let had: BTreeSet<_> = client.events.keys().copied().collect();
    assert_eq!(had, (position + 1..=last).collect());
    // More than is kept was sent by now, so a newcomer from before reads the log beside the stalled.
    let mut late = at(0);
    let mut events = follow(&shop, &app, "events", &late).await;
    events.reach(&mut late, "events", last).await;
    assert_eq!(late.events.len() as u64, last);
    drop(stalled);
    app.stop().await.expect("stopped");
}

/// What a later generation has folded less of than the one before is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_on_over_a_generation_that_is_made_live() {
    let (shop, app, _) = ready().await;
    let mut client = at(0);
    let mut events = follow(&shop, &app, "events", &client).await;
    let sold = sell(&shop, "t2").await;
    events.reach(&mut client, "events", sold).await;
    let root = somebody(&app, "root", Role::Admin).await;
    let rebuild = "/api/projections/rebuild";
    let begun = send(&shop, &app, &root, Method::POST, rebuild, &json!({})).await;
    assert!(begun.status < 300, "{begun:?}");
    until("another generation", || async {
        let (switch, to) = ("/api/projections/switch", json!({ "generation": 2 }));
        let answer = send(&shop, &app, &root, Method::POST, switch, &to).await;
        if answer.status < 300 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    loop {
        let id = format!("g{}", client.events.len());
        let sold = sell(&shop, &id).await;
        events.reach(&mut client, "events", sold).await;
        if client.topics["events"].generation == 2 {
            break;
        }
    }
    assert_eq!(client.events.len() as u64, client.position("events"));
    app.stop().await.expect("stopped");
}
