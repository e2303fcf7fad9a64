//! The service as a process of its own, so that its processor time and its memory are its own.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use adaptive_bi::auth::key;
use adaptive_bi::http::gate::X_API_KEY;
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::store::platform::Platform;
use adaptive_bi::telemetry::{BATCH_EVENTS, COMMIT_DURATION, COMMIT_WRITES, READ_AHEAD};
use anyhow::Context;
use rustix::process::Signal;
use services::leash;
use tokio::time::{sleep, timeout};

use super::cpu;
use super::process::Process;
use super::stand::Stand;

/// So many connections have the same key: a caller has a bound.
const OF_A_KEY: u32 = 500;
/// The time in which it has read ahead, and between two looks whether it has.
const READS_AHEAD_WITHIN: Duration = Duration::from_mins(15);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// The time in which it is ready.
const READY_WITHIN: Duration = Duration::from_mins(5);

/// A service that runs.
pub struct Service {
    process: Process,
    pid: u32,
    /// Where it listens.
    pub address: SocketAddr,
    keys: Vec<String>,
}

/// What commits came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Commits {
    /// How many there were.
    pub number: f64,
    /// How long they took, together.
    pub seconds: f64,
    /// The documents that they wrote.
    pub documents: f64,
    /// The events of their batches.
    pub events: f64,
}

impl Commits {
    /// Those since others.
    #[must_use]
    pub fn since(self, others: Commits) -> Self {
        Commits {
            number: self.number - others.number,
            seconds: self.seconds - others.seconds,
            documents: self.documents - others.documents,
            events: self.events - others.events,
        }
    }
}

impl Service {
    /// Starts one on the present log and database, with keys for so many connections.
    ///
    /// # Errors
    /// Fails if it does not start.
    pub async fn start(stand: &Stand, connections: u32) -> anyhow::Result<Self> {
        let (log, database) = (&stand.log.settings, stand.store.database().name().to_owned());
        let platform = Platform::connect(stand.services.mongodb_uri(), Some(&database)).await?;
        let mut keys = Vec::new();
        for _ in 0..=connections / OF_A_KEY {
            let scopes = [Scope::PushSubscribe, Scope::MetricsRead, Scope::MetricsScrape];
            let key = key::make("bench", &scopes, "bench", None);
            platform.insert_key(&key.row).await?;
            keys.push(key.text);
        }
        // The program is this one, which is built with the same allocator.
        let mut command = leash::command(&std::env::current_exe()?);
        command
            .arg("serve")
            .env("NATS_URL", stand.services.nats_url())
            .env("MONGODB_URI", stand.services.mongodb_uri())
            .env("NATS_STREAM", &log.stream)
            .env("SUBJECT_PREFIX", &log.prefix)
            .env("STREAM_MAX_BYTES", log.max_bytes.to_string())
            .env("MONGODB_DB", database)
            .env("JWT_SECRET", "nobody signs in while it is measured")
            .env("DATA_DIR", stand.folder().join("serve"))
            // A caller may have half of them.
            .env("MAX_CONNECTIONS", connections.saturating_mul(2).to_string())
            .env("RATE_LIMIT_MAX_REQUESTS", "0")
            .env("RATE_LIMIT_MAX_ADDRESS_REQUESTS", "0")
            .env("BIND", "127.0.0.1:0")
            .env("LOG_LEVEL", "info,access=off")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        let mut process = Process::start("serve", command, drop).await?;
        let address = process.address().await?;
        let pid = process.pid().context("serve has ended")?;
        Ok(Service { process, pid, address, keys })
    }

    /// Waits until it has read ahead, which its metrics tell.
    ///
    /// # Errors
    /// Fails if it does not answer, or takes a quarter of an hour.
    pub async fn read_ahead(&self) -> anyhow::Result<()> {
        let client = reqwest::Client::new();
        let reads = async {
            loop {
                let metrics = self.metrics(&client).await?;
                if metrics.lines().any(|line| line.starts_with(READ_AHEAD)) {
                    return anyhow::Ok(());
                }
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout(READS_AHEAD_WITHIN, reads).await.context("it reads ahead")?
    }

    /// Its commits until now, as its metrics count them.
    ///
    /// # Errors
    /// Fails if it does not answer.
    pub async fn commits(&self) -> anyhow::Result<Commits> {
        let metrics = self.metrics(&reqwest::Client::new()).await?;
        let sum = |name: &str, part: &str| -> f64 {
            let name = format!("{name}_{part}");
            let of_it = metrics.lines().filter_map(|line| line.strip_prefix(name.as_str()));
            of_it.filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok()).sum()
        };
        Ok(Commits {
            number: sum(COMMIT_DURATION, "count"),
            seconds: sum(COMMIT_DURATION, "sum"),
            documents: sum(COMMIT_WRITES, "sum"),
            events: sum(BATCH_EVENTS, "sum"),
        })
    }

    async fn metrics(&self, client: &reqwest::Client) -> anyhow::Result<String> {
        let key = self.keys.first().context("a key")?;
        let url = format!("http://{}/metrics", self.address);
        let answer = client.get(url).header(X_API_KEY, key).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// Fails if it does not answer, or takes minutes.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let (client, url) =
            (reqwest::Client::new(), format!("http://{}/health/ready", self.address));
        let is_ready = async {
            while !client.get(&url).send().await?.status().is_success() {
                sleep(LOOK_AGAIN / 10).await;
            }
            anyhow::Ok(())
        };
        timeout(READY_WITHIN, is_ready).await.context("it is ready")?
    }

    /// Its processor time until now, and its resident memory in bytes.
    ///
    /// # Errors
    /// Fails if it has ended.
    pub fn cost(&self) -> anyhow::Result<(Duration, u64)> {
        cpu::of_process(self.pid).with_context(|| self.process.last_lines())
    }

    /// A key for each connection, again and again from the first.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().flat_map(|key| (0..OF_A_KEY).map(|_| key.as_str())).cycle()
    }

    /// Stops it.
    ///
    /// # Errors
    /// Fails if it has ended by itself, or does not end well.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.process.signal(Signal::TERM)?;
        let ended = self.process.end().await?;
        anyhow::ensure!(ended.success(), "serve ended: {ended}; {}", self.process.last_lines());
        Ok(())
    }
}
