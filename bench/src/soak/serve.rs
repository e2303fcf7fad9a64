//! `adaptive-bi serve` as a process of its own, behind lines of its own.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use services::leash;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::proxy::Proxy;

/// The time that it may take to listen.
const PATIENCE: Duration = Duration::from_mins(2);
/// The number of its last lines that are kept, to be shown if something fails.
const LINES: usize = 40;

/// A `serve` that runs. Dropping it kills it, and so does the end of this process.
pub struct Serve {
    /// Its line to NATS.
    pub nats: Proxy,
    /// Its line to `MongoDB`.
    pub mongo: Proxy,
    child: Child,
    said: Arc<Mutex<Said>>,
}

#[derive(Debug, Default)]
struct Said {
    address: Option<SocketAddr>,
    lines: VecDeque<String>,
}

/// The program to run, and the addresses of its servers (`host:port`).
#[derive(Debug, Clone)]
pub struct Program<'a> {
    /// The program.
    pub path: &'a Path,
    /// The NATS server.
    pub nats: &'a str,
    /// The `MongoDB` server.
    pub mongo: &'a str,
    /// The rest of its environment.
    pub environment: &'a [(&'static str, String)],
}

impl Serve {
    /// Starts the program, which kills itself at `failpoint` if there is one.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub async fn start(program: &Program<'_>, failpoint: Option<&str>) -> anyhow::Result<Serve> {
        let (nats, mongo) = (Proxy::to(program.nats).await?, Proxy::to(program.mongo).await?);
        let mut command = Command::from(leash::command(program.path));
        command.arg("serve").envs(program.environment.iter().map(|(name, value)| (name, value)));
        if let Some(failpoint) = failpoint {
            command.env("FAILPOINTS", format!("{failpoint}=return"));
        }
        command
            .env("NATS_URL", format!("nats://{}", nats.address()))
            .env("MONGODB_URI", format!("mongodb://{}/?directConnection=true", mongo.address()))
            .env("BIND", "127.0.0.1:0")
            .env("LOG_LEVEL", "info,access=off")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // It starts from a thread that lives as long as the program, which the runtime's need not.
        let runtime = Handle::current();
        let spawn = move || {
            let _within = runtime.enter();
            command.spawn()
        };
        let mut child = leash::start(spawn).await.context("starting serve")?;
        let said = Arc::<Mutex<Said>>::default();
        tokio::spawn(listen(child.stderr.take(), Arc::clone(&said)));
        Ok(Serve { nats, mongo, child, said })
    }

    /// The id of its process; `None` once it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
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
                bail!("serve does not listen: {}", self.last_lines());
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
        let pid = self.pid().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        Ok(kill_process(pid.context("serve has ended")?, signal)?)
    }

    /// Its last lines.
    #[must_use]
    pub fn last_lines(&self) -> String {
        self.said().lines.iter().fold(String::new(), |text, line| text + "\n    " + line)
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn listen(stderr: Option<ChildStderr>, said: Arc<Mutex<Said>>) {
    let Some(stderr) = stderr else { return };
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, address)) = line.split_once("listening address=") {
            said.address = address.trim().parse().ok();
        }
        if said.lines.len() == LINES {
            said.lines.pop_front();
        }
        said.lines.push_back(line);
    }
}
