//! A process that is killed at each step of an upgrade, and the ones started after it.

use adaptive_bi::store::generations::GenerationState::{Kept, Live};

use super::{age, is_as_folded_anew, is_live, is_marked, of_before, reaches, sales, states};
use crate::harness::until;
use crate::process::Process;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_step_it_comes_to_the_same_end() {
    let (shop, _) = of_before(&crate::events::mixed(300, 311)).await;
    let store = shop.store().await;
    for place in ["upgrade-not-begun", "bulk-batch", "bulk-end", "upgrade-caught-up"] {
        Process::to_die(&shop, place).dies().await;
        assert_eq!(store.live().await.expect("answered"), Some(1), "{place}");
    }
    // From here on one that was begun is gone on with.
    let ready = *states(&shop).await.last().expect("the next");
    let last = shop.publish_all(&crate::events::mixed(100, 312)).await;
    for place in ["commit-written", "commit-committed", "switch-not-done"] {
        Process::to_die(&shop, place).dies().await;
        assert_eq!(store.live().await.expect("answered"), Some(1), "{place}");
    }
    Process::to_die(&shop, "switch-done").dies().await;
    assert_eq!(states(&shop).await, [(1, Kept), (ready.0, Live)]);

    let process = Process::start(&shop, &[]);
    let more = shop.publish_all(&sales(0, 10)).await;
    reaches(&shop, ready.0, more).await;
    let answer = process.get(&shop, "/api/metrics/sales").await;
    assert_eq!(
        (answer.header("x-generation"), is_marked_or_not(&answer)),
        (&*ready.0.to_string(), false)
    );
    process.kill().await;
    assert_eq!(states(&shop).await, [(1, Kept), (ready.0, Live)]);
    assert!(last < more);
    is_as_folded_anew(&shop, ready.0, more).await;
}

/// The generated sales are of more than the mark, so the orders tell.
fn is_marked_or_not(answer: &crate::harness::Answer) -> bool {
    answer.body["data"]["totalOrders"].as_i64() >= Some(super::MARK)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_upgrade_left_goes_with_the_next_one_even_if_that_is_killed_at_it() {
    let (shop, position) = of_before(&sales(0, 10)).await;
    let process = Process::start(&shop, &[]);
    is_live(&shop, 2).await;
    reaches(&shop, 2, position).await;
    process.says("upgraded").await;
    process.kill().await;
    assert_eq!(states(&shop).await, [(1, Kept), (2, Live)], "the way back");
    // As if this build were two versions on: nobody reads the first any more.
    age(&shop, 1, -1).await;
    age(&shop, 2, -1).await;
    let long_ago = mongodb::bson::doc! { "$inc": { "leftAt": -60_000_i64 } };
    let checkpoints = shop.database.collection::<mongodb::bson::Document>("checkpoints");
    let left = checkpoints.update_one(mongodb::bson::doc! { "_id": 1 }, long_ago).await;
    assert_eq!(left.expect("left").modified_count, 1);
    for place in ["drop-begun", "drop-halfway"] {
        Process::to_die(&shop, place).dies().await;
    }
    let process = Process::start(&shop, &[]);
    is_live(&shop, 3).await;
    until("the end", || async {
        let states = states(&shop).await;
        if states == [(2, Kept), (3, Live)] { Ok(()) } else { Err(format!("{states:?}")) }
    })
    .await;
    until("an answer of the new ones", || async {
        let answer = process.get(&shop, "/api/metrics/sales").await;
        if is_marked(&answer) { Err(format!("{answer:?}")) } else { Ok(()) }
    })
    .await;
    let names = shop.database.list_collection_names().await.expect("collections");
    assert!(!names.iter().any(|it| it.starts_with("g1_")), "{names:?}");
    process.kill().await;
}
