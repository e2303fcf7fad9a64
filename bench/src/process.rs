//! A server as a process of its own: it says on its standard error at which address it listens.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::process::{Command as StdCommand, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use services::leash;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::runtime::Handle;
use tokio::time::Instant;

/// The time that it may take to listen.
const PATIENCE: Duration = Duration::from_mins(2);
/// The number of its last lines that are kept, to be shown if something fails.
const LINES: usize = 40;

/// A process that runs. Dropping it kills it, and so does the end of this process.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    said: Arc<Mutex<Said>>,
}

#[derive(Debug, Default)]
struct Said {
    address: Option<SocketAddr>,
    lines: VecDeque<String>,
}

impl Process {
    /// Starts a command, made by [`leash::command`], whose standard error is read until it ends;
    /// `listens` is told where it listens, and dropped with its end.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub async fn start(
        name: &'static str,
        command: StdCommand,
        listens: impl FnMut(SocketAddr) + Send + 'static,
    ) -> anyhow::Result<Process> {
        let mut command = Command::from(command);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        // It starts from a thread that lives as long as the program, which the runtime's need not.
        let runtime = Handle::current();
        let spawn = move || {
            let _within = runtime.enter();
            command.spawn()
        };
        let mut child = leash::start(spawn).await.with_context(|| format!("starting {name}"))?;
        let said = Arc::<Mutex<Said>>::default();
        tokio::spawn(listen(child.stderr.take(), Arc::clone(&said), listens));
        Ok(Process { name, child, said })
    }

    /// The id of its process; `None` once it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Its input, once, where that is a pipe.
    pub fn input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The address at which it listens, once it does.
    ///
    /// # Errors
    /// Fails if it ends before that, or takes minutes.
    pub async fn address(&mut self) -> anyhow::Result<SocketAddr> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(address) = self.said().address {
                return Ok(address);
            }
            if Instant::now() > until || self.ended()?.is_some() {
                bail!("{} does not listen: {}", self.name, self.last_lines());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its exit status, if it has ended.
    ///
    /// # Errors
    /// Fails if the system does not tell.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for it to end by itself.
    ///
    /// # Errors
    /// Fails if the system does not tell.
    pub async fn end(&mut self) -> anyhow::Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// Sends SIGKILL; the process is gone when this returns.
    ///
    /// # Errors
    /// Fails if the system does not do it.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Sends SIGSTOP, or SIGCONT.
    ///
    /// # Errors
    /// Fails if it has ended.
    pub fn freeze(&self, frozen: bool) -> anyhow::Result<()> {
        self.signal(if frozen { Signal::STOP } else { Signal::CONT })
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// Fails if it has ended.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.pid().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        let pid = pid.with_context(|| format!("{} has ended", self.name))?;
        Ok(kill_process(pid, signal)?)
    }

    /// Its last lines.
    #[must_use]
    pub fn last_lines(&self) -> String {
        self.said().lines.iter().fold(String::new(), |text, line| text + "\n    " + line)
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn listen(
    stderr: Option<ChildStderr>,
    said: Arc<Mutex<Said>>,
    mut listens: impl FnMut(SocketAddr),
) {
    let Some(stderr) = stderr else { return };
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, address)) = line.split_once("listening address=") {
            said.address = address.trim().parse().ok();
            said.address.into_iter().for_each(&mut listens);
        }
        if said.lines.len() == LINES {
            said.lines.pop_front();
        }
        said.lines.push_back(line);
    }
}
