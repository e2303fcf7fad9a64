//! The ground that faults are put on: servers of its own, two processes of the service, a producer.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use adaptive_bi::auth::key;
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::store::Store;
use adaptive_bi::store::platform::Platform;
use adaptive_bi::stream::{self, Log};
use anyhow::{Context, bail, ensure};
use services::{Server, Services};

use super::doors::Doors;
use super::producer::{Pace, Producer};
use super::proxy::Proxy;
use super::scene::{PATIENCE, STEP, Scene};
use super::serve::{Program, Serve};
use crate::layer::Layer;
use crate::layer::tree::Lost;

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
    /// The disks of the servers.
    pub disks: Disks,
    /// The interval at which nats-server syncs the log; zero is before it acknowledges.
    pub sync: Duration,
}

/// The disks of the servers. All but plain ones need the right to mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disks {
    /// The disk of the folder.
    Plain,
    /// A disk of its own for each server, of so many bytes.
    Small(u64),
    /// A [layer](crate::layer) for each server, which loses at a power cut what was not synced.
    Losing,
}

/// The ground. Dropping it kills all that runs on it.
pub struct Ground {
    /// The two processes of the service; one that was killed is started anew.
    pub serves: Vec<Serve>,
    /// The producer, and the log and the store by direct connections.
    pub scene: Scene,
    /// The producer's line to NATS.
    pub line: Proxy,
    /// The servers.
    pub services: Services,
    setting: Setting,
    environment: Vec<(&'static str, String)>,
    doors: Doors,
    // This is dropped last.
    folder: Folder,
}

/// A folder, and the disks in it, that are removed when this is dropped.
pub(super) struct Folder {
    path: PathBuf,
    disks: Vec<PathBuf>,
    layers: Vec<Layer>,
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.layers.clear();
        for disk in &self.disks {
            let _ = Command::new("umount").arg("--lazy").arg(disk).status();
        }
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

impl Folder {
    /// The folder of a setting, with the disks of the servers.
    pub(super) fn make(setting: &Setting) -> anyhow::Result<Folder> {
        std::fs::create_dir_all(&setting.folder)?;
        let path = setting.folder.clone();
        let mut folder = Folder { path, disks: Vec::new(), layers: Vec::new() };
        for name in [NATS_FOLDER, MONGOD_FOLDER] {
            match setting.disks {
                Disks::Plain => {}
                Disks::Small(bytes) => folder.mount_small(name, bytes)?,
                Disks::Losing => {
                    let at = setting.folder.join(name);
                    let layer = Layer::mount(&at, &setting.folder.join(format!("{name}-bytes")));
                    folder.layers.push(layer.context("a layer cannot be mounted here")?);
                    folder.disks.push(at);
                }
            }
        }
        Ok(folder)
    }

    fn mount_small(&mut self, name: &str, bytes: u64) -> anyhow::Result<()> {
        let disk = self.path.join(name);
        std::fs::create_dir_all(&disk)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(&disk);
        let mounted = mount.output().context("mounting a small disk")?;
        let why = String::from_utf8_lossy(&mounted.stderr).trim().to_owned();
        ensure!(mounted.status.success(), "a small disk cannot be mounted here: {why}");
        self.disks.push(disk);
        Ok(())
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
            nats: services::NatsOptions { sync_interval: setting.sync, ..Default::default() },
            mongo_cache_gb: 1.0,
        };
        let services = Services::start(&services, &|_| ()).await?;
        let log = Log::connect(log_settings(services.nats_url())).await?;
        let store = Store::connect(services.mongodb_uri(), Some("soak")).await?;
        let line = Proxy::to(&host(services.nats_url())).await?;
        let through = Log::connect(log_settings(&format!("nats://{}", line.address()))).await?;
        let (doors, key) = (Doors::default(), key(services.mongodb_uri()).await?);
        let producer = Producer::on(Some(through), doors.clone(), &key, "s", rand::random())?;
        let mut ground = Ground {
            serves: Vec::new(),
            scene: Scene::of(producer, log, store),
            line,
            services,
            environment: environment(&setting.folder),
            setting,
            doors,
            folder,
        };
        ground.scene.producer.go(Pace::PerSecond(50));
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
        serve.process.address().await?;
        Ok(serve)
    }

    /// Starts another process of the service, and does not wait for it.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub async fn start(&self, failpoint: Option<&str>) -> anyhow::Result<Serve> {
        let (nats, mongo) = (host(self.services.nats_url()), host(self.services.mongodb_uri()));
        let program = Program {
            path: &self.setting.program,
            environment: &self.environment,
            doors: &self.doors,
        };
        Serve::behind_lines(&program, &nats, &mongo, failpoint).await
    }

