//! Rebuilds that are killed or cancelled in either phase, switches and removals that are killed,
//! the next command after each, and a switch that a commit sleeps over.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use adaptive_bi::projector::generations::{Error, Generations};
use adaptive_bi::store::generations::GenerationState;
use rustix::process::Signal;
use serde_json::json;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::{assert_gone, folded, generations, position, rebuilt, states};
use crate::documents::{assert_same, of_generation};
use crate::events::{mixed, sale};
use crate::harness::{Shop, until};
use crate::serve::Serve;

const REBUILD: &[&str] = &["rebuild"];

/// Runs `project ...` in a process of its own, with an action at a failpoint.
fn command(shop: &Shop, action: &[&str], failpoint: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_adaptive-bi"))
        .arg("project")
        .args(action)
        .envs(shop.environment())
        .env("FAILPOINTS", failpoint)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts")
}

/// Ends a command with SIGKILL at a place.
async fn killed_at(place: &str, shop: &Shop, action: &[&str]) {
    let ended = end_of(command(shop, action, &format!("{place}=return"))).await;
    assert_eq!(ended.signal(), Some(9), "{place}");
}

async fn end_of(mut child: Child) -> ExitStatus {
    let ended = tokio::time::timeout(Duration::from_secs(30), child.wait()).await;
    ended.expect("it ends").expect("a status")
}

