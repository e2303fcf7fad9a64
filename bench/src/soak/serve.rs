//! `adaptive-bi serve` as a process of its own, behind lines of its own.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;
use services::leash;

use super::proxy::Proxy;
use crate::process::Process;

/// A `serve` that runs. Dropping it kills it, and so does the end of this process.
pub struct Serve {
    /// Its line to NATS.
    pub nats: Proxy,
    /// Its line to `MongoDB`.
    pub mongo: Proxy,
    process: Process,
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
        let mut command = leash::command(program.path);
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
            .stdin(Stdio::null());
        Ok(Serve { nats, mongo, process: Process::start("serve", command).await? })
    }

    /// Sends SIGSTOP, or SIGCONT.
    ///
    /// # Errors
    /// Fails if it has ended.
    pub fn freeze(&self, frozen: bool) -> anyhow::Result<()> {
        self.signal(if frozen { Signal::STOP } else { Signal::CONT })
    }
}

impl Deref for Serve {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Serve {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}
