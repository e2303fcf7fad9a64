//! Which answers stay known (304) to a dashboard that polls, while activities come in.

use std::time::Duration;

use adaptive_bi::query::view::{Figures, View};
use adaptive_bi::query::views::{
    actives::ActiveMetrics, behaviour::BehaviourMetrics, customers::CustomerMetrics,
    dashboard::Dashboard, feedback::FeedbackMetrics, products::ProductMetrics,
    revenue::RevenueMetrics, sales::SalesMetrics, sessions::SessionMetrics,
    transactions::TransactionMetrics,
};
use adaptive_bi::say;
use anyhow::ensure;
use projections::topic::{Topic, Topics};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::arguments::Arguments;
use crate::ask::Asker;
use crate::feed::{apart, feed_of};
use crate::load::Load;
use crate::stand::Stand;

/// What an activity of the load touches: it names a customer and a product.
const TOUCHED: Topics = Topics::of(&[Topic::Behaviour, Topic::Customers, Topic::Products]);
const EVERY: Duration = Duration::from_secs(1);

/// A view that is polled.
struct Polled {
    path: &'static str,
    is_touched: bool,
    etag: Option<String>,
    known: u32,
    new: u32,
}

const fn polled<V: View>() -> Polled {
    let is_touched = <V as Figures>::TOPICS.intersects(TOUCHED);
    Polled { path: V::ROUTE.path, is_touched, etag: None, known: 0, new: 0 }
}

/// Polls ten views every second while activities come in at a rate, prints how many answers were known,
/// and returns the same.
///
/// # Errors
/// Fails if a server does not answer, or a poll is answered with neither 200 nor 304.
pub async fn run(stand: &Stand, asker: &Asker, arguments: &Arguments) -> anyhow::Result<Value> {
    let mut views = [
        polled::<SalesMetrics>(),
        polled::<TransactionMetrics>(),
        polled::<RevenueMetrics>(),
        polled::<Dashboard>(),
        polled::<ProductMetrics>(),
        polled::<CustomerMetrics>(),
        polled::<BehaviourMetrics>(),
        polled::<ActiveMetrics>(),
        polled::<SessionMetrics>(),
        polled::<FeedbackMetrics>(),
    ];
    let stop = CancellationToken::new();
    let (settings, rate) = ((*stand.log.settings).clone(), arguments.rate);
    let feeding = apart(feed_of(Load::activity, settings, rate, stop.clone()));
    let polling = poll(asker, &mut views, Duration::from_secs(arguments.seconds)).await;
    stop.cancel();
    let fed = feeding.await?;
    polling?;
    say!(
        "\npolls with If-None-Match, one a second for {} s, while {fed:.0} activities/s come in",
        arguments.seconds
    );
    say!("  {:<32} {:>8} {:>8}   of topics", "", "304", "200");
    for view in &views {
        let of = if view.is_touched { "that activities touch" } else { "that they do not" };
        say!("  {:<32} {:>8} {:>8}   {of}", view.path, view.known, view.new);
    }
    let row = |view: &Polled| {
        json!({
            "view": view.path, "isTouched": view.is_touched, "known": view.known, "new": view.new,
        })
    };
    Ok(json!({ "activitiesPerSecond": fed, "views": views.iter().map(row).collect::<Vec<_>>() }))
}

async fn poll(asker: &Asker, views: &mut [Polled], long: Duration) -> anyhow::Result<()> {
    let mut turns = interval(EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let until = Instant::now() + long;
    while turns.tick().await < until {
        for view in &mut *views {
            let answer = asker.poll(view.path, view.etag.as_deref()).await?;
            match answer.status {
                304 => view.known += 1,
                status => {
                    ensure!(status == 200, "{}: {status}", view.path);
                    // The first answer was not known before.
                    view.new += u32::from(view.etag.is_some());
                    view.etag = answer.etag;
                }
            }
        }
    }
    Ok(())
}
