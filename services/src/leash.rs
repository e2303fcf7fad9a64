//! The leash, which keeps a child from outliving this process, however that ends.
//!
//! `setpriv --pdeathsig KILL` (util-linux) asks the kernel to kill the child when its parent dies.
//! The parent, for the kernel, is the *thread* that forked; so one thread does all the forking
//! and lives as long as the program. (`pre_exec` would do without setpriv, but is unsafe code.)
//!
//! It is KILL and not TERM because KILL cannot be ignored, delayed by an open transaction, or lost
//! on a server that hangs, so that when the parent is gone the ports and the data are free at once.
//! Nothing is lost by it: mongod recovers from its journal, the events that nats-server has
//! acknowledged are in the kernel's page cache, which outlives the process, and the service itself
//! is made to be killed.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

static SPAWNER: OnceLock<Option<mpsc::Sender<Job>>> = OnceLock::new();
static LEASH: OnceLock<bool> = OnceLock::new();

/// A command that runs `program` on the leash, if there is one. It has to be started by [`start`].
#[must_use]
pub fn command(program: &Path) -> Command {
    if !is_there() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Starts a child from the thread that lives as long as the program. The child is dropped if nobody
/// waits for it any more.
///
/// # Errors
/// Fails if `spawn` fails, or the system has no thread for it.
pub async fn start<T: Send + 'static>(
    spawn: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let gone = || io::Error::other("the thread that starts processes could not be started");
    let spawner = SPAWNER.get_or_init(start_spawner).as_ref().ok_or_else(gone)?;
    let (reply, answer) = oneshot::channel();
    let job: Job = Box::new(move || drop(reply.send(spawn())));
    spawner.send(job).map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

/// Whether a killed parent takes its children along: `setpriv` is there and knows `--pdeathsig`
/// (busybox's does not).
#[must_use]
pub fn is_there() -> bool {
    *LEASH.get_or_init(|| {
        Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

fn start_spawner() -> Option<mpsc::Sender<Job>> {
    let (jobs, inbox) = mpsc::channel::<Job>();
    // The sender is kept in a static, so the loop ends only with the program.
    let serve = move || inbox.into_iter().for_each(|job| job());
    thread::Builder::new().name("spawner".to_owned()).spawn(serve).ok().map(|_| jobs)
}
