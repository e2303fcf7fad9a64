//! Servers that neither answer nor hang up, and a log that is full.

use std::path::Path;
use std::time::{Duration, Instant};

use adaptive_bi::stream::Log;
use adaptive_bi::stream::acknowledgement::Refusal;
use adaptive_bi::stream::publish::Outgoing;
use adaptive_bi_bench::soak::proxy::{Line, Mark, Proxy};
use projections::event::Kind;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use services::Services;

use crate::events::sale;
use crate::harness::{Shop, until};
use crate::servers::{self, Servers, data_dir};

const SALES: &str = "/api/metrics/sales";

/// A server that is stopped (SIGSTOP) for as long as this lives.
struct Frozen(Pid);

impl Frozen {
    fn new(data_dir: &Path, server: &str) -> Frozen {
        let record = std::fs::read(data_dir.join("services.json")).expect("a record");
        let record: Value = serde_json::from_slice(&record).expect("json");
        let pid = record[server]["process"]["pid"].as_i64().expect("it runs");
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, Signal::STOP).expect("stopped");
        Frozen(pid)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT);
    }
}

fn batch(of: &str, count: usize) -> String {
    let event = |n| {
        let data = sale(&format!("{of}{n}"), "ann", 1, json!({}));
        json!({ "kind": "transaction", "data": data })
    };
    Value::Array((0..count).map(event).collect()).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_carries_nothing_any_more_is_left_for_another() {
    let shop = Shop::new().await;
    let url = shop.settings.nats_url.clone().expect("given");
    let proxy = Proxy::to(url.trim_start_matches("nats://")).await.expect("a line");
    let log = Log::connect(shop.settings.log(&format!("nats://{}", proxy.address()))).await;
    let log = log.expect("the log");
    let stock = |id: &str| Outgoing {
        kind: Kind::Stock,
        entity: id.to_owned(),
        body: json!({ "productId": id, "stock": 1 }).to_string().into(),
        message_id: None,
        replay_of: None,
    };
    log.publish(stock("before")).await.expect("queued").await.expect("stored");

    // In the middle of a batch, which these are enough for, nothing goes on, and neither end is told.
    proxy.make(Line::HeldAt(Mark::SecondOfBatch));
    let mut lane = log.lane();
    for index in 0..16 {
        lane.push(index, stock(&index.to_string())).await;
    }
    lane.send();
    until("a line that is held", || async {
        if proxy.harmed() > 0 { Ok(()) } else { Err("all went through") }.map_err(str::to_owned)
    })
    .await;
    until("an event over another one", || async {
        let sent = log.publish(stock("behind")).await.map_err(|it| it.to_string())?;
        sent.await.map_err(|it| it.to_string())
    })
    .await;
    while let Some((index, outcome)) = lane.next().await {
        assert_eq!(outcome, Err(Refusal::Unknown), "{index}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_is_not_waited_for_longer_than_was_asked() {
    let folder = data_dir().join("frozen");
    let services: Services = servers::start(folder.clone()).await;
    let shop = Shop::on(&Servers::of(&services)).await;
    let app = shop.start().await;
    let taken = shop.post(&app, "/api/events", batch("a", 10)).await;
    let position = taken.body["data"]["position"].as_u64().expect("a position");
    shop.folded(position).await;

    let nats = Frozen::new(&folder, "nats");
    let began = Instant::now();
    let refused = shop.post(&app, "/api/events", batch("b", 6_000)).await;
    assert_eq!(refused.status, 503, "{}", refused.body["message"]);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    let results = refused.body["data"]["results"].as_array().expect("results");
    let of = |status: &str| results.iter().filter(|it| it["status"] == status).count();
    assert!(of("unknown") > 0 && of("unknown") + of("unsent") == 6_000, "{}", of("unknown"));
    // By now nobody knows where the log ends.
    let began = Instant::now();
    let ahead = [("X-Min-Position", "100000"), ("Prefer", "wait=2")];
    assert_eq!(shop.get_with(&app, SALES, &ahead).await.status, 503);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    drop(nats);
    until("readiness", || async {
        let ready = shop.get_with(&app, "/health/ready", &[]).await;
        if ready.status == 200 { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;

    let mongod = Frozen::new(&folder, "mongodb");
    // The newest snapshot may be answered from while it is fresh.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let began = Instant::now();
    assert_eq!(shop.get_with(&app, SALES, &[]).await.status, 503);
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    drop(mongod);
    app.stop().await.expect("stopped");
    services.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_full_the_log_is_can_be_seen_and_a_full_one_refuses() {
    let mut shop = Shop::new().await;
    shop.settings.stream_max_bytes = 1 << 20;
    let app = shop.start().await;
    let refused = shop.post(&app, "/api/events", batch("a", 9_000)).await;
    assert_eq!(refused.status, 503, "{}", refused.body["message"]);
    let fill = until("a full log", || async {
        let ready = shop.get(&app, "/health/ready").await;
        let log = ready.body["services"]["nats"]["log"].clone();
        let full = log["percent"].as_u64() > Some(90) && ready.status == 200;
        if full { Ok(log) } else { Err(format!("{ready:?}")) }
    })
    .await;
    assert!(fill["maxBytes"] == 1 << 20 && fill["bytes"].as_u64() <= Some(1 << 20), "{fill}");
    app.stop().await.expect("stopped");
}
