//! Many connections at a time: messages that are none, and the end of the service.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::client::{Client, Events, PATIENCE, Socket};
use super::{ready, sell};
use crate::connections::{Wire, frame};
use crate::harness::{Shop, until};
use crate::process::Process;

/// Messages of each transport.
const MALFORMED: usize = 10_000;
/// Those of one connection: fewer than end it, and no more than are read at once.
const EACH: usize = 100;
/// Streams of each kind that are open when the service stops.
const OPEN: usize = 500;

/// Messages that are none: cut off, of other types, in no language, with parts of another.
fn malformed(n: usize) -> String {
    let all = [
        "",
        "{",
        "[",
        "null",
        "7",
        "\"",
        "{}",
        "[[[[",
        "{\"type\":7}",
        "{\"type\":\"resume\"}",
        "{\"type\":\"subscribe\",\"topics\":7}",
        "{\"type\":\"subscribe\",\"topics\":[[]]}",
        "{\"type\":\"ping\",\"x\":1}",
        "\u{fffd}\u{0}",
        "{\"type\":\"subs",
    ];
    all[n % all.len()].to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_malformed_messages_of_a_web_socket_leave_it_standing() {
    let (shop, app, position) = ready().await;
    let mut client = Client::default();
    let mut board = Events::follow(&shop, &app, "topics=sales", &client).await;
    board.reach(&mut client, "sales", position).await;
    for round in 0..MALFORMED / EACH / 10 {
        let sockets = join_all((0..10).map(|_| Socket::open(&app, "/api/ws", Some(&shop.key))));
        let told = sockets.await.into_iter().map(|mut socket| async move {
            for n in 0..EACH {
                socket.0.send(Message::text(malformed(round + n))).await.expect("sent");
            }
            // One that is binary, or too long, ends the connection.
            let last = match round % 3 {
                0 => Message::binary(vec![0xff; 64]),
                1 => Message::text("x".repeat(5_000)),
                _ => Message::Close(None),
            };
            socket.0.send(last).await.expect("sent");
            let mut errors = 0;
            while let Ok(Some(Ok(message))) = timeout(PATIENCE, socket.0.next()).await {
                errors += usize::from(message.to_text().is_ok_and(|it| it.contains("\"error\"")));
            }
            errors
        });
        for errors in join_all(told).await {
            assert!(errors > 0, "a client is told that what it sends is wrong");
        }
    }
    let sold = sell(&shop, "after").await;
    board.reach(&mut client, "sales", sold).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_malformed_requests_for_a_stream_leave_it_standing() {
    let (shop, app, position) = ready().await;
    let mut client = Client::default();
    let mut board = Events::follow(&shop, &app, "topics=sales", &client).await;
    board.reach(&mut client, "sales", position).await;
    let long = "x".repeat(3_000);
    let queries = [
        "",
        "?",
        "?topics=",
        "?topics=%00",
        "?topics=%ff",
        "?since=1-1",
        "?topics=sales&since=x",
        "?topics=sales&since=1-99999999999999999999",
        "?topics=sales&topics=orders",
        "?views=",
        "?views=%2F%2F%2F&since=-1",
        "?topic=sales",
        "?topics=sales&ticket=",
        &long,
    ];
    let asking = join_all((0..20).map(|task| {
        let (shop, app, queries) = (&shop, &app, &queries);
        async move {
            // A connection for each task, that goes on after a refusal.
            let http = reqwest::Client::new();
            for n in 0..MALFORMED / 20 {
                let query = queries[(task + n) % queries.len()];
                let url = format!("http://{}/api/stream{query}", app.address);
                let mut request = http.request(Method::GET, url).header("x-api-key", &shop.key);
                if n % 7 == 0 {
                    request = request.header("last-event-id", "\u{e9}-1");
                }
                let answer = request.send().await.expect("an answer");
                let status = answer.status().as_u16();
                assert!(status < 500, "{status} for {query:.100}");
                // A stream of no topic that there is goes on, and is left.
                if status != 200 {
                    answer.bytes().await.expect("a body");
                }
            }
        }
    }));
    asking.await;
    let sold = sell(&shop, "after").await;
    board.reach(&mut client, "sales", sold).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_malformed_packets_of_socket_io_leave_it_standing() {
    let (shop, app, position) = ready().await;
    let mut client = Client::default();
    let mut board = Events::follow(&shop, &app, "topics=sales", &client).await;
    board.reach(&mut client, "sales", position).await;
    let packets = [
        "",
        "4",
        "42",
        "42[",
        "42[]",
        "42[7]",
        "42{}",
        "42[\"x\"",
        "45-[\"x\"]",
        "9",
        "\u{0}",
        "4\u{fffd}",
        "42[\"authenticate\"]",
        "42[\"authenticate\",7]",
        "40/nowhere,",
        "43[]",
        "42[\"requestCurrentMetrics\",[[[[]]]]]",
        "421[\"x\"]",
        "4499999999999999999999",
    ];
    for round in 0..MALFORMED / EACH / 10 {
        let wires = (0..10).map(|_| async {
            let mut wire = Wire::to(&app).await;
            wire.web_socket("").await;
            wire.until("pingInterval").await;
            wire.frame(&format!("40{{\"token\":\"{}\"}}", shop.key)).await;
            wire.until("authenticated").await;
            wire
        });
        let sent = join_all(wires).await.into_iter().map(|mut wire| async move {
            let many: Vec<u8> =
                (0..EACH).flat_map(|n| frame(packets[(round + n) % packets.len()])).collect();
            // Who is disconnected in the middle of it cannot be sent the rest.
            wire.send_what_it_takes(&many).await;
        });
        join_all(sent).await;
    }
    let sold = sell(&shop, "after").await;
    board.reach(&mut client, "sales", sold).await;
    let mut wire = Wire::to(&app).await;
    wire.web_socket("").await;
    wire.until("pingInterval").await;
    wire.frame(&format!("40{{\"token\":\"{}\"}}", shop.key)).await;
    wire.until("authenticated").await;
    app.stop().await.expect("stopped");
}

/// A stream of each kind that has begun.
async fn open(shop: &Shop, address: SocketAddr, n: usize) -> Box<dyn Opened> {
    match n % 3 {
        0 => {
            let path = "/api/stream?topics=sales";
            let request = shop.request_to(address, Method::GET, path);
            let mut events = Events::open(request.header("x-api-key", &shop.key)).await;
            assert!(events.next(&mut Client::default()).await);
            Box::new(events)
        }
        1 => {
            let mut socket = Socket::open_at(address, "/api/ws", Some(&shop.key)).await;
            socket.say(json!({ "type": "subscribe", "topics": ["sales"] })).await;
            assert!(socket.next(&mut Client::default()).await);
            Box::new(socket)
        }
        _ => {
            let mut wire = Wire::at(address).await;
            wire.web_socket("").await;
            wire.until("pingInterval").await;
            wire.frame(&format!("40{{\"token\":\"{}\"}}", shop.key)).await;
            wire.until("authenticated").await;
            Box::new(wire)
        }
    }
}

/// What is heard up to the end of a connection.
trait Opened: Send {
    fn up_to_the_end(self: Box<Self>) -> futures_util::future::BoxFuture<'static, bool>;
}

impl Opened for Events {
    fn up_to_the_end(mut self: Box<Self>) -> futures_util::future::BoxFuture<'static, bool> {
        Box::pin(async move {
            let mut client = Client::default();
            self.end(&mut client).await;
            client.word("server_shutdown").is_some()
        })
    }
}

impl Opened for Socket {
    fn up_to_the_end(mut self: Box<Self>) -> futures_util::future::BoxFuture<'static, bool> {
        Box::pin(async move {
            let mut client = Client::default();
            while self.next(&mut client).await {}
            client.word("server_shutdown").is_some()
        })
    }
}

impl Opened for Wire {
    fn up_to_the_end(self: Box<Self>) -> futures_util::future::BoxFuture<'static, bool> {
        Box::pin(async move { self.drip("").await.contains("server_shutdown") })
    }
}

