//! Several processes: two of the new version; one of the older that folds on; and an operator.

use std::sync::Arc;

use adaptive_bi::projector::Projector;
use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::projector::status::{Halt, State, Status};
use adaptive_bi::store::generations::GenerationState::{Kept, Live};
use projections::family::Families;
use projections::fold::root::{FOLD_VERSION, FoldSettings};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    MARK, becomes, hold_rebuilds, is_as_folded_anew, is_live, is_marked, let_rebuilds_go,
    of_before, reaches, sales, states,
};
use crate::commands::{folder, run};
use crate::harness::until;
use crate::process::Process;

const SALES: &str = "/api/metrics/sales";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_one_makes_them_and_the_other_serves_the_older_and_follows() {
    let (shop, _) = of_before(&sales(0, 20)).await;
    let one = Process::start(&shop, &[("FAILPOINTS", "bulk-end=sleep(2000)")]);
    one.says("loading a generation").await;
    let other = Process::start(&shop, &[]);
    other.says("older version of the fold").await;
    let answer = other.get(&shop, SALES).await;
    assert!(is_marked(&answer));
    let ready = other.get(&shop, "/health/ready").await;
    assert_eq!(ready.body["services"]["projector"]["status"], "upgrading", "{ready:?}");
    is_live(&shop, 2).await;
    let last = shop.publish_all(&sales(20, 30)).await;
    reaches(&shop, 2, last).await;
    for process in [&one, &other] {
        until("the new figures", || async {
            let answer = process.get(&shop, SALES).await;
            let is_new = !is_marked(&answer) && answer.header("x-generation") == "2";
            let is_new = is_new && answer.body["data"]["totalOrders"] == 30;
            if is_new { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
    }
    assert_eq!(states(&shop).await, [(1, Kept), (2, Live)], "made once");
    one.kill().await;
    other.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_one_that_makes_them_is_killed_the_other_does() {
    let (shop, _) = of_before(&sales(0, 20)).await;
    let one = Process::start(&shop, &[("FAILPOINTS", "bulk-end=sleep(60000)")]);
    one.says("loading a generation").await;
    let other = Process::start(&shop, &[]);
    other.says("older version of the fold").await;
    one.kill().await;
    is_live(&shop, 3).await;
    let last = shop.publish_all(&sales(20, 30)).await;
    reaches(&shop, 3, last).await;
    assert_eq!(states(&shop).await, [(1, Kept), (3, Live)]);
    other.kill().await;
    is_as_folded_anew(&shop, 3, last).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_the_older_version_folds_on_until_the_exchange() {
    let (shop, _) = of_before(&sales(0, 20)).await;
    hold_rebuilds(&shop).await;
    let new = Process::start(&shop, &[]);
    new.says("older version of the fold").await;
    let (status, old) = watch::channel(Status { state: State::Starting, position: 0 });
    let projector = Projector {
        store: shop.store().await,
        log: shop.log.clone(),
        settings: FoldSettings { fold_version: FOLD_VERSION - 1, ..shop.settings.fold() },
        limits: BatchLimits::default(),
        rebuild_on_upgrade: true,
        families: Families::ALL,
        changes: None,
        status: Arc::new(status),
    };
    let ending = CancellationToken::new();
    let folding = tokio::spawn(projector.run(ending.clone()));
    let last = shop.publish_all(&sales(20, 30)).await;
    reaches(&shop, 1, last).await;
    until("older figures that move", || async {
        let answer = new.get(&shop, SALES).await;
        let orders = &answer.body["data"]["totalOrders"];
        if *orders == 30 + MARK { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;

    let_rebuilds_go(&shop).await;
    is_live(&shop, 2).await;
    becomes(&old, |it| matches!(it, State::Halted(Halt::NewerFold { .. }))).await;
    let more = shop.publish_all(&sales(30, 40)).await;
    reaches(&shop, 2, more).await;
    let answer = new.get(&shop, SALES).await;
    assert!(!is_marked(&answer), "{answer:?}");
    let left = shop.store().await.checkpoint(1).await.expect("answered").expect("kept");
    assert_eq!(left.position, last, "it was left where it was");
    ending.cancel();
    folding.await.expect("ended");
    new.kill().await;
    is_as_folded_anew(&shop, 2, more).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_stops_it_and_the_next_start_goes_on() {
    let (shop, _) = of_before(&sales(0, 20)).await;
    let process = Process::start(&shop, &[("FAILPOINTS", "bulk-batch=sleep(1500)")]);
    process.says("loading a generation").await;
    let store = shop.store().await;
    until("work", || async {
        let work = store.works().await.expect("answered").under_way;
        if work.as_ref().is_some_and(|it| it.generation == 2) {
            Ok(())
        } else {
            Err(format!("{work:?}"))
        }
    })
    .await;
    let ran = run(&["project", "cancel"], &shop.environment(), &folder("cancelled")).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    process.says("somebody stopped its exchange").await;
    assert!(is_marked(&process.get(&shop, SALES).await));
    assert_eq!(store.live().await.expect("answered"), Some(1));
    process.kill().await;
    let process = Process::start(&shop, &[]);
    is_live(&shop, 3).await;
    process.kill().await;
}