    /// Ensures that two processes run.
    ///
    /// # Errors
    /// Fails if one does not start.
    pub async fn staff(&mut self) -> anyhow::Result<()> {
        let mut there = Vec::new();
        for mut serve in std::mem::take(&mut self.serves) {
            if serve.process.ended()?.is_none() {
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
            let pid = self.scene.store.lease_pid().await.ok()??;
            self.serves.iter().position(|serve| serve.process.pid() == Some(pid))
        })
        .await
    }

    /// The states that both processes report of themselves: the answers of `/health/ready`.
    ///
    /// # Errors
    /// Fails if one does not listen.
    pub async fn readiness(&mut self) -> anyhow::Result<Vec<serde_json::Value>> {
        let mut judged = Vec::new();
        for serve in &mut self.serves {
            let url = format!("http://{}/health/ready", serve.process.address().await?);
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

    /// Cuts the power of both servers, whose disks are layers: they are killed, and what they had not
    /// synced is gone. Returns what that was, of nats-server and of mongod. They do not run then.
    ///
    /// # Errors
    /// Fails if they cannot be killed, or their disks are no layers.
    pub async fn lose_power(&mut self) -> anyhow::Result<[Lost; 2]> {
        let (services, layers) = (&self.services, &mut self.folder.layers);
        let (nats, mongod) =
            tokio::join!(services.kill(Server::Nats), services.kill(Server::Mongod));
        nats.and(mongod)?;
        let [nats, mongod] = &mut **layers else { bail!("no disk of them loses anything") };
        let cut = || anyhow::Ok([nats.cut()?, mongod.cut()?]);
        tokio::task::block_in_place(cut).context("cutting the power")
    }

    /// Starts both servers.
    ///
    /// # Errors
    /// Fails if one does not start.
    pub async fn have_power(&self) -> anyhow::Result<()> {
        let start = |server| self.services.restart(server, &|_| ());
        let (nats, mongod) = tokio::join!(start(Server::Nats), start(Server::Mongod));
        nats.context("starting nats-server again")?;
        mongod.context("starting mongod again")
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

    /// As [`Scene::folds_on`], with the last lines of the processes in the error.
    ///
    /// # Errors
    /// Fails if that takes minutes.
    pub async fn folds_on(&self, since: Instant) -> anyhow::Result<Duration> {
        self.scene.folds_on(since).await.with_context(|| self.last_lines())
    }

    /// As [`Scene::wait`], with the last lines of the processes in the error.
    ///
    /// # Errors
    /// Fails if there is no answer for minutes.
    pub async fn wait<T>(
        &self,
        what: &str,
        ask: impl AsyncFnMut() -> Option<T>,
    ) -> anyhow::Result<T> {
        self.scene.wait(what, ask).await.with_context(|| self.last_lines())
    }

    fn last_lines(&self) -> String {
        let said: Vec<_> = self.serves.iter().map(|serve| serve.process.last_lines()).collect();
        format!("the processes said {}", said.join("\n  and"))
    }

    /// Ends the service and stops the servers.
    ///
    /// # Errors
    /// Fails if the folder cannot be written to.
    pub async fn clear(mut self) -> anyhow::Result<()> {
        for serve in &mut self.serves {
            serve.process.kill().await?;
        }
        Ok(self.services.stop().await?)
    }
}

pub(super) fn log_settings(url: &str) -> stream::LogSettings {
    stream::LogSettings {
        url: url.to_owned(),
        stream: "SOAK".to_owned(),
        prefix: "soak".to_owned(),
        max_bytes: 20 << 30,
        replicas: None,
    }
}

pub(super) fn environment(folder: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("NATS_STREAM", "SOAK".to_owned()),
        ("SUBJECT_PREFIX", "soak".to_owned()),
        ("STREAM_MAX_BYTES", (20_i64 << 30).to_string()),
        ("MONGODB_DB", "soak".to_owned()),
        ("RATE_LIMIT_MAX_REQUESTS", "0".to_owned()),
        ("RATE_LIMIT_MAX_ADDRESS_REQUESTS", "0".to_owned()),
        ("RATE_LIMIT_MAX_EVENTS", "0".to_owned()),
        ("JWT_SECRET", "nobody signs in while it is soaked".to_owned()),
        ("DATA_DIR", folder.join("serve").display().to_string()),
    ]
}

/// A key that may send events of any kind.
pub(super) async fn key(mongodb_uri: &str) -> anyhow::Result<String> {
    let platform = Platform::connect(mongodb_uri, Some("soak")).await?;
    platform.prepare_accounts().await?;
    let key = key::make("soak", &[Scope::EventsWrite(None)], "soak", None);
    platform.insert_key(&key.row).await?;
    Ok(key.text)
}

/// `host:port` of an address.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}
