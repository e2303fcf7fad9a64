//! A log that is not the one the checkpoint was made from: nothing is written, queries go on.

use std::process::Command;
use std::time::Duration;

use adaptive_bi::app::App;
use adaptive_bi::projector::status::State;
use adaptive_bi::projector::verify;
use async_nats::jetstream::stream::Config;
use serde_json::{Value, json};

use crate::documents::assert_same;
use crate::events::{mixed, sale};
use crate::harness::{Shop, until};

/// A shop whose first events are folded, and whose service does not run.
async fn folded() -> (Shop, u64) {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let position = shop.publish_all(&mixed(50, 11)).await;
    shop.folded(position).await;
    app.stop().await.expect("stopped");
    (shop, position)
}

async fn config(shop: &Shop) -> Config {
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    stream.cached_info().config.clone()
}

/// Deletes the stream and makes it again, of the same name.
async fn make_anew(shop: &Shop, config: Config) {
    shop.jetstream.delete_stream(&shop.settings.nats_stream).await.expect("deleted");
    shop.jetstream.create_stream(config).await.expect("made again");
}

fn of_another_incarnation(mut config: Config) -> Config {
    config.metadata.insert("incarnation".to_owned(), "another".to_owned());
    config
}

/// Starts the service and checks that it halts for that reason, answers all the same and writes
/// nothing.
async fn halts(shop: &Shop, reason: &str) {
    let before = shop.documents().await;
    let app = shop.start().await;
    assert_halted(shop, &app, reason).await;
    app.stop().await.expect("stopped");
    assert_same(&before, &shop.documents().await);
}

