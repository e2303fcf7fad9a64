//! A shop: its log, its store, its projector, their known state, and the channels that push its
//! figures.
//!
//! Nothing here assumes that there is one: two shops of one process touch neither each other's
//! stream nor each other's database. People, keys and the audit are the
//! [platform's](crate::store::platform).

pub mod announcements;
pub mod events;
pub mod log;
pub mod notices;
mod outcomes;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use projections::family::Families;
use projections::time::Time;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use self::events::Browsers;
use self::notices::Notices;
use crate::alerts::deps::AskPublished;
use crate::auth::audit::Audit;
use crate::causes::describe;
use crate::http::Routes;
use crate::ingest::message_id::MessageIds;
use crate::operator::health::{self, Health};
use crate::operator::projections::actions::{self, Actions};
use crate::operator::pulse::Pulse;
use crate::plain::Writer;
use crate::projector::batch::BatchLimits;
use crate::projector::changes::Tracker;
use crate::projector::generations::Generations;
use crate::projector::status::{State, Status};
use crate::projector::threads::Threads;
use crate::projector::{Projector, judge};
use crate::push::channels::{self, Channels};
use crate::push::sessions::Sessions;
use crate::quarantine::{self, Quarantine};
use crate::query::cache::ResponseCache;
use crate::query::latest::{self, Latest};
use crate::query::{self, Deps, ahead};
use crate::store::Store;
use crate::store::platform::Platform;
use crate::stream::Log;
use crate::{dashboard, ingest, operator, push, stream, telemetry};

/// The settings of a shop.
#[derive(Debug, Clone)]
pub struct ShopSettings {
    /// Its log.
    pub log: stream::LogSettings,
    /// The URI of its store.
    pub mongodb_uri: String,
    /// The database of its store; without it that of the URI, else `adaptive_bi`.
    pub database: Option<String>,
    /// The settings of its fold.
    pub fold: projections::fold::root::FoldSettings,
    /// The language that its texts are shown in.
    pub language: String,
    /// Whether read models of an older fold are exchanged without an operator.
    pub rebuild_on_upgrade: bool,
    /// Whether documents are written that people read.
    pub plain_models: bool,
    /// The different views that are followed at a time.
    pub push_questions: usize,
    /// There is one frame of a topic for each such time at most.
    pub push_interval: Duration,
}

/// A shop that runs.
pub struct Shop {
    /// The log.
    pub log: Log,
    /// The store.
    pub store: Store,
    /// The status of its projector.
    pub status: watch::Receiver<Status>,
    /// The topics and views that are followed.
    pub channels: Channels,
    /// The words of its processes to each other, until somebody takes them.
    pub notices: Option<Notices>,
    /// The alerts that were recorded, as they are told.
    pub alerts: push::alerts::Alerts,
    /// What queries depend on.
    pub queries: Deps,
    currency: String,
    health: Health,
    /// Events folded in a second.
    rate: watch::Receiver<Option<f64>>,
    generations: Generations,
    tasks: TaskTracker,
    stop: CancellationToken,
    // Goes when all that runs on it has ended.
    threads: Threads,
}

