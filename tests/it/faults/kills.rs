//! A service that is killed at any moment.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use adaptive_bi::projector::session::Limits;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::documents::assert_same;
use crate::events::{merge, mixed};
use crate::harness::Shop;

const KILLS: usize = 20;
const KILLS_INSIDE_A_COMMIT: usize = 5;
const ATTEMPTS: usize = 100;
/// Places of a commit where nothing is decided yet.
const INSIDE: [&str; 2] = ["commit-compared-and-set", "commit-written"];

/// The program's `serve`, whose standard error says when a commit begins and is answered.
struct Serve {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    in_commit: bool,
    answered: usize,
    tail: Vec<String>,
}

impl Serve {
    fn start(shop: &Shop, failpoint: Option<&str>) -> Serve {
        let mut child = Command::new(env!("CARGO_BIN_EXE_adaptive-bi"))
            .arg("serve")
            .envs(shop.environment())
            .envs(failpoint.map(|place| ("FAILPOINTS", format!("{place}=1*off->return"))))
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

    /// Waits for it to kill itself inside its second commit.
    async fn until_it_dies(mut self) {
        let wait = async {
            while self.read().await {}
            self.child.wait().await.expect("it ended")
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), wait).await;
        let status = waited.unwrap_or_else(|_| panic!("it does not die: {:#?}", self.tail));
        assert_eq!(status.signal(), Some(9), "{:#?}", self.tail);
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
        // A machine that is fast enough is never inside a commit when it is killed: in every third
        // attempt the program sees to that itself.
        let place = (attempts % 3 == 0).then(|| INSIDE[attempts / 3 % INSIDE.len()]);
        let mut serve = Serve::start(&shop, place);
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
    let projector = alone.project(Limits::default()).await;
    alone.folded(last).await;
    projector.stop().await;
    assert_same(&alone.documents().await, &shop.documents().await);
    eprintln!("{kills} kills, {inside} inside a commit, {attempts} attempts, {last} events");
}
