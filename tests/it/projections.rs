//! The state of the read models, as operators see it.

use adaptive_bi::app::App;
use adaptive_bi::rights::role::Role::Admin;
use reqwest::Method;
use serde_json::{Value, json};

use crate::events::mixed;
use crate::harness::{Shop, until};
use crate::people::{Somebody, ask, somebody};

async fn projections(shop: &Shop, app: &App, who: &Somebody) -> Value {
    let answer = ask(shop, app, Method::GET, "/api/projections", &who.token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["data"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_folded_is_told_with_its_counts_and_what_is_not_as_lag() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let last = shop.publish_all(&mixed(300, 3)).await;
    let counts = shop.folded(last).await.root.counts;
    let caught_up = until("a log whose end is known", || async {
        let data = projections(&shop, &app, &root).await;
        if data["log"]["last"] == last { Ok(data) } else { Err(data.to_string()) }
    })
    .await;
    let [generation] = &caught_up["generations"].as_array().expect("generations")[..] else {
        panic!("{caught_up}")
    };
    assert_eq!((&generation["generation"], &generation["live"]), (&json!(1), &json!(true)));
    assert_eq!(
        (&generation["position"], &generation["events"]["read"]),
        (&json!(last), &json!(last))
    );
    assert_eq!(generation["events"]["quarantined"], counts.quarantined);
    assert_eq!(generation["lag"], json!({ "events": 0, "seconds": 0.0 }));
    assert_eq!(caught_up["projector"], json!({ "state": "running", "halted": null }));

    shop.hold_the_lease().await;
    until("a projector that stands by", || async {
        let data = projections(&shop, &app, &root).await;
        let state = &data["projector"]["state"];
        if state == "standby" { Ok(()) } else { Err(state.to_string()) }
    })
    .await;
    let last = shop.publish_all(&mixed(7, 4)).await;
    until("lag", || async {
        let data = projections(&shop, &app, &root).await;
        let lag = &data["generations"][0]["lag"];
        let behind = lag["events"] == 7 && lag["seconds"].as_f64().is_some_and(|it| it > 0.0);
        if behind { Ok(()) } else { Err(lag.to_string()) }
    })
    .await;
    shop.release_the_lease().await;
    shop.folded(last).await;
    until("a rate", || async {
        let data = projections(&shop, &app, &root).await;
        let rate = &data["generations"][0]["rate"];
        if rate.is_number() { Ok(()) } else { Err(rate.to_string()) }
    })
    .await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_is_told_with_its_reason_and_the_other_log_is_no_lag() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let last = shop.publish_all(&mixed(20, 5)).await;
    shop.folded(last).await;
    app.stop().await.expect("stopped");
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    let mut config = stream.cached_info().config.clone();
    config.metadata.insert("incarnation".to_owned(), "another".to_owned());
    shop.jetstream.delete_stream(&shop.settings.nats_stream).await.expect("deleted");
    shop.jetstream.create_stream(config).await.expect("made again");
    let app = shop.start().await;
    let data = until("a halt", || async {
        let data = projections(&shop, &app, &root).await;
        let is_there = data["projector"]["state"] == "halted" && data["log"].is_object();
        if is_there { Ok(data) } else { Err(data.to_string()) }
    })
    .await;
    assert_eq!(data["projector"]["halted"]["reason"], "another-incarnation");
    assert_eq!(data["generations"][0]["lag"], Value::Null, "{data}");
    assert_eq!(data["generations"][0]["position"], last);
    app.stop().await.expect("stopped");
}
