//! A nats-server and a mongod on each of three machines, as a cluster and a replica set.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, ServerAddress};
use serde_json::Value;
use services::{Server, Services};
use tokio::process::Command;
use tokio::time::timeout;

use super::hosts::{Host, Hosts};
use crate::soak::process::{self, Process};

/// The number of machines with servers.
pub const SERVERS: usize = 3;
/// The time in which a server answers a question about itself.
const ANSWERS_IN: Duration = Duration::from_secs(2);
/// The stream of the log.
const STREAM: &str = "SOAK";

/// The servers of all machines.
pub struct Servers {
    nodes: Vec<Node>,
    programs: [PathBuf; 2],
    http: reqwest::Client,
}

struct Node {
    host: Host,
    folder: PathBuf,
    nats: Process,
    mongod: Process,
    /// A connection to this mongod alone, to ask it how it is.
    asks: Client,
}

impl Servers {
    /// Starts a nats-server and a mongod on each of the first machines, with data in `folder`, and
    /// makes a cluster and a replica set of them.
    ///
    /// # Errors
    /// Fails if one does not start.
    pub async fn start(hosts: &Hosts, folder: &Path, cache: &Path) -> anyhow::Result<Servers> {
        let nats = Services::program(Server::Nats, cache, &|_| ()).await?;
        let mongod = Services::program(Server::Mongod, cache, &|_| ()).await?;
        let programs = [nats, mongod];
        let addresses: Vec<_> = (0..SERVERS).map(|it| hosts.host(it).address).collect();
        let mut nodes = Vec::new();
        for index in 0..SERVERS {
            let host = hosts.host(index).clone();
            let folder = folder.join(format!("machine-{}", index + 1));
            configure(&folder, index, &addresses)?;
            let nats = run(&programs, Server::Nats, &host, &folder).await?;
            let mongod = run(&programs, Server::Mongod, &host, &folder).await?;
            let asks = direct(host.address)?;
            nodes.push(Node { host, folder, nats, mongod, asks });
        }
        let http = reqwest::Client::builder().timeout(ANSWERS_IN).no_proxy().build()?;
        let servers = Servers { nodes, programs, http };
        servers.initiate().await?;
        Ok(servers)
    }

    /// The address of the log, as `NATS_URL` has it.
    #[must_use]
    pub fn nats_url(&self) -> String {
        let url = |node: &Node| format!("nats://{}:4222", node.host.address);
        self.nodes.iter().map(url).collect::<Vec<_>>().join(",")
    }

    /// The address of the store, as `MONGODB_URI` has it.
    #[must_use]
    pub fn mongodb_uri(&self) -> String {
        let host = |node: &Node| format!("{}:27017", node.host.address);
        let hosts = self.nodes.iter().map(host).collect::<Vec<_>>().join(",");
        format!("mongodb://{hosts}/?replicaSet=rs0")
    }

    /// The server of a machine.
    pub fn process(&mut self, index: usize, server: Server) -> &mut Process {
        let node = &mut self.nodes[index];
        match server {
            Server::Nats => &mut node.nats,
            Server::Mongod => &mut node.mongod,
        }
    }

