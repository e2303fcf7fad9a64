//! Messages that an older fold had quarantined, that somebody decided about, and that this fold
//! would understand: the decision holds in whatever is made anew.

use adaptive_bi::rights::role::Role::Admin;
use adaptive_bi::store::commit::{Payload, QuarantineReason, Quarantined};
use adaptive_bi::store::generations::GenerationState::{Kept, Live};
use adaptive_bi::store::quarantine::{Resolution, State};
use mongodb::bson::{DateTime, doc};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{is_live, of_before, reaches, sales, states};
use crate::harness::Shop;
use crate::people::{ask, somebody};
use crate::process::Process;

const SALES: &str = "/api/metrics/sales";

/// Puts a sale into the quarantine of generation 1, as if its fold had not understood it.
async fn not_understood(shop: &Shop, position: u64) {
    let message =
        QuarantineReason { field: "quantity".to_owned(), message: "is odd".to_owned(), code: None };
    let row = Quarantined {
        position,
        subject: format!("{}.transaction", shop.settings.subject_prefix),
        at: 0,
        payload: Payload::from(&b"{}"[..]),
        bytes_left_out: 0,
        headers: vec![],
        header_block: None,
        reasons: vec![message],
    };
    let rows = shop.database.collection::<Quarantined>("g1_quarantine");
    rows.insert_one(row).await.expect("inserted");
}

/// Notes that somebody decided about it.
async fn decided(shop: &Shop, position: u64, state: State) {
    let of = shop.store().await.checkpoint(1).await.expect("answered").expect("a checkpoint");
    let decision = Resolution {
        position,
        incarnation: of.incarnation,
        state,
        at: DateTime::now(),
        by: "command".to_owned(),
        replayed_at: (state == State::Replayed).then_some(position + 1),
        edited: false,
        message_id: None,
        reason: None,
    };
    assert!(shop.store().await.resolve(&decision).await.expect("noted"));
}

/// The messages in quarantine: position, state, and the fields of the reasons.
async fn quarantine(shop: &Shop) -> Vec<(u64, Value, Value)> {
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let path = "/api/quarantine?state=all";
    let listed = ask(shop, &app, Method::GET, path, &root.token).await;
    app.stop().await.expect("stopped");
    let events = listed.body["data"]["events"].as_array().cloned().unwrap_or_default();
    let one = |it: Value| {
        let position = it["position"].as_u64().expect("a position");
        (position, it["state"].clone(), it["reasons"].clone())
    };
    events.into_iter().map(one).collect()
}

async fn orders(shop: &Shop) -> Value {
    let app = shop.start().await;
    let orders = shop.get_with(&app, SALES, &[]).await.body["data"]["totalOrders"].clone();
    app.stop().await.expect("stopped");
    orders
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_holds_in_every_rebuild_whatever_the_fold_makes_of_the_message() {
    let (shop, _) = of_before(&sales(0, 20)).await;
    for (position, state) in [(5, State::Discarded), (9, State::Replayed), (12, State::Begun)] {
        not_understood(&shop, position).await;
        decided(&shop, position, state).await;
    }
    // One that nobody decided about is counted, once it is understood.
    not_understood(&shop, 15).await;
    let app = shop.start().await;
    is_live(&shop, 2).await;
    reaches(&shop, 2, 20).await;
    app.stop().await.expect("stopped");
    assert_eq!(orders(&shop).await, 17);
    let reasons = json!([{ "field": "quantity", "message": "is odd" }]);
    let kept = [(5, "discarded"), (9, "replayed"), (12, "begun")];
    let kept = kept.map(|(position, state)| (position, json!(state), reasons.clone()));
    assert_eq!(quarantine(&shop).await, kept);

    // And in the one after that, which is the same to the byte.
    let generations = adaptive_bi::projector::Generations::new(
        shop.store().await,
        shop.log.clone(),
        shop.settings.fold(),
    );
    let never = CancellationToken::new();
    assert_eq!(generations.rebuild(&never).await.expect("rebuilt"), 3);
    let compared = generations.diff(Some(3), &never).await.expect("compared");
    assert_eq!(compared.diff.differ, 0, "{:?}", compared.diff.rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_made_meanwhile_keeps_to_it_as_well() {
    let (shop, _) = of_before(&sales(0, 20)).await;
    Process::to_die(&shop, "upgrade-caught-up").dies().await;
    // The next one is behind when this is decided about, and keeps to it in transactions.
    let last = shop.publish_all(&sales(20, 25)).await;
    not_understood(&shop, 22).await;
    decided(&shop, 22, State::Discarded).await;
    Process::to_die(&shop, "switch-not-done").dies().await;
    let store = shop.store().await;
    assert_eq!(store.live().await.expect("answered"), Some(1));
    let next = store.checkpoint(2).await.expect("answered").expect("one that is gone on with");
    assert_eq!(next.position, last);
    let rows = shop.database.collection::<Quarantined>("g2_quarantine");
    assert!(rows.find_one(doc! { "_id": 22 }).await.expect("answered").is_some());
    // It has counted this one by now, so it cannot be gone on with.
    not_understood(&shop, 7).await;
    decided(&shop, 7, State::Discarded).await;
    let app = shop.start().await;
    is_live(&shop, 3).await;
    reaches(&shop, 3, last).await;
    app.stop().await.expect("stopped");
    assert_eq!(states(&shop).await, [(1, Kept), (3, Live)]);
    assert_eq!(orders(&shop).await, 23);
}
