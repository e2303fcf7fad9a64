//! A server of socket.io in Node that only fans out, to compare with: it is handed updates that are
//! ready, and has no log, no figures and no rights.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use services::leash;
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, Command};

use crate::cpu;
use crate::process::Process;
use crate::stand::Scratch;

/// The server, and what it needs.
const FILES: [(&str, &str); 3] = [
    ("server.mjs", include_str!("node/server.mjs")),
    ("package.json", include_str!("node/package.json")),
    ("package-lock.json", include_str!("node/package-lock.json")),
];

/// The server, which runs.
pub struct Node {
    process: Process,
    input: ChildStdin,
    pid: u32,
    /// Where it listens.
    pub address: SocketAddr,
    /// The versions of socket.io and of Node.
    pub version: String,
    _folder: Scratch,
}

impl Node {
    /// Installs it for this run and starts it; its folder is removed when this is dropped.
    ///
    /// # Errors
    /// Fails if npm cannot install it here, or it does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = Scratch::named("socket-io");
        std::fs::create_dir_all(&folder.0)?;
        for (name, contents) in FILES {
            std::fs::write(folder.0.join(name), contents)?;
        }
        let npm = Command::new("npm")
            .args(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"])
            .arg(&folder.0)
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .output()
            .await
            .context("npm does not start")?;
        let said = String::from_utf8_lossy(&npm.stderr);
        ensure!(npm.status.success(), "npm does not install socket.io: {}", said.trim());
        let mut command = leash::command(Path::new("node"));
        command.arg(folder.0.join("server.mjs")).env("NODE_ENV", "production");
        command.stdin(Stdio::piped());
        let mut process = Process::start("node", command, drop).await?;
        let address = process.address().await?;
        let version = process.last_lines().lines().nth(1).unwrap_or_default().trim().to_owned();
        let pid = process.pid().context("node has ended")?;
        let input = process.input().context("its input")?;
        Ok(Node { process, input, pid, address, version, _folder: folder })
    }

    /// Hands an update over.
    ///
    /// # Errors
    /// Fails if it has ended.
    pub async fn send(&mut self, update: &[u8]) -> anyhow::Result<()> {
        let line = [update, b"\n"].concat();
        self.input.write_all(&line).await.with_context(|| self.process.last_lines())?;
        Ok(self.input.flush().await?)
    }

    /// Its processor time until now, and its resident memory in bytes.
    ///
    /// # Errors
    /// Fails if it has ended.
    pub fn cost(&self) -> anyhow::Result<(Duration, u64)> {
        cpu::of_process(self.pid).with_context(|| self.process.last_lines())
    }

    /// Stops it.
    ///
    /// # Errors
    /// Fails if it does not end well.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Node { mut process, input, .. } = self;
        drop(input);
        let ended = process.end().await?;
        ensure!(ended.success(), "node ended: {ended}");
        Ok(())
    }
}
