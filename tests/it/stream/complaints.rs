//! The faults that users of other channels tell of, each by its name.

use adaptive_bi::app::App;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, Events, Socket};
use super::{figures, ready, sell};
use crate::connections::Wire;
use crate::harness::{Shop, until};
use crate::process::Process;

async fn follow(shop: &Shop, app: &App, client: &Client) -> Events {
    Events::follow(shop, app, "topics=sales", client).await
}

/// A client that has the sales of now, and its stream.
async fn following(shop: &Shop, app: &App, position: u64) -> (Client, Events) {
    let mut client = Client::default();
    let mut events = follow(shop, app, &client).await;
    events.reach(&mut client, "sales", position).await;
    (client, events)
}

async fn sales(shop: &Shop, app: &App, position: u64) -> Value {
    figures(shop, app, "/api/metrics/sales", position).await
}

/// A process that was not there saw none of the frames, whatever the client's id says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_that_is_none_is_not_called_one() {
    let (shop, app, position) = ready().await;
    let (mut client, _) = following(&shop, &app, position).await;
    app.stop().await.expect("stopped");
    let app = shop.start().await;
    let mut last = 0;
    for n in 0..3 {
        // The states between were never read here.
        last = sell(&shop, &format!("between-{n}")).await;
        shop.folded(last).await;
    }
    let (_, _other) = following(&shop, &app, last).await;
    let mut events = follow(&shop, &app, &client).await;
    let word = events.word(&mut client, "subscribed").await;
    assert_eq!(word["recovered"], false, "what was between is not known: {word}");
    events.reach(&mut client, "sales", last).await;
    assert_eq!((client.snapshots, client.deltas), (2, 0), "{client:?}");
    assert_eq!(client.data("sales"), sales(&shop, &app, last).await);
    app.stop().await.expect("stopped");
}

/// A log that was made anew, or another installation's, has the same generations and positions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_of_another_log_is_not_taken_for_one_of_this() {
    let (other, its_app, position) = ready().await;
    let follow = async |shop: &Shop, app: &App, client: &Client| {
        Events::follow(shop, app, "topics=sales,events", client).await
    };
    let mut client = Client::default();
    let mut events = follow(&other, &its_app, &client).await;
    let sold = sell(&other, "theirs").await;
    for topic in ["sales", "events"] {
        events.reach(&mut client, topic, sold).await;
    }
    let state = client.topics["sales"].clone();
    its_app.stop().await.expect("stopped");

    let (shop, app, here) = ready().await;
    assert_eq!(here, position);
    for n in 0..2 {
        sell(&shop, &format!("ours-{n}")).await;
    }
    let last = sold + 1;
    // Somebody follows them, so that the position is a known one.
    let (mut neighbour, mut its_events) = following(&shop, &app, last).await;
    let (mut streaming, mut socketed) = (client.clone(), client);
    let mut events = follow(&shop, &app, &streaming).await;
    for _ in 0..2 {
        let word = events.word(&mut streaming, "subscribed").await;
        assert_eq!(word["recovered"], false, "{word}");
    }
    events.reach(&mut streaming, "sales", last).await;
    assert_eq!(streaming.data("sales"), sales(&shop, &app, last).await);

    let mut socket = Socket::open(&app, "/api/ws", Some(&shop.key)).await;
    let since = format!("{}.{}-{}", state.log, state.generation, state.position);
    socket.say(json!({ "type": "resume", "since": since, "topics": ["sales"] })).await;
    assert_eq!(socket.word(&mut socketed, "subscribed").await["recovered"], false);
    socket.reach(&mut socketed, "sales", last).await;
    assert_eq!(socketed.data("sales"), sales(&shop, &app, last).await);

    // One of this log goes on as ever.
    let sold = sell(&shop, "ours-last").await;
    its_events.reach(&mut neighbour, "sales", sold).await;
    assert_ne!(neighbour.topics["sales"].log, state.log);
    let mut again = self::follow(&shop, &app, &neighbour).await;
    assert_eq!(again.word(&mut neighbour, "subscribed").await["recovered"], true);
    app.stop().await.expect("stopped");
}

