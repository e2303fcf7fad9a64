//! The events of Socket.IO against their description.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::client::PATIENCE;
use super::ready;
use crate::push::Socket;

/// The members that a schema has, and those that must be there.
fn members(document: &Value, schema: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut found = (BTreeSet::new(), BTreeSet::new());
    let mut left = vec![schema];
    while let Some(schema) = left.pop() {
        if let Some(reference) = schema["$ref"].as_str() {
            let there = document.pointer(reference.trim_start_matches('#'));
            left.push(there.expect(reference));
        }
        left.extend(schema["allOf"].as_array().into_iter().flatten());
        found.0.extend(
            schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()),
        );
        let required = schema["required"].as_array().into_iter().flatten();
        found.1.extend(required.filter_map(Value::as_str).map(str::to_owned));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_has_the_members_that_are_described() {
    let (shop, app, _) = ready().await;
    let document = shop.get(&app, "/api/asyncapi.json").await.body;
    let mut socket = Socket::open(&shop, &app, Some(json!({ "token": shop.key }))).await;
    for asked in [
        json!(["heartbeat"]),
        json!(["requestCurrentMetrics"]),
        json!(["request_metrics", { "metricType": "revenue" }]),
        json!(["request_metrics", { "metricType": "luck" }]),
        json!(["subscribe_dashboard", {}]),
        json!(["subscribe_dashboard", { "dashboardType": "sales" }]),
        json!(["subscribe_dashboard", { "dashboardType": "alerts" }]),
        json!(["unsubscribe_dashboard", {}]),
        json!(["authenticate", { "token": "none" }]),
    ] {
        socket.emit(asked).await;
    }
    // The answer to the first ping, without which the session ends after a while.
    socket.send("3".to_owned()).await;
    let mut waited_for: BTreeSet<_> = [
        "authenticated",
        "authentication_error",
        "heartbeat_ack",
        "currentMetrics",
        "realtimeSalesUpdate",
        "metrics_data",
        "error",
        "subscribed",
        "frame",
        "refused",
        "unsubscribed",
    ]
    .into();
    while !waited_for.is_empty() {
        let heard = timeout(PATIENCE, socket.event()).await;
        let (event, payload) = heard.expect("in time").expect("it goes on");
        let message = &document["components"]["messages"][format!("socketIo.{event}")];
        assert_eq!(message["name"], event.as_str(), "{payload}");
        let schema = match &*event {
            "frame" => {
                &document["components"]["messages"][payload["topic"].as_str().unwrap()]["payload"]
            }
            _ => &message["payload"],
        };
        let (mut known, required) = members(&document, schema);
        if event == "frame" {
            known.insert("data".to_owned());
        }
        let has: BTreeSet<_> = payload.as_object().expect("an object").keys().cloned().collect();
        assert!(
            has.is_subset(&known) && required.is_subset(&has),
            "{event}: {payload} of {schema}"
        );
        waited_for.remove(&*event);
    }
    app.stop().await.expect("stopped");
}
