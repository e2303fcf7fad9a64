//! A shop of its own for each test, and waiting for results.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adaptive_bi::app::App;
use adaptive_bi::auth::key;
use adaptive_bi::config::Settings;
use adaptive_bi::projector::Projector;
use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::projector::status::{State, Status};
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::store::Store;
use adaptive_bi::store::generation::Checkpoint;
use adaptive_bi::store::plain;
use adaptive_bi::store::platform::Platform;
use adaptive_bi::stream::Log;
use async_nats::jetstream;
use clap::Parser;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReadConcern;
use projections::family::Families;
use reqwest::Method;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::documents::{self, Documents};
use crate::servers::{Servers, data_dir, servers};

/// The time within which an awaited result must come.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
}

/// One shop: a stream and a database that no other test has.
#[derive(Clone)]
pub struct Shop {
    /// The settings, as from the command line.
    pub settings: Settings,
    /// The access that a foreign producer has.
    pub jetstream: jetstream::Context,
    /// The access that a database shell has.
    pub database: mongodb::Database,
    /// The stream, which is made here.
    pub log: Log,
    /// An API key that may read and write everything that keys may.
    pub key: String,
    /// Its servers.
    pub servers: Servers,
    http: reqwest::Client,
    /// The last position that a test waited for.
    folded: Arc<AtomicU64>,
    _used: Arc<Used>,
}

/// The database of a shop and its servers. mongod keeps a file open for each collection and index
/// for ten minutes and ends when it may open no more, so the next shop on the same servers removes
/// the databases of tests that have ended. So a test keeps its shop to its end (`let (_, app) = …` does
/// not).
struct Used {
    mongodb_uri: String,
    name: String,
}

/// The servers and names of databases whose tests have ended.
static ENDED: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

impl Drop for Used {
    fn drop(&mut self) {
        let ended = (self.mongodb_uri.clone(), self.name.clone());
        ENDED.lock().unwrap_or_else(PoisonError::into_inner).push(ended);
    }
}

/// Removes the databases of these servers whose tests have ended.
async fn remove_ended(mongo: &mongodb::Client, mongodb_uri: &str) {
    let ended: Vec<_> = {
        let mut ended = ENDED.lock().unwrap_or_else(PoisonError::into_inner);
        ended.extract_if(.., |(uri, _)| uri == mongodb_uri).collect()
    };
    for (_, name) in ended {
        for name in [format!("{name}{}", plain::SUFFIX), name] {
            mongo.database(&name).drop().await.expect("the database of an ended test is removed");
        }
    }
}