/// A topic that begins without a frame gives an id to go on from as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_came_before_the_first_event_misses_nothing() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let mut client = Client::default();
    let follow =
        async |client: &Client| Events::follow(&shop, &app, "topics=sales,events", client).await;
    let mut events = follow(&client).await;
    while client.id.is_none() {
        assert!(events.next(&mut client).await);
    }
    for n in 0..3 {
        drop(events);
        let sold = sell(&shop, &format!("first-{n}")).await;
        events = follow(&client).await;
        let is_of_events = |word: &Value| word["topic"] == "events";
        let mut word = events.word(&mut client, "subscribed").await;
        if !is_of_events(&word) {
            word = events.word(&mut client, "subscribed").await;
        }
        assert!(is_of_events(&word) && word["recovered"] == true, "{word}");
        events.reach(&mut client, "sales", sold).await;
        events.reach(&mut client, "events", sold).await;
        assert_eq!(client.data("sales"), sales(&shop, &app, sold).await);
        assert_eq!(client.events.len() as u64, sold);
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovery_works_as_often_as_it_is_needed() {
    let (shop, app, position) = ready().await;
    let (mut client, mut events) = following(&shop, &app, position).await;
    for n in 0..6 {
        drop(events);
        events = follow(&shop, &app, &client).await;
        let word = events.word(&mut client, "subscribed").await;
        assert_eq!(word["recovered"], true, "the {n}th time");
        // Every other time nothing comes on the connection before it is cut again.
        if n % 2 == 1 {
            let sold = sell(&shop, &format!("often-{n}")).await;
            events.reach(&mut client, "sales", sold).await;
        }
    }
    assert_eq!(client.snapshots, 1, "{client:?}");
    app.stop().await.expect("stopped");
}

/// The client goes on from the last frame that it has, not from the last that was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovery_works_where_the_last_frame_was_lost_on_the_way() {
    let (shop, app, position) = ready().await;
    let (client, first) = following(&shop, &app, position).await;
    drop(first);
    let (mut other, mut others) = following(&shop, &app, position).await;
    for n in 0..3 {
        let sold = sell(&shop, &format!("lost-{n}")).await;
        others.reach(&mut other, "sales", sold).await;
        // Whatever was sent to it meanwhile did not come.
        let mut again = client.clone();
        let mut events = follow(&shop, &app, &again).await;
        assert_eq!(events.word(&mut again, "subscribed").await["recovered"], true, "{n}");
        events.reach(&mut again, "sales", sold).await;
        assert_eq!(again.data("sales"), other.data("sales"));
    }
    app.stop().await.expect("stopped");
}

