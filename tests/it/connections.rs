//! Connections that take too long, are too many, or are there when the service stops.

use std::net::SocketAddr;
use std::time::Duration;

use adaptive_bi::app::App;
use adaptive_bi::http::door::settings::Timeouts;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::door::{POLLING, assert_kept};
use crate::harness::{Shop, until};

const SHORT: Duration = Duration::from_millis(800);
/// The time between two bytes of a slow sender.
const STEP: Duration = Duration::from_millis(40);
const PATIENCE: Duration = Duration::from_secs(20);
/// The time without progress after which a receiver counts as stalled.
const STALLED: Duration = Duration::from_secs(3);

/// A connection, byte by byte.
pub struct Wire(TcpStream);

/// A frame of text of a `WebSocket`, with an empty mask.
pub fn frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a text that is not too long");
    let length = match u8::try_from(length) {
        Ok(length) if length < 126 => vec![0x80 | length],
        _ => [&[0x80 | 0x7e], &length.to_be_bytes()[..]].concat(),
    };
    [&[0x81], &length[..], &[0; 4], text.as_bytes()].concat()
}

impl Wire {
    pub async fn to(app: &App) -> Wire {
        Wire::at(app.address).await
    }

    /// Connects to a service that is another process.
    pub async fn at(address: SocketAddr) -> Wire {
        Wire(TcpStream::connect(address).await.expect("a connection"))
    }

    /// Connects from an address of this machine.
    pub async fn from(app: &App, address: [u8; 4]) -> Wire {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((address, 0).into()).expect("an address");
        Wire(socket.connect(app.address).await.expect("a connection"))
    }

    pub async fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("sent");
    }

    /// Asks to become a WebSocket of Socket.IO.
    pub async fn web_socket(&mut self, more: &str) {
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket{more} HTTP/1.1\r\nhost: x\r\n\
             connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        self.send(&request).await;
    }

    /// Sends a frame of text.
    pub async fn frame(&mut self, text: &str) {
        self.send_bytes(&frame(text)).await;
    }

    /// Sends bytes for as long as the other end is there.
    pub async fn send_what_it_takes(&mut self, bytes: &[u8]) {
        let _ = timeout(STALLED, self.0.write_all(bytes)).await;
    }

    /// Reads nothing until the other end has closed it, which may take as long as it has for a write.
    pub async fn closed_unread(mut self) {
        let is_closed = async {
            // A write of ours fails once it is, without a look at what waits.
            while self.0.write_all(b" ").await.is_ok() {
                sleep(STEP).await;
            }
        };
        let write = Timeouts::default().write;
        timeout(write + PATIENCE, is_closed).await.expect("closed");
    }

    /// Whether the other end stops reading before it has all of the bytes.
    pub async fn stalls(&mut self, bytes: &[u8], times: usize) -> bool {
        for _ in 0..times {
            match timeout(STALLED, self.0.write_all(bytes)).await {
                Ok(sent) => sent.expect("sent"),
                Err(_) => return true,
            }
        }
        false
    }

    /// The text that has come when `end` is seen.
    pub async fn until(&mut self, end: &str) -> String {
        let mut all = Vec::new();
        let read = async {
            while !String::from_utf8_lossy(&all).contains(end) {
                let more = self.0.read_buf(&mut all).await.expect("more");
                assert!(more > 0, "closed after {:?}", String::from_utf8_lossy(&all));
            }
        };
        timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("no {end}"));
        String::from_utf8_lossy(&all).into_owned()
    }

    /// The text that comes until it is closed, while a byte goes out every now and then.
    pub async fn drip(mut self, byte: impl AsRef<[u8]>) -> String {
        let mut all = Vec::new();
        let closed = async {
            loop {
                match timeout(STEP, self.0.read_buf(&mut all)).await {
                    Ok(Ok(0) | Err(_)) => return,
                    Ok(Ok(_)) => {}
                    Err(_) => drop(self.0.write_all(byte.as_ref()).await),
                }
            }
        };
        timeout(PATIENCE, closed).await.expect("closed");
        String::from_utf8_lossy(&all).into_owned()
    }
}

