//! A log that lacks events that were not folded: a halt by name, until its operator accepts the
//! hole.

use std::time::Duration;

use adaptive_bi::app::App;
use adaptive_bi::projector::generations::Generations;
use adaptive_bi::projector::status::State;
use adaptive_bi::rights::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::commands::{Ran, folder, run};
use crate::events::{mixed, sale};
use crate::harness::{Shop, until};
use crate::people::{ask, somebody};

/// Publishes while nobody folds, and deletes the positions `lacks`.
async fn lacking(shop: &Shop, events: usize, lacks: impl IntoIterator<Item = u64>) -> u64 {
    let last = shop.publish_all(&mixed(events, 21)).await;
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    for position in lacks {
        stream.delete_message(position).await.expect("deleted");
    }
    last
}

/// Takes the lease, so that nobody folds from here on.
async fn hold(shop: &Shop, app: &App) {
    shop.hold_the_lease().await;
    let mut status = app.shop().status.clone();
    let rests = status.wait_for(|status| status.state == State::Standby);
    tokio::time::timeout(Duration::from_mins(1), rests).await.expect("in time").expect("it runs");
}

/// Waits for a halt of that name whose message contains `said`, for an operator and in health.
async fn halted(shop: &Shop, app: &App, reason: &str, said: &str) {
    let admin = somebody(app, &uuid::Uuid::new_v4().to_string(), Role::Admin).await;
    until(&format!("halt {reason}"), || async {
        let shown = ask(shop, app, Method::GET, "/api/projections", &admin.token).await;
        let halted = &shown.body["data"]["projector"]["halted"];
        match halted["message"].as_str() {
            Some(message) if halted["reason"] == reason && message.contains(said) => Ok(()),
            _ => Err(format!("{shown:?}")),
        }
    })
    .await;
    let ready = shop.get(app, "/health/ready").await;
    let named = &ready.body["services"]["projector"]["halted"];
    assert_eq!((ready.status, named), (503, &json!(reason)), "{ready:?}");
}

async fn project(shop: &Shop, action: &str) -> Ran {
    run(&["project", action], &shop.environment(), &folder("holes")).await
}

async fn accepted(shop: &Shop, said: &str) {
    let ran = project(shop, "accept").await;
    assert!(ran.code == Some(0) && ran.stdout.contains(said), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_behind_the_checkpoint_halts_the_fold_until_it_is_accepted() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    hold(&shop, &app).await;
    let last = lacking(&shop, 60, [10, 11, 12, 40]).await;
    shop.release_the_lease().await;

    halted(&shop, &app, "log-hole", "lacks 10 to 12").await;
    assert_eq!(shop.checkpoint().await.expect("one").position, 9, "what is before it is folded");
    accepted(&shop, "lacks 10 to 12 (3 events)").await;
    halted(&shop, &app, "log-hole", "lacks 40 to 40").await;
    accepted(&shop, "lacks 40 to 40 (1 event)").await;
    let counts = shop.folded(last).await.root.counts;
    assert_eq!(counts.read, last - 4);
    assert_eq!(shop.audited("projection-accept").await, 2);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_missing_under_a_running_fold_halts_it_and_what_was_folded_does_not() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let position = shop.publish_all(&mixed(30, 22)).await;
    shop.folded(position).await;
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    stream.delete_message(position - 5).await.expect("deleted");
    let next = shop.publish("transaction", sale("a", "ann", 1, json!({})).to_string()).await;
    shop.folded(next).await;

    // Purged before they are folded, with one behind them: the first ones are gone.
    hold(&shop, &app).await;
    shop.publish_all(&mixed(500, 23)).await;
    stream.purge().await.expect("purged");
    let last = shop.publish("transaction", sale("b", "ann", 1, json!({})).to_string()).await;
    shop.release_the_lease().await;
    halted(&shop, &app, "log-gap", &format!("begins at {last}")).await;
    accepted(&shop, &format!("lacks {} to {}", next + 1, last - 1)).await;
    shop.folded(last).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_log_lacks_at_its_end_is_accepted_once_an_event_is_behind_it() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    hold(&shop, &app).await;
    let last = lacking(&shop, 20, [19, 20]).await;
    shop.release_the_lease().await;
    assert_eq!(last, 20);
    halted(&shop, &app, "log-hole", "lacks 19 to 20").await;
    let ran = project(&shop, "accept").await;
    assert!(ran.code == Some(1) && ran.stderr.contains("up to its end"), "{ran:?}");
    let next = shop.publish("transaction", sale("n", "ann", 1, json!({})).to_string()).await;
    accepted(&shop, "lacks 19 to 20").await;
    assert_eq!(shop.folded(next).await.root.counts.read, 19);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_emptied_before_it_was_folded_is_followed_to_its_end_once_that_is_accepted()
{
    let shop = Shop::new().await;
    let app = shop.start().await;
    hold(&shop, &app).await;
    let last = shop.publish_all(&mixed(20, 24)).await;
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    stream.purge().await.expect("purged");
    shop.release_the_lease().await;
    halted(&shop, &app, "log-gap", "begins at 21").await;
    accepted(&shop, "lacks 1 to 20 (20 events)").await;
    assert_eq!(shop.folded(last).await.root.counts.read, 0);
    let next = shop.publish("transaction", sale("n", "ann", 1, json!({})).to_string()).await;
    assert_eq!(shop.folded(next).await.root.counts.read, 1);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_passes_what_was_accepted_and_nothing_else_and_both_are_shown_ever_after() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    hold(&shop, &app).await;
    let last = lacking(&shop, 60, [20, 21]).await;
    shop.release_the_lease().await;
    halted(&shop, &app, "log-hole", "lacks 20 to 21").await;
    accepted(&shop, "lacks 20 to 21").await;
    shop.folded(last).await;

    let ran = project(&shop, "rebuild").await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = project(&shop, "diff").await;
    assert!(ran.code == Some(0) && ran.stdout.contains("all the same"), "{ran:?}");
    assert!(ran.stdout.contains("the log lacks 20 to 21"), "{ran:?}");
    let ran = project(&shop, "status").await;
    assert!(ran.stdout.contains("the log lacks 20 to 21"), "{ran:?}");
    let admin = somebody(&app, "admin", Role::Admin).await;
    let shown = ask(&shop, &app, Method::GET, "/api/projections", &admin.token).await;
    let holes = &shown.body["data"]["log"]["accepted"];
    assert_eq!((&holes[0]["from"], &holes[0]["to"]), (&json!(20), &json!(21)), "{shown:?}");
    assert!(matches!(&holes[0]["at"], Value::String(at) if at.ends_with('Z')), "{shown:?}");

    // Folded once and gone now: the live figures have it, a rebuild could not.
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    stream.delete_message(30).await.expect("deleted");
    let generations = Generations::new(shop.store().await, shop.log.clone(), shop.settings.fold());
    let never = CancellationToken::new();
    generations.drop(2, &never).await.expect("dropped");
    let error = generations.rebuild(&never).await.expect_err("it lacks one");
    assert!(error.to_string().contains("log-hole: the stream lacks 30 to 30"), "{error}");
    app.stop().await.expect("stopped");
}