impl Shop {
    /// Connects to the log, and starts the projector and the tasks that follow it. Its tasks run in
    /// `tasks` until `stop`. `store` is for queries; the projector has connections of its own.
    ///
    /// # Errors
    /// Fails if the log or the store cannot be used.
    pub async fn start(
        settings: ShopSettings,
        store: Store,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> anyhow::Result<Shop> {
        let log = open_log(settings.log).await?;
        let (status, seen) = watch::channel(Status { state: State::Starting, position: 0 });
        let threads = Threads::start().context("starting the fold's threads")?;
        let (its_log, its_store) = threads
            .connect((*log.settings).clone(), &settings.mongodb_uri, settings.database.as_deref())
            .await?;
        let generations =
            Generations::new(its_store.clone(), its_log.clone(), settings.fold.clone());
        let currency = settings.fold.currency.clone();
        let tracker = settings.plain_models.then(Arc::<Tracker>::default);
        if let Some(tracker) = tracker.clone() {
            let (store, stop) = (its_store.clone(), stop.clone());
            let (writer, _) = Writer::new(store, tracker, &settings.language, stop);
            tasks.spawn_on(writer.run(), threads.handle());
        }
        let projector = Projector {
            store: its_store,
            log: its_log,
            settings: settings.fold,
            limits: BatchLimits::default(),
            rebuild_on_upgrade: settings.rebuild_on_upgrade,
            families: Families::ALL,
            changes: tracker,
            status: Arc::new(status),
        };
        tasks.spawn_on(projector.run(stop.clone()), threads.handle());
        let cache = Arc::new(ResponseCache::speaking(&settings.language));
        let (queries, health) = attend(&log, &store, &seen, cache, tasks, stop);
        let (rate, rate_seen) = watch::channel(None);
        let latest = queries.latest.clone();
        tasks.spawn(operator::projections::follow_rate(latest, rate, stop.clone()));
        let (questions, apart) = (settings.push_questions, settings.push_interval);
        let options = channels::Options { questions, apart };
        let (notices, ends) = notices::channel();
        tasks.spawn(notices::exchange(log.clone(), ends, stop.clone()));
        let alerts = push::alerts::Alerts::new(Platform::beside(&store));
        Ok(Shop {
            channels: Channels::new(
                queries.clone(),
                health.clone(),
                alerts.clone(),
                options,
                Arc::new(Browsers::new(log.clone(), currency.clone())),
                tasks.clone(),
                stop.clone(),
            ),
            alerts,
            notices: Some(notices),
            log,
            store,
            status: seen,
            currency,
            queries,
            health,
            rate: rate_seen,
            generations,
            tasks: tasks.clone(),
            stop: stop.clone(),
            threads,
        })
    }

    /// The routes of the shop. `ids` name its events where their senders did not; `platform` has the
    /// people, and `sessions` those who are connected.
    #[must_use]
    pub fn routes(
        &self,
        ids: Arc<MessageIds>,
        audit: &Audit,
        platform: &Platform,
        sessions: &Sessions,
    ) -> Routes {
        let (log, queries) = (self.log.clone(), &self.queries);
        let of_log = self.health.log_extent.clone();
        let events = ingest::deps::Deps {
            outcomes: outcomes::ask(self.store.clone(), queries.latest.clone(), of_log),
            position: outcomes::ask_position(log.clone()),
            log,
            currency: self.currency.clone(),
            ids,
        };
        Routes::new()
            .merge(query::routes(self.queries.clone()))
            .merge(query::batch::routes(self.queries.clone()))
            .merge(dashboard::routes(dashboard::widgets::Deps {
                queries: self.queries.clone(),
                platform: platform.clone(),
                health: self.health.clone(),
                sessions: sessions.clone(),
            }))
            .merge(ingest::http::routes(events))
            .merge(self.of_the_quarantine(audit.clone()))
            .merge(self.of_generations(audit.clone()))
            .merge(self.of_its_state())
    }

    /// Asks the log when the message at a position was published.
    #[must_use]
    pub fn ask_published(&self) -> AskPublished {
        let log = self.log.clone();
        Arc::new(move |position| {
            let log = log.clone();
            async move {
                let record = log.message(position).await.map_err(|error| describe(&error))?;
                Ok(record.map(|record| Time(record.time / 1_000_000)))
            }
            .boxed()
        })
    }

    fn of_the_quarantine(&self, audit: Audit) -> Routes {
        let (store, log) = (self.store.clone(), self.log.clone());
        let prefix = log.settings.prefix.clone();
        quarantine::http::routes(Quarantine { store, log, prefix, audit })
    }

    /// The routes of generations other than the live one.
    fn of_generations(&self, audit: Audit) -> Routes {
        actions::routes(Actions {
            store: self.store.clone(),
            generations: self.generations.clone(),
            threads: self.threads.handle().clone(),
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
            audit,
        })
    }

    /// The routes of its state: its projections, its metrics, its health.
    fn of_its_state(&self) -> Routes {
        let recorder = telemetry::recorder();
        let Health { store, nats_up, log_refuses, projector, log_extent, .. } = self.health.clone();
        let projections = operator::projections::Deps {
            store: store.clone(),
            projector: projector.clone(),
            log_extent: log_extent.clone(),
            rate: self.rate.clone(),
        };
        let metrics = operator::metrics::Deps {
            recorder,
            store,
            nats_up,
            log_refuses,
            projector,
            log_extent,
        };
        Routes::new()
            .merge(operator::projections::routes(projections))
            .merge(operator::metrics::routes(metrics))
            .merge(operator::performance::routes(self.queries.clone()))
            .merge(operator::state::routes(self.health.clone()))
            .merge(health::routes(self.health.clone()))
    }
}

async fn open_log(settings: stream::LogSettings) -> anyhow::Result<Log> {
    let log = Log::connect(settings).await?;
    if let Err(error) = log.keep_settings().await {
        warn!(error = describe(&error), "the log keeps the settings it has");
    }
    if let Some(reason) = log.sends_singly() {
        warn!(reason, "events go to the log one by one, and not in batches");
    }
    Ok(log)
}

/// Refuses read models that a newer version of the fold made, before anything is written.
///
/// # Errors
/// Fails if they are, or the store does not answer.
pub async fn refuse_newer(store: &Store) -> anyhow::Result<()> {
    let Some(live) = store.live_made_by().await? else { return Ok(()) };
    live.is_readable().context(
        "this program is older than the read models, and changes nothing: start one of their version \
         or a newer one; to go back on purpose, make the read models of this version with `project \
         rebuild`, then `project switch`",
    )
}

/// Follows the log's end, the announcements of commits and the newest snapshot, until `stop`;
/// returns the dependencies of queries and of health.
fn attend(
    log: &Log,
    store: &Store,
    projector: &watch::Receiver<Status>,
    cache: Arc<ResponseCache>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> (Deps, Health) {
    let (tell, known) = log::unknown();
    tasks.spawn(tell.follow(log.clone(), stop.clone()));
    let (judged, judged_seen) = watch::channel(projector.borrow().clone());
    let (own, of_log) = (projector.clone(), known.extent.clone());
    tasks.spawn(judge::follow(store.clone(), of_log, own, judged, stop.clone()));
    let (announcements, announced) = announcements::channel();
    tasks.spawn(announcements::hear(log.clone(), announcements, stop.clone()));
    let (follower, latest) = watch::channel(None::<Latest>);
    let (its_store, its_cache) = (store.clone(), cache.clone());
    tasks.spawn(latest::follow(its_store, its_cache, announced, follower, stop.clone()));
    let (reader, ahead) = watch::channel(None);
    tasks.spawn(ahead::read(cache.clone(), latest.clone(), reader, stop.clone()));
    let (pulse, newest) = (Pulse::default(), latest.clone());
    let deps = Deps {
        store: store.clone(),
        log_end: known.end,
        ask_log_end: ask_log_end(log.clone()),
        projector: judged_seen.clone(),
        latest,
        ahead,
        cache,
        now: Arc::new(query::system_clock),
    };
    let health = Health {
        store: store.clone(),
        nats_up: known.is_up,
        log_refuses: known.refuses,
        projector: judged_seen,
        log_extent: known.extent,
        latest: newest,
        pulse,
        started: Instant::now(),
    };
    (deps, health)
}

fn ask_log_end(log: Log) -> query::AskLogEnd {
    Arc::new(move || {
        let log = log.clone();
        async move { log.extent().await.ok().map(|extent| extent.last) }.boxed()
    })
}