/// A service with a short patience for some phases of a connection.
async fn service(set: impl FnOnce(&mut Timeouts)) -> (Shop, App) {
    let mut shop = Shop::new().await;
    set(&mut shop.settings.door.timeouts);
    let app = shop.start().await;
    (shop, app)
}

/// Is served while `others` run; returns the number of answers.
async fn served_beside<T>(shop: &Shop, app: &App, others: impl Future<Output = T>) -> (T, usize) {
    let mut others = std::pin::pin!(others);
    let mut served = 0;
    loop {
        let answer = async {
            let since = Instant::now();
            assert_eq!(shop.get(app, "/health/live").await.status, 200);
            assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
        };
        tokio::select! {
            done = others.as_mut() => return (done, served),
            () = async { answer.await; sleep(STEP).await } => served += 1,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_a_header_after_the_other_is_closed_on_time_and_others_do_not_feel_it() {
    let (shop, app) = service(|it| it.head = SHORT).await;
    let since = Instant::now();
    let slow = (0..40).map(|_| async {
        let mut wire = Wire::to(&app).await;
        wire.send("GET /health/live HTTP/1.1\r\nhost: x\r\n").await;
        wire.drip("a: b\r\n").await
    });
    let slow = futures_util::future::join_all(slow);
    let (answers, served) = served_beside(&shop, &app, slow).await;
    assert!(answers.iter().all(String::is_empty), "{answers:?}");
    assert!(since.elapsed() >= SHORT && since.elapsed() < PATIENCE / 2, "{:?}", since.elapsed());
    assert!(served > 0);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_comes_byte_by_byte_is_a_408_and_others_do_not_feel_it() {
    let (shop, app) = service(|it| it.body = SHORT).await;
    let opened = shop.get(&app, POLLING).await;
    let session = opened.body.as_str().and_then(|it| it.split('"').nth(3)).expect("a session");
    let slow = ["/api/events".to_owned(), format!("{POLLING}&sid={session}")].map(|path| {
        let (app, key) = (&app, &shop.key);
        async move {
            let mut wire = Wire::to(app).await;
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ncontent-length: 100000\r\n\r\n"
            );
            wire.send(&head).await;
            wire.drip(" ").await
        }
    });
    let slow = futures_util::future::join_all(slow);
    let (answers, served) = served_beside(&shop, &app, slow).await;
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
    assert!(served > 0);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_may_be_idle_between_requests_for_longer_than_a_head_may_take() {
    let idle = SHORT * 5;
    let (_shop, app) = service(|it| (it.head, it.idle) = (SHORT, idle)).await;
    let mut wire = Wire::to(&app).await;
    for _ in 0..2 {
        wire.send("GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await;
        wire.until("\"}").await;
        sleep(SHORT * 2).await;
    }
    wire.send("GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut closed = wire.until("\"}").await.into_bytes();
    let since = Instant::now();
    let read = timeout(PATIENCE, wire.0.read_to_end(&mut closed)).await;
    assert!(read.is_ok() && since.elapsed() > SHORT * 3, "{:?}", since.elapsed());
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_too_long_is_refused() {
    let (_shop, app) = service(|_| {}).await;
    let mut wire = Wire::to(&app).await;
    let long = "x".repeat(20_000);
    wire.send(&format!("GET /health/live HTTP/1.1\r\nhost: x\r\na: {long}\r\n\r\n")).await;
    assert!(wire.until("\r\n\r\n").await.starts_with("HTTP/1.1 431 "));
    app.stop().await.expect("stopped");
}

/// A WebSocket takes a place as well, and has no deadline of a request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_no_place_is_told_at_once_and_served_when_there_is_one() {
    let mut shop = Shop::new().await;
    shop.settings.door.max_connections = 2;
    shop.settings.door.timeouts = Timeouts { idle: SHORT, ..Timeouts::default() };
    let app = shop.start().await;
    let mut socket = Wire::to(&app).await;
    socket.web_socket("").await;
    let opened = socket.until("pingInterval").await;
    assert!(opened.starts_with("HTTP/1.1 101 "), "{opened}");
    // One that came while another connection was still leaving had no place itself.
    let others = Mutex::new(Vec::new());
    let full = until("refusal", || async {
        let mut other = Wire::to(&app).await;
        other.send("GET /health/live HTTP/1.1\r\nhost: x\r\n").await;
        others.lock().await.push(other);
        let answer = shop.get(&app, "/health/live").await;
        if answer.status == 503 { Ok(answer) } else { Err(format!("{answer:?}")) }
    })
    .await;
    assert_eq!(full.header("retry-after"), "5");
    assert_eq!(full.header("content-type"), "application/problem+json");
    assert_kept(&full);
    drop(others);
    until("a place", || async {
        let answer = shop.get(&app, "/health/live").await;
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    sleep(SHORT * 2).await;
    socket.frame("40").await;
    socket.until("welcome").await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_is_answered_when_the_service_stops_and_nothing_else_holds_it_up() {
    let (shop, app) = service(|_| {}).await;
    let mut idle = Wire::to(&app).await;
    idle.send("GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await;
    idle.until("\"}").await;
    let mut half = Wire::to(&app).await;
    half.send("GET /health/live HTTP/1.1\r\nhost").await;
    let silent = Wire::to(&app).await;
    let mut begun = Wire::to(&app).await;
    let body = r#"{"userId":"ann"}"#;
    let head = format!(
        "POST /api/events/customer HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\ncontent-length: {}\r\n\r\n",
        shop.key,
        body.len()
    );
    begun.send(&head).await;
    begun.send(&body[..5]).await;
    sleep(SHORT).await;
    let address = app.address;
    let since = Instant::now();
    let stopping = tokio::spawn(app.stop());
    for wire in [idle, half, silent] {
        assert_eq!(wire.drip("").await, "");
    }
    assert!(TcpStream::connect(address).await.is_err(), "nobody else comes in");
    begun.send(&body[5..]).await;
    let answer = begun.until("accepted").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    stopping.await.expect("no panic").expect("stopped");
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
}

/// The rule is that of RFC 9112: a proxy before the service must not take another host for the
/// request's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_without_a_host_or_with_two_or_with_none_that_is_one_is_a_400() {
    let (_shop, app) = service(|_| {}).await;
    for path in ["/", "/health/live", "/api/metrics/sales", POLLING, "/nothing"] {
        for (version, hosts, is_taken) in [
            ("1.1", "host: x\r\n", true),
            ("1.1", "Host: [::1]:4000\r\n", true),
            ("1.0", "", true),
            ("1.0", "host: x\r\n", true),
            ("1.1", "", false),
            ("1.1", "host: x\r\nhost: x\r\n", false),
            ("1.1", "host: x\r\na: b\r\nHOST: y\r\n", false),
            ("1.0", "host: x\r\nhost: y\r\n", false),
            ("1.1", "host: x y\r\n", false),
            ("1.1", "host: x/y\r\n", false),
            ("1.1", "host: ann@x\r\n", false),
        ] {
            let mut wire = Wire::to(&app).await;
            wire.send(&format!("GET {path} HTTP/{version}\r\n{hosts}\r\n")).await;
            let head = wire.until("\r\n\r\n").await;
            let is_refused = head.split(' ').nth(1) == Some("400");
            assert_eq!(is_refused, !is_taken, "{path} {version} {hosts:?}: {head}");
            if is_refused {
                assert!(head.contains("application/problem+json"), "{head}");
                assert!(head.contains("x-request-id: "), "{head}");
            }
        }
    }
    let mut wire = Wire::to(&app).await;
    wire.send("POST /api/events HTTP/1.1\r\ncontent-length: 2\r\n\r\n[]").await;
    let answer = wire.until("}]").await;
    assert!(answer.contains(r#""field":"Host""#), "{answer}");
    app.stop().await.expect("stopped");
}
