//! The settings: the servers to run, their folders, and their options.

use std::path::PathBuf;
use std::time::Duration;

/// The servers to run, and their folders.
#[derive(Clone)]
pub struct ServicesSettings {
    /// The folder of the servers' data, logs and lock. It is created if need be, and not touched if
    /// both servers are given.
    pub data_dir: PathBuf,
    /// The folder of fetched programs, for all data folders. It is created if need be.
    pub cache_dir: PathBuf,
    /// A nats-server that runs already.
    pub nats_url: Option<String>,
    /// A mongod that runs already.
    pub mongodb_uri: Option<String>,
    /// The options of a nats-server that is started.
    pub nats: NatsOptions,
    /// The bound of mongod's cache in GB, at least 0.25; the process takes somewhat more.
    pub mongo_cache_gb: f64,
}

/// The options of a nats-server that is started.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// The longest message, in bytes.
    pub max_payload_bytes: u64,
    /// The bound of all streams together on disk, in bytes. It is only a bound: nothing is
    /// reserved, and each stream has its own.
    pub max_file_bytes: u64,
    /// The interval at which the log is synced to the disk; zero is before a message or a batch is
    /// acknowledged. A killed process loses nothing; a power cut takes what was acknowledged within
    /// the interval before it.
    pub sync_interval: Duration,
}

impl Default for NatsOptions {
    /// 1 MB a message, 1 TB on disk, and an acknowledged message is on the disk.
    fn default() -> Self {
        Self { max_payload_bytes: 1 << 20, max_file_bytes: 1 << 40, sync_interval: Duration::ZERO }
    }
}