/// The secret that signs the tokens of every shop.
pub const JWT_SECRET: &str = "the-secret-of-the-integration-tests";

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Shop {
    /// A new shop.
    pub async fn new() -> Shop {
        Shop::on(servers()).await
    }

    /// A new shop on servers of one's own.
    pub async fn on(servers: &Servers) -> Shop {
        let id = uuid::Uuid::new_v4().simple().to_string();
        Shop::named(servers, &id, &id).await
    }

    /// A shop with the same log and another database.
    pub async fn sibling(&self) -> Shop {
        let stream = self.settings.subject_prefix.trim_start_matches('p').to_owned();
        Shop::named(&self.servers, &stream, &uuid::Uuid::new_v4().simple().to_string()).await
    }

    async fn named(servers: &Servers, stream: &str, database: &str) -> Shop {
        let Servers { nats_url, mongodb_uri } = servers;
        let name = format!("it_{database}");
        let cli = Cli::parse_from([
            "it".to_owned(),
            format!("--nats-url={nats_url}"),
            format!("--mongodb-uri={mongodb_uri}"),
            format!("--nats-stream=S{stream}"),
            format!("--subject-prefix=p{stream}"),
            format!("--mongodb-db={name}"),
            format!("--stream-max-bytes={}", 1_i64 << 30),
            format!("--jwt-secret={JWT_SECRET}"),
            "--bind=127.0.0.1:0".to_owned(),
            // Every test comes from one address; those of the limits set their own.
            "--rate-limit-max-requests=0".to_owned(),
            "--rate-limit-max-address-requests=0".to_owned(),
            "--rate-limit-max-events=0".to_owned(),
            "--rate-limit-max-sign-in-failures=0".to_owned(),
            "--rate-limit-max-registrations=0".to_owned(),
        ]);
        let client = async_nats::connect(nats_url).await.expect("nats");
        let mongo = mongodb::Client::with_uri_str(mongodb_uri).await.expect("mongo");
        remove_ended(&mongo, mongodb_uri).await;
        let log = Log::connect(cli.settings.log(nats_url)).await.expect("the log");
        let key = new_key(mongodb_uri, cli.settings.mongodb_db.as_deref()).await;
        Shop {
            jetstream: jetstream::new(client),
            database: mongo.database(&name),
            log,
            key,
            settings: cli.settings,
            servers: servers.clone(),
            // A connection for each request: what one leaves behind in it helps no other.
            http: reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client"),
            folded: Arc::default(),
            _used: Arc::new(Used { mongodb_uri: mongodb_uri.clone(), name }),
        }
    }

    /// The whole service, once it has read models to answer from.
    pub async fn start(&self) -> App {
        let app = self.launch().await;
        until("read models", || async {
            let answer = self.get(&app, "/api/metrics/sales").await;
            if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
        app
    }

    /// The whole service as it has just begun to listen.
    pub async fn launch(&self) -> App {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let Servers { nats_url, mongodb_uri } = &self.servers;
        let app = App::start(&self.settings, listener, nats_url, mongodb_uri).await;
        app.expect("the service")
    }

    /// Takes the lease without a process, so that no projector folds until it is given back.
    pub async fn hold_the_lease(&self) {
        let held = vec![doc! { "$set": {
            "owner": "a test",
            "renewedAt": { "$dateAdd": { "startDate": "$$NOW", "unit": "hour", "amount": 1 } },
        } }];
        let leases = self.database.collection::<Document>("leases");
        leases.update_one(doc! { "_id": "projector" }, held).upsert(true).await.expect("held");
    }

    /// Takes the lease from its owner, and leaves it free.
    pub async fn release_the_lease(&self) {
        let left = doc! { "$set": { "owner": Bson::Null } };
        let leases = self.database.collection::<Document>("leases");
        leases.update_one(doc! { "_id": "projector" }, left).await.expect("released");
    }

    /// The store, as the service has it.
    pub async fn store(&self) -> Store {
        let uri = &self.servers.mongodb_uri;
        Store::connect(uri, self.settings.mongodb_db.as_deref()).await.expect("the store")
    }

    /// Starts a projector alone.
    pub async fn project(&self, limits: BatchLimits) -> Running {
        let (status, seen) = watch::channel(Status { state: State::Starting, position: 0 });
        let projector = Projector {
            store: self.store().await,
            log: self.log.clone(),
            settings: self.settings.fold(),
            limits,
            rebuild_on_upgrade: false,
            families: Families::ALL,
            changes: None,
            status: Arc::new(status),
        };
        let stop = CancellationToken::new();
        Running { status: seen, task: tokio::spawn(projector.run(stop.clone())), stop }
    }

    /// The environment of a process of this shop.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let settings = &self.settings;
        vec![
            ("NATS_URL", settings.nats_url.clone().expect("given")),
            ("MONGODB_URI", settings.mongodb_uri.clone().expect("given")),
            ("NATS_STREAM", settings.nats_stream.clone()),
            ("SUBJECT_PREFIX", settings.subject_prefix.clone()),
            ("MONGODB_DB", settings.mongodb_db.clone().expect("given")),
            ("JWT_SECRET", JWT_SECRET.to_owned()),
            ("BIND", "127.0.0.1:0".to_owned()),
            ("RATE_LIMIT_MAX_REQUESTS", "0".to_owned()),
            ("RATE_LIMIT_MAX_ADDRESS_REQUESTS", "0".to_owned()),
            ("RATE_LIMIT_MAX_EVENTS", "0".to_owned()),
            ("DATA_DIR", data_dir().join("unused").display().to_string()),
        ]
    }

    /// Publishes as a foreign producer does: bytes to a subject, without the program's code
    /// between.
    pub async fn publish(&self, subject: &str, body: impl Into<Vec<u8>>) -> u64 {
        self.publish_with(subject, &[], body).await
    }

    /// The same with headers.
    pub async fn publish_with(
        &self,
        subject: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> u64 {
        let subject = format!("{}.{subject}", self.settings.subject_prefix);
        let mut map = async_nats::HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        let sent = self.jetstream.publish_with_headers(subject, map, body.into().into()).await;
        sent.expect("published").await.expect("acknowledged").sequence
    }

    /// Publishes many events without waiting for each; returns the last position.
    pub async fn publish_all(&self, events: &[(&str, Value)]) -> u64 {
        let mut position = 0;
        for chunk in events.chunks(500) {
            let mut answers = Vec::new();
            for (kind, body) in chunk {
                let subject = format!("{}.{kind}", self.settings.subject_prefix);
                let sent = self.jetstream.publish(subject, body.to_string().into()).await;
                answers.push(sent.expect("published"));
            }
            for answer in answers {
                position = position.max(answer.await.expect("acknowledged").sequence);
            }
        }
        position
    }

    /// The live generation's checkpoint, once there is one, with the read concern of queries,
    /// `majority`.
    pub async fn checkpoint(&self) -> Option<Checkpoint> {
        self.database
            .collection::<Checkpoint>("checkpoints")
            .find_one(doc! { "_id": 1 })
            .read_concern(ReadConcern::majority())
            .await
            .expect("a checkpoint or none")
    }

    /// Waits until all events up to `position` are committed; patience is for the next commit.
    pub async fn folded(&self, position: u64) -> Checkpoint {
        let mut reached = 0;
        loop {
            let checkpoint = until(&format!("commit on the way to {position}"), || async {
                match self.checkpoint().await {
                    Some(it) if it.position > reached || it.position >= position => Ok(it),
                    other => Err(format!("at {:?}", other.map(|it| (it.position, it.root.counts)))),
                }
            })
            .await;
            reached = checkpoint.position;
            if reached >= position {
                self.folded.fetch_max(reached, Ordering::Relaxed);
                return checkpoint;
            }
        }
    }

    /// The number of the audit's rows whose action begins with this name.
    pub async fn audited(&self, name: &str) -> u64 {
        let filter = doc! { "action": { "$regex": format!("^{name}") } };
        let audit = self.database.collection::<Document>("audit");
        audit.count_documents(filter).await.expect("a count")
    }

    /// Every document of generation 1 and its checkpoint, commit time left out.
    pub async fn documents(&self) -> Documents {
        documents::of(&self.database).await
    }

    /// The key of another caller.
    pub async fn another_key(&self) -> String {
        new_key(&self.servers.mongodb_uri, self.settings.mongodb_db.as_deref()).await
    }

    /// Sends a request with the shop's key; the answer reflects all events that [`Shop::folded`]
    /// waited for.
    pub async fn get(&self, app: &App, path: &str) -> Answer {
        match self.folded.load(Ordering::Relaxed) {
            0 => self.get_with(app, path, &[]).await,
            position => self.get_from(app, path, position).await,
        }
    }

    /// Sends a request with the shop's key and headers.
    pub async fn get_with(&self, app: &App, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.request(app, Method::GET, path).header("x-api-key", &self.key);
        let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
        answer(request).await
    }

    /// Sends a body to the service, with the shop's key.
    pub async fn post(&self, app: &App, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(app, Method::POST, path).header("x-api-key", &self.key);
        answer(request.body(body)).await
    }

    /// A request without credentials.
    pub fn request(&self, app: &App, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.request_to(app.address, method, path)
    }

    /// A request to a service that is another process.
    pub fn request_to(
        &self,
        address: SocketAddr,
        method: Method,
        path: &str,
    ) -> reqwest::RequestBuilder {
        self.http.request(method, format!("http://{address}{path}"))
    }

    /// `data` of an answer that reflects at least `position`.
    pub async fn data(&self, app: &App, path: &str, position: u64) -> Value {
        let answer = self.get_from(app, path, position).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body["data"].clone()
    }

    async fn get_from(&self, app: &App, path: &str, position: u64) -> Answer {
        let position = position.to_string();
        let headers = [("X-Min-Position", position.as_str()), ("Prefer", "wait=60")];
        self.get_with(app, path, &headers).await
    }
}

impl Answer {
    /// A header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A key of a database, put there as by the command line.
async fn new_key(mongodb_uri: &str, database: Option<&str>) -> String {
    let platform = Platform::connect(mongodb_uri, database).await.expect("the store");
    platform.prepare_accounts().await.expect("the indexes");
    let scopes =
        [Scope::EventsWrite(None), Scope::EventsRead, Scope::MetricsRead, Scope::PushSubscribe];
    let key = key::make("tests", &scopes, "command", None);
    platform.insert_key(&key.row).await.expect("a key");
    key.text
}

/// Sends a request and reads its answer.
pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("a body");
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}

/// A projector that runs.
pub struct Running {
    pub status: watch::Receiver<Status>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Stops the projector at a commit.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the projector ends in peace");
    }
}

/// Calls `ask` again until the answer is there; past the deadline fails with the last state seen.
pub async fn until<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(found) => return found,
            Err(state) if Instant::now() > deadline => panic!("no {what}: {state}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
