//! `soak --cluster`: three machines with a nats-server and a mongod each, two with a process of the
//! service each, and a producer that goes on while one leader after the other is lost.
//!
//! # Layout
//!
//! - [`hosts`]: the machines, as network namespaces; [`servers`]: their servers, and who leads;
//! - [`table`]: what came of each loss; here: the losses, and the command.

pub mod hosts;
pub mod servers;
pub mod table;

use std::path::Path;
use std::time::{Duration, Instant};

use adaptive_bi::say;
use adaptive_bi::store::Store;
use adaptive_bi::stream::Log;
use anyhow::{Context, bail, ensure};
use services::Server;

use self::hosts::Hosts;
use self::servers::{SERVERS, Servers};
use self::table::{Leader, Loss, Table, Way};
use super::differences;
use super::doors::Doors;
use super::ground::{self, Disks, Setting};
use super::producer::{Pace, Producer};
use super::report::say_rows;
use super::scene::{PATIENCE, Scene};
use super::serve::{Program, Serve};
use crate::stand::Scratch;

/// The number of times that every leader is lost at least.
const TIMES: usize = 5;
/// The number of machines with a process of the service.
const SERVES: usize = 2;

/// The machines, what runs on them, and what is watched. Dropping it removes all of it.
struct Cluster {
    scene: Scene,
    serves: Vec<Serve>,
    doors: Doors,
    environment: Vec<(&'static str, String)>,
    setting: Setting,
    servers: Servers,
    hosts: Hosts,
    // This is dropped last.
    _folder: Scratch,
}

/// Loses every leader in every way, again until the time is over, and prints what came of it.
///
/// # Errors
/// Fails if an event was lost or is there twice, the documents are not those of an undisturbed fold,
/// or machines cannot be made here.
pub async fn run(cache_dir: &Path, minutes: u64, rate: u64) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(minutes * 60);
    let mut cluster = Cluster::prepare(Setting::here(cache_dir, "cluster", Disks::Plain)?).await?;
    let mut table = Table::default();
    for (round, way) in (0..).zip(Way::ALL.into_iter().cycle()) {
        if round >= TIMES && Instant::now() > until {
            break;
        }
        for leader in Leader::ALL {
            cluster.scene.producer.go(Pace::PerSecond(rate));
            let what = format!("{} {}", leader.name(), way.name());
            let loss = cluster.lose(leader, way).await.with_context(|| what.clone())?;
            say!("{what:<28} pause {:>6.2} s {:?}", loss.pause.as_secs_f64(), loss.found);
            table.add(leader, way, loss);
        }
    }
    let differences = differences(&cluster.scene, &cluster.servers.mongodb_uri()).await?;
    table.print();
    say_rows(cluster.scene.producer.record.tally(), &differences);
    let mut failures = table.failures();
    failures.extend(differences);
    ensure!(failures.is_empty(), "{}", failures.join("; "));
    Ok(())
}

impl Cluster {
    async fn prepare(setting: Setting) -> anyhow::Result<Cluster> {
        std::fs::create_dir_all(&setting.folder)?;
        let folder = Scratch(setting.folder.clone());
        let count = u8::try_from(SERVERS + SERVES)?;
        let hosts = Hosts::make(count)?;
        let servers = Servers::start(&hosts, &setting.folder, &setting.cache_dir).await?;
        let (nats, mongo) = (servers.nats_url(), servers.mongodb_uri());
        let key = ground::key(&mongo).await?;
        let mut settings = ground::log_settings(&nats);
        settings.replicas = Some(SERVERS);
        let log = connected(settings).await?;
        let store = Store::connect(&mongo, Some("soak")).await?;
        let doors = Doors::default();
        let producer = Producer::on(None, doors.clone(), &key, "s", rand::random())?;
        let mut environment = ground::environment(&setting.folder);
        environment.extend([
            ("NATS_URL", nats),
            ("MONGODB_URI", mongo),
            ("STREAM_REPLICAS", SERVERS.to_string()),
        ]);
        let mut cluster = Cluster {
            scene: Scene::of(producer, log, store),
            serves: Vec::new(),
            doors,
            environment,
            setting,
            servers,
            hosts,
            _folder: folder,
        };
        for index in 0..SERVES {
            let mut serve = cluster.serve(index).await?;
            serve.address().await?;
            cluster.serves.push(serve);
        }
        cluster.scene.producer.go(Pace::PerSecond(50));
        cluster.scene.folds_on(Instant::now()).await.with_context(|| cluster.last_lines())?;
        Ok(cluster)
    }

