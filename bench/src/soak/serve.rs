//! `adaptive-bi serve` as a process of its own.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use services::Server;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{ChildStderr, Command};
use tokio::time::Instant;

use super::doors::{Door, Doors};
use super::process::{self, Process};
use super::proxy::Proxy;

/// The time that it may take to listen.
const PATIENCE: Duration = Duration::from_mins(2);
/// The number of its last lines that are kept, to be shown if something fails.
const LINES: usize = 40;

/// A `serve` that runs. Dropping it kills it, and so does the end of this process.
pub struct Serve {
    /// Its lines to NATS and to `MongoDB`, if it has some of its own.
    pub lines: Option<Lines>,
    /// Its process.
    pub process: Process,
    said: Arc<Mutex<Said>>,
}

/// The lines of a process to its servers.
#[derive(Debug)]
pub struct Lines {
    /// That to NATS.
    pub nats: Proxy,
    /// That to `MongoDB`.
    pub mongo: Proxy,
}

impl Lines {
    /// The line to a server.
    #[must_use]
    pub fn to(&self, server: Server) -> &Proxy {
        match server {
            Server::Nats => &self.nats,
            Server::Mongod => &self.mongo,
        }
    }
}

#[derive(Debug, Default)]
struct Said {
    address: Option<SocketAddr>,
    lines: VecDeque<String>,
}

/// The program to run.
#[derive(Debug, Clone)]
pub struct Program<'a> {
    /// The program.
    pub path: &'a Path,
    /// The network namespace that it runs in, if that is another one.
    pub host: Option<&'a str>,
    /// Its environment.
    pub environment: &'a [(&'static str, String)],
    /// The record of the addresses at which such processes answer.
    pub doors: &'a Doors,
}

impl Serve {
    /// Starts the program behind lines to its servers (`host:port`). It kills itself at `failpoint`
    /// if there is one.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub async fn behind_lines(
        program: &Program<'_>,
        nats: &str,
        mongo: &str,
        failpoint: Option<&str>,
    ) -> anyhow::Result<Serve> {
        let lines = Lines { nats: Proxy::to(nats).await?, mongo: Proxy::to(mongo).await? };
        let mut further = vec![
            ("NATS_URL", format!("nats://{}", lines.nats.address())),
            ("MONGODB_URI", format!("mongodb://{}/?directConnection=true", lines.mongo.address())),
            ("BIND", "127.0.0.1:0".to_owned()),
        ];
        further.extend(failpoint.map(|it| ("FAILPOINTS", format!("{it}=return"))));
        let mut serve = Serve::start(program, &further).await?;
        serve.lines = Some(lines);
        Ok(serve)
    }

    /// Starts the program, with a further environment.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub async fn start(
        program: &Program<'_>,
        further: &[(&'static str, String)],
    ) -> anyhow::Result<Serve> {
        let mut command = Command::from(process::command(program.host, program.path));
        command
            .arg("serve")
            .envs(program.environment.iter().chain(further).map(|(name, value)| (name, value)))
            .env("LOG_LEVEL", "info,access=off")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = Process::start(command).await.context("starting serve")?;
        let said = Arc::<Mutex<Said>>::default();
        let door = program.doors.door();
        tokio::spawn(listen(process.stderr(), Arc::clone(&said), door));
        Ok(Serve { lines: None, process, said })
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
            if Instant::now() > until || self.process.ended()?.is_some() {
                bail!("serve does not listen: {}", self.last_lines());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
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

/// Reads what it says until it ends; its door is open from when it listens until then.
async fn listen(stderr: Option<ChildStderr>, said: Arc<Mutex<Said>>, mut door: Door) {
    let Some(stderr) = stderr else { return };
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, address)) = line.split_once("listening address=") {
            said.address = address.trim().parse().ok();
            said.address.into_iter().for_each(|address| door.open(address));
        }
        if said.lines.len() == LINES {
            said.lines.pop_front();
        }
        said.lines.push_back(line);
    }
}
