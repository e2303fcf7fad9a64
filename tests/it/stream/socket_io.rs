//! Dashboards and metrics by Socket.IO: the events of the Node services with real figures, and the
//! frames that all transports have.

use std::collections::BTreeSet;

use adaptive_bi::app::App;
use adaptive_bi::rights::role::Role;
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::client::{self, Client, PATIENCE};
use super::{figures, ready, sell};
use crate::contract::shape;
use crate::events::sale;
use crate::harness::Shop;
use crate::people::{send, somebody};
use crate::push::Socket;

/// Hears the next event into a client; its name, or none at the end.
async fn hear(socket: &mut Socket<'_>, client: &mut Client) -> Option<String> {
    let (event, payload) = timeout(PATIENCE, socket.event()).await.expect("something in time")?;
    client.hear(&event, payload);
    Some(event)
}

async fn reach(socket: &mut Socket<'_>, client: &mut Client, topic: &str, position: u64) {
    while client.position(topic) < position {
        assert!(hear(socket, client).await.is_some(), "it ended before {position}: {client:?}");
    }
}

/// Waits for a word about a topic.
async fn word(socket: &mut Socket<'_>, client: &mut Client, kind: &str) -> Value {
    while hear(socket, client).await.expect("it goes on") != kind {}
    client.word(kind).expect("it came").clone()
}

async fn subscribe(socket: &Socket<'_>, dashboard: Value) {
    socket.emit(json!(["subscribe_dashboard", dashboard])).await;
}

