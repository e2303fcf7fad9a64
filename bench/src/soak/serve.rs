//! `adaptive-bi serve` as a process of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use services::{Server, leash};

use super::doors::Doors;
use super::proxy::Proxy;
use crate::process::Process;

/// A `serve` that runs. Dropping it kills it, and so does the end of this process.
pub struct Serve {
    /// Its lines to NATS and to `MongoDB`, if it has some of its own.
    pub lines: Option<Lines>,
    /// Its process.
    pub process: Process,
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

/// The program to run.
#[derive(Debug, Clone)]
pub struct Program<'a> {
    /// The program.
    pub path: &'a Path,
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
        let command = leash::command(program.path);
        let process = Serve::run(program, command, further).await?;
        Ok(Serve { lines: None, process })
    }

    /// Runs the program by a command of [`leash::command`] that names it, with a further environment.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub async fn run(
        program: &Program<'_>,
        mut command: Command,
        further: &[(&'static str, String)],
    ) -> anyhow::Result<Process> {
        command
            .arg("serve")
            .envs(program.environment.iter().chain(further).map(|(name, value)| (name, value)))
            .env("LOG_LEVEL", "info,access=off")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        let mut door = program.doors.door();
        Process::start("serve", command, move |address| door.open(address)).await
    }
}
