//! The composition root: connect, wire, spawn, drain. Knows everyone and no business rule.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::{FutureExt, StreamExt};
use projections::root::FOLD_VERSION;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::auth::accounts::Accounts;
use crate::auth::gate::Gate;
use crate::auth::keys::Keys;
use crate::config::{Settings, Switch};
use crate::http::Routes;
use crate::http::door::{Door, server};
use crate::http::health::{self, Health};
use crate::http::projections::actions::Actions;
use crate::http::routes::Route;
use crate::ingest::message_id::MessageIds;
use crate::projector::rebuild::Generations;
use crate::projector::session::Limits;
use crate::projector::status::{State, Status};
use crate::projector::threads::Threads;
use crate::projector::{Projector, describe, judge};
use crate::push::{Hub, socket_io};
use crate::quarantine::{self, Quarantine};
use crate::query::answers::Answers;
use crate::query::latest::Latest;
use crate::query::{self, Deps, latest};
use crate::store::Store;
use crate::stream::announce::Announcement;
use crate::stream::{Extent, Log};
use crate::{auth, files, http, ingest, telemetry};

/// How often the log is asked for its end.
const LOOK_AT_LOG: Duration = Duration::from_millis(250);
/// The log is said to be filling up from here on, in percent of its bytes.
const ALARM_PERCENT: u64 = 80;
/// Commits that a slow listener may be behind.
const ANNOUNCEMENTS_HELD: usize = 1_024;
/// How long tasks may take to end, once connections have.
const DRAIN: Duration = Duration::from_secs(5);

/// A service that runs.
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    /// The log.
    pub log: Log,
    /// The store.
    pub store: Store,
    /// What its projector is doing.
    pub status: watch::Receiver<Status>,
    /// Accounts and sessions.
    pub accounts: Arc<Accounts>,
    /// Every route with the access that it needs.
    pub routes: Vec<Route>,
    server: JoinHandle<()>,
    closing: CancellationToken,
    folding: CancellationToken,
    tasks: TaskTracker,
    // Goes when all that runs on it has ended.
    _threads: Threads,
}

/// Takes the address to listen on, so that a port in use is said before anything is started.
///
/// # Errors
/// Where the port is in use, or the system lets the process have too few files.
pub async fn listen(settings: &Settings) -> anyhow::Result<TcpListener> {
    files::are_enough()?;
    let bind = settings.bind;
    if !bind.ip().is_loopback() {
        warn!(%bind, "others can reach this address, and it speaks no TLS; put a proxy that does before it");
    }
    if settings.door.trusted_proxies.is_almost_everybody() {
        warn!(
            "TRUSTED_PROXIES has half of all addresses or more: almost anybody can say to be anybody, to \
             the limits, the audit and the access log; name the addresses of your proxies alone"
        );
    }
    TcpListener::bind(bind).await.with_context(|| {
        format!("cannot listen on {bind}; if the port is in use, choose another with --bind")
    })
}

impl App {
    /// Connects to the log and the store, and starts everything.
    ///
    /// # Errors
    /// Where the log or the store cannot be used.
    pub async fn start(
        settings: &Settings,
        listener: TcpListener,
        nats_url: &str,
        mongodb_uri: &str,
    ) -> anyhow::Result<App> {
        let log = open_log(settings, nats_url).await?;
        let store = Store::connect(mongodb_uri, settings.mongodb_db.as_deref()).await?;
        let accounts = Arc::new(auth::accounts_of(settings, store.clone()).await?);
        auth::make_first_admin(settings, &accounts).await?;
        let gate = Gate::new(store.clone(), accounts.tokens.clone(), accounts.audit.clone());
        let (closing, folding) = (CancellationToken::new(), CancellationToken::new());
        let tasks = TaskTracker::new();

        let (status, seen) = watch::channel(Status { state: State::Starting, position: 0 });
        let threads = Threads::start().context("starting the fold's threads")?;
        let database = settings.mongodb_db.as_deref();
        let (its_log, its_store) =
            threads.connect(log.settings.clone(), mongodb_uri, database).await?;
        let generations = Generations::new(its_store.clone(), its_log.clone(), settings.fold());
        warn_of_another_fold(&its_store).await?;
        let projector = Projector {
            store: its_store,
            log: its_log,
            settings: settings.fold(),
            limits: Limits::default(),
            status: Arc::new(status),
        };
        tasks.spawn_on(projector.run(folding.clone()), threads.handle());

        let (deps, health) = attend(&log, &store, &seen, &tasks, &folding);
        let latest = deps.latest.clone();
        let ingest = of_ingest(settings, &log)?;
        let hub = Arc::new(Hub::new(deps.clone()));
        let all = Routes::new()
            .merge(query::routes(deps))
            .merge(ingest::http::routes(ingest))
            .merge(of_accounts(settings, &store, &accounts, &tasks))
            .merge(of_the_quarantine(settings, &log, &accounts))
            .merge(of_generations(generations, &accounts, &threads, &tasks, &folding))
            .merge(of_the_service(health, latest, &tasks, &folding))
            .merge(http::page::routes());
        let all = http::openapi::serve::documented(all);
        let door = Door::new(&settings.door);
        let routes = all.table();
        let inner = door.by_address(http::finish(all, &gate, &door));
        let options = settings.socket_io();
        let (service, push) = socket_io::around(inner, hub, gate, store.clone(), options);
        tasks.spawn(push.clone().watch(closing.clone()));
        tasks.spawn(push.run(closing.clone()));
        let address = listener.local_addr()?;
        let service = door.around(service);
        let server = server::serve(listener, service, door, settings.door.clone(), closing.clone());
        let server = tokio::spawn(server);
        info!(%address, "listening");
        tasks.close();
        Ok(App {
            address,
            log,
            store,
            status: seen,
            accounts,
            routes,
            server,
            closing,
            folding,
            tasks,
            _threads: threads,
        })
    }

