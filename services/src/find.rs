//! Finds a program that will do: on the PATH, else in the cache folder, else fetched.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time;

use super::Say;
use super::error::Error;
use super::fetch;
use super::server::{Server, Version};

/// How long `--version` may take. A cold 140 MB mongod on a slow disk takes seconds.
const PROBE_LIMIT: Duration = Duration::from_secs(20);

/// A program that runs here and is new enough.
pub(super) struct Program {
    pub path: PathBuf,
    pub version: Version,
}

/// What a program says of itself when it is asked for its version.
#[derive(Debug, PartialEq)]
enum Verdict {
    Good(Version),
    TooOld(Version),
    MissingLibrary(String),
    Unusable(String),
}

/// Finds `server`, or fetches it. What is passed over is said, with the reason.
pub(super) async fn program(server: Server, cache: &Path, say: Say<'_>) -> Result<Program, Error> {
    let path_variable = env::var_os("PATH").unwrap_or_default();
    if let Some(program) = on_path(server, &path_variable, say).await {
        return Ok(program);
    }
    let cached = fetch::place(server, cache);
    if !is_program(&cached) {
        fetch::fetch(server, cache, say).await?;
    }
    // What is pinned is new enough; what it may lack is a library or a processor's feature.
    match probe(server, &cached).await {
        Verdict::Good(version) | Verdict::TooOld(version) => {
            say(&format!("{server} {version}: {}", cached.display()));
            Ok(Program { path: cached, version })
        }
        Verdict::MissingLibrary(library) => Err(Error::MissingLibrary { server, library }),
        Verdict::Unusable(reason) => Err(Error::Unusable { server, path: cached, reason }),
    }
}

async fn on_path(server: Server, path_variable: &OsStr, say: Say<'_>) -> Option<Program> {
    for path in candidates(server.program(), path_variable) {
        let shown = path.display();
        match probe(server, &path).await {
            Verdict::Good(version) => {
                say(&format!("{server} {version}: {shown}"));
                return Some(Program { path, version });
            }
            Verdict::TooOld(version) => {
                let oldest = server.oldest();
                say(&format!("passed over {shown}: it is {version}, and {oldest} is needed"));
            }
            Verdict::MissingLibrary(library) => {
                say(&format!("passed over {shown}: it needs the library {library}"));
            }
            Verdict::Unusable(reason) => say(&format!("passed over {shown}: {reason}")),
        }
    }
    None
}

/// The files called `name` in the folders of a PATH, in its order. Relative folders are left out:
/// what runs must not depend on where the program was started.
pub(super) fn candidates(name: &str, path_variable: &OsStr) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in env::split_paths(path_variable).filter(|folder| folder.is_absolute()) {
        let path = folder.join(name);
        if is_program(&path) && !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

async fn probe(server: Server, path: &Path) -> Verdict {
    let asked = time::timeout(PROBE_LIMIT, ask_version(path)).await;
    match asked {
        Ok(Ok(output)) => judge(server, &output),
        // The file is there, so it is the loader named in it that is not.
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
            // A file just written is busy while a fork elsewhere in this process, not yet
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
    // SIGILL: mongod since 5.0 is built for processors with AVX.
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

/// The library that the dynamic loader did not find, if that is what `text` complains of.
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

    #[test]
    fn relative_folders_of_the_path_are_not_searched() {
        assert!(candidates("sh", OsStr::new("bin:.:")).is_empty());
        assert_eq!(candidates("sh", OsStr::new("/bin:/bin")), [PathBuf::from("/bin/sh")]);
    }
}
