//! The machines, and what runs on each: a nats-server and a mongod on three of them, a process of
//! the service on two others. Their settings are those of "Three machines" in `docs/operate.md`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use services::{Server, Services};

use super::network::Network;
use crate::process::Process;
use crate::soak::doors::Doors;
use crate::soak::serve::{Program, Serve};

/// The machines with a nats-server and a mongod; those with a process of the service follow.
pub const SERVERS: usize = 3;
/// The machines with a process of the service.
const SERVES: usize = 2;
/// The replica set of the mongods.
pub const REPLICA_SET: &str = "rs0";
/// The port of mongod.
pub const MONGOD_PORT: u16 = 27_017;
/// The port at which nats-server tells of itself.
pub const MONITOR_PORT: u16 = 8_222;

/// The machines.
pub struct Machines {
    /// Their network.
    pub network: Network,
    nats: PathBuf,
    mongod: PathBuf,
    program: PathBuf,
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
    doors: Doors,
}

/// A kind of process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A nats-server.
    Nats,
    /// A mongod.
    Mongod,
    /// A process of the service.
    Serve,
}

/// A process: its kind, and the machine that it is on.
pub type Place = (Role, usize);

impl Machines {
    /// Machines on which nothing runs. `environment` is what the service gets besides the addresses.
    ///
    /// # Errors
    /// Fails if a server is not found and cannot be fetched.
    pub async fn lay(
        cache_dir: &Path,
        folder: &Path,
        program: &Path,
        environment: Vec<(&'static str, String)>,
        doors: Doors,
    ) -> anyhow::Result<Machines> {
        Ok(Machines {
            nats: Services::program(Server::Nats, cache_dir, &|_| ()).await?,
            mongod: Services::program(Server::Mongod, cache_dir, &|_| ()).await?,
            network: Network::lay(SERVERS + SERVES).await,
            program: program.to_owned(),
            folder: folder.to_owned(),
            environment,
            doors,
        })
    }

    /// The places of the servers.
    pub fn servers() -> impl Iterator<Item = Place> {
        (0..SERVERS).flat_map(|at| [(Role::Nats, at), (Role::Mongod, at)])
    }

    /// The places of the processes of the service.
    pub fn serves() -> impl Iterator<Item = Place> {
        (SERVERS..SERVERS + SERVES).map(|at| (Role::Serve, at))
    }

    /// The name of a nats-server among its cluster.
    #[must_use]
    pub fn name(machine: usize) -> String {
        format!("n{}", machine + 1)
    }

    /// The addresses of all nats-servers.
    #[must_use]
    pub fn nats_url(&self) -> String {
        self.each(|address| format!("nats://{address}:4222"))
    }

    /// The address of the replica set.
    #[must_use]
    pub fn mongodb_uri(&self) -> String {
        let members = self.each(|address| format!("{address}:{MONGOD_PORT}"));
        format!("mongodb://{members}/?replicaSet={REPLICA_SET}")
    }

    fn each(&self, of: impl Fn(std::net::Ipv4Addr) -> String) -> String {
        let all: Vec<_> = (0..SERVERS).map(|at| of(self.network.address(at))).collect();
        all.join(",")
    }

    /// Starts a process, and does not wait for it to be ready.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub async fn start(&self, (role, machine): Place) -> anyhow::Result<Process> {
        let folder = self.folder.join(Machines::name(machine));
        std::fs::create_dir_all(&folder)?;
        match role {
            Role::Nats => self.start_nats(machine, &folder).await,
            Role::Mongod => self.start_mongod(machine, &folder).await,
            Role::Serve => {
                let further = [
                    ("NATS_URL", self.nats_url()),
                    ("MONGODB_URI", self.mongodb_uri()),
                    ("STREAM_REPLICAS", SERVERS.to_string()),
                    ("BIND", format!("{}:0", self.network.address(machine))),
                ];
                let (path, doors) = (self.program.as_path(), &self.doors);
                let program = Program { path, environment: &self.environment, doors };
                Serve::run(&program, self.network.command(machine, path), &further).await
            }
        }
    }

    async fn start_nats(&self, machine: usize, folder: &Path) -> anyhow::Result<Process> {
        let (name, address) = (Machines::name(machine), self.network.address(machine));
        let others = (0..SERVERS).filter(|it| *it != machine);
        let routes: Vec<_> =
            others.map(|it| format!("\"nats://{}:6222\"", self.network.address(it))).collect();
        let configuration = format!(
            "server_name: \"{name}\"\n\
             listen: \"{address}:4222\"\n\
             http: \"{address}:{MONITOR_PORT}\"\n\
             jetstream {{ max_file_store: 1TB, max_memory_store: 256MB, sync_interval: always }}\n\
             cluster {{\n  name: soak\n  listen: \"{address}:6222\"\n  routes: [{}]\n}}\n",
            routes.join(", ")
        );
        let path = folder.join("nats.conf");
        std::fs::write(&path, configuration).context("writing nats.conf")?;
        let mut command = self.network.command(machine, &self.nats);
        command.arg("-c").arg(path).arg("-sd").arg(folder.join("nats"));
        Process::start("nats-server", command, drop).await
    }

    async fn start_mongod(&self, machine: usize, folder: &Path) -> anyhow::Result<Process> {
        let data = folder.join("mongodb");
        std::fs::create_dir_all(&data)?;
        let mut command = self.network.command(machine, &self.mongod);
        command.arg("--dbpath").arg(data).arg("--logpath").arg(folder.join("mongod.log"));
        let address = self.network.address(machine);
        let flags = format!(
            "--logappend --replSet {REPLICA_SET} --bind_ip {address} --port {MONGOD_PORT} \
             --nounixsocket --quiet --wiredTigerCacheSizeGB 0.5 --oplogSize 1024 \
             --setParameter transactionLifetimeLimitSeconds=10 \
             --setParameter minSnapshotHistoryWindowInSeconds=10 \
             --setParameter diagnosticDataCollectionEnabled=false"
        );
        command.args(flags.split(' '));
        Process::start("mongod", command, drop).await
    }
}
