//! One nats-server and one mongod for all tests of this process.

use std::path::{Path, PathBuf};
use std::sync::{OnceLock, mpsc};

use adaptive_bi::config;
use services::{NatsOptions, Services};

/// The addresses of the servers.
#[derive(Clone)]
pub struct Servers {
    pub nats_url: String,
    pub mongodb_uri: String,
}

impl Servers {
    /// The addresses of some services.
    pub fn of(services: &Services) -> Servers {
        let (nats_url, mongodb_uri) = (services.nats_url(), services.mongodb_uri());
        Servers { nats_url: nats_url.to_owned(), mongodb_uri: mongodb_uri.to_owned() }
    }
}

/// Starts a pair of servers.
pub async fn start(data_dir: PathBuf) -> Services {
    let settings = services::ServicesSettings {
        data_dir,
        cache_dir: config::cache_dir(),
        nats_url: None,
        mongodb_uri: None,
        nats: NatsOptions::default(),
        mongo_cache_gb: 1.0,
    };
    Services::start(&settings, &services::to_stderr).await.expect("the servers")
}

/// The servers of all tests, started once; they end with this process.
pub fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let (ready, is_ready) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime for the servers");
            runtime.block_on(async {
                let services = start(data_dir()).await;
                ready.send(Servers::of(&services)).expect("somebody waits for them");
                panic!("a server ended: {}", services.failed().await);
            });
        });
        is_ready.recv().expect("the servers start")
    })
}

/// A folder for the servers of this process; those of processes that are gone are removed.
pub fn data_dir() -> PathBuf {
    let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let left =
            name.strip_prefix("it-").is_some_and(|pid| !Path::new("/proc").join(pid).exists());
        if left {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    base.join(format!("it-{}", std::process::id()))
}
