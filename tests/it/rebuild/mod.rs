//! Generations: the next one made from the log beside the live one, compared, switched, dropped;
//! [`endings`]: rebuilds that are killed or cancelled; [`readers`]: the answers to queries
//! meanwhile; [`routes`]: the same by HTTP.

mod endings;
mod readers;
mod routes;

use adaptive_bi::app::App;
use adaptive_bi::projector::generations::{Error, Generations};
use adaptive_bi::store::generations::GenerationState;
use mongodb::bson::{Document, doc};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::commands::{folder, run};
use crate::documents::{assert_same, of_generation};
use crate::events::{mixed, sale};
use crate::harness::{Shop, until};

async fn generations(shop: &Shop) -> Generations {
    Generations::new(shop.store().await, shop.log.clone(), shop.settings.fold())
}

async fn rebuilt(shop: &Shop) -> u32 {
    let never = CancellationToken::new();
    generations(shop).await.rebuild(&never).await.expect("rebuilt")
}

/// A shop whose service folded the published events.
async fn folded(events: usize, seed: u64) -> (Shop, App, u64) {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let position = shop.publish_all(&mixed(events, seed)).await;
    shop.folded(position).await;
    (shop, app, position)
}

async fn states(shop: &Shop) -> Vec<(u32, GenerationState)> {
    let all = shop.store().await.generations().await.expect("generations");
    all.into_iter().map(|it| (it.number, it.state)).collect()
}

async fn position(shop: &Shop, generation: u32) -> u64 {
    let found = shop.store().await.checkpoint(generation).await.expect("a checkpoint or none");
    found.expect("a checkpoint").position
}

