//! Updates that are pushed without a request.

use std::sync::Arc;
use std::time::Duration;

use adaptive_bi::operator::health::Health;
use adaptive_bi::operator::pulse::Pulse;
use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::projector::status::{State, Status};
use adaptive_bi::push::alerts::Alerts;
use adaptive_bi::push::channels::{Channels, Options};
use adaptive_bi::push::outgoing::Outgoing;
use adaptive_bi::push::subscriber::{Bounds, Subscriber};
use adaptive_bi::query::cache::ResponseCache;
use adaptive_bi::query::latest::Latest;
use adaptive_bi::query::{self, Deps, latest};
use adaptive_bi::rights::caller::{Caller, KeyHolder};
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::shop::events::Browsers;
use adaptive_bi::store::platform::Platform;
use adaptive_bi::stream::announce::Announcement;
use futures_util::FutureExt;
use projections::topic::Topics;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::events::sale;
use crate::harness::Shop;

/// The state of a service of which nobody asks.
async fn health(shop: &Shop, latest: watch::Receiver<Option<Latest>>) -> Health {
    Health {
        store: shop.store().await,
        nats_up: watch::channel(true).1,
        log_refuses: watch::channel(None).1,
        projector: watch::channel(Status { state: State::Standby, position: 0 }).1,
        log_extent: watch::channel(None).1,
        latest,
        pulse: Pulse::default(),
        started: Instant::now(),
    }
}

/// The next frame of a subscriber, from a position on.
async fn frame(subscriber: &mut Subscriber, from: u64, within: Duration) -> Option<Value> {
    let frame = async {
        loop {
            if let Outgoing::Frame(frame, _) = subscriber.next().await
                && frame.cursor.position >= from
            {
                return serde_json::from_slice(&frame.json).expect("JSON");
            }
        }
    };
    timeout(within, frame).await.ok()
}

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
        tokio::spawn(latest::follow(store, its_cache, announced, follower, ending.clone()));
    let deps = Deps {
        store: shop.store().await,
        log_end,
        ask_log_end: Arc::new(|| async { None }.boxed()),
        projector: watch::channel(Status { state: State::Standby, position: 0 }).1,
        latest,
        ahead: watch::channel(None).1,
        cache,
        now: Arc::new(query::system_clock),
    };
    let options = Options { questions: 1, apart: Duration::from_millis(250) };
    let health = health(&shop, deps.latest.clone()).await;
    let alerts = Alerts::new(Platform::beside(&shop.store().await));
    let (log, tasks) = (Browsers::new(shop.log.clone(), "EUR".to_owned()), TaskTracker::new());
    let (its_end, its_tasks) = (ending.clone(), tasks.clone());
    let channels = Channels::new(deps, health, alerts, options, Arc::new(log), its_tasks, its_end);
    let (id, name, scopes) = ("k".to_owned(), "board".to_owned(), vec![Scope::PushSubscribe]);
    let board = Caller::Key(KeyHolder { id, name, scopes });
    let mut subscriber = Subscriber::new(channels, Bounds::default(), board);
    subscriber.subscribe("overview", None);
    for n in 1..=2 {
        let event = sale(&format!("t{n}"), "ann", 5, json!({}));
        let position = shop.publish("transaction", event.to_string()).await;
        shop.folded(position).await;
        let update = frame(&mut subscriber, position, Duration::from_mins(1)).await;
        let update = update.expect("in time");
        assert_eq!(
            (&update["position"], &update["data"]["totalTransactions"]),
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
    let update = frame(&mut subscriber, lost, Duration::from_secs(1)).await.expect("at once");
    assert_eq!(update["position"], lost);
    // What was sent is not sent again.
    assert_eq!(frame(&mut subscriber, 0, Duration::from_secs(5)).await, None);
    projector.stop().await;
    ending.cancel();
    following.await.expect("followed to the end");
    tasks.close();
    tasks.wait().await;
}
