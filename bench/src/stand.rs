//! A stand for one measurement: servers of its own in a folder that is removed at its end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adaptive_bi::app::App;
use adaptive_bi::auth::key;
use adaptive_bi::config;
use adaptive_bi::plain::Writer;
use adaptive_bi::projector::Projector;
use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::projector::changes::Tracker;
use adaptive_bi::projector::status::{State, Status};
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::store::Store;
use adaptive_bi::store::plain::SUFFIX;
use adaptive_bi::stream::{self, Log};
use mongodb::bson::doc;
use projections::family::Families;
use projections::fold::root::FoldSettings;
use services::Services;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The servers, and connections to them. Dropping it kills the servers and removes their folder.
pub struct Stand {
    /// The servers.
    pub services: Services,
    /// The store.
    pub store: Store,
    /// The log.
    pub log: Log,
    /// Whether the projectors that it starts have plain models written.
    pub plain: bool,
    stands: u32,
    // This is dropped after the servers, in the order of these fields.
    folder: Scratch,
}

/// A folder that is removed when this is dropped.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    /// A folder below the system's for temporary files, which this process alone has. It is made by
    /// whoever needs it first.
    pub(crate) fn named(name: &str) -> Self {
        let name = format!("adaptive-bi-{name}-{}", std::process::id());
        Scratch(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let removed = std::fs::remove_dir_all(&self.0);
        if let Err(error) = removed.or_else(|error| match error.kind() {
            // Nobody needed it.
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        }) {
            tracing::warn!(%error, folder = %self.0.display(), "a folder of the benchmark stays");
        }
    }
}

impl Stand {
    /// Starts servers in a new folder below the system's for temporary files.
    ///
    /// # Errors
    /// Fails if a server does not start.
    pub async fn start(cache_dir: PathBuf) -> anyhow::Result<Self> {
        Stand::start_with("bench", cache_dir, services::NatsOptions::default()).await
    }

    /// Starts servers with options for nats-server, in a folder of another name.
    ///
    /// # Errors
    /// Fails if a server does not start.
    pub async fn start_with(
        name: &str,
        cache_dir: PathBuf,
        nats: services::NatsOptions,
    ) -> anyhow::Result<Self> {
        let folder = Scratch::named(name);
        let settings = services::ServicesSettings {
            data_dir: folder.0.clone(),
            cache_dir,
            nats_url: None,
            mongodb_uri: None,
            nats,
            mongo_cache_gb: 2.0,
        };
        let services = Services::start(&settings, &services::to_stderr).await?;
        let (store, log) = connect(&services, "EVENTS", "bench").await?;
        Ok(Stand { services, store, log, folder, plain: false, stands: 0 })
    }

    /// Gives the same servers an empty log and an empty database; the ones before are removed.
    ///
    /// # Errors
    /// Fails if a server does not answer.
    pub async fn fresh(&mut self, name: &str) -> anyhow::Result<()> {
        self.log.delete().await?;
        let plain = format!("{}{SUFFIX}", self.store.database().name());
        self.store.database().client().database(&plain).drop().await?;
        self.store.database().drop().await?;
        self.stands += 1;
        let name = format!("{name}-{}", self.stands);
        let stream = name.to_uppercase().replace('-', "_");
        (self.store, self.log) = connect(&self.services, &stream, &name).await?;
        Ok(())
    }

