//! The words of admins to everybody who is connected.

use adaptive_bi::app::App;
use adaptive_bi::rights::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, Events, Socket};
use super::ready;
use crate::harness::{Answer, Shop};
use crate::people::{Somebody, fields, kind, send, somebody};
use crate::push;

async fn broadcast(shop: &Shop, app: &App, who: &Somebody, alert: &Value) -> Answer {
    send(shop, app, who, Method::POST, "/api/alerts/broadcast", alert).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_reaches_everybody_who_is_signed_in_on_every_transport_and_process() {
    let (shop, app, _) = ready().await;
    let other = shop.start().await;
    let (root, ann) =
        (somebody(&app, "root", Role::Admin).await, somebody(&app, "ann", Role::Manager).await);
    let mut nobody = push::Socket::open(&shop, &app, None).await;
    let mut here = push::Socket::signed_in(&shop, &app, &ann.token).await;
    let mut there = push::Socket::signed_in(&shop, &other, &shop.key).await;
    let (mut of_events, mut of_socket) = (Client::default(), Client::default());
    let mut events = Events::follow(&shop, &app, "topics=sales", &of_events).await;
    let mut socket = Socket::open(&app, "/api/ws", Some(&shop.key)).await;
    socket.say(json!({ "type": "ping" })).await;
    socket.word(&mut of_socket, "pong").await;

    let alert = json!({ "type": "maintenance", "message": "Back at noon", "own": { "a": [1] } });
    let sent = broadcast(&shop, &app, &root, &alert).await;
    assert_eq!((sent.status, &sent.body["data"]["connections"]), (200, &json!(3)), "{sent:?}");
    let expected = sent.body["data"]["alert"].clone();
    assert!(expected["timestamp"].is_string() && expected["own"] == alert["own"], "{expected}");
    for socket in [&mut here, &mut there] {
        assert_eq!(socket.next("system_alert").await, expected);
    }
    let mut with_kind = expected.clone();
    with_kind["kind"] = json!("system_alert");
    assert_eq!(events.word(&mut of_events, "system_alert").await, with_kind);
    assert_eq!(socket.word(&mut of_socket, "system_alert").await, with_kind);
    assert_eq!(shop.audited("alert-broadcast").await, 1);

    nobody.emit(json!(["heartbeat"])).await;
    nobody.next("heartbeat_ack").await;
    assert!(!nobody.has_seen("system_alert"));

    // From the other process, once each.
    here.forget();
    let again = json!({ "message": "Again" });
    let sent = broadcast(&shop, &other, &root, &again).await;
    assert_eq!(sent.body["data"]["connections"], 1, "{sent:?}");
    assert_eq!(here.next("system_alert").await["message"], "Again");
    assert_eq!(there.next("system_alert").await["message"], "Again");

    for (alert, wrong) in [
        (json!({}), "message"),
        (json!({ "message": "" }), "message"),
        (json!({ "message": "x", "kind": "frame" }), "kind"),
    ] {
        let refused = broadcast(&shop, &app, &root, &alert).await;
        assert_eq!((refused.status, fields(&refused)), (400, vec![wrong]), "{alert}");
    }
    let refused = broadcast(&shop, &app, &ann, &again).await;
    assert_eq!(kind(&refused), (403, "forbidden"));
    assert_eq!(shop.audited("alert-broadcast").await, 2);
    app.stop().await.expect("stopped");
    other.stop().await.expect("stopped");
}