    /// Starts a server again that was killed.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub async fn start_again(&mut self, index: usize, server: Server) -> anyhow::Result<()> {
        let Node { host, folder, .. } = &self.nodes[index];
        let process = run(&self.programs, server, host, folder).await?;
        *self.process(index, server) = process;
        Ok(())
    }

    /// The machine whose nats-server leads the cluster, as most of them say.
    pub async fn meta_leader(&self) -> Option<usize> {
        self.led(|said| said["meta_cluster"]["leader"].as_str()).await
    }

    /// The machine whose nats-server leads the stream, as most of them say.
    pub async fn stream_leader(&self) -> Option<usize> {
        self.led(|said| stream(said)?["cluster"]["leader"].as_str()).await
    }

    /// The machine whose mongod is the primary: of those that say so the one of the newest term.
    pub async fn primary(&self) -> Option<usize> {
        let asked = self.nodes.iter().map(|node| ask(&node.asks, doc! { "replSetGetStatus": 1 }));
        let said = futures_util::future::join_all(asked).await;
        let leads = |(index, said): (usize, Option<Document>)| {
            let said = said.filter(|said| said.get_i32("myState") == Ok(1))?;
            Some((said.get_i64("term").unwrap_or_default(), index))
        };
        said.into_iter().enumerate().filter_map(leads).max().map(|(_, index)| index)
    }

    /// Whether every server is there and has what the others have, so that another one may be lost.
    pub async fn are_whole(&self) -> bool {
        let nats = self.nodes.iter().map(|node| self.said(node));
        let nats = futures_util::future::join_all(nats).await;
        let is_current = |said: &Option<Value>| {
            let cluster = said.as_ref().and_then(|said| Some(&stream(said)?["cluster"]));
            let replicas = cluster.and_then(|it| it["replicas"].as_array());
            let good = |it: &Value| it["current"] == true && it["offline"] != true;
            replicas.is_some_and(|all| all.len() == SERVERS - 1 && all.iter().all(good))
        };
        let mongods = self.nodes.iter().map(|node| ask(&node.asks, doc! { "replSetGetStatus": 1 }));
        let mongods = futures_util::future::join_all(mongods).await;
        let states: Vec<_> =
            mongods.iter().map(|said| said.as_ref()?.get_i32("myState").ok()).collect();
        let of = |state| states.iter().filter(|it| **it == Some(state)).count();
        nats.iter().any(is_current)
            && nats.iter().all(Option::is_some)
            && (of(1), of(2)) == (1, SERVERS - 1)
    }

    /// The machine that more than half of the nats-servers name.
    async fn led(&self, by: impl Fn(&Value) -> Option<&str>) -> Option<usize> {
        let said = self.nodes.iter().map(|node| self.said(node));
        let said = futures_util::future::join_all(said).await;
        let named = |index: usize| {
            let name = name(index);
            said.iter().flatten().filter(|said| by(said) == Some(&*name)).count()
        };
        (0..SERVERS).find(|index| named(*index) > SERVERS / 2)
    }

    /// What a nats-server tells of its streams.
    async fn said(&self, node: &Node) -> Option<Value> {
        let url = format!("http://{}:8222/jsz?streams=true", node.host.address);
        self.http.get(url).send().await.ok()?.json().await.ok()
    }

    async fn initiate(&self) -> anyhow::Result<()> {
        let member = |(index, node): (usize, &Node)| {
            let host = format!("{}:27017", node.host.address);
            doc! { "_id": i32::try_from(index).unwrap_or_default(), "host": host }
        };
        let members: Vec<_> = self.nodes.iter().enumerate().map(member).collect();
        let initiate = doc! { "replSetInitiate": { "_id": "rs0", "members": members } };
        let until = tokio::time::Instant::now() + Duration::from_mins(2);
        while self.primary().await.is_none() {
            // It is refused until the server listens, and once it is done.
            let _ = self.nodes[0].asks.database("admin").run_command(initiate.clone()).await;
            if tokio::time::Instant::now() > until {
                bail!("the replica set has no primary");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }
}

fn name(index: usize) -> String {
    format!("n{}", index + 1)
}

/// What is told of the log's stream.
fn stream(said: &Value) -> Option<&Value> {
    let accounts = said["account_details"].as_array()?.iter();
    let streams = accounts.filter_map(|account| account["stream_detail"].as_array()).flatten();
    streams.into_iter().find(|it| it["name"] == STREAM)
}

async fn ask(client: &Client, what: Document) -> Option<Document> {
    let admin = client.database("admin");
    timeout(ANSWERS_IN, admin.run_command(what)).await.ok()?.ok()
}

fn direct(address: Ipv4Addr) -> anyhow::Result<Client> {
    let host = ServerAddress::Tcp { host: address.to_string(), port: Some(27_017) };
    let options = ClientOptions::builder()
        .hosts(vec![host])
        .direct_connection(true)
        .server_selection_timeout(ANSWERS_IN)
        .connect_timeout(ANSWERS_IN)
        .build();
    Ok(Client::with_options(options)?)
}

/// Writes the files that `docs/operate.md` shows.
fn configure(folder: &Path, index: usize, addresses: &[Ipv4Addr]) -> anyhow::Result<()> {
    let (shown, address) = (folder.display(), addresses[index]);
    let data = |name: &str| folder.join(name);
    for name in ["nats", "mongodb"] {
        std::fs::create_dir_all(data(name))?;
    }
    let others = addresses.iter().filter(|it| **it != address);
    let routes: Vec<_> = others.map(|it| format!("\"nats://{it}:6222\"")).collect();
    let (name, routes) = (name(index), routes.join(", "));
    let nats = format!(
        "server_name: \"{name}\"\nlisten: \"{address}:4222\"\nhttp: \"{address}:8222\"\n\
         jetstream {{\n  store_dir: \"{shown}/nats\"\n  sync_interval: always\n}}\n\
         cluster {{\n  name: shop\n  listen: \"{address}:6222\"\n  routes: [{routes}]\n}}\n"
    );
    std::fs::write(data("nats.conf"), nats)?;
    let mongod = format!(
        "storage:\n  dbPath: {shown}/mongodb\n  wiredTiger: {{ engineConfig: {{ cacheSizeGB: 0.5 }} }}\n\
         net: {{ bindIp: {address}, port: 27017, unixDomainSocket: {{ enabled: false }} }}\n\
         replication: {{ replSetName: rs0, oplogSizeMB: 1024 }}\n\
         setParameter:\n  transactionLifetimeLimitSeconds: 10\n  \
         minSnapshotHistoryWindowInSeconds: 10\n"
    );
    Ok(std::fs::write(data("mongod.conf"), mongod)?)
}

async fn run(
    programs: &[PathBuf; 2],
    server: Server,
    host: &Host,
    folder: &Path,
) -> anyhow::Result<Process> {
    let (program, arguments) = match server {
        Server::Nats => (&programs[0], ["-c", "nats.conf"]),
        Server::Mongod => (&programs[1], ["--config", "mongod.conf"]),
    };
    let log = folder.join(format!("{server}.log"));
    let log = File::options().create(true).append(true).open(log)?;
    let mut command = Command::from(process::command(Some(&host.name), program));
    command.args(arguments).current_dir(folder);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Process::start(command).await.with_context(|| format!("starting {server}"))
}
