//! Socket.IO: the clients that are welcomed, those that are signed in, and the updates for each.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use adaptive_bi::app::App;
use adaptive_bi::auth::key;
use adaptive_bi::rights::role::Role;
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::store::platform::accounts::{Change, Sessions};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::contract::{shape, shop};
use crate::events::sale;
use crate::harness::{Answer, Shop, answer};
use crate::people::{PASSWORD, account, ask, post, send, session, somebody, tell};

/// A Socket.IO client by polling: packets are texts.
pub struct Socket<'a> {
    shop: &'a Shop,
    address: SocketAddr,
    path: String,
    waiting: VecDeque<String>,
    seen: Vec<String>,
}

impl<'a> Socket<'a> {
    /// Connects with `auth` in the handshake; the server welcomes it.
    pub async fn open(shop: &'a Shop, app: &App, auth: Option<Value>) -> Socket<'a> {
        Socket::open_at(shop, app.address, auth).await
    }

    /// Connects to a service that is another process.
    pub async fn open_at(shop: &'a Shop, address: SocketAddr, auth: Option<Value>) -> Socket<'a> {
        let path = "/socket.io/?EIO=4&transport=polling";
        let opened = answer(shop.request_to(address, Method::GET, path)).await;
        let opened = opened.body.as_str().and_then(|it| it.strip_prefix('0')).expect("a handshake");
        let opened: Value = serde_json::from_str(opened).expect("a handshake");
        let path = format!("{path}&sid={}", opened["sid"].as_str().expect("a session"));
        let mut socket = Socket { shop, address, path, waiting: VecDeque::new(), seen: vec![] };
        let auth = auth.map(|auth| auth.to_string()).unwrap_or_default();
        socket.send(format!("40{auth}")).await;
        let welcome = socket.next("welcome").await;
        assert_eq!(shape(&welcome), "{message: string, position: number, socketId: string}");
        socket
    }

    /// Sends packets.
    pub async fn send(&self, packets: String) {
        assert_eq!(self.tell(packets).await.status, 200);
    }

    /// The answer to packets.
    pub async fn tell(&self, packets: String) -> Answer {
        let request = self.shop.request_to(self.address, Method::POST, &self.path);
        answer(request.body(packets)).await
    }

    pub async fn emit(&self, event: Value) {
        self.send(format!("42{event}")).await;
    }

    /// The next packet, or none if the connection has ended.
    pub async fn packet(&mut self) -> Option<String> {
        while self.waiting.is_empty() {
            let polled = answer(self.shop.request_to(self.address, Method::GET, &self.path)).await;
            if polled.status != 200 {
                return None;
            }
            let text = polled.body.as_str().map_or_else(|| polled.body.to_string(), str::to_owned);
            self.waiting.extend(text.split('\u{1e}').map(str::to_owned));
        }
        let packet = self.waiting.pop_front()?;
        self.seen.push(packet.clone());
        Some(packet).filter(|packet| packet != "41")
    }

    /// The packets that have not been polled yet, or none if the session has ended.
    pub async fn waiting(&mut self) -> Option<String> {
        self.waiting.clear();
        self.packet().await
    }

    /// Connects and signs in.
    pub async fn signed_in(shop: &'a Shop, app: &App, token: &str) -> Socket<'a> {
        let mut socket = Socket::open(shop, app, Some(json!({ "token": token }))).await;
        socket.next("authenticated").await;
        socket
    }

    /// The next event and its payload, or none if the connection has ended.
    pub async fn event(&mut self) -> Option<(String, Value)> {
        while let Some(packet) = self.packet().await {
            let event = packet.strip_prefix("42").map(serde_json::from_str::<(String, Value)>);
            if let Some(Ok(event)) = event {
                return Some(event);
            }
        }
        None
    }

    /// The next event of a name, and its payload.
    pub async fn next(&mut self, name: &str) -> Value {
        let found = timeout(Duration::from_secs(20), async {
            while let Some((event, payload)) = self.event().await {
                if event == name {
                    return payload;
                }
            }
            panic!("closed before {name}: {:?}", self.seen);
        });
        found.await.unwrap_or_else(|_| panic!("no {name}: {:?}", self.seen))
    }

    /// Whether an event of a name has come.
    pub fn has_seen(&self, name: &str) -> bool {
        let begin = format!("42[\"{name}\"");
        self.seen.iter().any(|packet| packet.starts_with(&begin))
    }

    /// Forgets what has come.
    pub fn forget(&mut self) {
        self.seen.clear();
    }

    /// Waits for an update of at least a position.
    pub async fn is_pushed(&mut self, position: u64) {
        while self.next("realtimeSalesUpdate").await["position"].as_u64() < Some(position) {}
    }

    /// Waits for the server to disconnect.
    async fn closed(&mut self) {
        let closed =
            timeout(Duration::from_secs(20), async { while self.packet().await.is_some() {} });
        closed.await.expect("the server disconnects");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_asks_for_metrics_and_hears_of_every_sale() {
    let (shop, app, _) = shop().await;
    let mut socket = Socket::open(&shop, &app, Some(json!({ "token": shop.key }))).await;
    assert_eq!(shape(&socket.next("authenticated").await), "{message: string, success: bool}");
    socket.emit(json!(["requestCurrentMetrics"])).await;
    let current = socket.next("currentMetrics").await;
    let expected = "{averageOrderValue: number, position: number, salesByDay: [{_id: string, \
                    dailyRevenue: number, dailyTransactions: number}], totalRevenue: number, \
                    totalTransactions: number}";
    assert_eq!(shape(&current), expected);
    let position = shop.publish("transaction", sale("t2", "bob", 1, json!({})).to_string()).await;
    // The one of what was sold before may still be on its way.
    let mut update = socket.next("realtimeSalesUpdate").await;
    while update["position"].as_u64() < Some(position) {
        update = socket.next("realtimeSalesUpdate").await;
    }
    assert_eq!(shape(&update), expected);
    assert_eq!(
        (&update["position"], update["totalRevenue"].as_f64()),
        (&json!(position), Some(10.0))
    );
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_signed_in_is_welcomed_and_told_nothing() {
    let (shop, app, _) = shop().await;
    let ann = account(&app, "ann@example.org", Role::Viewer).await;
    let begun = session(&app, &ann).await;
    let mut nobody = Socket::open(&shop, &app, None).await;
    let mut signed_in =
        Socket::open(&shop, &app, Some(json!({ "token": begun.token.expose() }))).await;
    signed_in.next("authenticated").await;
    shop.publish("transaction", sale("t2", "bob", 1, json!({})).to_string()).await;
    signed_in.next("realtimeSalesUpdate").await;

    nobody.emit(json!(["requestCurrentMetrics"])).await;
    let told = nobody.next("authentication_error").await;
    assert_eq!(told["success"], false);
    nobody.emit(json!(["authenticate", { "token": "a.b.c", "userId": ann.id }])).await;
    assert_eq!(nobody.next("authentication_error").await["success"], false);
    nobody.emit(json!(["authenticate", 7])).await;
    nobody.next("authentication_error").await;
    let told = |it: &&String| it.contains("realtimeSalesUpdate") || it.contains("currentMetrics");
    assert_eq!(nobody.seen.iter().find(told), None);

    let write = key::make("till", &[Scope::EventsWrite(None)], "command", None);
    app.platform.insert_key(&write.row).await.expect("a key");
    nobody.emit(json!(["authenticate", { "token": write.text }])).await;
    assert_eq!(nobody.next("authentication_error").await["success"], false);
    nobody
        .emit(json!(["authenticate", { "token": format!("Bearer {}", begun.token.expose()) }]))
        .await;
    assert_eq!(nobody.next("authenticated").await["success"], true);
    nobody.emit(json!(["requestCurrentMetrics"])).await;
    nobody.next("currentMetrics").await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_shows_no_token_is_disconnected_and_who_does_is_not() {
    let (shop, app, _) = shop().await;
    let mut nobody = Socket::open(&shop, &app, None).await;
    let mut somebody = Socket::open(&shop, &app, Some(json!({ "token": shop.key }))).await;
    let since = Instant::now();
    nobody.closed().await;
    assert!(since.elapsed() > Duration::from_secs(8), "{:?}", since.elapsed());
    somebody.emit(json!(["requestCurrentMetrics"])).await;
    somebody.next("currentMetrics").await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_shows_one_bad_token_after_the_other_is_disconnected() {
    let (shop, app, _) = shop().await;
    let mut guessing = Socket::open(&shop, &app, None).await;
    let mut careless = Socket::open(&shop, &app, None).await;
    for _ in 0..4 {
        for socket in [&mut guessing, &mut careless] {
            socket.emit(json!(["authenticate", { "token": "abi_guess" }])).await;
            socket.next("authentication_error").await;
        }
    }
    careless.emit(json!(["authenticate", { "token": shop.key }])).await;
    careless.next("authenticated").await;
    careless.emit(json!(["authenticate", { "token": "abi_guess" }])).await;
    careless.next("authentication_error").await;
    guessing.emit(json!(["authenticate", { "token": "abi_guess" }])).await;
    guessing.closed().await;
    careless.emit(json!(["requestCurrentMetrics"])).await;
    careless.next("currentMetrics").await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_or_being_deactivated_disconnects_within_two_seconds() {
    let (shop, app, _) = shop().await;
    let other = shop.start().await;
    let ann = account(&app, "ann@example.org", Role::Viewer).await;
    let (one, two) = (session(&app, &ann).await, session(&app, &ann).await);
    let open = async |token: &str| {
        let mut socket = Socket::open(&shop, &app, Some(json!({ "token": token }))).await;
        socket.next("authenticated").await;
        socket
    };
    let (mut first, mut second) = (open(one.token.expose()).await, open(two.token.expose()).await);

    // Signed out at another process.
    ask(&shop, &other, Method::POST, "/api/auth/logout", one.token.expose()).await;
    let since = Instant::now();
    first.closed().await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    second.emit(json!(["requestCurrentMetrics"])).await;
    second.next("currentMetrics").await;

    let inactive = Change { is_active: Some(false), ..Change::default() };
    let changed = other.platform.change_account(&ann.id, inactive, "x", Sessions::GoOn).await;
    changed.expect("changed").expect("an account");
    let since = Instant::now();
    second.closed().await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    app.stop().await.expect("stopped");
    other.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_revoked_or_runs_out_disconnects_within_two_seconds() {
    let (shop, app, _) = shop().await;
    let root = somebody(&app, "root", Role::Admin).await;
    let open = async |key: &str| {
        let mut socket = Socket::open(&shop, &app, Some(json!({ "token": key }))).await;
        socket.next("authenticated").await;
        socket
    };
    let board = json!({ "name": "board", "scopes": ["push:subscribe"] });
    let made = tell(&shop, &app, "/api/keys", &root.token, &board).await;
    let data = &made.body["data"];
    let mut revoked = open(data["key"].as_str().expect("a key")).await;
    let path = format!("/api/keys/{}", data["apiKey"]["id"].as_str().expect("an id"));
    assert_eq!(ask(&shop, &app, Method::DELETE, &path, &root.token).await.status, 200);
    let since = Instant::now();
    revoked.closed().await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());

    let end = chrono::Utc::now() + Duration::from_secs(3);
    let soon = key::make("soon", &[Scope::PushSubscribe], "command", Some(end.timestamp_millis()));
    app.platform.insert_key(&soon.row).await.expect("a key");
    open(&soon.text).await.closed().await;
    let late = chrono::Utc::now() - end;
    assert!(late.num_milliseconds() >= 0 && late.num_milliseconds() < 2_000, "{late}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_disconnects_the_other_sessions_and_another_role_nobody_who_may_stay() {
    let (shop, app, _) = shop().await;
    let root = somebody(&app, "root", Role::Admin).await;
    let ann = account(&app, "ann@example.org", Role::Viewer).await;
    let (here, there) = (session(&app, &ann).await, session(&app, &ann).await);
    let open = async |token: &str| {
        let mut socket = Socket::open(&shop, &app, Some(json!({ "token": token }))).await;
        socket.next("authenticated").await;
        socket
    };
    let (mut first, mut second) =
        (open(here.token.expose()).await, open(there.token.expose()).await);
    let path = format!("/api/users/{}", ann.id);
    let manager = json!({ "role": "manager" });
    let changed = send(&shop, &app, &root, Method::PUT, &path, &manager).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let body = json!({ "currentPassword": PASSWORD, "newPassword": "eight lamps of 1850" });
    let changed = tell(&shop, &app, "/api/auth/password", here.token.expose(), &body).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let since = Instant::now();
    second.closed().await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    first.emit(json!(["requestCurrentMetrics"])).await;
    first.next("currentMetrics").await;

    let link = app.accounts.reset_link(&ann.email, "x").await.expect("a link").expect("an account");
    let token = link.expose().split_once("#reset-password=").expect("a token").1;
    let body = json!({ "token": token, "password": "nine lamps of 1851" });
    assert_eq!(post(&shop, &app, "/api/auth/password/reset", &body).await.status, 200);
    let since = Instant::now();
    first.closed().await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    app.stop().await.expect("stopped");
}