fn cursor(client: &Client, topic: &str) -> String {
    let state = &client.topics[topic];
    format!("{}.{}-{}", state.log, state.generation, state.position)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dashboard_of_any_name_is_told_its_figures_until_it_is_left() {
    let (shop, app, position) = ready().await;
    let mut socket = Socket::signed_in(&shop, &app, &shop.key).await;
    socket.emit(json!(["heartbeat"])).await;
    assert_eq!(shape(&socket.next("heartbeat_ack").await), "{timestamp: string}");
    for (dashboard, room) in [
        (json!({}), "dashboard_default"),
        (json!({ "dashboardType": "sales-floor.1" }), "dashboard_sales-floor.1"),
    ] {
        subscribe(&socket, dashboard).await;
        let subscribed = socket.next("subscribed").await;
        assert_eq!((&subscribed["room"], shape(&subscribed)), (&json!(room), ROOM.to_owned()));
    }
    let path = "/api/metrics/dashboard";
    let mut update = socket.next("metrics_update").await;
    assert!(update["position"].as_u64() >= Some(position), "{update}");
    assert_eq!(
        (&update["metricType"], update["timestamp"].is_string()),
        (&json!("dashboard"), true)
    );
    let sold = sell(&shop, "t2").await;
    while update["position"].as_u64() < Some(sold) {
        update = socket.next("metrics_update").await;
    }
    assert_eq!(update["data"], figures(&shop, &app, path, sold).await);

    // One of the two goes on.
    let leave = async |name: &str| {
        socket.emit(json!(["unsubscribe_dashboard", { "dashboardType": name }])).await;
    };
    leave("default").await;
    let mut other = Socket::signed_in(&shop, &app, &shop.key).await;
    let unsubscribed = socket.next("unsubscribed").await;
    assert_eq!(
        (&unsubscribed["room"], shape(&unsubscribed)),
        (&json!("dashboard_default"), ROOM.to_owned())
    );
    let sold = sell(&shop, "t3").await;
    while socket.next("metrics_update").await["position"].as_u64() < Some(sold) {}
    socket.emit(json!(["unsubscribe_dashboard", { "dashboardType": "sales-floor.1" }])).await;
    socket.next("unsubscribed").await;
    socket.forget();
    let sold = sell(&shop, "t4").await;
    other.is_pushed(sold).await;
    socket.is_pushed(sold).await;
    socket.emit(json!(["heartbeat"])).await;
    socket.next("heartbeat_ack").await;
    assert!(!socket.has_seen("metrics_update"));
    app.stop().await.expect("stopped");
}

/// The shape of what is told of a room.
const ROOM: &str = "{message: string, room: string}";

/// A metric of a time, as it is answered.
async fn metric(socket: &mut Socket<'_>, name: &str, time: &str) -> Value {
    socket.emit(json!(["request_metrics", { "metricType": name, "timeRange": time }])).await;
    let answer = socket.next("metrics_data").await;
    let data = &answer["data"];
    for of in [&answer, data] {
        assert_eq!((&of["metricType"], &of["timeRange"]), (&json!(name), &json!(time)), "{answer}");
    }
    assert!(answer["timestamp"].is_string(), "{answer}");
    let old = &data["data"];
    assert_eq!(shape(old), "{change: string, trend: string, value: number}", "{answer}");
    assert_eq!((&old["value"], &old["trend"]), (&data["value"], &data["trend"]), "{answer}");
    let change = data["changePercent"].as_f64().unwrap_or_default();
    assert_eq!(old["change"], format!("{change:.2}"), "{answer}");
    data.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metric_has_the_figures_of_its_view_and_of_the_time_before() {
    let (shop, app, _) = ready().await;
    let ago = |hours: i64| {
        let at = chrono::Utc::now() - chrono::Duration::hours(hours);
        json!({ "transactionDate": at.to_rfc3339(), "productId": "mug", "quantity": 4 })
    };
    let viewed = |id: &str, user: &str, kind: &str| {
        let at = chrono::Utc::now() - chrono::Duration::minutes(5);
        json!({ "activityId": id, "userId": user, "activityType": kind, "productId": "mug",
            "timestamp": at.to_rfc3339() })
    };
    let position = shop
        .publish_all(&[
            ("transaction", sale("t2", "bob", 20, ago(30))),
            ("transaction", sale("t3", "bob", 10, ago(26))),
            ("transaction", sale("t4", "bob", 50, ago(24 * 8))),
            ("activity", viewed("a2", "bob", "viewed")),
            ("activity", viewed("a3", "eve", "viewed")),
        ])
        .await;
    shop.folded(position).await;
    let widget = async |id: &str, time: &str| {
        let path = format!("/api/dashboard/widgets/{id}/data?timeRange={time}");
        figures(&shop, &app, &path, position).await["data"].clone()
    };
    let mut socket = Socket::signed_in(&shop, &app, &shop.key).await;
    socket.is_pushed(position).await;
    for time in ["1h", "24h", "7d", "30d"] {
        for (name, id) in [
            ("revenue", "total-revenue"),
            ("transactions", "total-transactions"),
            ("users", "active-users"),
        ] {
            let metric = metric(&mut socket, name, time).await;
            assert_eq!(metric["value"], widget(id, time).await["value"], "{name} of {time}");
            if name == "revenue" {
                assert_eq!(metric["series"], widget("revenue-chart", time).await["data"], "{time}");
            }
        }
    }
    let revenue = metric(&mut socket, "revenue", "24h").await;
    assert_eq!((&revenue["value"], &revenue["previous"]), (&json!(9), &json!(30)), "{revenue}");
    assert_eq!((&revenue["trend"], &revenue["data"]["change"]), (&json!("down"), &json!("-70.00")));
    let before = metric(&mut socket, "revenue", "7d").await;
    assert_eq!((&before["previous"], &before["trend"]), (&json!(50), &json!("down")), "{before}");
    let units = metric(&mut socket, "products", "24h").await;
    assert_eq!((&units["value"], &units["previous"]), (&json!(2), &json!(8)), "{units}");
    let funnel = metric(&mut socket, "conversion", "7d").await;
    let path = "/api/metrics/funnel";
    assert_eq!(funnel["value"], figures(&shop, &app, path, position).await["conversion"]);
    let new = metric(&mut socket, "revenue", "30d").await;
    assert_eq!((&new["changePercent"], &new["data"]["change"]), (&Value::Null, &json!("0.00")));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_goes_on_over_two_cuts_and_begins_anew_where_it_cannot() {
    let (shop, app, position) = ready().await;
    let mut client = Client::default();
    let mut socket = Socket::signed_in(&shop, &app, &shop.key).await;
    subscribe(&socket, json!({ "dashboardType": "sales" })).await;
    let first = word(&mut socket, &mut client, "subscribed").await;
    assert_eq!(shape(&first), "{message: string, room: string, topic: string}", "{first}");
    reach(&mut socket, &mut client, "sales", position).await;
    // Another dashboard by frames, with a cursor of its own.
    subscribe(&socket, json!({ "dashboardType": "ops", "since": null })).await;
    let ops = word(&mut socket, &mut client, "subscribed").await;
    assert_eq!((&ops["room"], &ops["topic"]), (&json!("dashboard_ops"), &json!("dashboard")));
    reach(&mut socket, &mut client, "dashboard", position).await;

    let mut last = position;
    for cut in 0..2 {
        drop(socket);
        last = sell(&shop, &format!("c{cut}")).await;
        shop.folded(last).await;
        socket = Socket::signed_in(&shop, &app, &shop.key).await;
        for (dashboard, topic) in [("sales", "sales"), ("ops", "dashboard")] {
            let since = cursor(&client, topic);
            subscribe(&socket, json!({ "dashboardType": dashboard, "since": since })).await;
            let back = word(&mut socket, &mut client, "subscribed").await;
            assert_eq!(
                (&back["topic"], &back["recovered"]),
                (&json!(topic), &json!(true)),
                "{cut}"
            );
        }
        for topic in ["sales", "dashboard"] {
            reach(&mut socket, &mut client, topic, last).await;
        }
    }
    assert_eq!((client.snapshots, client.twice), (2, 0), "no snapshot but the first: {client:?}");
    for (topic, path) in [("sales", "/api/metrics/sales"), ("dashboard", "/api/metrics/dashboard")]
    {
        assert_eq!(client.data(topic), figures(&shop, &app, path, last).await, "{topic}");
    }

    // The same on a connection that goes on, and from a position that nobody saw.
    for since in ["1-1", "7-1"] {
        subscribe(&socket, json!({ "dashboardType": "sales", "since": since })).await;
        let word = word(&mut socket, &mut client, "subscribed").await;
        assert_eq!(word["recovered"], false, "{since}");
        reach(&mut socket, &mut client, "sales", last).await;
        assert_eq!(client.data("sales"), figures(&shop, &app, "/api/metrics/sales", last).await);
    }
    let view = "view:/api/metrics/revenue?period=day";
    subscribe(&socket, json!({ "dashboardType": view })).await;
    reach(&mut socket, &mut client, view, last).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_message_gets_an_error_that_names_the_member_and_what_is_not_there_is_refused() {
    let (shop, app, _) = ready().await;
    let mut socket = Socket::signed_in(&shop, &app, &shop.key).await;
    let long = "x".repeat(65);
    for (message, member) in [
        (json!(["subscribe_dashboard", { "dashboardType": 7 }]), "dashboardType"),
        (json!(["subscribe_dashboard", { "dashboardType": "a b" }]), "dashboardType"),
        (json!(["subscribe_dashboard", { "dashboardType": long }]), "dashboardType"),
        (json!(["subscribe_dashboard", { "since": "x" }]), "since"),
        (json!(["subscribe_dashboard", "sales"]), "dashboardType"),
        (json!(["unsubscribe_dashboard", { "dashboardType": "" }]), "dashboardType"),
        (json!(["request_metrics"]), "metricType"),
        (json!(["request_metrics", { "metricType": "moon" }]), "metricType"),
        (json!(["request_metrics", { "metricType": "users", "timeRange": "2h" }]), "timeRange"),
    ] {
        socket.emit(message.clone()).await;
        let error = socket.next("error").await;
        assert_eq!((&error["event"], &error["member"]), (&message[0], &json!(member)), "{error}");
        assert!(error["message"].as_str().is_some_and(|it| it.starts_with(member)), "{error}");
    }
    for (dashboard, status) in
        [("system", 403), ("view:/api/users", 404), ("view:/api/metrics/sales?period=moon", 400)]
    {
        subscribe(&socket, json!({ "dashboardType": dashboard })).await;
        let refused = socket.next("refused").await;
        let room = format!("dashboard_{dashboard}");
        assert_eq!((&refused["room"], &refused["status"]), (&json!(room), &json!(status)));
    }
    let mut nobody = Socket::open(&shop, &app, None).await;
    subscribe(&nobody, json!({})).await;
    assert_eq!(nobody.next("error").await, json!({ "message": "Not authenticated" }));
    assert_eq!(nobody.next("authentication_error").await["success"], false);
    assert!(!nobody.has_seen("subscribed"));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_follows_so_many_dashboards_and_no_more() {
    let mut shop = Shop::new().await;
    shop.settings.ws_heartbeat_interval = 1_000;
    let app = shop.start().await;
    let mut socket = Socket::signed_in(&shop, &app, &shop.key).await;
    for n in 0..50 {
        subscribe(&socket, json!({ "dashboardType": format!("d{n}") })).await;
        socket.next("subscribed").await;
        if n % 8 == 7 {
            // A second, by the service's own clock: messages have a pace. The ping before may have been
            // heard above, and the next comes once that is answered.
            socket.send("3".to_owned()).await;
            while socket.packet().await.expect("it goes on") != "2" {}
            socket.send("3".to_owned()).await;
        }
    }
    subscribe(&socket, json!({ "dashboardType": "one-more" })).await;
    let error = socket.next("error").await;
    assert_eq!(
        (&error["event"], &error["member"]),
        (&json!("subscribe_dashboard"), &json!("dashboardType"))
    );
    subscribe(&socket, json!({ "dashboardType": "d7" })).await;
    assert_eq!(socket.next("subscribed").await["room"], "dashboard_d7", "it is among them");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_are_those_of_who_is_in_them_and_a_right_that_is_lost_ends_them() {
    let (shop, app, _) = ready().await;
    let root = somebody(&app, "root", Role::Admin).await;
    let ann = somebody(&app, "ann", Role::Admin).await;
    let statistics = async || {
        let answer =
            send(&shop, &app, &root, Method::GET, "/api/stream/connections", &json!({})).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
        let data = answer.body["data"].clone();
        let members: BTreeSet<_> =
            data.as_object().expect("statistics").keys().map(String::as_str).collect();
        let all = ["authenticatedConnections", "roomMembership", "rooms", "totalConnections"];
        assert_eq!(members, BTreeSet::from(all));
        data
    };
    let mut first = Socket::signed_in(&shop, &app, &ann.token).await;
    let mut second = Socket::signed_in(&shop, &app, &ann.token).await;
    let _nobody = Socket::open(&shop, &app, None).await;
    subscribe(&first, json!({ "dashboardType": "system" })).await;
    first.next("frame").await;
    for socket in [&mut first, &mut second] {
        subscribe(socket, json!({ "dashboardType": "ops" })).await;
        socket.next("subscribed").await;
    }
    let expected = json!({
        format!("user_{}", ann.id): 2, "dashboard_ops": 2, "dashboard_system": 1,
    });
    let told = statistics().await;
    assert_eq!((&told["roomMembership"], &told["rooms"]), (&expected, &json!(3)));
    assert_eq!(
        (&told["authenticatedConnections"], &told["totalConnections"]),
        (&json!(2), &json!(3))
    );

    let path = format!("/api/users/{}", ann.id);
    let viewer = json!({ "role": "viewer" });
    assert_eq!(send(&shop, &app, &root, Method::PUT, &path, &viewer).await.status, 200);
    let told = first.next("unsubscribed").await;
    assert_eq!((&told["room"], &told["topic"]), (&json!("dashboard_system"), &json!("system")));
    let expected = json!({ format!("user_{}", ann.id): 2, "dashboard_ops": 2 });
    assert_eq!(statistics().await["roomMembership"], expected);
    // Somebody else on the same connection is in their own room.
    first.emit(json!(["authenticate", { "token": root.token }])).await;
    first.next("authenticated").await;
    subscribe(&first, json!({ "dashboardType": "system" })).await;
    first.next("frame").await;
    let expected = json!({
        format!("user_{}", ann.id): 1, format!("user_{}", root.id): 1,
        "dashboard_ops": 2, "dashboard_system": 1,
    });
    assert_eq!(statistics().await["roomMembership"], expected);
    app.stop().await.expect("stopped");
}

/// Who polls takes nothing while it does not: there is no network that takes it for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_polls_nothing_delays_nobody_and_is_behind_by_numbers() {
    const SALES: usize = 40;
    let (shop, app, position) = ready().await;
    let mut slow = Socket::signed_in(&shop, &app, &shop.key).await;
    let mut client = Client::default();
    for topic in ["sales", "overview", "products", "dashboard"] {
        subscribe(&slow, json!({ "dashboardType": topic })).await;
    }
    for topic in ["sales", "overview", "products", "dashboard"] {
        reach(&mut slow, &mut client, topic, position).await;
    }
    let before = client.deltas;
    let mut quick = Socket::signed_in(&shop, &app, &shop.key).await;
    let mut other = Client::default();
    subscribe(&quick, json!({ "dashboardType": "sales" })).await;
    reach(&mut quick, &mut other, "sales", position).await;
    let mut last = 0;
    for n in 0..SALES {
        last = sell(&shop, &format!("s{n}")).await;
        reach(&mut quick, &mut other, "sales", last).await;
    }
    assert_eq!((other.snapshots, other.twice), (1, 0), "{other:?}");
    for topic in ["sales", "overview", "products", "dashboard"] {
        reach(&mut slow, &mut client, topic, last).await;
    }
    assert!(client.deltas - before < 2 * SALES, "it was sent all of them: {client:?}");
    for (topic, path) in [("sales", "/api/metrics/sales"), ("overview", "/api/dashboard/overview")]
    {
        assert_eq!(client.data(topic), figures(&shop, &app, path, last).await, "{topic}");
    }
    app.stop().await.expect("stopped");
}

/// A client by a `WebSocket` of Socket.IO.
struct Direct(client::Socket);

impl Direct {
    async fn signed_in(shop: &Shop, app: &App) -> Direct {
        let path = "/socket.io/?EIO=4&transport=websocket";
        let mut socket = Direct(client::Socket::open(app, path, Some(&shop.key)).await);
        socket.send("40").await;
        while socket.event().await.expect("it goes on").0 != "authenticated" {}
        socket
    }

    async fn send(&mut self, packet: &str) {
        self.0.0.send(Message::text(packet)).await.expect("sent");
    }

    /// The next event and its payload; none at the end.
    async fn event(&mut self) -> Option<(String, Value)> {
        loop {
            let message = timeout(PATIENCE, self.0.0.next()).await.expect("something in time");
            let Some(Ok(Message::Text(packet))) = message else { return None };
            if let Some(event) = packet.strip_prefix("42") {
                return Some(serde_json::from_str(event).expect("an event"));
            }
        }
    }
}

/// Of two processes one is left, and the client goes on at the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stops_says_so_and_the_client_goes_on_at_another() {
    let (shop, app, position) = ready().await;
    let other: App = shop.start().await;
    let mut client = Client::default();
    let mut socket = Direct::signed_in(&shop, &app).await;
    socket.send(r#"42["subscribe_dashboard",{"dashboardType":"sales"}]"#).await;
    while client.position("sales") < position {
        let (event, payload) = socket.event().await.expect("it goes on");
        client.hear(&event, payload);
    }
    let stopping = tokio::spawn(app.stop());
    let mut last = None;
    while let Some(event) = socket.event().await {
        last = Some(event);
    }
    let (event, goodbye) = last.expect("a word");
    assert_eq!((&*event, shape(&goodbye)), ("server_shutdown", "{message: string}".to_owned()));
    timeout(PATIENCE, stopping).await.expect("in time").expect("no panic").expect("stopped");

    let sold = sell(&shop, "t2").await;
    let mut socket = Socket::signed_in(&shop, &other, &shop.key).await;
    let since = cursor(&client, "sales");
    subscribe(&socket, json!({ "dashboardType": "sales", "since": since })).await;
    reach(&mut socket, &mut client, "sales", sold).await;
    assert_eq!(client.data("sales"), figures(&shop, &other, "/api/metrics/sales", sold).await);
    other.stop().await.expect("stopped");
}