async fn same(shop: &Shop, next: u32) {
    let (ours, theirs) =
        (of_generation(&shop.database, 1).await, of_generation(&shop.database, next).await);
    assert_same(&ours, &theirs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_bulk_it_starts_over_and_leaves_nothing_behind() {
    let (shop, app, _) = folded(400, 91).await;
    let mut number = 1;
    for place in ["bulk-batch", "bulk-end"] {
        number += 1;
        killed_at(place, &shop, REBUILD).await;
        let left = states(&shop).await;
        assert_eq!(left.len(), 2, "{place}: {left:?}");
        assert_eq!(left[1].0, number, "{place}: {left:?}");
        assert!(shop.store().await.checkpoint(number).await.expect("answered").is_none());
    }
    assert_eq!(rebuilt(&shop).await, number + 1, "a number that was never used");
    let ready = (number + 1, GenerationState::Ready);
    assert_eq!(states(&shop).await, [(1, GenerationState::Live), ready]);
    same(&shop, number + 1).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_a_transaction_it_goes_on_from_its_checkpoint() {
    let (shop, app, first) = folded(300, 92).await;
    let next = rebuilt(&shop).await;
    let last = shop.publish_all(&mixed(300, 93)).await;
    shop.folded(last).await;
    for (place, reached) in [("commit-written", first), ("commit-committed", last)] {
        killed_at(place, &shop, REBUILD).await;
        assert_eq!(position(&shop, next).await, reached, "{place}");
    }
    assert_eq!(rebuilt(&shop).await, next);
    same(&shop, next).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_in_bulk_by_another_process_it_ends_and_begins_anew() {
    let (shop, app, _) = folded(300, 94).await;
    let store = shop.store().await;
    let child = command(&shop, REBUILD, "bulk-batch=sleep(1500)");
    until("a bulk load", || async {
        let work = store.works().await.expect("answered").under_way;
        let is_it = work.as_ref().is_some_and(|it| it.doing == "bulk" && it.generation == 2);
        if is_it { Ok(()) } else { Err(format!("{work:?}")) }
    })
    .await;
    let asked = end_of(command(&shop, &["cancel"], "")).await;
    assert!(asked.success() && shop.audited("projection-cancel").await == 1, "{asked:?}");
    assert_eq!(end_of(child).await.code(), Some(1));
    let works = store.works().await.expect("answered");
    let ended = works.last.expect("how it ended");
    assert!(!ended.done && ended.message.contains("stopped"), "{ended:?}");
    assert_eq!(works.under_way, None);
    assert_eq!(states(&shop).await[1], (2, GenerationState::Unfinished));
    assert!(!store.ask_to_stop().await.expect("answered"), "nothing is under way");
    assert_eq!(rebuilt(&shop).await, 3);
    same(&shop, 3).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_in_transactions_it_keeps_what_is_committed_and_goes_on() {
    let (shop, app, first) = folded(100, 95).await;
    let next = rebuilt(&shop).await;
    let last = shop.publish_all(&mixed(3_000, 96)).await;
    shop.folded(last).await;
    // Small batches, so that it takes some time.
    let mut slow: Generations = generations(&shop).await;
    slow.limits.events = 3;
    let (told, store) = (slow.work.subscribe(), shop.store().await);
    let never = CancellationToken::new();
    let rebuilding = tokio::spawn(async move { slow.rebuild(&never).await });
    until("progress", || async {
        let work = told.borrow().clone();
        if work.position > first { Ok(()) } else { Err(format!("{work:?}")) }
    })
    .await;
    assert!(store.ask_to_stop().await.expect("answered"));
    let ended = rebuilding.await.expect("it ended");
    assert!(matches!(ended, Err(Error::Stopped)), "{ended:?}");
    let reached = position(&shop, next).await;
    assert!(first < reached && reached < last, "{first} {reached} {last}");
    assert_eq!(rebuilt(&shop).await, next, "it goes on");
    assert_eq!(position(&shop, next).await, last);
    same(&shop, next).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_that_is_killed_was_made_or_was_not() {
    let (shop, app, _) = folded(200, 97).await;
    let next = rebuilt(&shop).await;
    let store = shop.store().await;
    let mut orders = None;
    for (place, live) in [("switch-not-done", 1), ("switch-done", next)] {
        killed_at(place, &shop, &["switch"]).await;
        assert_eq!(store.live().await.expect("answered"), Some(live), "{place}");
        // The service goes on, told or not.
        let sold = shop.publish("transaction", sale(place, "ann", 1, json!({})).to_string()).await;
        let sales = shop.data(&app, "/api/metrics/sales", sold).await;
        let before = orders.replace(sales["totalOrders"].as_u64().expect("orders"));
        assert!(before.is_none_or(|it| orders == Some(it + 1)), "{place}: {before:?} {orders:?}");
        assert_eq!(position(&shop, live).await, sold, "{place}");
    }
    let never = CancellationToken::new();
    let switched = generations(&shop).await.switch(None, &never).await.expect("switched");
    assert_eq!((switched.from, switched.to), (next, 1));
    same(&shop, next).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_sleeps_over_a_switch_is_not_made() {
    let (shop, app, first) = folded(200, 99).await;
    let next = rebuilt(&shop).await;
    app.stop().await.expect("stopped");

    let mut serve = Serve::start(&shop, Some("commit-not-begun=1*sleep(4000)"));
    let second = shop.publish_all(&mixed(50, 100)).await;
    serve.until_a_commit_begins(0).await;
    serve.signal(Signal::STOP);
    let never = CancellationToken::new();
    let switched = generations(&shop).await.switch(None, &never).await.expect("switched");
    assert_eq!((switched.from, switched.to), (1, next));
    assert_eq!((position(&shop, 1).await, position(&shop, next).await), (first, second));

    serve.signal(Signal::CONT);
    let third = shop.publish_all(&mixed(50, 101)).await;
    until("its next commit", || async {
        let reached = position(&shop, next).await;
        if reached == third { Ok(()) } else { Err(format!("{reached} of {third}")) }
    })
    .await;
    assert_eq!(position(&shop, 1).await, first);
    serve.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generation_whose_removal_is_killed_counts_no_more_and_is_removed_again() {
    let (shop, app, _) = folded(100, 98).await;
    let next = rebuilt(&shop).await;
    let number = next.to_string();
    for place in ["drop-begun", "drop-halfway"] {
        killed_at(place, &shop, &["drop", &number]).await;
        let left = (next, GenerationState::Unfinished);
        assert_eq!(states(&shop).await, [(1, GenerationState::Live), left], "{place}");
    }
    let never = CancellationToken::new();
    generations(&shop).await.drop(next, &never).await.expect("dropped");
    assert_eq!(states(&shop).await, [(1, GenerationState::Live)]);
    assert_gone(&shop, next).await;
    app.stop().await.expect("stopped");
}
