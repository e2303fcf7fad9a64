//! A program that runs here: whether it does, by the answer to `--version`.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time;

use super::server::{Server, Version};

/// The time that `--version` may take. A cold 140 MB mongod on a slow disk takes seconds.
const PROBE_LIMIT: Duration = Duration::from_secs(20);

/// A program that runs here and is new enough.
pub(super) struct Program {
    pub path: PathBuf,
    pub version: Version,
}

/// The result of asking a program for its version.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Good(Version),
    TooOld(Version),
    MissingLibrary(String),
    Unusable(String),
}

/// Asks the program at `path` for its version.
pub(super) async fn probe(server: Server, path: &Path) -> Verdict {
    let asked = time::timeout(PROBE_LIMIT, ask_version(path)).await;
    match asked {
        Ok(Ok(output)) => judge(server, &output),
        // The file is there, so the loader named in it is missing.
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            Verdict::Unusable("it needs glibc, which this system does not have".to_owned())
        }
        Ok(Err(error)) => Verdict::Unusable(error.to_string()),
        Err(_) => Verdict::Unusable("it does not answer --version".to_owned()),
    }
}

async fn ask_version(path: &Path) -> io::Result<Output> {
    let mut tries_left = 20;
    loop {
        let asked = Command::new(path)
            .arg(OsString::from("--version"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await;
        match asked {
            // A file that was just written is busy while a fork elsewhere in this process, not yet
            // exec'd, still holds it open for writing.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries_left > 0 => {
                tries_left -= 1;
                time::sleep(Duration::from_millis(25)).await;
            }
            other => return other,
        }
    }
}

fn judge(server: Server, output: &Output) -> Verdict {
    let complaint = String::from_utf8_lossy(&output.stderr);
    if let Some(library) = missing_library(&complaint) {
        return Verdict::MissingLibrary(library.to_owned());
    }
    // The signal is SIGILL: mongod since 5.0 is built for processors with AVX.
    if output.status.signal() == Some(4) {
        return Verdict::Unusable("the processor lacks an instruction it needs (AVX)".to_owned());
    }
    if complaint.contains("GLIBC") && complaint.contains("not found") {
        return Verdict::Unusable("it needs a newer glibc than this system's".to_owned());
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    match Version::parse(&printed).or_else(|| Version::parse(&complaint)) {
        Some(version) if version < server.oldest() => Verdict::TooOld(version),
        Some(version) if output.status.success() => Verdict::Good(version),
        _ => {
            let said = complaint.lines().next().unwrap_or("it prints no version");
            Verdict::Unusable(format!("{}, {said}", output.status))
        }
    }
}

/// The library that the dynamic loader did not find, if `text` complains about one.
pub(super) fn missing_library(text: &str) -> Option<&str> {
    let after = text.split("error while loading shared libraries: ").nth(1)?;
    after.split(':').next().map(str::trim).filter(|library| !library.is_empty())
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    fn output(code: i32, stdout: &str, stderr: &str) -> Output {
        let status = ExitStatus::from_raw(code);
        Output { status, stdout: stdout.into(), stderr: stderr.into() }
    }

    #[test]
    fn a_loader_that_lacks_libcurl_is_understood() {
        let said = "mongod: error while loading shared libraries: libcurl.so.4: cannot open \
                    shared object file: No such file or directory";
        let verdict = judge(Server::Mongod, &output(127 << 8, "", said));
        assert_eq!(verdict, Verdict::MissingLibrary("libcurl.so.4".to_owned()));
    }

    #[test]
    fn an_old_server_is_too_old_and_a_new_one_good() {
        let old = judge(Server::Nats, &output(0, "nats-server: v2.9.10\n", ""));
        assert_eq!(old, Verdict::TooOld(Version(2, 9, 10)));
        let new = judge(Server::Mongod, &output(0, "db version v7.0.2\n", ""));
        assert_eq!(new, Verdict::Good(Version(7, 0, 2)));
    }

    #[test]
    fn a_processor_without_avx_is_named() {
        let Verdict::Unusable(reason) = judge(Server::Mongod, &output(4, "", "")) else {
            panic!("SIGILL was not seen");
        };
        assert!(reason.contains("AVX"), "{reason}");
    }
}
