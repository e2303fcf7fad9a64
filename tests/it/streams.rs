//! Streams that somebody else made, and servers that have none.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use adaptive_bi::config;
use adaptive_bi::stream::{Error, Log};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::commands::{folder, run};
use crate::events::sale;
use crate::harness::{Shop, until};
use crate::serve::{program, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_with_other_subjects_is_refused_with_what_it_has_and_needs() {
    let shop = Shop::new().await;
    let url = shop.settings.nats_url.clone().expect("given");
    let mut settings = shop.settings.log(&url);
    settings.prefix = "shop.events".to_owned();
    let error = Log::connect(settings).await.expect_err("refused");
    let said = error.to_string();
    let has = format!("its subjects are {}.>", shop.settings.subject_prefix);
    assert!(said.contains(&has) && said.contains("shop.events.> is needed"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_jetstream_is_told_apart_from_a_stream_that_is_not_there() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one").port();
    let cached = config::cache_dir().join("nats-server-2.15.1/nats-server");
    let program = if cached.exists() { cached } else { "nats-server".into() };
    let mut command = Command::new(program);
    command.args(["-a", "127.0.0.1", "-p", &free.to_string()]).kill_on_drop(true);
    let _server = command.stderr(Stdio::null()).spawn().expect("nats-server");
    let url = format!("nats://127.0.0.1:{free}");
    let shop = Shop::new().await;
    let error = until("an answer", || async {
        match Log::connect(shop.settings.log(&url)).await.expect_err("no log") {
            Error::Unreachable { .. } => Err("not up yet".to_owned()),
            error => Ok(error),
        }
    })
    .await;
    assert!(matches!(error, Error::NoJetStream { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_warns_of_events_that_vanish_and_of_those_that_are_quarantined() {
    let shop = Shop::new().await;
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    let mut config = stream.cached_info().config.clone();
    config.max_age = Duration::from_hours(1);
    shop.jetstream.update_stream(config).await.expect("updated");
    // Known at the door to nobody: it is the fold that knows whose t1 is.
    for user in ["ann", "bob", "eve"] {
        shop.publish("transaction", sale("t1", user, 5, json!({})).to_string()).await;
    }
    let (mut child, mut lines) = start(program(&["serve"]).envs(shop.environment()));
    let mut wanted = vec!["max_age is 3600 s", "events were quarantined"];
    let mut said = Vec::new();
    let reading = async {
        while !wanted.is_empty() {
            let line = lines.next_line().await.expect("lines").expect("it runs");
            wanted.retain(|it| !line.contains(it));
            if line.contains("were quarantined") {
                assert!(line.contains("events=2") && line.contains("at 2: userId"), "{line}");
            }
            said.push(line);
        }
    };
    let read = tokio::time::timeout(Duration::from_mins(1), reading).await;
    assert!(read.is_ok(), "{wanted:?} was not said: {said:#?}");
    child.kill().await.expect("killed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_server_of_a_list_that_answers_is_taken() {
    let shop = Shop::new().await;
    let url = shop.settings.nats_url.clone().expect("given");
    let mut environment = shop.environment();
    environment.retain(|(name, _)| *name != "NATS_URL");
    environment.push(("NATS_URL", format!("nats://127.0.0.1:1,{url}")));
    let folder = folder("list-of-servers");
    let event = json!({ "kind": "transaction", "data": sale("t1", "ann", 9, json!({})) });
    std::fs::write(folder.join("events"), event.to_string()).expect("written");
    let ran = run(&["ingest", "events"], &environment, &folder).await;
    assert!(ran.code == Some(0) && ran.stdout.contains("position 1"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_publishes_on_256_subjects_of_a_kind_and_takes_others_as_they_come() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let events: Vec<Value> = (0..600)
        .map(|it| json!({ "kind": "stock", "data": { "productId": format!("p{it}"), "stock": 7 } }))
        .collect();
    let sent = shop.post(&app, "/api/events", Value::Array(events).to_string()).await;
    assert_eq!(sent.body["data"]["accepted"], 600, "{sent:?}");
    let ours = shop.log.extent().await.expect("its extent").subjects;
    assert!((2..=256).contains(&ours), "{ours}");
    // By the id of another product: nothing is read from a subject but the kind.
    let body = json!({ "productId": "p1", "stock": 8 }).to_string();
    let last = shop.publish("stock.p2", body).await;
    assert_eq!(shop.log.extent().await.expect("its extent").subjects, ours + 1);
    shop.folded(last).await;
    let product = shop.data(&app, "/api/products/p1", last).await;
    assert_eq!(product["stock"], 8, "{product}");
    let status = run(&["project", "status"], &shop.environment(), &folder("subjects")).await;
    assert!(status.stdout.contains(&format!("subjects     {}", ours + 1)), "{status:?}");
    app.stop().await.expect("stopped");
}
