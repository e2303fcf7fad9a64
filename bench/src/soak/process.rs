//! A process that is harmed: killed, or frozen.

use std::path::Path;
use std::process::ExitStatus;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use services::leash;
use tokio::process::{Child, ChildStderr, Command};
use tokio::runtime::Handle;

/// A process. Dropping it kills it, and so does the end of this process.
#[derive(Debug)]
pub struct Process(Child);

/// A command that runs a program in a network namespace, if that is another one. It has to be
/// started by [`Process::start`].
#[must_use]
pub fn command(host: Option<&str>, program: &Path) -> std::process::Command {
    let Some(host) = host else { return leash::command(program) };
    let mut command = leash::command(Path::new("ip"));
    command.args(["netns", "exec", host]).arg(program);
    command
}

impl Process {
    /// Starts a command.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub async fn start(mut command: Command) -> std::io::Result<Process> {
        command.kill_on_drop(true);
        // It starts from a thread that lives as long as the program, which the runtime's need not.
        let runtime = Handle::current();
        let spawn = move || {
            let _within = runtime.enter();
            command.spawn()
        };
        Ok(Process(leash::start(spawn).await?))
    }

    /// Its standard error, once, if that is piped.
    pub fn stderr(&mut self) -> Option<ChildStderr> {
        self.0.stderr.take()
    }

    /// Its id; `None` once it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.0.id()
    }

    /// Its exit status, if it has ended.
    ///
    /// # Errors
    /// Fails if the system does not tell.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// Waits for it to end by itself.
    ///
    /// # Errors
    /// Fails if the system does not tell.
    pub async fn end(&mut self) -> anyhow::Result<ExitStatus> {
        Ok(self.0.wait().await?)
    }

    /// Sends SIGKILL; the process is gone when this returns.
    ///
    /// # Errors
    /// Fails if the system does not do it.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.0.kill().await?)
    }

    /// Sends SIGSTOP, or SIGCONT.
    ///
    /// # Errors
    /// Fails if it has ended.
    pub fn freeze(&self, frozen: bool) -> anyhow::Result<()> {
        let pid = self.pid().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        Ok(kill_process(pid.context("it has ended")?, signal)?)
    }
}
