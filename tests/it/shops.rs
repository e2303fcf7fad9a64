//! Two shops in one process, on one nats-server and one mongod: neither is touched by the other.

use std::time::Duration;

use adaptive_bi::projector::status::{Halt, State};
use adaptive_bi::shop;
use projections::sales::Status;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::documents::assert_same;
use crate::events::sale;
use crate::harness::Shop;

async fn start(of: &Shop, tasks: &TaskTracker, stop: &CancellationToken) -> shop::Shop {
    let (nats_url, mongodb_uri) = (&of.servers.nats_url, &of.servers.mongodb_uri);
    let settings = of.settings.shop(nats_url, mongodb_uri);
    shop::Shop::start(settings, of.store().await, tasks, stop).await.expect("a shop")
}

async fn sell(to: &Shop, ids: &[&str], amount: f64) {
    let sales: Vec<_> =
        ids.iter().map(|id| ("transaction", sale(id, "u", amount, json!({})))).collect();
    let position = to.publish_all(&sales).await;
    to.folded(position).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_shops_of_one_process_do_not_touch() {
    let first = Shop::new().await;
    let second = Shop::new().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let one = start(&first, &tasks, &stop).await;
    let two = start(&second, &tasks, &stop).await;
    sell(&first, &["t1", "t2", "t3"], 10.0).await;
    // The same ids again, in the other shop.
    sell(&second, &["t1", "t2"], 3.5).await;
    for (shop, orders, amount) in [(&one, 3, "30"), (&two, 2, "7")] {
        let snapshot = shop.store.snapshot().await.expect("read").expect("a generation");
        let sums = snapshot.checkpoint.root.sales.of(Status::Completed);
        assert_eq!((sums.orders, &*sums.amount.to_string()), (orders, amount));
    }

    // One loses its log; the other goes on.
    let before = first.documents().await;
    first.jetstream.delete_stream(&first.settings.nats_stream).await.expect("deleted");
    let mut status = one.status.clone();
    let halted = status.wait_for(|it| it.state == State::Halted(Halt::LogGone));
    tokio::time::timeout(Duration::from_secs(30), halted).await.expect("halts").expect("is there");
    sell(&second, &["t3"], 3.5).await;
    assert_eq!(two.status.borrow().state, State::Running);
    assert_same(&before, &first.documents().await);

    stop.cancel();
    tasks.close();
    tokio::time::timeout(Duration::from_secs(10), tasks.wait()).await.expect("they end");
}
