//! The settings: which servers are to run, where, and how.

use std::path::PathBuf;
use std::time::Duration;

/// Which servers to run, and where.
#[derive(Clone)]
pub struct ServicesSettings {
    /// Keeps the servers' data, logs and lock. Created if need be; not touched if both servers
    /// are given.
    pub data_dir: PathBuf,
    /// Keeps fetched programs, for all data folders. Created if need be.
    pub cache_dir: PathBuf,
    /// A nats-server that runs already.
    pub nats_url: Option<String>,
    /// A mongod that runs already.
    pub mongodb_uri: Option<String>,
    /// How our own nats-server is to run.
    pub nats: NatsOptions,
    /// The bound of mongod's cache in GB, at least 0.25; the process takes somewhat more.
    pub mongo_cache_gb: f64,
}

/// How our own nats-server is to run.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// The longest message, in bytes.
    pub max_payload_bytes: u64,
    /// The bound of all streams together on disk, in bytes. A bound only: nothing is reserved,
    /// and each stream has its own.
    pub max_file_bytes: u64,
    /// How often the log is synced to disk; zero is at every message. `None` leaves it to
    /// nats-server (2 minutes): a killed process loses nothing, a power failure may.
    pub sync_interval: Option<Duration>,
}

impl Default for NatsOptions {
    /// 1 MB a message, 1 TB on disk, synced as nats-server sees fit.
    fn default() -> Self {
        Self { max_payload_bytes: 1 << 20, max_file_bytes: 1 << 40, sync_interval: None }
    }
}
