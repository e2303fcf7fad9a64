//! Updates that are pushed without a request.

use std::sync::Arc;
use std::time::Duration;

use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::projector::status::{State, Status};
use adaptive_bi::push::{Hub, topics};
use adaptive_bi::query::cache::ResponseCache;
use adaptive_bi::query::{self, Deps, latest};
use adaptive_bi::stream::announce::Announcement;
use futures_util::FutureExt;
use projections::topic::Topics;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::events::sale;
use crate::harness::Shop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_announcement_is_lost_is_sent_all_the_same() {
    let shop = Shop::new().await;
    let projector = shop.project(BatchLimits::default()).await;
    // Nobody hands on what is announced here, so that all of it is lost.
    let (announcements, _) = broadcast::channel(8);
    let (_, log_end) = watch::channel(None);
    let (follower, latest) = watch::channel(None);
    let ending = CancellationToken::new();
    let announced = announcements.subscribe();
    let cache = Arc::<ResponseCache>::default();
    let (store, its_cache) = (shop.store().await, cache.clone());
    let following =
        latest::follow(store, its_cache, announced, topics::MADE_OF, follower, ending.clone());
    let following = tokio::spawn(following);
    let deps = Deps {
        store: shop.store().await,
        log_end,
        ask_log_end: Arc::new(|| async { None }.boxed()),
        projector: watch::channel(Status { state: State::Standby, position: 0 }).1,
        latest,
        cache,
        now: Arc::new(query::system_clock),
    };
    let topic = topics::ALL.iter().find(|it| it.update == "realtimeSalesUpdate");
    let mut updates = Arc::new(Hub::new(topic.expect("pushed"), deps)).updates();
    for n in 1..=2 {
        let event = sale(&format!("t{n}"), "ann", 5, json!({}));
        let position = shop.publish("transaction", event.to_string()).await;
        shop.folded(position).await;
        let update = tokio::time::timeout(Duration::from_mins(1), updates.next(|| true)).await;
        let update = update.expect("an update in time").expect("more can come");
        let update = serde_json::from_str::<Value>(update.json.get()).expect("JSON");
        assert_eq!(
            (&update["position"], &update["totalTransactions"]),
            (&json!(position), &json!(n))
        );
    }
    // A hole between two announcements says that one was lost, before it has been quiet for long.
    let lost = shop.publish("transaction", sale("t3", "ann", 5, json!({})).to_string()).await;
    shop.folded(lost).await;
    let (from, touched) = (lost, Topics::default());
    let next = Announcement {
        generation: 1,
        from,
        position: lost + 1,
        at: 0,
        touched,
        buckets: None,
        traceparents: vec![],
    };
    announcements.send(next).expect("somebody listens");
    let update = tokio::time::timeout(Duration::from_secs(1), updates.next(|| true)).await;
    let update = update.expect("an update at once").expect("more can come");
    assert_eq!(update.position, lost);
    // What was sent is not sent again, and while nobody listens nothing is.
    let quiet = Duration::from_secs(5);
    assert!(tokio::time::timeout(quiet, updates.next(|| true)).await.is_err());
    let event = sale("t4", "ann", 5, json!({}));
    let position = shop.publish("transaction", event.to_string()).await;
    shop.folded(position).await;
    assert!(tokio::time::timeout(quiet, updates.next(|| false)).await.is_err());
    projector.stop().await;
    ending.cancel();
    following.await.expect("followed to the end");
}