async fn assert_halted(shop: &Shop, app: &App, reason: &str) {
    until(&format!("halt {reason}"), || async {
        let ready = shop.get(app, "/health/ready").await;
        match &ready.body["services"]["projector"]["halted"] {
            Value::String(halted) if halted == reason => {
                assert_eq!(ready.status, 503, "{ready:?}");
                Ok(())
            }
            _ => Err(format!("{ready:?}")),
        }
    })
    .await;
    let position = shop.checkpoint().await.expect("a checkpoint").position;
    for path in ["/api/metrics/sales", "/api/dashboard/summary"] {
        let answer = shop.get(app, path).await;
        assert_eq!((answer.status, answer.header("x-halted")), (200, reason), "{answer:?}");
        assert_eq!(answer.header("x-position"), position.to_string());
    }
    assert_eq!(shop.get(app, "/health/live").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_takes_the_bound_that_is_set_and_stays_the_same_log() {
    let (mut shop, position) = folded().await;
    let made = config(&shop).await;
    shop.settings.stream_max_bytes = 2 << 30;
    let app = shop.start().await;
    assert_eq!(config(&shop).await, Config { max_bytes: 2 << 30, ..made.clone() });
    let last = shop.publish_all(&mixed(5, 19)).await;
    shop.folded(last).await;
    app.stop().await.expect("stopped");

    // Less than it holds: nothing of it is lost, and nothing more goes in.
    shop.settings.stream_max_bytes = 1_000;
    let app = shop.start().await;
    assert_eq!(config(&shop).await, Config { max_bytes: 1_000, ..made });
    let extent = shop.log.extent().await.expect("the log answers");
    assert!(extent.bytes > 1_000 && (extent.first, extent.last) == (1, last), "{extent:?}");
    let event = sale("t", "u", 1, json!({})).to_string();
    let refused = shop.post(&app, "/api/events/transaction", event).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    let mut status = app.shop().status.clone();
    let running = status.wait_for(|status| status.state == State::Running);
    tokio::time::timeout(Duration::from_mins(1), running).await.expect("in time").expect("folding");
    assert_eq!(shop.checkpoint().await.map(|it| it.position), Some(last));
    assert!(last > position);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_was_made_anew_halts_the_projector() {
    let (shop, position) = folded().await;
    let other = of_another_incarnation(config(&shop).await);
    make_anew(&shop, other).await;
    halts(&shop, "another-incarnation").await;
    // Longer than the old one ever was: still not the same.
    shop.publish_all(&mixed(60, 12)).await;
    halts(&shop, "another-incarnation").await;
    let checkpoint = shop.checkpoint().await.expect("a checkpoint");
    assert_eq!(checkpoint.position, position);
    let halt = verify::matches_position(&shop.log, &shop.store().await, &checkpoint).await;
    let halt = halt.expect("the log answers");
    assert_eq!(halt.map(|it| it.name()), Some("another-message"), "accepting it must be refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_made_anew_under_a_running_projector_halts_it() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let position = shop.publish_all(&mixed(50, 13)).await;
    shop.folded(position).await;
    let before = shop.documents().await;
    let other = of_another_incarnation(config(&shop).await);
    make_anew(&shop, other).await;
    shop.publish_all(&mixed(3, 14)).await;
    assert_halted(&shop, &app, "another-incarnation").await;
    app.stop().await.expect("stopped");
    assert_same(&before, &shop.documents().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_restored_shorter_than_the_checkpoint_halts_the_projector() {
    let (shop, position) = folded().await;
    let same = config(&shop).await;
    make_anew(&shop, same).await;
    halts(&shop, "log-behind").await;
    // As long as before, with other messages.
    while shop.publish("transaction", sale("x", "x", 1, json!({})).to_string()).await < position {}
    halts(&shop, "another-message").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_purged_past_the_checkpoint_halts_the_projector() {
    let (shop, position) = folded().await;
    shop.publish_all(&mixed(5, 15)).await;
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    // Up to and with the checkpoint is no loss.
    stream.purge().sequence(position + 1).await.expect("purged");
    let app = shop.start().await;
    shop.folded(position + 5).await;
    assert_eq!(app.shop().status.borrow().state, State::Running);
    app.stop().await.expect("stopped");
    // One further is.
    shop.publish_all(&mixed(5, 16)).await;
    stream.purge().sequence(position + 7).await.expect("purged");
    halts(&shop, "log-gap").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_settings_halt_the_projector() {
    let (mut shop, position) = folded().await;
    shop.settings.currency = "EUR".to_owned();
    shop.publish_all(&mixed(5, 17)).await;
    halts(&shop, "another-fold").await;
    shop.settings.currency = "GBP".to_owned();
    let app = shop.start().await;
    shop.folded(position + 5).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepting_a_log_with_the_same_messages_ends_its_halt() {
    let (shop, position) = folded().await;
    // As a stream restored from a copy: its messages are the same to the nanosecond.
    let other = of_another_incarnation(config(&shop).await);
    shop.jetstream.update_stream(other).await.expect("updated");
    halts(&shop, "another-incarnation").await;
    let last = shop.publish_all(&mixed(5, 18)).await;
    let app = shop.start().await;
    assert_halted(&shop, &app, "another-incarnation").await;
    let accepted = project_accept(&shop).await;
    assert!(accepted.starts_with("accepted"), "{accepted}");
    assert_eq!(shop.audited("projection-accept").await, 1);
    assert!(last > position);
    shop.folded(last).await;
    until("readiness", || async {
        let ready = shop.get(&app, "/health/ready").await;
        if ready.status == 200 { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    assert_eq!(shop.get(&app, "/api/metrics/sales").await.header("x-halted"), "");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepting_a_log_with_other_messages_is_refused() {
    let (shop, _) = folded().await;
    let other = of_another_incarnation(config(&shop).await);
    make_anew(&shop, other).await;
    let before = shop.documents().await;
    let said = project_accept(&shop).await;
    assert!(said.contains("cannot be accepted: log-behind"), "{said}");
    assert_same(&before, &shop.documents().await);
}

/// The output of `adaptive-bi project accept`.
async fn project_accept(shop: &Shop) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adaptive-bi"));
    command.args(["project", "accept"]).envs(shop.environment());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("run");
    let output = output.expect("run");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