    /// Waits until mongod has put on its disk what was written, as it does each minute, so that what is
    /// measured next is not beside that.
    ///
    /// # Errors
    /// Fails if the server does not answer.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let admin = self.store.database().client().database("admin");
        admin.run_command(doc! { "fsync": 1 }).await?;
        Ok(())
    }

    /// Gives the same log an empty database; the one before is removed.
    ///
    /// # Errors
    /// Fails if the server does not answer.
    pub async fn fresh_store(&mut self) -> anyhow::Result<()> {
        self.store.database().drop().await?;
        self.stands += 1;
        let name = format!("bench_families_{}", self.stands);
        self.store = Store::connect(self.services.mongodb_uri(), Some(&name)).await?;
        Ok(())
    }

    /// Settings of a service on these servers.
    ///
    /// # Errors
    /// Never: the arguments are constants that parse.
    fn settings(&self) -> anyhow::Result<config::Settings> {
        #[derive(clap::Parser)]
        struct Wrapped {
            #[command(flatten)]
            settings: config::Settings,
        }
        let (log, database) = (&self.log.settings, self.store.database().name().to_owned());
        let arguments = [
            "bench".to_owned(),
            format!("--nats-stream={}", log.stream),
            format!("--subject-prefix={}", log.prefix),
            format!("--mongodb-db={database}"),
            format!("--stream-max-bytes={}", log.max_bytes),
            format!("--data-dir={}", self.folder.0.display()),
            // The measurement is of the speed of answers, so there is no limit on requests.
            "--rate-limit-max-requests=0".to_owned(),
            "--rate-limit-max-address-requests=0".to_owned(),
            "--rate-limit-max-events=0".to_owned(),
        ];
        Ok(<Wrapped as clap::Parser>::try_parse_from(arguments)?.settings)
    }

    /// Starts the service on the present log and database, with a key of these `scopes`.
    ///
    /// # Errors
    /// Fails if it does not start.
    pub async fn serve(&self, scopes: &[Scope]) -> anyhow::Result<(App, String)> {
        let (settings, listener) = (self.settings()?, TcpListener::bind("127.0.0.1:0").await?);
        let (nats, mongo) = (self.services.nats_url(), self.services.mongodb_uri());
        let app = App::start(&settings, listener, nats, mongo).await?;
        let key = key::make("bench", scopes, "bench", None);
        app.platform.insert_key(&key.row).await?;
        Ok((app, key.text))
    }

    /// The folder of its servers' data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Starts a projector.
    #[must_use]
    pub fn project(&self, limits: BatchLimits) -> Folding {
        self.project_counting(Families::ALL, limits)
    }

    /// Starts a projector that counts some families alone.
    #[must_use]
    pub fn project_counting(&self, families: Families, limits: BatchLimits) -> Folding {
        let initial = Status { state: State::Starting, position: 0 };
        let (status, seen) = watch::channel(initial);
        let stop = CancellationToken::new();
        let changes = self.plain.then(Arc::<Tracker>::default);
        let plain = changes.clone().map(|tracker| {
            let (writer, written) = Writer::new(self.store.clone(), tracker, "en", stop.clone());
            (written, tokio::spawn(writer.run()))
        });
        let projector = Projector {
            store: self.store.clone(),
            log: self.log.clone(),
            settings: FoldSettings::new("GBP"),
            limits,
            rebuild_on_upgrade: false,
            families,
            changes,
            status: Arc::new(status),
        };
        let task = tokio::spawn(projector.run(stop.clone()));
        Folding { status: seen, plain, stop, task }
    }

    /// Stops the servers and removes their folder.
    ///
    /// # Errors
    /// Fails if the folder cannot be written to.
    pub async fn stop(self) -> anyhow::Result<()> {
        Ok(self.services.stop().await?)
    }
}

async fn connect(services: &Services, stream: &str, name: &str) -> anyhow::Result<(Store, Log)> {
    let log = Log::connect(stream::LogSettings {
        url: services.nats_url().to_owned(),
        stream: stream.to_owned(),
        prefix: format!("events-{name}"),
        max_bytes: 20 << 30,
        replicas: None,
    })
    .await?;
    let store = Store::connect(services.mongodb_uri(), Some(&format!("bench_{name}"))).await?;
    Ok((store, log))
}

/// A projector that runs.
pub struct Folding {
    /// Its status.
    pub status: watch::Receiver<Status>,
    /// The position up to which plain models are written, and the task that writes them.
    plain: Option<(watch::Receiver<u64>, JoinHandle<()>)>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Folding {
    /// Waits until the projector has committed `position`, and returns the time that it took.
    ///
    /// # Errors
    /// Fails if it halts, or commits nothing for ten minutes.
    pub async fn reach(&mut self, position: u64) -> anyhow::Result<Duration> {
        let started = Instant::now();
        loop {
            let status = self.status.borrow_and_update().clone();
            if let State::Halted(halt) = &status.state {
                anyhow::bail!("the projector halted: {halt}");
            }
            if status.position >= position {
                return Ok(started.elapsed());
            }
            tokio::time::timeout(Duration::from_mins(10), self.status.changed()).await??;
        }
    }

    /// Waits until plain models are as far as `position`, if they are written.
    ///
    /// # Errors
    /// Fails if that takes longer than ten minutes.
    pub async fn written(&mut self, position: u64) -> anyhow::Result<()> {
        if let Some((written, _)) = &mut self.plain {
            let reached = written.wait_for(|written| *written >= position);
            tokio::time::timeout(Duration::from_mins(10), reached).await??;
        }
        Ok(())
    }

    /// Stops the projector.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
        if let Some((_, task)) = self.plain {
            let _ = task.await;
        }
    }
}