    /// Stops: first new requests and pushes, then the fold at a commit.
    ///
    /// # Errors
    /// Where the server failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.closing.cancel();
        let server = self.server.await;
        self.folding.cancel();
        if tokio::time::timeout(DRAIN, self.tasks.wait()).await.is_err() {
            warn!("some tasks did not end in time");
        }
        server.context("serving")
    }
}

/// Says what to do where the live read models were made by another version of the fold: it halts.
async fn warn_of_another_fold(store: &Store) -> anyhow::Result<()> {
    let Some(live) = store.live().await? else { return Ok(()) };
    let made_by = store.checkpoint(live).await?.map(|it| it.settings.fold_version);
    if let Some(made_by) = made_by.filter(|it| *it != FOLD_VERSION) {
        warn!(
            generation = live,
            made_by,
            this = FOLD_VERSION,
            "the live read models were made by another version of the fold; they are served as they \
             are, and no event is added: make the next with `project rebuild`, then `project switch`"
        );
    }
    Ok(())
}

/// What is told of the log.
struct OfLog {
    log_end: watch::Sender<Option<u64>>,
    log_extent: watch::Sender<Option<Extent>>,
    nats_up: watch::Sender<bool>,
    log_refuses: watch::Sender<Option<String>>,
}

/// Keeps the log's end and extent, whether NATS is there and takes events, and says when the log
/// fills up and how many events it did not take.
async fn watch_log(log: Log, told: OfLog, stop: CancellationToken) {
    let OfLog { log_end, log_extent, nats_up, log_refuses } = told;
    let mut filling = false;
    let mut tick = tokio::time::interval(LOOK_AT_LOG);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let extent = tokio::time::timeout(Duration::from_secs(2), log.extent()).await;
        let extent = extent.ok().and_then(Result::ok);
        let up = extent.is_some() && log.is_connected();
        nats_up.send_if_modified(|was| std::mem::replace(was, up) != up);
        let last = extent.as_ref().map(|extent| extent.last);
        log_end.send_if_modified(|was| std::mem::replace(was, last) != last);
        let percent = extent.as_ref().and_then(Extent::percent).unwrap_or(0);
        if percent >= ALARM_PERCENT && !filling {
            warn!(percent, "the log is filling up; when it is full it refuses events");
        }
        filling = percent >= ALARM_PERCENT || filling && extent.is_none();
        log_extent.send_replace(extent);
        let refuses = log.refuses(up).await;
        if let Some(reason) = refuses.as_ref().filter(|_| log_refuses.borrow().is_none()) {
            warn!(reason, "the log takes no events");
        }
        log_refuses.send_if_modified(|was| std::mem::replace(was, refuses.clone()) != refuses);
        if let Some((events, reason)) = log.refused.due() {
            warn!(events, reason, "events were not taken; whoever sent them was told");
        }
    }
}

async fn open_log(settings: &Settings, nats_url: &str) -> anyhow::Result<Log> {
    let log = Log::connect(settings.log(nats_url)).await?;
    if let Err(error) = log.keep_bound().await {
        warn!(error = describe(&error), "the log keeps the bound it has");
    }
    Ok(log)
}

