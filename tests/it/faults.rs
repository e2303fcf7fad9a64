//! A service that is killed at any moment, servers that are, and input that would make documents
//! grow.

use std::process::Stdio;
use std::time::Duration;

use adaptive_bi::projector::session::Limits;
use adaptive_bi::services::{Server, to_stderr};
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use projections::rollup::DAYS_STRIDE;
use projections::vocabulary::{Dimension, OTHER};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::documents::assert_same;
use crate::events::{merge, mixed};
use crate::harness::{Shop, until};
use crate::servers::{self, Servers, data_dir};

const KILLS: usize = 20;
const KILLS_INSIDE_A_COMMIT: usize = 5;
const ATTEMPTS: usize = 100;

/// The program's `serve`, whose standard error says when a commit begins and is answered.
struct Serve {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    in_commit: bool,
    answered: usize,
    tail: Vec<String>,
}

impl Serve {
    fn start(shop: &Shop) -> Serve {
        let mut child = Command::new(env!("CARGO_BIN_EXE_adaptive-bi"))
            .arg("serve")
            .envs(shop.environment())
            .envs([("LOG_LEVEL", "info,adaptive_bi=debug"), ("NO_COLOR", "1")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        Serve { child, lines, in_commit: false, answered: 0, tail: Vec::new() }
    }

    /// Reads one line; false at the end of them.
    async fn read(&mut self) -> bool {
        let Some(line) = self.lines.next_line().await.expect("lines") else { return false };
        if line.contains("commit begins") {
            self.in_commit = true;
        } else if line.contains("commit answered") {
            self.in_commit = false;
            self.answered += 1;
        }
        self.tail.push(line);
        true
    }

    /// Waits for a commit to begin once `answered` were answered.
    async fn until_a_commit_begins(&mut self, answered: usize) {
        let wait = async {
            while self.answered < answered || !self.in_commit {
                assert!(self.read().await, "it ended by itself: {:#?}", self.tail);
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), wait).await;
        assert!(waited.is_ok(), "no commit begins: {:#?}", self.tail);
    }

    /// SIGKILL; whether that was inside a commit.
    async fn kill(mut self) -> bool {
        self.child.kill().await.expect("killed");
        while self.read().await {}
        self.in_commit
    }
}

/// Publishes until it is told to stop; gives the last position.
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
        let mut serve = Serve::start(&shop);
        serve.until_a_commit_begins(attempts % 4).await;
        // The moment of the kill is what is random here.
        tokio::time::sleep(Duration::from_micros(rand::random_range(0..30_000))).await;
        let was_inside = serve.kill().await;
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
    let serve = Serve::start(&shop);
    let counts = shop.folded(last).await.root.counts;
    serve.kill().await;
    let sum =
        counts.applied + counts.repeated + counts.unchanged + counts.stale + counts.quarantined;
    assert_eq!((counts.read, sum), (last, last), "{counts:?}");

    let alone = shop.sibling().await;
    let projector = alone.project(Limits::default()).await;
    alone.folded(last).await;
    projector.stop().await;
    assert_same(&alone.documents().await, &shop.documents().await);
    eprintln!("{kills} kills, {inside} inside a commit, {attempts} attempts, {last} events");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_servers_are_killed_says_so_and_goes_on_where_it_was() {
    let services = servers::start(data_dir().join("faults")).await;
    let shop = Shop::on(&Servers::of(&services)).await;
    let app = shop.start().await;
    let sales = "/api/metrics/sales";
    let folded = shop.publish_all(&mixed(300, 21)).await;
    shop.folded(folded).await;

    services.kill(Server::Mongod).await.expect("killed");
    let last = shop.publish_all(&mixed(300, 22)).await;
    // The newest snapshot may be answered from while it is fresh.
    until("a 503", || async {
        let answer = shop.get(&app, sales).await;
        if answer.status == 503 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    assert_eq!(shop.get(&app, "/health/ready").await.status, 503);
    services.restart(Server::Mongod, &to_stderr).await.expect("started again");
    shop.folded(last).await;
    assert!(shop.data(&app, sales, last).await["totalOrders"].is_number());

    services.kill(Server::Nats).await.expect("killed");
    let refused = shop.post(&app, "/api/events/transaction", json!({
        "transactionId": "t", "userId": "u", "totalPrice": 1, "transactionDate": "2026-01-01",
    }).to_string()).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(shop.get(&app, sales).await.status, 200);
    assert_eq!(shop.get(&app, "/health/ready").await.body["services"]["nats"]["status"], "down");
    services.restart(Server::Nats, &to_stderr).await.expect("started again");
    until("readiness", || async {
        let ready = shop.get(&app, "/health/ready").await;
        if ready.status == 200 { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    let last = shop.publish_all(&mixed(300, 23)).await;
    shop.folded(last).await;
    app.stop().await.expect("stopped");

    let alone = shop.sibling().await;
    let projector = alone.project(Limits::default()).await;
    alone.folded(last).await;
    projector.stop().await;
    assert_same(&alone.documents().await, &shop.documents().await);
    services.stop().await.expect("stopped");
}

/// The size of the largest document of a collection, in bytes.
async fn largest(shop: &Shop, collection: &str) -> i64 {
    let sizes =
        vec![doc! { "$group": { "_id": null, "max": { "$max": { "$bsonSize": "$$ROOT" } } } }];
    let found = shop.database.collection::<Document>(collection).aggregate(sizes).await;
    let found: Vec<Document> = found.expect("sizes").try_collect().await.expect("sizes");
    found.first().map_or(0, |it| i64::from(it.get_i32("max").unwrap_or(i32::MAX)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_vocabularies_make_no_document_grow_without_bound() {
    const VALUES: usize = 20_000;
    let shop = Shop::new().await;
    let mut events = Vec::new();
    for n in 0..VALUES {
        let at = "2026-03-05T10:00:00Z";
        events.push((
            "activity",
            json!({
                "activityId": format!("a{n}"), "userId": "ann", "activityType": "viewed_product",
                "timestamp": at, "page": format!("$page.{n}.a$b"), "country": format!("$.{n}"),
            }),
        ));
        events.push((
            "transaction",
            json!({
                "transactionId": format!("t.{n}$"), "userId": "ann", "totalPrice": 1,
                "transactionDate": at, "category": format!("$cat.{n}.$set"),
                "shippingAddress": { "country": format!("land.{n}$") },
            }),
        ));
    }
    let position = shop.publish_all(&events).await;
    let projector = shop.project(Limits::default()).await;
    let counts = shop.folded(position).await.root.counts;
    projector.stop().await;
    assert_eq!((counts.applied, counts.quarantined), (position, 0), "{counts:?}");

    let past = |dimension: Dimension| (VALUES - dimension.cap()) as u64;
    let dimensions =
        [Dimension::Page, Dimension::ActivityCountry, Dimension::Category, Dimension::Country];
    assert_eq!(counts.folded, dimensions.map(past).iter().sum::<u64>());
    let rollups = shop.database.collection::<Document>("g1_rollups");
    let pages = rollups.find_one(doc! { "_id": { "$regex": "^pages/-/month/" } }).await;
    let pages = pages.expect("found").expect("a month of pages");
    let table = projections::table::unpack(pages.get_binary_generic("t").expect("a table"));
    let other: i64 = table
        .filter(|(row, _)| row / DAYS_STRIDE == u32::from(OTHER))
        .map(|(_, [count, ..])| count)
        .sum();
    assert_eq!(u64::try_from(other), Ok(past(Dimension::Page)));
    for name in shop.database.list_collection_names().await.expect("collections") {
        let size = largest(&shop, &name).await;
        assert!(size < 1_000_000, "{name} has a document of {size} bytes");
    }
}
