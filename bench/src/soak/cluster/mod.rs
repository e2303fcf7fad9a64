//! A cluster as a ground for faults: three nats-servers with a stream of three replicas, three
//! mongods as one replica set, two processes of the service, a producer. The faults take away
//! whoever leads at the moment.
//!
//! # Layout, from the bottom to the top
//!
//! - [`network`]: machines that can be cut off from each other; [`machines`]: what runs on each;
//! - [`leaders`]: who leads; [`pulse`]: the pauses of the fold;
//! - here: the cluster, and the loss of a leader.

pub mod leaders;
pub mod machines;
pub mod network;
pub mod pulse;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use adaptive_bi::store::Store;
use adaptive_bi::stream::{Log, LogSettings};
use anyhow::{Context, bail};
use leaders::{ANSWER, Leaders};
use machines::{Machines, Place, Role, SERVERS};
use pulse::Pulse;

use super::doors::Doors;
use super::fault::{Fault, Leader, Struck, Way};
use super::ground::{Folder, Setting, environment, key, log_settings};
use super::producer::{Pace, Producer};
use super::scene::{Scene, patiently};
use super::target::Target;
use crate::process::Process;

/// The cluster. Dropping it kills all that runs on it.
pub struct Cluster {
    scene: Scene,
    leaders: Leaders,
    mongodb_uri: String,
    processes: BTreeMap<Place, Process>,
    machines: Machines,
    // This is dropped last.
    _folder: Folder,
}

impl Cluster {
    /// Starts the servers and two processes of the service, and folds a first event.
    ///
    /// # Errors
    /// Fails if one of them does not start.
    pub async fn prepare(setting: &Setting) -> anyhow::Result<Cluster> {
        let (folder, doors) = (Folder::make(setting)?, Doors::default());
        let Setting { program, folder: path, cache_dir, .. } = setting;
        let environment = environment(path);
        let machines = Machines::lay(cache_dir, path, program, environment, doors.clone()).await?;
        let mut processes = BTreeMap::new();
        for place in Machines::servers() {
            processes.insert(place, machines.start(place).await?);
        }
        let settings =
            LogSettings { replicas: Some(SERVERS), ..log_settings(&machines.nats_url()) };
        let leaders = Leaders::of(&machines, &settings.stream)?;
        leaders.initiate().await?;
        let log = connect(&settings).await?;
        let mongodb_uri = machines.mongodb_uri();
        let store = Store::connect(&mongodb_uri, Some("soak")).await?;
        let through = connect(&settings).await?;
        let key = key(&mongodb_uri).await?;
        let producer = Producer::on(Some(through), doors, &key, "s", rand::random())?;
        let scene = Scene::of(producer, log, store);
        let mut cluster =
            Cluster { scene, leaders, mongodb_uri, processes, machines, _folder: folder };
        cluster.scene.producer.go(Pace::PerSecond(50));
        cluster.staff().await?;
        cluster.are_whole().await?;
        cluster.folds_on(Instant::now()).await?;
        Ok(cluster)
    }

    /// Takes a leader away until another leads and the fold goes on, and waits until all is as
    /// before.
    async fn lose(&mut self, leader: Leader, way: Way) -> anyhow::Result<Struck> {
        let machine = self.wait("leader", async || self.leader(leader).await).await?;
        let place = (role(leader), machine);
        let pulse = Pulse::of(self.scene.store.clone());
        let since = Instant::now();
        self.harm(place, way).await?;
        let other = async || self.leader(leader).await.filter(|it| *it != machine);
        self.wait("other leader", other).await?;
        // Answers of the lost leader have come by now, so the next one is of its successor.
        let recovery = self.folds_on(since).await?;
        self.heal(place, way).await?;
        self.are_whole().await?;
        self.folds_on(Instant::now()).await?;
        Ok(Struck { hit: true, recovery, pause: Some(pulse.longest()) })
    }

