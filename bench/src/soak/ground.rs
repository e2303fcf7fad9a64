//! The ground that faults are put on: servers of its own, two processes of the service, a producer.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use adaptive_bi::store::Store;
use adaptive_bi::store::generation::Checkpoint;
use adaptive_bi::stream::{self, Log};
use anyhow::{Context, bail, ensure};
use services::Services;

use super::check::{Check, Found};
use super::producer::{Pace, Producer};
use super::proxy::Proxy;
use super::serve::{Program, Serve};

/// The time within which an awaited result must come.
const PATIENCE: Duration = Duration::from_mins(3);
/// The interval between two looks for it.
const STEP: Duration = Duration::from_millis(10);
const MONGOD_FOLDER: &str = "mongodb";
const NATS_FOLDER: &str = "nats";

/// The program and its environment.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The program whose `serve` is harmed.
    pub program: PathBuf,
    /// The folder of the servers' data; made here, and removed at the end.
    pub folder: PathBuf,
    /// The folder of the servers' programs.
    pub cache_dir: PathBuf,
    /// The bytes of a disk of its own for each server, if they are to have small ones (this needs
    /// the right to mount).
    pub disk: Option<u64>,
}

/// The ground. Dropping it kills all that runs on it.
pub struct Ground {
    /// The two processes of the service; one that was killed is started anew.
    pub serves: Vec<Serve>,
    /// The producer.
    pub producer: Producer,
    /// The producer's line to NATS.
    pub line: Proxy,
    /// The log, by a direct connection.
    pub log: Log,
    /// The store, by a direct connection.
    pub store: Store,
    /// The servers.
    pub services: Services,
    check: Check,
    setting: Setting,
    environment: Vec<(&'static str, String)>,
    // This is dropped last.
    _folder: Folder,
}

/// A folder, and the small disks in it, that are removed when this is dropped.
struct Folder {
    path: PathBuf,
    disks: Vec<PathBuf>,
}

impl Drop for Folder {
    fn drop(&mut self) {
        for disk in &self.disks {
            let _ = Command::new("umount").arg("--lazy").arg(disk).status();
        }
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

impl Folder {
    fn make(setting: &Setting) -> anyhow::Result<Folder> {
        std::fs::create_dir_all(&setting.folder)?;
        let mut folder = Folder { path: setting.folder.clone(), disks: Vec::new() };
        let Some(bytes) = setting.disk else { return Ok(folder) };
        for name in [MONGOD_FOLDER, NATS_FOLDER] {
            let disk = setting.folder.join(name);
            std::fs::create_dir_all(&disk)?;
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(&disk);
            let mounted = mount.output().context("mounting a small disk")?;
            let why = String::from_utf8_lossy(&mounted.stderr).trim().to_owned();
            ensure!(mounted.status.success(), "a small disk cannot be mounted here: {why}");
            folder.disks.push(disk);
        }
        Ok(folder)
    }
}

impl Ground {
    /// Starts servers and two processes of the service, and folds a first event.
    ///
    /// # Errors
    /// Fails if one of them does not start.
    pub async fn prepare(setting: Setting) -> anyhow::Result<Ground> {
        let folder = Folder::make(&setting)?;
        let services = services::ServicesSettings {
            data_dir: setting.folder.clone(),
            cache_dir: setting.cache_dir.clone(),
            nats_url: None,
            mongodb_uri: None,
            nats: services::NatsOptions::default(),
            mongo_cache_gb: 1.0,
        };
        let services = Services::start(&services, &|_| ()).await?;
        let log = Log::connect(log_settings(services.nats_url())).await?;
        let store = Store::connect(services.mongodb_uri(), Some("soak")).await?;
        let line = Proxy::to(&host(services.nats_url())).await?;
        let through = Log::connect(log_settings(&format!("nats://{}", line.address()))).await?;
        let mut ground = Ground {
            serves: Vec::new(),
            producer: Producer::on(through, "s", rand::random()),
            line,
            check: Check::of(log.clone(), store.clone()),
            log,
            store,
            services,
            environment: environment(&setting.folder),
            setting,
            _folder: folder,
        };
        ground.producer.go(Pace::PerSecond(50));
        ground.staff().await?;
        ground.folds_on(Instant::now()).await?;
        Ok(ground)
    }

    /// Starts another process of the service.
    ///
    /// # Errors
    /// Fails if it does not start to listen.
    pub async fn hire(&self, failpoint: Option<&str>) -> anyhow::Result<Serve> {
        let mut serve = self.start(failpoint).await?;
        serve.address().await?;
        Ok(serve)
    }

    /// Starts another process of the service, and does not wait for it.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub async fn start(&self, failpoint: Option<&str>) -> anyhow::Result<Serve> {
        let (nats, mongo) = (host(self.services.nats_url()), host(self.services.mongodb_uri()));
        let (path, environment) = (self.setting.program.as_path(), &*self.environment);
        let program = Program { path, nats: &nats, mongo: &mongo, environment };
        Serve::start(&program, failpoint).await
    }

    /// Ensures that two processes run.
    ///
    /// # Errors
    /// Fails if one does not start.
    pub async fn staff(&mut self) -> anyhow::Result<()> {
        let mut there = Vec::new();
        for mut serve in std::mem::take(&mut self.serves) {
            if serve.ended()?.is_none() {
                there.push(serve);
            }
        }
        while there.len() < 2 {
            there.push(self.hire(None).await?);
        }
        self.serves = there;
        Ok(())
    }

    /// The index of the process that folds, once one does.
    ///
    /// # Errors
    /// Fails if none does.
    pub async fn folder(&self) -> anyhow::Result<usize> {
        self.wait("process that folds", async || {
            let pid = self.store.lease_pid().await.ok()??;
            self.serves.iter().position(|serve| serve.pid() == Some(pid))
        })
        .await
    }

    /// Waits until an event that was acknowledged from now on is folded; returns the time since
    /// `since`. The producer has to go on.
    ///
    /// # Errors
    /// Fails if that takes minutes.
    pub async fn folds_on(&self, since: Instant) -> anyhow::Result<Duration> {
        let last = self.producer.record.last();
        let news = async || Some(self.producer.record.last()).filter(|news| *news > last);
        let position = self.wait("acknowledged event", news).await?;
        self.reaches(position).await?;
        Ok(since.elapsed())
    }

    /// Waits until all events up to `position` are folded.
    ///
    /// # Errors
    /// Fails if that takes minutes.
    pub async fn reaches(&self, position: u64) -> anyhow::Result<Checkpoint> {
        let reached = async || self.checkpoint().await.filter(|it| it.position >= position);
        self.wait(&format!("commit at {position}"), reached).await
    }

    /// The checkpoint, if the database answers.
    pub async fn checkpoint(&self) -> Option<Checkpoint> {
        tokio::time::timeout(Duration::from_secs(10), self.store.checkpoint(1)).await.ok()?.ok()?
    }

    /// Rests the producer, waits for the fold, and compares the stored events with the producer's
    /// record.
    ///
    /// # Errors
    /// Fails if a server does not answer, or the fold does not come to the end of the log.
    pub async fn check(&mut self) -> anyhow::Result<Found> {
        self.producer.rest().await;
        let last = self.wait("end of the log", async || Some(self.log.extent().await.ok()?.last));
        let last = last.await?;
        let checkpoint = self.reaches(last).await?;
        self.check.against(&self.producer.record, &checkpoint, last).await
    }

    /// The states that both processes report of themselves: the answers of `/health/ready`.
    ///
    /// # Errors
    /// Fails if one does not listen.
    pub async fn readiness(&mut self) -> anyhow::Result<Vec<serde_json::Value>> {
        let mut judged = Vec::new();
        for serve in &mut self.serves {
            let url = format!("http://{}/health/ready", serve.address().await?);
            let answer = reqwest::get(url).await?.json().await?;
            judged.push(answer);
        }
        Ok(judged)
    }

    /// Waits until `says` holds for the answer of one of the processes.
    ///
    /// # Errors
    /// Fails if none does for minutes.
    pub async fn until_one_says(
        &mut self,
        says: impl Fn(&serde_json::Value) -> bool,
    ) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let judged = self.readiness().await?;
            if judged.iter().any(&says) {
                return Ok(());
            }
            ensure!(Instant::now() < until, "none of them says so: {judged:?}");
            tokio::time::sleep(STEP * 5).await;
        }
    }