/// Checks that no collection of a generation is left.
async fn assert_gone(shop: &Shop, generation: u32) {
    let names = shop.database.list_collection_names().await.expect("collections");
    let prefix = format!("g{generation}_");
    assert!(!names.iter().any(|it| it.starts_with(&prefix)), "{names:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_equals_the_live_read_models_document_by_document() {
    let (shop, app, _) = folded(1_500, 71).await;
    assert_eq!(rebuilt(&shop).await, 2);
    let (live, next) =
        (of_generation(&shop.database, 1).await, of_generation(&shop.database, 2).await);
    assert!(live["ledger"].len() > 50 && !live["quarantine"].is_empty());
    assert_same(&live, &next);
    assert_eq!(states(&shop).await, [(1, GenerationState::Live), (2, GenerationState::Ready)]);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_running_service_it_is_made_compared_switched_and_dropped() {
    let (shop, app, _) = folded(600, 72).await;
    let coming = {
        let shop = shop.clone();
        tokio::spawn(async move {
            let mut last = 0;
            for round in 0..20 {
                last = shop.publish_all(&mixed(50, 100 + round)).await;
            }
            last
        })
    };
    let (environment, folder) = (shop.environment(), folder("rebuild"));
    let ran = run(&["project", "rebuild"], &environment, &folder).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let last = coming.await.expect("published");
    let ran = run(&["project", "diff"], &environment, &folder).await;
    assert!(ran.code == Some(0) && ran.stdout.contains("all the same"), "{ran:?}");
    shop.folded(last).await;
    let before = shop.get(&app, "/api/metrics/sales").await;

    let ran = run(&["project", "switch"], &environment, &folder).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let after = shop.get(&app, "/api/metrics/sales").await;
    assert_ne!(before.header("etag"), after.header("etag"), "another generation, another answer");
    assert_eq!(before.header("x-position"), after.header("x-position"));
    assert_eq!(before.body["data"], after.body["data"], "and the same");
    assert_eq!(states(&shop).await, [(1, GenerationState::Kept), (2, GenerationState::Live)]);

    // The service folds the new one, and the old one stays where it was.
    let next = shop.publish("transaction", sale("new", "ann", 5, json!({})).to_string()).await;
    until("the new one to be folded", || async {
        let at = position(&shop, 2).await;
        if at >= next { Ok(()) } else { Err(at.to_string()) }
    })
    .await;
    assert_eq!(position(&shop, 1).await, last);
    let ran = run(&["project", "status"], &environment, &folder).await;
    assert!(ran.stdout.contains("generation   1, kept"), "{ran:?}");

    // Back to the old one, which catches up first.
    let ran = run(&["project", "switch", "1"], &environment, &folder).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(position(&shop, 1).await, next);
    let ran = run(&["project", "drop", "1"], &environment, &folder).await;
    assert!(ran.code == Some(1) && ran.stderr.contains("live"), "{ran:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_was_tampered_with_is_told_by_its_name() {
    let (shop, app, _) = folded(200, 73).await;
    rebuilt(&shop).await;
    let customers = shop.database.collection::<Document>("g2_customers");
    customers.delete_one(doc! { "_id": "u3" }).await.expect("deleted");
    let ledger = shop.database.collection::<Document>("g2_ledger");
    let row = ledger.find_one(doc! { "kind": "transaction" }).await.expect("rows").expect("a row");
    let id = row.get_str("_id").expect("an id").to_owned();
    let tampered = doc! { "$set": { "amount": 1 } };
    ledger.update_one(doc! { "_id": &id }, tampered).await.expect("changed");
    let ran = run(&["project", "diff"], &shop.environment(), &folder("tampered")).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("customers u3: only generation 1 has it"), "{ran:?}");
    assert!(ran.stdout.contains(&format!("ledger {id}: differ in amount")), "{ran:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_load_without_a_checkpoint_starts_over_and_a_caught_up_one_goes_on() {
    let (shop, app, _) = folded(200, 74).await;
    // What a process that was killed leaves.
    let left = shop.database.collection::<Document>("g2_ledger");
    left.insert_one(doc! { "_id": "t:half" }).await.expect("inserted");
    assert!(states(&shop).await.contains(&(2, GenerationState::Unfinished)));
    assert_eq!(rebuilt(&shop).await, 3, "a number that was never used");
    assert_eq!(states(&shop).await, [(1, GenerationState::Live), (3, GenerationState::Ready)]);

    let last = shop.publish_all(&mixed(200, 75)).await;
    shop.folded(last).await;
    assert_eq!(rebuilt(&shop).await, 3, "it goes on from its checkpoint");
    assert_same(&of_generation(&shop.database, 1).await, &of_generation(&shop.database, 3).await);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_lacks_its_first_events_is_refused() {
    let (shop, app, position) = folded(50, 76).await;
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    stream.purge().sequence(position - 10).await.expect("purged");
    let refused = generations(&shop).await.rebuild(&CancellationToken::new()).await;
    assert!(matches!(refused, Err(Error::LogBegins { .. })), "{refused:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pointer_is_not_moved_to_one_that_is_behind() {
    let (shop, app, _) = folded(50, 77).await;
    let next = rebuilt(&shop).await;
    let last = shop.publish_all(&mixed(50, 78)).await;
    let checkpoint = shop.folded(last).await;
    let store = shop.store().await;
    let switched = store.switch_live((1, checkpoint.position), next, last).await;
    assert!(!switched.expect("answered"));
    assert_eq!(store.live().await.expect("answered"), Some(1));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_command_is_refused_while_one_is_at_it() {
    let (shop, app, _) = folded(50, 79).await;
    let held = doc! {
        "_id": "rebuild", "owner": "another", "work": { "doing": "bulk", "generation": 2,
            "position": 1_i64, "target": 2_i64, "rate": 3_i64 },
        "renewedAt": mongodb::bson::DateTime::from_millis(chrono::Utc::now().timestamp_millis() + 3_600_000),
    };
    shop.database.collection::<Document>("leases").insert_one(held).await.expect("held");
    let refused = generations(&shop).await.rebuild(&CancellationToken::new()).await;
    assert!(matches!(&refused, Err(Error::Busy(what)) if what.contains("bulk")), "{refused:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_fold_halts_until_its_generation_is_made_and_switched_to() {
    let (mut shop, app, _) = folded(100, 80).await;
    app.stop().await.expect("stopped");
    shop.settings.activity_window_hours = 48;
    let app = shop.start().await;
    let last = shop.publish_all(&mixed(50, 81)).await;
    let mut status = app.shop().status.clone();
    let halted =
        status.wait_for(|it| matches!(it.state, adaptive_bi::projector::status::State::Halted(_)));
    halted.await.expect("halted");
    let to = rebuilt(&shop).await;
    let switched = generations(&shop).await.switch(None, &CancellationToken::new()).await;
    assert_eq!(switched.expect("switched").to, to);
    assert_eq!(position(&shop, to).await, last);
    until("the service to fold on", || async {
        let next =
            shop.publish("stock", json!({ "productId": "p1", "stock": 1 }).to_string()).await;
        let answer = shop
            .get_with(
                &app,
                "/api/metrics/sales",
                &[("x-min-position", &next.to_string()), ("prefer", "wait=5")],
            )
            .await;
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    app.stop().await.expect("stopped");
}
