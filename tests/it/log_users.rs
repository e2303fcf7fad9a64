//! The log's own permissions: the example in nats.conf, switched on, with a real server.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adaptive_bi::app::App;
use adaptive_bi::config;
use adaptive_bi::stream::publish::Outgoing;
use adaptive_bi::stream::{self, Log};
use async_nats::{Client, ConnectOptions, jetstream};
use futures_util::StreamExt;
use projections::event::Kind;
use serde_json::json;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::commands::{folder, run};
use crate::events::sale;
use crate::harness::{Shop, until};

/// A password of which every special character has a meaning in an address or in the server's
/// configuration.
const PASSWORD: &str = "p@ss:w/rd#1";
const IN_AN_ADDRESS: &str = "p%40ss%3Aw%2Frd%231";

/// A certificate for 127.0.0.1 that nothing but these tests uses, and its key.
const TLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls");

/// A server with the configuration that is shipped, its users switched on, and TLS if a test asks
/// for it.
struct Server {
    port: u16,
    tls: bool,
    _process: Child,
}

impl Server {
    async fn start() -> Server {
        Server::with(false, None).await
    }

    /// One that does not allow a subject of the example, if it is named.
    async fn with(tls: bool, denied: Option<&str>) -> Server {
        let dir =
            crate::servers::data_dir().join(format!("log-users-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&dir).expect("a folder");
        let free = || TcpListener::bind("127.0.0.1:0").expect("a port");
        let ports = [free(), free()].map(|it| it.local_addr().expect("an address").port());
        let path = dir.join("nats.conf");
        let configuration = configuration(&dir, ports, tls);
        let is_allowed = |line: &&str| denied.is_none_or(|denied| !line.contains(denied));
        let lines: Vec<_> = configuration.lines().filter(is_allowed).collect();
        std::fs::write(&path, lines.join("\n")).expect("written");
        let mut process = Command::new(program());
        let log = std::fs::File::create(dir.join("log")).expect("a log");
        process.arg("-c").arg(&path).stderr(log).kill_on_drop(true);
        let server = Server { port: ports[0], tls, _process: process.spawn().expect("started") };
        until("server", || async {
            let till = server.connect("till").await;
            till.map(|_| ()).map_err(|error| error.to_string())
        })
        .await;
        server
    }

    async fn connect(&self, user: &str) -> Result<Client, async_nats::ConnectError> {
        let mut options = ConnectOptions::with_user_and_password(user.into(), PASSWORD.into());
        if self.tls {
            options = options.add_root_certificates(format!("{TLS}/cert.pem").into());
        }
        options.connect(format!("nats://127.0.0.1:{}", self.port)).await
    }

    /// The address as `NATS_URL` has it.
    fn url(&self, password: &str) -> String {
        format!("nats://adaptive-bi:{password}@127.0.0.1:{}", self.port)
    }
}

fn configuration(dir: &Path, [port, monitoring]: [u16; 2], tls: bool) -> String {
    let shipped = include_str!("../../nats.conf");
    let (before, _) = shipped.split_once("#authorization {\n").expect("an example");
    let example = |name: &str| {
        let (_, rest) = shipped.split_once(&format!("#{name} {{\n")).expect("an example");
        let (inside, _) = rest.split_once("\n#}").expect("its end");
        let inside: Vec<_> = inside.lines().map(|line| line.trim_start_matches('#')).collect();
        format!("{name} {{\n{}\n}}\n", inside.join("\n"))
    };
    let mut on = format!("{before}{}", example("authorization"));
    if tls {
        on += &example("tls");
    }
    let set_password = |line: &str| {
        let is_password = line.trim_start().starts_with("password:");
        if is_password { format!("password: \"{PASSWORD}\"") } else { line.to_owned() }
    };
    let with_passwords: Vec<_> = on.lines().map(set_password).collect();
    let replaced = with_passwords
        .join("\n")
        .replace("4222", &port.to_string())
        .replace("8222", &monitoring.to_string())
        .replace("/etc/nats/server.pem", &format!("{TLS}/cert.pem"))
        .replace("/etc/nats/server-key.pem", &format!("{TLS}/key.pem"))
        .replace("/var/lib/nats", &dir.join("store").display().to_string());
    assert!(replaced.contains(&format!("port: {port}")), "{replaced}");
    replaced
}

/// The program that the other tests use: on the PATH, else the fetched one.
fn program() -> PathBuf {
    crate::servers::servers();
    let on_path = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|dir| dir.join("nats-server"))
        .find(|path| path.is_file());
    let fetched = || {
        let folders = std::fs::read_dir(config::cache_dir()).expect("a cache").flatten();
        folders.map(|it| it.path().join("nats-server")).find(|path| path.is_file())
    };
    on_path.or_else(fetched).expect("a nats-server")
}

/// Whether the log takes an event; a client that may not send it gets no answer.
async fn takes(client: &Client, subject: &'static str, body: String) -> bool {
    let context = jetstream::new(client.clone());
    let answer = async { context.publish(subject, body.into()).await.ok()?.await.ok() };
    timeout(Duration::from_secs(2), answer).await.ok().flatten().is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_adds_its_kind_and_the_program_does_its_work_with_what_each_is_allowed() {
    let (shop, server) = (Shop::new().await, Server::start().await);
    let mut settings = shop.settings.clone();
    (settings.nats_stream, settings.subject_prefix) = ("EVENTS".to_owned(), "events".to_owned());
    let url = server.url(IN_AN_ADDRESS);
    let mongodb_uri = settings.mongodb_uri.clone().expect("given");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let app = App::start(&settings, listener, &url, &mongodb_uri).await.expect("the service");
    until("readiness", || async {
        let ready = shop.get(&app, "/health/ready").await;
        if ready.status == 200 { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    let log = Log::connect(settings.log(&url)).await.expect("the log");
    let mut announced = log.announcements().await.expect("announcements");

    let till = server.connect("till").await.expect("let in");
    assert!(
        takes(&till, "events.transaction.t1", sale("t1", "ann", 9, json!({})).to_string()).await
    );
    let stock = json!({ "productId": "mug", "stock": 7 });
    let sent = shop.post(&app, "/api/events/stock", stock.to_string()).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    let position = sent.body["data"]["position"].as_u64().expect("a position");
    assert_eq!(position, 2, "the producer's event is before it");
    let sales = shop.data(&app, "/api/metrics/sales", position).await;
    assert_eq!(sales["totalRevenue"].as_f64(), Some(9.0));
    let heard = timeout(Duration::from_secs(10), announced.next()).await.expect("in time");
    assert!(heard.is_some(), "commits are announced and heard of");

    let mut ears = Vec::new();
    for subject in ["events.>", "adaptive-bi.>", "_INBOX.>", "$JS.>", ">"] {
        ears.push(till.subscribe(subject).await.expect("asked for"));
    }
    assert!(!takes(&till, "events.stock.mug", stock.to_string()).await, "another kind");
    for subject in [
        "$JS.API.STREAM.INFO.EVENTS",
        "$JS.API.STREAM.MSG.GET.EVENTS",
        "$JS.API.STREAM.PURGE.EVENTS",
        "$JS.API.STREAM.DELETE.EVENTS",
        "$JS.API.CONSUMER.CREATE.EVENTS.spy",
    ] {
        let answer = timeout(Duration::from_millis(500), till.request(subject, "{}".into())).await;
        assert!(!matches!(answer, Ok(Ok(_))), "{subject}: {answer:?}");
    }
    let again = shop.post(&app, "/api/events/stock", stock.to_string()).await;
    let position = again.body["data"]["position"].as_u64().expect("a position");
    assert_eq!(position, 3, "nothing was added, purged or deleted meanwhile");
    shop.data(&app, "/api/metrics/sales", position).await;
    for ear in &mut ears {
        let heard = timeout(Duration::from_millis(100), ear.next()).await;
        assert!(!matches!(heard, Ok(Some(_))), "a producer reads along: {heard:?}");
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_said_and_never_shown() {
    let (shop, server) = (Shop::new().await, Server::start().await);
    let error = Log::connect(shop.settings.log(&server.url("hunter2"))).await.expect_err("refused");
    assert!(matches!(error, stream::Error::NotLetIn { .. }), "{error:?}");
    let nobody = Log::connect(shop.settings.log(&format!("nats://127.0.0.1:{}", server.port)));
    let nobody = nobody.await.expect_err("refused");
    assert!(matches!(nobody, stream::Error::NotLetIn { .. }), "{nobody:?}");
    drop(server);
    let gone = Log::connect(shop.settings.log("nats://adaptive-bi:hunter2@127.0.0.1:1"));
    let gone = gone.await.expect_err("nobody there");
    for error in [&error, &gone] {
        let shown = format!("{error} {error:?} {:?}", std::error::Error::source(error));
        assert!(shown.contains("127.0.0.1") && !shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_tls_the_program_comes_in_by_the_certificate_it_is_given_and_not_without() {
    let (shop, server) = (Shop::new().await, Server::with(true, None).await);
    let folder = folder("log-tls");
    let event = json!({ "kind": "transaction", "data": sale("t1", "ann", 9, json!({})) });
    std::fs::write(folder.join("events"), event.to_string()).expect("written");
    let url = format!("tls://adaptive-bi:{IN_AN_ADDRESS}@127.0.0.1:{}", server.port);
    let settings = |certificate: &str| {
        let mut settings = shop.environment();
        settings.retain(|(name, _)| !["NATS_URL", "NATS_STREAM", "SUBJECT_PREFIX"].contains(name));
        settings.extend([("NATS_URL", url.clone()), ("SSL_CERT_FILE", certificate.to_owned())]);
        settings
    };
    let unknown = run(&["ingest", "events"], &settings("/dev/null"), &folder).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(!unknown.stderr.contains(IN_AN_ADDRESS), "{unknown:?}");
    let known = run(&["ingest", "events"], &settings(&format!("{TLS}/cert.pem")), &folder).await;
    assert!(known.code == Some(0) && known.stdout.contains("position 1"), "{known:?}");
    let till = server.connect("till").await.expect("let in");
    assert!(
        takes(&till, "events.transaction.t2", sale("t2", "bob", 1, json!({})).to_string()).await
    );
    let unencrypted =
        ConnectOptions::new().connect(format!("nats://127.0.0.1:{}", server.port)).await;
    assert!(unencrypted.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_stream_takes_batches_by_the_example_and_single_events_without_its_permission() {
    const UPDATE: &str = "$JS.API.STREAM.UPDATE.EVENTS";
    for (denied, goes_singly) in [(None, false), (Some(UPDATE), true)] {
        let (shop, server) = (Shop::new().await, Server::with(false, denied).await);
        let mut settings = shop.settings.clone();
        (settings.nats_stream, settings.subject_prefix) =
            ("EVENTS".to_owned(), "events".to_owned());
        let log = settings.log(&server.url(IN_AN_ADDRESS));
        let options = ConnectOptions::with_user_and_password("adaptive-bi".into(), PASSWORD.into());
        let options = options.custom_inbox_prefix("adaptive-bi.inbox.EVENTS");
        let client = options.connect(format!("nats://127.0.0.1:{}", server.port)).await;
        let earlier = jetstream::stream::Config {
            name: "EVENTS".to_owned(),
            subjects: vec!["events.>".to_owned()],
            max_bytes: settings.stream_max_bytes,
            ..jetstream::stream::Config::default()
        };
        let context = jetstream::new(client.expect("let in"));
        context.create_stream(earlier).await.expect("made");
        let log = Log::connect(log).await.expect("the log");
        log.keep_settings().await.expect("kept");
        assert_eq!(log.sends_singly().is_some(), goes_singly, "{:?}", log.sends_singly());
        let event = Outgoing {
            kind: Kind::Transaction,
            entity: "t1".to_owned(),
            body: sale("t1", "ann", 9, json!({})).to_string().into(),
            message_id: None,
            replay_of: None,
        };
        let stored = log.publish(event).await.expect("queued").await.expect("taken");
        assert_eq!(stored.position, 1);
    }
}