    /// The folder of nats-server's log.
    #[must_use]
    pub fn log_folder(&self) -> PathBuf {
        self.setting.folder.join(NATS_FOLDER)
    }

    /// The folder of mongod's data.
    #[must_use]
    pub fn store_folder(&self) -> PathBuf {
        self.setting.folder.join(MONGOD_FOLDER)
    }

    /// Calls `ask` until there is an answer.
    ///
    /// # Errors
    /// Fails if there is none for minutes; with the last lines of the processes.
    pub async fn wait<T>(
        &self,
        what: &str,
        mut ask: impl AsyncFnMut() -> Option<T>,
    ) -> anyhow::Result<T> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ask().await {
                return Ok(answer);
            }
            if Instant::now() > until {
                let at = self.checkpoint().await.map(|it| it.position);
                let said: Vec<_> = self.serves.iter().map(|serve| serve.last_lines()).collect();
                bail!("no {what}; the checkpoint is at {at:?}; {}", said.join("\n  and"));
            }
            tokio::time::sleep(STEP).await;
        }
    }

    /// Ends the service and stops the servers.
    ///
    /// # Errors
    /// Fails if the folder cannot be written to.
    pub async fn clear(mut self) -> anyhow::Result<()> {
        for serve in &mut self.serves {
            serve.kill().await?;
        }
        Ok(self.services.stop().await?)
    }
}

fn log_settings(url: &str) -> stream::LogSettings {
    stream::LogSettings {
        url: url.to_owned(),
        stream: "SOAK".to_owned(),
        prefix: "soak".to_owned(),
        max_bytes: 20 << 30,
    }
}

fn environment(folder: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("NATS_STREAM", "SOAK".to_owned()),
        ("SUBJECT_PREFIX", "soak".to_owned()),
        ("STREAM_MAX_BYTES", (20_i64 << 30).to_string()),
        ("MONGODB_DB", "soak".to_owned()),
        ("JWT_SECRET", "nobody signs in while it is soaked".to_owned()),
        ("DATA_DIR", folder.join("serve").display().to_string()),
    ]
}

/// `host:port` of an address.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}
