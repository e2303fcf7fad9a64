//! A rebuild and a switch by HTTP, and the announcements of them.

use adaptive_bi::rights::role::Role::Admin;
use adaptive_bi::store::generations::GenerationState;
use reqwest::Method;
use serde_json::{Value, json};

use super::{folded, position, states};
use crate::events::mixed;
use crate::harness::until;
use crate::people::{ask, somebody, tell};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_begun_followed_switched_and_remembered() {
    let (shop, app, _) = folded(300, 61).await;
    let root = somebody(&app, "root", Admin).await;
    let begun = tell(&shop, &app, "/api/projections/rebuild", &root.token, &json!({})).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    assert_eq!(begun.body["data"]["work"]["generation"], 2, "{begun:?}");
    let told = until("the end of it", || async {
        let told = ask(&shop, &app, Method::GET, "/api/projections", &root.token).await;
        let data = told.body["data"].clone();
        let is_over = data["work"].is_null() && data["lastCommand"]["command"] == "rebuild";
        if is_over { Ok(data) } else { Err(data.to_string()) }
    })
    .await;
    assert_eq!(told["lastCommand"]["done"], true, "{told}");
    let states_told: Vec<_> = [0, 1].map(|at| told["generations"][at]["state"].clone()).into();
    assert_eq!(states_told, [json!("live"), json!("ready")]);
    assert_eq!(told["generations"][1]["lag"]["events"], 0, "{told}");

    let metrics = ask(&shop, &app, Method::GET, "/metrics", &root.token).await;
    let text = metrics.body.as_str().unwrap_or_default();
    for line in [
        "adaptive_bi_generation_position{generation=\"1\",state=\"live\"} 300",
        "adaptive_bi_generation_position{generation=\"2\",state=\"ready\"} 300",
        "adaptive_bi_generation_lag_events{generation=\"2\",state=\"ready\"} 0",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }

    let last = shop.publish_all(&mixed(20, 62)).await;
    until("the live generation at the end", || async {
        let at = position(&shop, 1).await;
        if at == last { Ok(()) } else { Err(at.to_string()) }
    })
    .await;
    let wrong = json!({ "generation": "2" });
    let wrong = tell(&shop, &app, "/api/projections/switch", &root.token, &wrong).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    let to = json!({ "generation": 2 });
    let switched = tell(&shop, &app, "/api/projections/switch", &root.token, &to).await;
    assert_eq!(switched.status, 200, "{switched:?}");
    assert_eq!(switched.body["data"]["switch"], json!({ "from": 1, "to": 2, "position": last }));
    assert_eq!(position(&shop, 2).await, last);
    assert_eq!(states(&shop).await, [(1, GenerationState::Kept), (2, GenerationState::Live)]);

    let audit = ask(&shop, &app, Method::GET, "/api/audit", &root.token).await;
    let of = |event: &str| -> Value {
        let entries = audit.body["data"]["entries"].as_array().cloned().unwrap_or_default();
        entries.into_iter().find(|it| it["event"] == event).unwrap_or_default()
    };
    let who = json!(format!("user:{}", root.id));
    assert_eq!(
        (&of("projection-rebuild")["who"], &of("projection-rebuild")["detail"]),
        (&who, &json!("generation 2"))
    );
    assert_eq!(
        (&of("projection-switch")["who"], &of("projection-switch")["detail"]),
        (&who, &json!("from 1 to 2"))
    );
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_it_cannot_be_begun_is_answered() {
    let (shop, app, last) = folded(50, 63).await;
    let root = somebody(&app, "root", Admin).await;
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    stream.purge().sequence(last - 10).await.expect("purged");
    let refused = tell(&shop, &app, "/api/projections/rebuild", &root.token, &json!({})).await;
    assert_eq!((refused.status, &refused.body["type"]), (409, &json!("log-incomplete")));
    assert!(refused.body["detail"].as_str().is_some_and(|it| it.contains("begins at")));
    let nothing = ask(&shop, &app, Method::DELETE, "/api/projections/rebuild", &root.token).await;
    assert_eq!(nothing.status, 404, "{nothing:?}");
    app.stop().await.expect("stopped");
}