    /// The machine of a leader, if there is one now.
    async fn leader(&self, leader: Leader) -> Option<usize> {
        match leader {
            Leader::Stream => self.leaders.of_stream().await,
            Leader::Meta => self.leaders.of_meta().await,
            Leader::Primary => self.leaders.primary().await,
            Leader::Folder => {
                let pid = tokio::time::timeout(ANSWER, self.scene.store.lease_pid()).await;
                let pid = pid.ok()?.ok()??;
                let mut all = self.processes.iter();
                all.find(|(_, process)| process.pid() == Some(pid)).map(|(place, _)| place.1)
            }
        }
    }

    async fn harm(&mut self, place: Place, way: Way) -> anyhow::Result<()> {
        match way {
            Way::Killed => self.process(place)?.kill().await,
            Way::Frozen => self.process(place)?.freeze(true),
            Way::CutOff => self.machines.network.cut_off(place.1, true).await,
        }
    }

    async fn heal(&mut self, place: Place, way: Way) -> anyhow::Result<()> {
        match way {
            Way::Killed => self.start(place).await,
            Way::Frozen => self.process(place)?.freeze(false),
            Way::CutOff => self.machines.network.cut_off(place.1, false).await,
        }
    }

    async fn start(&mut self, place: Place) -> anyhow::Result<()> {
        let mut process = self.machines.start(place).await?;
        if place.0 == Role::Serve {
            process.address().await?;
        }
        self.processes.insert(place, process);
        Ok(())
    }

    fn process(&mut self, place: Place) -> anyhow::Result<&mut Process> {
        self.processes.get_mut(&place).with_context(|| format!("no process at {place:?}"))
    }

    /// Waits until every server is there and has what the leaders have.
    async fn are_whole(&self) -> anyhow::Result<()> {
        let whole = async || self.leaders.are_whole().await.then_some(());
        self.wait("cluster that is whole", whole).await
    }

    async fn folds_on(&self, since: Instant) -> anyhow::Result<Duration> {
        self.scene.folds_on(since).await.with_context(|| self.last_lines())
    }

    async fn wait<T>(&self, what: &str, ask: impl AsyncFnMut() -> Option<T>) -> anyhow::Result<T> {
        self.scene.wait(what, ask).await.with_context(|| self.last_lines())
    }

    fn last_lines(&self) -> String {
        let said = self.processes.iter().map(|(place, it)| format!("{place:?}{}", it.last_lines()));
        format!("the processes said\n  {}", said.collect::<Vec<_>>().join("\n  "))
    }
}

impl Target for Cluster {
    fn scene(&mut self) -> &mut Scene {
        &mut self.scene
    }

    fn mongodb_uri(&self) -> &str {
        &self.mongodb_uri
    }

    fn why_not(&self, fault: Fault) -> Option<String> {
        let is_off = fault.loss().is_some_and(|(_, way)| way == Way::CutOff);
        self.machines.network.why_not().filter(|_| is_off).map(str::to_owned)
    }

    async fn staff(&mut self) -> anyhow::Result<()> {
        for place in Machines::serves() {
            let ended = self.processes.get_mut(&place).map(Process::ended).transpose()?;
            if ended.is_none_or(|status| status.is_some()) {
                self.start(place).await?;
            }
        }
        Ok(())
    }

    async fn strike(&mut self, fault: Fault) -> anyhow::Result<Struck> {
        let Some((leader, way)) = fault.loss() else { bail!("it is not for a cluster") };
        self.lose(leader, way).await
    }

    async fn clear(mut self) -> anyhow::Result<()> {
        for process in self.processes.values_mut() {
            process.kill().await?;
        }
        Ok(())
    }
}

/// The program that a leader is.
fn role(leader: Leader) -> Role {
    match leader {
        Leader::Stream | Leader::Meta => Role::Nats,
        Leader::Primary => Role::Mongod,
        Leader::Folder => Role::Serve,
    }
}

/// A connection to the log, once the cluster keeps one.
async fn connect(settings: &LogSettings) -> anyhow::Result<Log> {
    patiently(async || Ok(Log::connect(settings.clone()).await?)).await
}
