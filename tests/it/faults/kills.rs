//! A service that is killed at any moment.

use std::time::Duration;

use adaptive_bi::projector::batch::BatchLimits;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::documents::assert_same;
use crate::events::{merge, mixed};
use crate::harness::Shop;
use crate::serve::Serve;

const KILLS: usize = 20;
const KILLS_INSIDE_A_COMMIT: usize = 5;
const ATTEMPTS: usize = 100;
/// Places of a commit at which nothing is decided yet.
const INSIDE: [&str; 2] = ["commit-compared-and-set", "commit-written"];

/// Publishes until it is told to stop; returns the last position.
fn producer(shop: &Shop, enough: CancellationToken) -> JoinHandle<u64> {
    let shop = shop.clone();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        let mut last = 0;
        for seed in 0.. {
            let mut events = mixed(40, seed);
            for (n, (kind, event)) in events.iter_mut().enumerate() {
                // New ones too, so that a commit has more than a few documents.
                if *kind == "transaction" && n % 2 == 0 && event.get("userId").is_some() {
                    merge(event, json!({ "transactionId": format!("n{seed}-{n}") }));
                }
            }
            last = shop.publish_all(&events).await;
            tokio::select! {
                () = enough.cancelled() => break,
                _ = tick.tick() => {}
            }
        }
        last
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_killed_at_random_points_ends_with_the_documents_of_one_left_alone() {
    let shop = Shop::new().await;
    let enough = CancellationToken::new();
    let producing = producer(&shop, enough.clone());
    let (mut kills, mut inside, mut attempts, mut position) = (0, 0, 0, 0);
    while kills < KILLS || inside < KILLS_INSIDE_A_COMMIT {
        attempts += 1;
        assert!(attempts <= ATTEMPTS, "{kills} kills, {inside} of them inside a commit");
        // A machine that is fast enough is never inside a commit when it is killed: in every third
        // attempt the program sees to that itself.
        let place = (attempts % 3 == 0).then(|| INSIDE[attempts / 3 % INSIDE.len()]);
        let failpoint = place.map(|place| format!("{place}=1*off->return"));
        let mut serve = Serve::start(&shop, failpoint.as_deref());
        let was_inside = if place.is_some() {
            serve.until_it_dies().await;
            true
        } else {
            serve.until_a_commit_begins(attempts % 4).await;
            // The moment of the kill is what is random here.
            tokio::time::sleep(Duration::from_micros(rand::random_range(0..30_000))).await;
            serve.kill().await
        };
        let moved = shop.checkpoint().await.map_or(0, |it| it.position);
        assert!(moved >= position, "the checkpoint went back from {position} to {moved}");
        if moved > position {
            kills += 1;
            inside += usize::from(was_inside);
        }
        position = moved;
    }
    enough.cancel();
    let last = producing.await.expect("published");
    let serve = Serve::start(&shop, None);
    let counts = shop.folded(last).await.root.counts;
    serve.kill().await;
    let sum =
        counts.applied + counts.repeated + counts.unchanged + counts.stale + counts.quarantined;
    assert_eq!((counts.read, sum), (last, last), "{counts:?}");

    let alone = shop.sibling().await;
    let projector = alone.project(BatchLimits::default()).await;
    alone.folded(last).await;
    projector.stop().await;
    assert_same(&alone.documents().await, &shop.documents().await);
    eprintln!("{kills} kills, {inside} inside a commit, {attempts} attempts, {last} events");
}
