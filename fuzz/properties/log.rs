//! Messages of any bytes on the log, by a real nats-server: the fold follows to the end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use adaptive_bi::config;
use adaptive_bi::projector::Projector;
use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::projector::status::{State, Status};
use adaptive_bi::store::Store;
use adaptive_bi::stream::{self, Log};
use projections::event::Kind;
use projections::family::Families;
use projections::fold::root::FoldSettings;
use services::{NatsOptions, Services};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The number of inputs between two looks at the fold's position.
const BETWEEN_LOOKS: u32 = 200;
/// The time within which the fold must come to the log's end.
const PATIENCE: Duration = Duration::from_mins(1);

/// The parts of a service from the log to the fold.
struct World {
    runtime: Runtime,
    log: Log,
    store: Store,
    address: String,
    line: TcpStream,
    inputs: u32,
}

/// Puts the messages of an input on the log. nats-server may refuse some; the fold must get past
/// those that it takes.
///
/// # Panics
/// Panics if the fold does not get past them.
pub fn of_any_messages(input: &[u8]) {
    static WORLD: OnceLock<Mutex<World>> = OnceLock::new();
    let world = WORLD.get_or_init(|| Mutex::new(World::begin()));
    let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
    let mut rest = input;
    while let Some((message, behind)) = take(rest) {
        if world.send(&message).is_err() {
            world.line = connect(&world.address);
        }
        rest = behind;
    }
    world.inputs += 1;
    if world.inputs.is_multiple_of(BETWEEN_LOOKS) {
        world.look();
    }
}

/// The first message of an input, in the form of the wire protocol: its first four bytes are its
/// kind, and the lengths of its subject, headers and body, and choose among some forms.
fn take(input: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let [kind, first, second, third, rest @ ..] = input else { return None };
    let (subject, rest) = rest.split_at_checked(usize::from(first % 32))?;
    let (block, rest) = rest.split_at_checked(usize::from(*second))?;
    let (body, rest) = rest.split_at(rest.len().min(usize::from(*third)));
    let mut kinds = Kind::ALL.map(Kind::as_str).to_vec();
    kinds.extend(["\u{fffd}", ""]);
    let mut line =
        if block.is_empty() { b"PUB events.".to_vec() } else { b"HPUB events.".to_vec() };
    line.extend_from_slice(kinds[usize::from(*kind) % kinds.len()].as_bytes());
    line.push(b'.');
    // These bytes end a subject.
    line.extend(subject.iter().map(|byte| if b" \t\r\n".contains(byte) { b'_' } else { *byte }));
    let version: &[u8] = if second % 2 == 0 { b"NATS/1.0\r\n" } else { b"" };
    let headers = if block.is_empty() { Vec::new() } else { [version, block].concat() };
    if !headers.is_empty() {
        line.extend_from_slice(format!(" {}", headers.len()).as_bytes());
    }
    line.extend_from_slice(format!(" {}\r\n", headers.len() + body.len()).as_bytes());
    Some(([&line, &*headers, body, b"\r\n"].concat(), rest))
}

impl World {
    fn begin() -> World {
        // The client panics at some messages, in tasks of its own; these panics are expected, and
        // no finding. A panic of the target itself ends it all the same.
        std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
        let (ready, is_ready) = mpsc::channel();
        // The servers end with the thread that started them.
        std::thread::spawn(move || {
            let runtime = Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let services = servers().await;
                let at = (services.nats_url().to_owned(), services.mongodb_uri().to_owned());
                ready.send(at).expect("somebody waits");
                panic!("a server ended: {}", services.failed().await);
            });
        });
        let (nats_url, mongodb_uri) = is_ready.recv().expect("servers");
        let runtime = Runtime::new().expect("a runtime");
        let (log, store) = runtime.block_on(async {
            let settings = stream::LogSettings {
                url: nats_url.clone(),
                stream: "EVENTS".to_owned(),
                prefix: "events".to_owned(),
                max_bytes: 8 << 30,
                replicas: None,
            };
            let log = Log::connect(settings).await.expect("the log");
            let store = Store::connect(&mongodb_uri, Some("fuzz")).await.expect("the store");
            let (status, _) = watch::channel(Status { state: State::Starting, position: 0 });
            let projector = Projector {
                store: store.clone(),
                log: log.clone(),
                settings: FoldSettings::new("GBP"),
                limits: BatchLimits::default(),
                rebuild_on_upgrade: false,
                families: Families::ALL,
                changes: None,
                status: Arc::new(status),
            };
            tokio::spawn(projector.run(CancellationToken::new()));
            (log, store)
        });
        let address = nats_url.trim_start_matches("nats://").to_owned();
        let line = connect(&address);
        World { runtime, log, store, address, line, inputs: 0 }
    }

    /// Sends a message and waits until the server has read it.
    fn send(&mut self, message: &[u8]) -> std::io::Result<()> {
        self.line.write_all(message)?;
        self.line.write_all(b"PING\r\n")?;
        let (mut said, mut piece) = (Vec::new(), [0; 1024]);
        while !said.windows(4).any(|it| it == b"PONG") {
            match self.line.read(&mut piece)? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                length => said.extend_from_slice(&piece[..length]),
            }
        }
        Ok(())
    }

    fn look(&self) {
        let since = Instant::now();
        loop {
            let (last, position) = self.runtime.block_on(async {
                let last = self.log.extent().await.expect("the log").last;
                let checkpoint = self.store.checkpoint(1).await.expect("the store");
                (last, checkpoint.map_or(0, |it| it.position))
            });
            if position >= last {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "the fold stands at {position} of {last}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn connect(address: &str) -> TcpStream {
    let mut line = TcpStream::connect(address).expect("nats-server");
    line.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    line.write_all(b"CONNECT {\"verbose\":false,\"headers\":true}\r\n").expect("sent");
    line
}

async fn servers() -> Services {
    let data_dir = std::env::temp_dir().join("adaptive-bi-fuzz");
    let _ = std::fs::remove_dir_all(&data_dir);
    let settings = services::ServicesSettings {
        data_dir,
        cache_dir: config::cache_dir(),
        nats_url: None,
        mongodb_uri: None,
        nats: NatsOptions::default(),
        mongo_cache_gb: 0.5,
    };
    Services::start(&settings, &services::to_stderr).await.expect("servers")
}
