//! The data folder: held by one process at a time, remembering ports and processes.
//!
//! ```text
//! DATA_DIR/lock             held (flock) for as long as the servers run
//! DATA_DIR/services.json    ports, and the processes of the run that holds the lock
//! DATA_DIR/nats/            the log's files;        nats.log, nats.conf
//! DATA_DIR/mongodb/         the database's files;   mongodb.log
//! ```
//!
//! Other files in the folder belong to others, and stay.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::time;

use super::error::Error;
use super::say::Say;
use super::server::Server;

/// The time for which a folder may still be held by a run that is just ending.
const HANDOVER: Duration = Duration::from_millis(1500);

/// The name of the [`ServicesFile`]'s file.
const FILE: &str = "services.json";
/// The files of the servers, those of [`super::log`] and [`super::nats`] among them.
const FILES: [&str; 9] = [
    "nats.conf",
    "nats.log",
    "nats.log.old",
    "mongodb.log",
    "mongodb.log.old",
    "credentials.json",
    "jwt-secret",
    "services.json.new",
    FILE,
];

/// A process, told apart from a later one with the same number by its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessId {
    pub pid: u32,
    /// The start in clock ticks since the machine started.
    started: u64,
}

/// The contents of `services.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ServicesFile {
    program: Option<ProcessId>,
    /// The address at which the program itself answers, once it does.
    #[serde(default)]
    serves: Option<SocketAddr>,
    nats: Option<Seat>,
    mongodb: Option<Seat>,
}

/// One server's port, and its process while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Seat {
    port: u16,
    process: Option<ProcessId>,
    /// Whether clients can be sent there.
    ready: bool,
}

/// The data folder, held.
pub(super) struct Folder {
    pub path: PathBuf,
    record: Mutex<ServicesFile>,
    _lock: File,
}

impl Folder {
    /// Creates the folder if need be, takes its lock, and ends the processes that a killed run
    /// left.
    pub(super) async fn hold(path: &Path, say: Say<'_>) -> Result<Self, Error> {
        make(path)?;
        // The path is absolute, as the servers run in a folder of their own.
        let path = path.canonicalize().map_err(Error::data("open", path))?;
        let lock = lock(&path).await?;
        let mut record = ServicesFile::read(&path);
        for orphan in record.processes().into_iter().filter(|process| process.alive()) {
            say(&format!("ending process {}, left by a run that was killed", orphan.pid));
            orphan.end().await;
        }
        record.forget_processes();
        record.program = ProcessId::of(std::process::id());
        let folder = Self { path, record: Mutex::new(record), _lock: lock };
        folder.save(|_| ())?;
        Ok(folder)
    }

    /// Removes the servers' files here, by name; the lock stays.
    pub(super) fn clear(&self) -> Result<(), Error> {
        for server in [Server::Nats, Server::Mongod] {
            let data = self.path.join(server.folder());
            gone(fs::remove_dir_all(&data)).map_err(Error::data("remove", &data))?;
        }
        for name in FILES {
            let file = self.path.join(name);
            gone(fs::remove_file(&file)).map_err(Error::data("remove", &file))?;
        }
        Ok(())
    }

    /// The last port of `server`.
    pub(super) fn last_port(&self, server: Server) -> Option<u16> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.seat(server).map(|seat| seat.port)
    }

    /// Writes down the port and process of `server`, or, with no process, its last port.
    pub(super) fn seat(
        &self,
        server: Server,
        port: u16,
        pid: Option<u32>,
        ready: bool,
    ) -> Result<(), Error> {
        let process = pid.and_then(ProcessId::of);
        self.save(|record| *record.seat(server) = Some(Seat { port, process, ready }))
    }

    /// Writes down the address at which the program answers.
    pub(super) fn serve(&self, address: SocketAddr) -> Result<(), Error> {
        self.save(|record| record.serves = Some(address))
    }

    /// Writes down that no process runs here any more.
    pub(super) fn vacate(&self) -> Result<(), Error> {
        self.save(ServicesFile::forget_processes)
    }

    fn save(&self, change: impl FnOnce(&mut ServicesFile)) -> Result<(), Error> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut record);
        let (path, aside) = (self.path.join(FILE), self.path.join("services.json.new"));
        let write = || -> io::Result<()> {
            fs::write(&aside, serde_json::to_vec_pretty(&*record)?)?;
            fs::rename(&aside, &path) // a reader sees the old or the new, never half
        };
        write().map_err(Error::data("write", &path))
    }
}

/// Creates the folder if need be. The servers ask for no password, so the data is its owner's
/// alone.
pub(super) fn make(path: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(Error::data("create", path))
}

/// Ignores that a file to remove is not there.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Whether a server has kept data in a folder.
pub(super) fn has_data(folder: &Path, server: Server) -> bool {
    folder.join(server.folder()).exists()
}

async fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(Error::data("create", &path))?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if began.elapsed() < HANDOVER => {
                time::sleep(Duration::from_millis(50)).await;
            }
            Err(TryLockError::WouldBlock) => {
                let holder = ServicesFile::read(folder).program.filter(|program| program.alive());
                let pid = holder.map(|program| program.pid);
                return Err(Error::InUse { folder: folder.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(Error::data("lock", &path)(source)),
        }
    }
}

impl ServicesFile {
    /// Reads the file. Nothing is known if there is no file or it cannot be read: ports are then
    /// chosen anew.
    pub(super) fn read(folder: &Path) -> Self {
        let text = fs::read(folder.join(FILE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The process that holds the folder, while it lives.
    pub(super) fn holder(&self) -> Option<u32> {
        self.program.filter(|program| program.alive()).map(|program| program.pid)
    }

    /// The address at which the program answers, while it lives.
    pub(super) fn serves(&self) -> Option<SocketAddr> {
        self.holder().and(self.serves)
    }

    /// The address of `server`, if it lives and is ready.
    pub(super) fn address(&mut self, server: Server) -> Option<String> {
        let seat = (*self.seat(server))?;
        let lives = seat.ready && seat.process.is_some_and(ProcessId::alive);
        lives.then(|| server.address(seat.port))
    }

    fn seat(&mut self, server: Server) -> &mut Option<Seat> {
        match server {
            Server::Nats => &mut self.nats,
            Server::Mongod => &mut self.mongodb,
        }
    }

    fn processes(&self) -> Vec<ProcessId> {
        [self.nats, self.mongodb].into_iter().flatten().filter_map(|seat| seat.process).collect()
    }

    fn forget_processes(&mut self) {
        (self.program, self.serves) = (None, None);
        for seat in [&mut self.nats, &mut self.mongodb].into_iter().flatten() {
            (seat.process, seat.ready) = (None, false);
        }
    }
}

impl ProcessId {
    /// The process of an id. None if there is no such process, it has ended unseen by its parent (a
    /// zombie), or the system has no `/proc`.
    fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        started(&stat).map(|started| Self { pid, started })
    }

    fn alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Kills the process and waits until it is gone, within reason.
    async fn end(self) {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return };
        let _ = kill_process(pid, Signal::KILL);
        let began = Instant::now();
        while self.alive() && began.elapsed() < Duration::from_secs(10) {
            time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The start time in a line of `/proc/<pid>/stat`. The second field, the name in brackets, may
/// itself hold brackets and spaces.
fn started(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    // State is field 3 and the start time field 22.
    let started = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_any_name() {
        let rest = "S 1 2 3 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3";
        assert_eq!(started(&format!("42 (a) b (c) {rest}")), Some(98765));
        assert_eq!(started(&format!("42 (a) {}", rest.replace("S ", "Z "))), None);
        assert_eq!(started("nothing of the kind"), None);
    }

    #[test]
    fn a_process_is_not_a_later_one_with_its_number() {
        let me = ProcessId::of(std::process::id()).expect("this process");
        assert!(me.alive());
        assert!(!ProcessId { started: me.started + 1, ..me }.alive());
    }

    #[test]
    fn a_record_survives_its_file_and_a_broken_file_is_no_record() {
        let seat = Seat { port: 21_000, process: ProcessId::of(std::process::id()), ready: true };
        let record = ServicesFile { nats: Some(seat), ..ServicesFile::default() };
        let text = serde_json::to_vec(&record).expect("json");
        assert_eq!(serde_json::from_slice::<ServicesFile>(&text).expect("a record"), record);
        assert_eq!(ServicesFile::read(Path::new("/nowhere")), ServicesFile::default());
    }

    #[test]
    fn only_a_living_program_is_known_to_answer() {
        let serves = "127.0.0.1:4100".parse().ok();
        let me = ProcessId::of(std::process::id()).expect("this process");
        let mut record = ServicesFile { program: Some(me), serves, ..ServicesFile::default() };
        assert_eq!(record.serves(), serves);
        record.program = Some(ProcessId { started: me.started + 1, ..me });
        assert_eq!(record.serves(), None);
        record.forget_processes();
        assert_eq!(record, ServicesFile::default());
        let before = br#"{"program":null,"nats":null,"mongodb":null}"#;
        assert_eq!(serde_json::from_slice::<ServicesFile>(before).expect("a record"), record);
    }

    #[test]
    fn only_a_living_and_ready_server_has_an_address() {
        let process = ProcessId::of(std::process::id());
        let seat = Seat { port: 21_000, process, ready: true };
        let mut record = ServicesFile { nats: Some(seat), ..ServicesFile::default() };
        let address = record.address(Server::Nats);
        assert_eq!(address.as_deref(), Some("nats://127.0.0.1:21000"));
        record.nats = Some(Seat { ready: false, ..seat });
        assert_eq!(record.address(Server::Nats), None);
        record.nats = Some(Seat { process: None, ..seat });
        assert_eq!(record.address(Server::Nats), None);
    }
}
