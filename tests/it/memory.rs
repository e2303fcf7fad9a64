//! The rollups that queries remember from one commit to the next are those that they would read.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use adaptive_bi::http::parameters::Parameters;
use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::query::cache::ResponseCache;
use adaptive_bi::query::memory::{Memory, ReadContext};
use adaptive_bi::query::question::Question;
use adaptive_bi::query::view::View;
use adaptive_bi::query::views::actives::ActiveMetrics;
use adaptive_bi::query::views::customers::CustomerMetrics;
use adaptive_bi::query::views::products::ProductMetrics;
use adaptive_bi::query::views::sales::SalesMetrics;
use adaptive_bi::query::views::summary::Summary;
use adaptive_bi::query::views::transactions::TransactionMetrics;
use adaptive_bi::query::{ahead, latest};
use adaptive_bi::rights::role::Rights;
use adaptive_bi::store::read::Snapshot;
use futures_util::StreamExt;
use projections::time::Time;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::events::mixed;
use crate::harness::Shop;

const RANGES: [&str; 5] = [
    "",
    "?startDate=2026-01-01&endDate=2026-12-31",
    "?startDate=2026-01-10&endDate=2026-02-20&tz=Asia/Kolkata",
    "?startDate=2026-02-03&endDate=2026-02-03",
    "?startDate=2026-01-03&endDate=2026-03-27&status=all",
];
/// An instant after the events' dates: 2026-06-01.
const NOW: Time = Time(1_780_272_000_000);

async fn answer<V: View>(from: ReadContext<'_>, range: &str) -> Value {
    let uri = format!("{}{range}", V::ROUTE.path).parse().expect("a URI");
    let asked = V::Parameters::parse(&uri, NOW).expect("a question");
    let read = Box::pin(V::read(from, &asked)).await;
    serde_json::to_value(read.expect("an answer")).expect("JSON")
}

/// Activities have no status.
fn without_status(range: &str) -> &str {
    range.trim_end_matches("&status=all")
}

async fn answers(from: ReadContext<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    for range in RANGES {
        all.push(answer::<SalesMetrics>(from, range).await);
        all.push(answer::<ProductMetrics>(from, range).await);
        all.push(answer::<CustomerMetrics>(from, range).await);
        all.push(answer::<Summary>(from, range).await);
        all.push(answer::<TransactionMetrics>(from, range).await);
        all.push(answer::<ActiveMetrics>(from, without_status(range)).await);
    }
    all
}

/// An activity of a visitor, which concerns no sale and no product.
fn visit(number: usize) -> (&'static str, Value) {
    let activity = json!({
        "activityId": format!("visit {number}"),
        "userId": "u1",
        "activityType": "page_view",
        "timestamp": "2026-02-03T10:00:00Z",
    });
    ("activity", activity)
}

fn etags(of: &Snapshot) -> Vec<String> {
    fn one<V: View>(of: &Snapshot, range: &str) -> String {
        let uri = format!("{}{range}", V::ROUTE.path).parse().expect("a URI");
        Question::to::<V>(&uri, Rights::ALL, NOW, "en").expect("a question").etag(of)
    }
    let etags = RANGES.map(|range| {
        [
            one::<SalesMetrics>(of, range),
            one::<ProductMetrics>(of, range),
            one::<CustomerMetrics>(of, range),
            one::<Summary>(of, range),
            one::<TransactionMetrics>(of, range),
            one::<ActiveMetrics>(of, without_status(range)),
        ]
    });
    etags.into_iter().flatten().collect()
}

/// Sales of all months are made, corrected and returned in turn, and each fifth announcement is
/// lost on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_remembered_is_what_would_be_read() {
    let shop = Shop::new().await;
    let (sender, announced) = broadcast::channel(64);
    let mut heard = shop.log.announcements().await.expect("announcements");
    let relay = tokio::spawn(async move {
        let mut count = 0;
        while let Some(announcement) = heard.next().await {
            count += 1;
            if count % 5 > 0 {
                sender.send(announcement).expect("somebody listens");
            }
        }
    });
    // Every other batch changes nothing but what visitors did.
    let of_sales = mixed(600, 11);
    let visits: Vec<_> = (0..600).map(visit).collect();
    let steps: Vec<_> = of_sales
        .chunks(15)
        .zip(visits.chunks(15))
        .flat_map(|(sales, visits)| [sales, visits].concat())
        .collect();
    let projector = shop.project(BatchLimits::default()).await;
    let (follower, mut latest) = watch::channel(None);
    let (ending, kept) = (CancellationToken::new(), Arc::<ResponseCache>::default());
    let (store, cache) = (shop.store().await, kept.clone());
    let following = latest::follow(store, cache, announced, follower, ending.clone());
    let following = tokio::spawn(following);
    let (mut tagged, mut same) = (HashMap::new(), 0);
    for (step, events) in steps.chunks(15).enumerate() {
        if step == 20 {
            let (done, mut read) = watch::channel(None);
            let reading = ahead::read(kept.clone(), latest.clone(), done, ending.clone());
            tokio::spawn(reading);
            read.wait_for(Option::is_some).await.expect("read ahead");
        }
        let position = shop.publish_all(events).await;
        shop.folded(position).await;
        let reached = latest.wait_for(|latest: &Option<latest::Latest>| {
            latest.as_ref().is_some_and(|latest| latest.position() >= position)
        });
        let reached = tokio::time::timeout(Duration::from_mins(1), reached).await;
        let latest = reached.expect("in time").expect("followed").clone().expect("one");
        let snapshot = latest.snapshot;
        let remembered = answers(kept.context(&snapshot)).await;
        for (etag, answer) in etags(&snapshot).into_iter().zip(&remembered) {
            let before = tagged.insert(etag, answer.clone());
            same += usize::from(before.is_some());
            assert!(before.is_none_or(|before| before == *answer), "one tag is of one answer");
        }
        let read = answers(Memory::default().of(&snapshot)).await;
        for (remembered, read) in remembered.iter().zip(&read) {
            assert_eq!(remembered, read, "at {position}");
        }
    }
    assert!(same > 50, "where no topic of a view changed its tag stays: {same}");
    assert!(!relay.is_finished(), "announcements were handed on to the end");
    relay.abort();
    projector.stop().await;
    ending.cancel();
    following.await.expect("followed to the end");
}