/// Follows the log's end, what commits announce and the newest snapshot, until `folding` ends; gives
/// what queries and health are told of it.
fn attend(
    log: &Log,
    store: &Store,
    projector: &watch::Receiver<Status>,
    tasks: &TaskTracker,
    folding: &CancellationToken,
) -> (Deps, Health) {
    let (log_end, log_end_seen) = watch::channel(None);
    let (extent, log_extent) = watch::channel(None);
    let (up, nats_up) = watch::channel(true);
    let (refuses, log_refuses) = watch::channel(None);
    let told = OfLog { log_end, log_extent: extent, nats_up: up, log_refuses: refuses };
    let (announcements, announced) = broadcast::channel(ANNOUNCEMENTS_HELD);
    tasks.spawn(watch_log(log.clone(), told, folding.clone()));
    let (judged, judged_seen) = watch::channel(projector.borrow().clone());
    let (own, of_log) = (projector.clone(), log_extent.clone());
    tasks.spawn(judge::follow(store.clone(), of_log, own, judged, folding.clone()));
    tasks.spawn(hear(log.clone(), announcements, folding.clone()));
    let (follower, latest) = watch::channel(None);
    let answers = Arc::<Answers>::default();
    let following =
        latest::follow(store.clone(), answers.clone(), announced, follower, folding.clone());
    tasks.spawn(following);
    let (store, projector) = (store.clone(), judged_seen);
    let deps = Deps {
        store: store.clone(),
        log_end: log_end_seen,
        ask_log_end: ask_log_end(log.clone()),
        projector: projector.clone(),
        latest,
        answers,
        now: Arc::new(query::system_clock),
    };
    let started = Instant::now();
    (deps, Health { store, nats_up, log_refuses, projector, log_extent, started })
}

/// What events that come by HTTP need.
fn of_ingest(settings: &Settings, log: &Log) -> anyhow::Result<ingest::http::Deps> {
    let ids = Arc::new(MessageIds::new(&auth::secrets_of(settings)?));
    Ok(ingest::http::Deps { log: log.clone(), currency: settings.currency.clone(), ids })
}

/// What is asked and done of people, their sessions, keys and what they did.
fn of_accounts(
    settings: &Settings,
    store: &Store,
    accounts: &Arc<Accounts>,
    tasks: &TaskTracker,
) -> Routes {
    let registration = settings.registration == Switch::On;
    let sign_in = auth::http::Deps::new(accounts.clone(), registration, tasks.clone());
    let keys = Keys { store: store.clone(), audit: accounts.audit.clone() };
    Routes::new()
        .merge(auth::http::routes(sign_in))
        .merge(auth::users::http::routes(accounts.clone()))
        .merge(auth::keys::http::routes(keys))
        .merge(auth::audit::http::routes(store.clone()))
}

/// Hands on what projectors announce, this process's among them.
async fn hear(log: Log, to: broadcast::Sender<Announcement>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match log.announcements().await {
            Ok(mut heard) => loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    announcement = heard.next() => match announcement {
                        // Nobody listening is no fault.
                        Some(announcement) => { let _ = to.send(announcement); }
                        None => break,
                    }
                }
            },
            Err(error) => warn!(error = describe(&error), "commits are not heard of"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// What tells how the service does: its projections, its metrics, its health.
fn of_the_service(
    health: Health,
    latest: watch::Receiver<Option<Latest>>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Routes {
    let (rate, rate_seen) = watch::channel(None);
    tasks.spawn(http::projections::follow_rate(latest, rate, stop.clone()));
    let recorder = telemetry::recorder();
    tasks.spawn(telemetry::upkeep(recorder.clone(), stop.clone()));
    let Health { store, nats_up, log_refuses, projector, log_extent, .. } = health.clone();
    let projections = http::projections::Deps {
        store: store.clone(),
        projector: projector.clone(),
        log_extent: log_extent.clone(),
        rate: rate_seen,
    };
    let metrics =
        telemetry::http::Deps { recorder, store, nats_up, log_refuses, projector, log_extent };
    Routes::new()
        .merge(http::projections::routes(projections))
        .merge(telemetry::http::routes(metrics))
        .merge(health::routes(health))
}

/// What is done to other generations than the live one.
fn of_generations(
    generations: Generations,
    accounts: &Accounts,
    threads: &Threads,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Routes {
    http::projections::actions::routes(Actions {
        store: accounts.store.clone(),
        generations,
        threads: threads.handle().clone(),
        tasks: tasks.clone(),
        stop: stop.clone(),
        audit: accounts.audit.clone(),
    })
}

fn of_the_quarantine(settings: &Settings, log: &Log, accounts: &Accounts) -> Routes {
    let audit = accounts.audit.clone();
    let (store, prefix) = (accounts.store.clone(), settings.subject_prefix.clone());
    quarantine::http::routes(Quarantine { store, log: log.clone(), prefix, audit })
}

fn ask_log_end(log: Log) -> query::AskLogEnd {
    Arc::new(move || {
        let log = log.clone();
        async move { log.extent().await.ok().map(|extent| extent.last) }.boxed()
    })
}
