//! Child processes that do not outlive this one, however it ends; see [`leash`].

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time;

use super::leash;

/// The interval between two looks at a child while its end is awaited.
const STEP: Duration = Duration::from_millis(10);

/// A program to run, and the file for its output.
pub(super) struct Launch {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// The working folder.
    pub folder: PathBuf,
    /// Takes both standard output and standard error.
    pub log: File,
    /// Variables added to the environment.
    pub env: Vec<(&'static str, OsString)>,
}

/// A child process; dropping it kills it.
pub(super) struct Child(std::process::Child);

impl Child {
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// The exit status, once the child has ended.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().ok().flatten()
    }

    /// Asks it to end (SIGTERM), waits for at most `grace`, then kills it. `false` if it had to
    /// be killed.
    pub(super) async fn stop(mut self, grace: Duration) -> bool {
        let asked_at = Instant::now();
        self.ask_to_end();
        while self.ended().is_none() {
            if asked_at.elapsed() > grace {
                return false; // dropped here, and so killed
            }
            time::sleep(STEP).await;
        }
        true
    }

    fn ask_to_end(&mut self) {
        // The child was not waited for yet, so the id cannot have become another process's.
        if self.ended().is_none()
            && let Some(pid) = i32::try_from(self.id()).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

impl Drop for Child {
    /// Kills the child without waiting for a clean end; both servers survive a kill. The wait lets
    /// the ports and files be free when this returns, and takes milliseconds.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a child from the thread that lives as long as the program.
pub(super) async fn spawn(launch: Launch) -> io::Result<Child> {
    // A child that nobody waits for any more is killed by its drop.
    leash::start(|| fork(launch)).await
}

fn fork(launch: Launch) -> io::Result<Child> {
    let mut command = leash::command(&launch.program);
    command.args(launch.args).envs(launch.env).current_dir(launch.folder);
    // A process group of its own: Ctrl-C in a terminal goes to this process alone, which stops the
    // servers after the last write to them.
    command.process_group(0);
    command.stdin(Stdio::null()).stdout(launch.log.try_clone()?).stderr(launch.log);
    let child = Child(command.spawn()?);
    raise_file_limit(&child);
    Ok(child)
}

/// mongod holds a file open per collection and per index, and does not raise the soft limit
/// (1,024 on many systems) by itself.
#[cfg(target_os = "linux")]
fn raise_file_limit(child: &Child) {
    use rustix::process::{Resource, Rlimit, getrlimit, prlimit};

    let hard = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit { current: hard, maximum: hard };
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // If it is not allowed, the server complains about the limit in its log.
        let _ = prlimit(Some(pid), Resource::Nofile, raised);
    }
}

#[cfg(not(target_os = "linux"))]
fn raise_file_limit(_: &Child) {}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str) -> Child {
        let log = File::options().write(true).open("/dev/null").expect("a log");
        let args = vec!["-c".into(), script.into()];
        let (program, folder) = ("/bin/sh".into(), "/".into());
        spawn(Launch { program, args, folder, log, env: Vec::new() }).await.expect("a child")
    }

    #[tokio::test]
    async fn a_child_that_heeds_term_stops_in_time() {
        let child = shell("trap 'exit 0' TERM; while :; do sleep 0.01; done").await;
        time::sleep(Duration::from_millis(100)).await; // for the trap to be set
        assert!(child.stop(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn a_child_that_ignores_term_is_killed() {
        let child = shell("trap '' TERM; while :; do sleep 0.01; done").await;
        time::sleep(Duration::from_millis(100)).await;
        let pid = child.id();
        assert!(!child.stop(Duration::from_millis(200)).await);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }

    #[tokio::test]
    async fn how_a_child_ended_is_known() {
        let mut child = shell("exit 3").await;
        while child.ended().is_none() {
            time::sleep(STEP).await;
        }
        assert_eq!(child.ended().and_then(|status| status.code()), Some(3));
    }
}
