//! A server's log file, and the causes of a failed start in its last lines.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use rustix::process::{Resource, getrlimit};
use serde_json::Value;

use super::error::Error;
use super::program::{Program, missing_library};
use super::server::Server;

/// The part at the end of a log that is read.
const TAIL_BYTES: u64 = 64 * 1024;
/// The number of its lines that a message shows.
const TAIL_LINES: usize = 8;

/// The log of one server: its standard output and standard error.
pub(super) struct Log {
    pub path: PathBuf,
}

impl Log {
    /// `nats.log` or `mongodb.log` in the data folder.
    pub(super) fn of(server: Server, data: &Path) -> Self {
        Self { path: data.join(format!("{}.log", server.folder())) }
    }

    /// Begins a new log; the one before is kept beside it as `.log.old`, the ones before that go.
    pub(super) fn begin(&self) -> Result<File, Error> {
        let _ = fs::rename(&self.path, self.path.with_extension("log.old"));
        File::create(&self.path).map_err(Error::data("create", &self.path))
    }

    fn end_of_it(&self) -> String {
        let read = || -> io::Result<String> {
            let mut file = File::open(&self.path)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().unwrap_or_default()
    }

    /// The error for a server that is still not ready.
    pub(super) fn not_ready(&self, server: Server, seconds: u64) -> Error {
        let tail = summary(&self.end_of_it());
        Error::NotReady { server, seconds, log: self.path.clone(), tail }
    }

    /// The error for a server that ended by itself.
    pub(super) fn ended(&self, server: Server, status: ExitStatus) -> Error {
        let text = self.end_of_it();
        let (status, log) = (status.to_string(), self.path.clone());
        // Both servers write the system's own text; mongod writes its own name for it as well.
        if ["oo many open files", "TooManyFilesOpen"].iter().any(|it| text.contains(it)) {
            let limit = getrlimit(Resource::Nofile).maximum;
            let limit = limit.map_or("its own".to_owned(), |limit| limit.to_string());
            return Error::Files { server, status, limit, log };
        }
        Error::Exited { server, status, log, tail: summary(&text) }
    }

    /// The error for a server that ended while it was being started, by its log.
    pub(super) fn not_started(
        &self,
        server: Server,
        program: &Program,
        port: u16,
        status: ExitStatus,
    ) -> Error {
        let text = self.end_of_it();
        if let Some(library) = missing_library(&text) {
            return Error::MissingLibrary { server, library: library.to_owned() };
        }
        // nats-server writes it in lower case, mongod with a capital.
        if text.contains("ddress already in use") {
            return Error::PortInUse { server, port };
        }
        let folder = self.path.with_extension("");
        if text.contains("DBPathInUse") {
            return Error::InUse { folder, pid: None };
        }
        if text.contains("UPGRADE PROBLEM") || text.contains("Wrong mongod version") {
            let (version, tail) = (program.version.to_string(), summary(&text));
            return Error::DataVersion { version, folder, tail };
        }
        self.ended(server, status)
    }
}

/// The lines that matter: the errors of mongod's JSON, else the last lines.
fn summary(text: &str) -> String {
    let errors: Vec<String> = text.lines().filter_map(mongod_error).collect();
    let lines = if errors.is_empty() { text.lines().map(str::to_owned).collect() } else { errors };
    let cut = |line: &String| line.chars().take(400).collect::<String>();
    let last: Vec<String> = lines.iter().rev().take(TAIL_LINES).rev().map(cut).collect();
    if last.is_empty() { "(it is empty)".to_owned() } else { last.join("\n") }
}

/// `msg: attr` of a line with severity error or fatal.
fn mongod_error(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.as_object()?;
    if !matches!(fields.get("s")?.as_str()?, "E" | "F") {
        return None;
    }
    let what = fields.get("msg")?.as_str()?;
    Some(fields.get("attr").map_or_else(|| what.to_owned(), |attr| format!("{what}: {attr}")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::super::server::Version;
    use super::*;

    fn explained(server: Server, text: &str) -> Error {
        let name = format!("services-log-{}-{:p}", std::process::id(), text.as_ptr());
        let log = Log { path: std::env::temp_dir().join(name).with_extension("log") };
        fs::write(&log.path, text).expect("a log");
        let program = Program { path: "/bin/x".into(), version: Version(6, 0, 5) };
        let error = log.not_started(server, &program, 21_000, ExitStatus::from_raw(48 << 8));
        fs::remove_file(&log.path).expect("removed");
        error
    }

    #[test]
    fn a_taken_port_is_seen_in_both_logs() {
        let nats = "[1] 2026/01/01 [FTL] Error listening on port: 127.0.0.1:21000, \"listen tcp \
                    127.0.0.1:21000: bind: address already in use\"\n";
        let mongod = r#"{"s":"E","msg":"Failed to set up listener","attr":{"error":{"code":9001,"codeName":"SocketException","errmsg":"Address already in use"}}}"#;
        for (server, text) in [(Server::Nats, nats), (Server::Mongod, mongod)] {
            let error = explained(server, text);
            assert!(matches!(error, Error::PortInUse { port: 21_000, .. }), "{error}");
        }
    }

    #[test]
    fn a_server_that_had_too_few_files_is_told_as_such() {
        let mongod = r#"{"s":"F","msg":"Writing fatal message","attr":{"message":"DBException::toString(): TooManyFilesOpen: error in creating eventfd"}}"#;
        let nats = "[1] 2026/01/01 [FTL] Error listening: accept4: too many open files\n";
        for (server, text) in [(Server::Mongod, mongod), (Server::Nats, nats)] {
            let error = explained(server, text);
            let said = error.to_string();
            assert!(matches!(error, Error::Files { .. }) && said.contains("open files"), "{said}");
        }
    }

    #[test]
    fn a_database_open_in_another_mongod_is_named_as_that() {
        let text = r#"{"s":"E","msg":"DBException in initAndListen, terminating","attr":{"error":"DBPathInUse: Unable to lock the lock file: /d/mongod.lock (Resource temporarily unavailable). Another mongod instance is already running on the /d directory"}}"#;
        let error = explained(Server::Mongod, text);
        assert!(matches!(error, Error::InUse { .. }), "{error}");
    }

    #[test]
    fn of_mongods_log_only_the_errors_are_shown() {
        let text = "{\"s\":\"I\",\"msg\":\"fine\"}\n{\"s\":\"F\",\"msg\":\"bad\",\"attr\":{\"a\":1}}\n\
                    {\"s\":\"I\",\"msg\":\"Exiting\"}\n";
        assert_eq!(summary(text), "bad: {\"a\":1}");
        assert_eq!(summary("one\ntwo\n"), "one\ntwo");
        assert_eq!(summary(""), "(it is empty)");
    }
}