/// A client fails where a frame begins beyond what it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_gap_between_the_snapshot_and_what_is_live() {
    let (shop, app, _) = ready().await;
    let selling = async {
        let mut last = 0;
        for n in 0..150 {
            last = sell(&shop, &format!("live-{n}")).await;
        }
        last
    };
    let joining = join_all((0..20_u64).map(|n| {
        let (shop, app) = (&shop, &app);
        async move {
            // They join one after the other, while events come in.
            until("more events", || async {
                let position = shop.checkpoint().await.map_or(0, |it| it.position);
                if position >= 4 + n * 5 { Ok(()) } else { Err(format!("{position}")) }
            })
            .await;
            let mut client = Client::default();
            let mut events = Events::follow(shop, app, "topics=sales,events", &client).await;
            let begun = loop {
                assert!(events.next(&mut client).await);
                let is_it = |(kind, word): &&(String, Value)| {
                    kind == "subscribed" && word["topic"] == "events"
                };
                if let Some((_, word)) = client.words.iter().find(is_it) {
                    break word["position"].as_u64().expect("a position");
                }
            };
            (begun, client, events)
        }
    }));
    let (last, joined) = tokio::join!(selling, joining);
    let right = sales(&shop, &app, last).await;
    for (begun, mut client, mut events) in joined {
        events.reach(&mut client, "sales", last).await;
        events.reach(&mut client, "events", last).await;
        assert_eq!(client.data("sales"), right);
        let had: Vec<_> = client.events.keys().copied().collect();
        assert_eq!(had, (begun + 1..=last).collect::<Vec<_>>());
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reconnect_loses_no_subscription() {
    let (shop, app, position) = ready().await;
    let (topics, view) = (["sales", "products", "events"], "/api/metrics/customers");
    let mut client = Client::default();
    let mut socket = Socket::open(&app, "/api/ws", Some(&shop.key)).await;
    socket.say(json!({ "type": "subscribe", "topics": topics, "views": [view] })).await;
    let named = format!("view:{view}");
    for topic in ["sales", "products", &named] {
        socket.reach(&mut client, topic, position).await;
    }
    for round in 0..3 {
        let since = format!("1-{}", client.position("sales"));
        let before = client.events.len();
        drop(socket);
        socket = Socket::open(&app, "/api/ws", Some(&shop.key)).await;
        client.words.clear();
        let resume = json!({ "type": "resume", "since": since, "topics": topics, "views": [view] });
        socket.say(resume).await;
        let sold = sell(&shop, &format!("again-{round}")).await;
        for topic in ["sales", "products", "events", &named] {
            socket.reach(&mut client, topic, sold).await;
        }
        let said = client.words.iter().filter(|(kind, _)| kind == "subscribed").count();
        assert_eq!(said, 4, "{:?}", client.words);
        assert_eq!(client.events.len(), before + 1);
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_from_a_position_that_there_is_not_is_told_and_goes_on() {
    let (shop, app, position) = ready().await;
    for since in ["1-999999", "9-1", "9-999999", "1-18446744073709551615"] {
        let mut client = Client { id: Some(since.to_owned()), ..Client::default() };
        let mut events = Events::follow(&shop, &app, "topics=sales,events", &client).await;
        let mut told = Vec::new();
        while told.len() < 2 {
            let word = events.word(&mut client, "subscribed").await;
            assert_eq!(word["recovered"], false, "{since}: {word}");
            told.push(word["topic"].to_string());
        }
        events.reach(&mut client, "sales", position).await;
        let sold = sell(&shop, &format!("from-{since}")).await;
        events.reach(&mut client, "sales", sold).await;
        events.reach(&mut client, "events", sold).await;
        assert_eq!(client.data("sales"), sales(&shop, &app, sold).await, "{since}");
    }
    app.stop().await.expect("stopped");
}

/// A panic in one reading is no end of the topic.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_goes_on_after_a_panic() {
    let shop = Shop::new().await;
    let process = Process::start(&shop, &[("FAILPOINTS", "push-read=1*panic->off")]);
    let sold = sell(&shop, "t1").await;
    shop.folded(sold).await;
    let mut client = Client::default();
    let address = process.address().await;
    let mut socket = Socket::open_at(address, "/api/ws", Some(&shop.key)).await;
    socket.say(json!({ "type": "subscribe", "topics": ["sales"] })).await;
    socket.reach(&mut client, "sales", sold).await;
    process.says("panicked").await;
    process.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_stands_still_is_not_healthy() {
    let shop = Shop::new().await;
    let process = Process::start(&shop, &[("FAILPOINTS", "push-read=pause")]);
    let sold = sell(&shop, "t1").await;
    shop.folded(sold).await;
    let ready = async || process.get(&shop, "/health/ready").await;
    until("readiness", || async {
        let ready = ready().await;
        if ready.status == 200 { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    let mut socket = Socket::open_at(process.address().await, "/api/ws", Some(&shop.key)).await;
    socket.say(json!({ "type": "subscribe", "topics": ["sales"] })).await;
    until("its trouble", || async {
        let ready = ready().await;
        let push = &ready.body["services"]["push"]["status"];
        let is_told = ready.status == 503 && *push == "stands";
        if is_told { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    let state = process.get(&shop, "/api/health").await;
    assert_eq!((state.status, &state.body["status"]), (503, &json!("degraded")), "{state:?}");
    process.kill().await;
}

/// Who reads nothing is closed in the end, as all connections are that take nothing for 30 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fills_the_buffers_of_the_system_costs_no_memory_and_is_closed() {
    let shop = Shop::new().await;
    let process = Process::start(&shop, &[]);
    let comment = "x".repeat(16_000);
    let mut last = 0;
    for round in 0..8 {
        let products: Vec<_> = (0..250)
            .map(|n| {
                let id = format!("p{round}-{n}");
                let product = json!({ "productId": id, "name": "n", "category": "c", "price": 1,
                    "comment": comment });
                ("product", product)
            })
            .collect();
        last = shop.publish_all(&products).await;
    }
    shop.folded(last).await;
    let address = process.address().await;
    let follow = async |client: &Client| {
        let path = "/api/stream?topics=events&since=1-0";
        let request = shop.request_to(address, Method::GET, path).header("x-api-key", &shop.key);
        let mut events = Events::open(request).await;
        let mut client = client.clone();
        events.reach(&mut client, "events", last).await;
        client.events.len() as u64
    };
    assert_eq!(follow(&Client::default()).await, last);
    let before = process.memory();
    // 32 MB for each, which is more than the buffers of the two ends hold.
    let request = format!(
        "GET /api/stream?topics=events&since=1-0 HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\n\r\n",
        shop.key
    );
    let mut stalled = Vec::new();
    for _ in 0..20 {
        let mut wire = Wire::at(address).await;
        wire.send(&request).await;
        stalled.push(wire);
    }
    assert_eq!(follow(&Client::default()).await, last, "others get all of it");
    let grown = process.memory().saturating_sub(before);
    assert!(grown < 200 << 20, "{grown} bytes for 20 that read nothing");
    join_all(stalled.into_iter().map(Wire::closed_unread)).await;
    process.kill().await;
}
