//! One server of the program's own: started, killed, started again on the same port and data,
//! stopped.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time;

use super::child::{self, Child};
use super::error::Error;
use super::folder::Folder;
use super::log::Log;
use super::program::Program;
use super::say::Say;
use super::server::Server;
use super::settings::NatsOptions;
use super::{mongod, nats, port};

/// The time that a start may take: recovering a large log or journal is work.
const READY_LIMIT: Duration = Duration::from_mins(3);
/// The time after which a message tells that the start takes long.
const PATIENCE: Duration = Duration::from_secs(5);
/// The interval between two questions whether it is ready.
const STEP: Duration = Duration::from_millis(10);
/// The time that a clean stop may take, before the server is killed.
const GRACE: Duration = Duration::from_secs(15);
/// The number of ports that are tried, when other programs take the chosen ones.
const PORTS: u32 = 5;

/// The options of a server; one kind for each.
pub(super) enum Kind {
    Nats(NatsOptions),
    Mongod { cache_gb: f64 },
}

/// A server, its port, and its process while it runs.
pub(super) struct Unit {
    kind: Kind,
    program: Program,
    log: Log,
    port: u16,
    /// The port at which nats-server reports its health, as of its last start.
    monitor: AtomicU16,
    /// `None` while it is killed on purpose.
    child: Mutex<Option<Child>>,
}

impl Kind {
    fn server(&self) -> Server {
        match self {
            Self::Nats(_) => Server::Nats,
            Self::Mongod { .. } => Server::Mongod,
        }
    }
}

impl Unit {
    /// Starts a server on its last port, or on another if that is taken.
    pub(super) async fn start(
        kind: Kind,
        program: Program,
        folder: &Folder,
        say: Say<'_>,
    ) -> Result<Self, Error> {
        let server = kind.server();
        let log = Log::of(server, &folder.path);
        let last_port = folder.last_port(server);
        let (monitor, child) = (AtomicU16::new(0), Mutex::new(None));
        let mut unit = Self { kind, program, log, port: 0, monitor, child };
        let mut tries_left = PORTS;
        let child = loop {
            unit.port = port::choose(last_port);
            tries_left -= 1;
            match unit.run(folder, say).await {
                Err(Error::PortInUse { .. }) if tries_left > 0 => {}
                other => break other?,
            }
        };
        if let Some(last_port) = last_port.filter(|last_port| *last_port != unit.port) {
            say(&format!("{server}: its port of the last run, {last_port}, is taken"));
        }
        *unit.child.get_mut() = Some(child);
        Ok(unit)
    }

    pub(super) fn server(&self) -> Server {
        self.kind.server()
    }

    pub(super) fn address(&self) -> String {
        self.server().address(self.port)
    }

    /// Kills the server (SIGKILL) and returns when it is gone.
    pub(super) async fn kill(&self, folder: &Folder) -> Result<(), Error> {
        drop(self.child.lock().await.take());
        folder.seat(self.server(), self.port, None, false)
    }

    /// Starts the server again, on the same port and data; one that still runs is killed first.
    pub(super) async fn restart(&self, folder: &Folder, say: Say<'_>) -> Result<(), Error> {
        let mut child = self.child.lock().await;
        drop(child.take());
        *child = Some(self.run(folder, say).await?);
        Ok(())
    }

    /// Stops the server cleanly, within bounds.
    pub(super) async fn stop(self) {
        let server = self.server();
        if let Some(child) = self.child.into_inner()
            && !child.stop(GRACE).await
        {
            tracing::warn!(%server, seconds = GRACE.as_secs(), "did not stop and was killed");
        }
    }

    /// Why the server, a nats-server, stores nothing any more, if it does not.
    pub(super) async fn write_error(&self) -> Option<String> {
        nats::write_error(self.monitor.load(Ordering::Relaxed)).await
    }

    /// The error of a server that has ended without being asked to.
    pub(super) fn failure(&self) -> Option<Error> {
        // The lock is taken while it is being started again: then that call reports.
        let mut child = self.child.try_lock().ok()?;
        let status = child.as_mut()?.ended()?;
        Some(self.log.ended(self.server(), status))
    }

    async fn run(&self, folder: &Folder, say: Say<'_>) -> Result<Child, Error> {
        let (server, port) = (self.server(), self.port);
        let began = Instant::now();
        let launch = self.launch(&folder.path)?;
        let spawned = child::spawn(launch).await;
        let mut child = spawned.map_err(|source| Error::Spawn { server, source })?;
        let pid = child.id();
        folder.seat(server, port, Some(pid), false)?;
        self.ready(&mut child, say).await?;
        folder.seat(server, port, Some(pid), true)?;
        let seconds = began.elapsed().as_secs_f64();
        say(&format!("{server} is up on 127.0.0.1:{port} (pid {pid}, after {seconds:.1} s)"));
        Ok(child)
    }

    fn launch(&self, data: &Path) -> Result<child::Launch, Error> {
        match &self.kind {
            Kind::Nats(options) => {
                let monitor = port::choose(None);
                self.monitor.store(monitor, Ordering::Relaxed);
                nats::launch(&self.program, data, self.port, monitor, options)
            }
            Kind::Mongod { cache_gb } => mongod::launch(&self.program, data, self.port, *cache_gb),
        }
    }

    async fn ready(&self, child: &mut Child, say: Say<'_>) -> Result<(), Error> {
        let server = self.server();
        let wait = async {
            match self.kind {
                Kind::Nats(_) => self.nats_ready(child).await,
                Kind::Mongod { .. } => self.mongod_ready(child).await,
            }
        };
        let remind = async {
            time::sleep(PATIENCE).await;
            say(&format!("{server} is still starting; after a crash it recovers its data first"));
            std::future::pending::<Result<(), Error>>().await
        };
        let late = || Err(self.log.not_ready(server, READY_LIMIT.as_secs()));
        tokio::select! {
            done = time::timeout(READY_LIMIT, wait) => done.unwrap_or_else(|_| late()),
            never = remind => never,
        }
    }

    async fn nats_ready(&self, child: &mut Child) -> Result<(), Error> {
        while !nats::is_ready(self.port).await {
            self.step(child).await?;
        }
        Ok(())
    }

    async fn mongod_ready(&self, child: &mut Child) -> Result<(), Error> {
        let client = loop {
            match mongod::connect(self.port).await? {
                Some(client) => break client,
                None => self.step(child).await?,
            }
        };
        while !mongod::is_ready(&client, self.port, child.id()).await? {
            self.step(child).await?;
        }
        client.shutdown().immediate(true).await;
        Ok(())
    }

    async fn step(&self, child: &mut Child) -> Result<(), Error> {
        let ended = |status: ExitStatus| {
            self.log.not_started(self.server(), &self.program, self.port, status)
        };
        child.ended().map_or(Ok(()), |status| Err(ended(status)))?;
        time::sleep(STEP).await;
        Ok(())
    }
}