    /// Starts a process of the service on its machine.
    async fn serve(&self, index: usize) -> anyhow::Result<Serve> {
        let host = self.hosts.host(SERVERS + index);
        let program = Program {
            path: &self.setting.program,
            host: Some(&host.name),
            environment: &self.environment,
            doors: &self.doors,
        };
        let data = self.setting.folder.join(format!("serve-{index}")).display().to_string();
        let further = [("BIND", format!("{}:4000", host.address)), ("DATA_DIR", data)];
        Serve::start(&program, &further).await
    }

    /// Loses a leader, waits until the fold goes on and another one leads, and has the lost one back.
    async fn lose(&mut self, leader: Leader, way: Way) -> anyhow::Result<Loss> {
        self.whole().await?;
        let lost = self.wait("leader", async || self.leader(leader).await).await?;
        let since = Instant::now();
        self.harm(leader, way, lost, true).await?;
        // Events that were acknowledged before the harm may come to be folded after it.
        let pause = self.scene.folds_on(since).await.with_context(|| self.last_lines())?;
        let other = async || self.leader(leader).await.filter(|now| *now != lost);
        self.wait("other leader", other).await?;
        self.harm(leader, way, lost, false).await?;
        self.whole().await?;
        let found = self.scene.check().await.with_context(|| self.last_lines())?;
        Ok(Loss { pause, found })
    }

    /// Puts the harm on what leads there, or ends it.
    async fn harm(
        &mut self,
        leader: Leader,
        way: Way,
        at: usize,
        begins: bool,
    ) -> anyhow::Result<()> {
        let server = leader.server();
        let host = if server.is_some() { at } else { SERVERS + at };
        let process = match server {
            Some(server) => self.servers.process(at, server),
            None => &mut self.serves[at].process,
        };
        match (way, begins) {
            (Way::CutOff, _) => self.hosts.cut_off(host, begins),
            (Way::Frozen, _) => process.freeze(begins),
            (Way::Killed, true) => process.kill().await,
            (Way::Killed, false) => match server {
                Some(server) => self.servers.start_again(at, server).await,
                None => {
                    self.serves[at] = self.serve(at).await?;
                    self.serves[at].address().await.map(|_| ())
                }
            },
        }
    }

    /// The index of the machine, of those with servers or of those with a process of the service,
    /// that leads.
    async fn leader(&self, leader: Leader) -> Option<usize> {
        match leader {
            Leader::Meta => self.servers.meta_leader().await,
            Leader::Stream => self.servers.stream_leader().await,
            Leader::Primary => self.servers.primary().await,
            Leader::Fold => {
                let asked = self.scene.store.lease_pid();
                let pid =
                    tokio::time::timeout(Duration::from_secs(2), asked).await.ok()?.ok()??;
                self.serves.iter().position(|serve| serve.process.pid() == Some(pid))
            }
        }
    }

    /// Waits until nothing is missing anywhere.
    async fn whole(&self) -> anyhow::Result<()> {
        let whole = async || self.servers.are_whole().await.then_some(());
        self.wait("cluster that is whole", whole).await
    }

    async fn wait<T>(&self, what: &str, ask: impl AsyncFnMut() -> Option<T>) -> anyhow::Result<T> {
        self.scene.wait(what, ask).await.with_context(|| self.last_lines())
    }

    fn last_lines(&self) -> String {
        let said: Vec<_> = self.serves.iter().map(Serve::last_lines).collect();
        format!("the processes said {}", said.join("\n  and"))
    }
}

/// The log, once the cluster has a leader that makes it.
async fn connected(settings: adaptive_bi::stream::LogSettings) -> anyhow::Result<Log> {
    let until = Instant::now() + PATIENCE;
    loop {
        match Log::connect(settings.clone()).await {
            Ok(log) => return Ok(log),
            Err(error) if Instant::now() > until => bail!("the cluster has no log: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

impl Leader {
    /// The server whose process is the leader; none for the service.
    fn server(self) -> Option<Server> {
        match self {
            Leader::Meta | Leader::Stream => Some(Server::Nats),
            Leader::Primary => Some(Server::Mongod),
            Leader::Fold => None,
        }
    }
}