/// The time is a promise to whoever stops it, not a measurement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_with_fifteen_hundred_open_streams_stops_within_five_seconds_and_cleanly() {
    let shop = Shop::new().await;
    let process = Process::start(&shop, &[]);
    let sold = sell(&shop, "t1").await;
    shop.folded(sold).await;
    let address = process.address().await;
    until("read models", || async {
        let answer = process.get(&shop, "/api/metrics/sales").await;
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    let mut all = Vec::new();
    for at in (0..OPEN * 3).step_by(50) {
        all.extend(join_all((at..at + 50).map(|n| open(&shop, address, n))).await);
    }
    let heard: Vec<_> = all.into_iter().map(|it| tokio::spawn(it.up_to_the_end())).collect();
    let last = sell(&shop, "t2").await;
    shop.folded(last).await;
    process.signal(Signal::TERM);
    let since = Instant::now();
    let (status, said) = process.ended().await;
    let took = since.elapsed();
    assert!(status.success(), "{status}: {said:#?}");
    assert!(took < Duration::from_secs(5), "{took:?}: {said:#?}");
    let mut told = 0;
    for heard in heard {
        told += usize::from(heard.await.expect("no panic"));
    }
    assert_eq!(told, OPEN * 3, "each was told");
    // Another goes on behind the commit, at once: nothing is folded twice, and nothing is left out.
    let app = shop.start().await;
    let next = sell(&shop, "t3").await;
    let counts = shop.folded(next).await.root.counts;
    assert_eq!((counts.applied, counts.repeated), (next, 0), "{counts:?}");
    app.stop().await.expect("stopped");
}
