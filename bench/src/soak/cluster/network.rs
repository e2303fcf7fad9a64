//! Machines on one machine: network namespaces, joined by a bridge, whose cables can be pulled.
//!
//! Each namespace belongs to a process that sleeps on the [`leash`], and the bridge is in one of its
//! own. So nothing of them outlives this process, however that ends: the kernel removes a namespace
//! with the last process in it, and a pair of interfaces with either end.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command as StdCommand, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use services::leash;
use tokio::process::Command;

use crate::process::Process;

/// Machines, each with an address that all others and this process reach.
pub struct Network {
    third: u8,
    apart: Result<Spaces, String>,
}

/// The namespaces.
struct Spaces {
    bridge: Process,
    machines: Vec<Process>,
}

impl Network {
    /// So many machines. Without the right to make namespaces they differ by address alone.
    pub async fn lay(machines: usize) -> Network {
        // Another run, and a network that is there, seldom have the same.
        let third = rand::random();
        let apart = Spaces::lay(third, machines).await.map_err(|error| format!("{error:#}"));
        Network { third, apart }
    }

    /// The address of a machine.
    #[must_use]
    pub fn address(&self, machine: usize) -> Ipv4Addr {
        match self.apart {
            Ok(_) => address(10, self.third, machine),
            // All of 127.0.0.0/8 is this machine.
            Err(_) => address(127, self.third, machine),
        }
    }

    /// A command that runs a program on a machine and on the leash.
    #[must_use]
    pub fn command(&self, machine: usize, program: &Path) -> StdCommand {
        let Some(space) = self.apart.as_ref().ok().and_then(|it| it.machines.get(machine)) else {
            return leash::command(program);
        };
        let mut command = leash::command(Path::new("nsenter"));
        command.arg(entrance(space)).arg("--").arg(program);
        command
    }

    /// Pulls the cable of a machine, or puts it in again.
    ///
    /// # Errors
    /// Fails if the machine has none.
    pub async fn cut_off(&self, machine: usize, is_off: bool) -> anyhow::Result<()> {
        let spaces = self.apart.as_ref().map_err(|why| anyhow::anyhow!("{why}"))?;
        let state = if is_off { "down" } else { "up" };
        ip(Some(&spaces.bridge), &format!("link set port{machine} {state}")).await
    }

    /// The reason for which no machine can be cut off.
    #[must_use]
    pub fn why_not(&self) -> Option<&str> {
        self.apart.as_ref().err().map(String::as_str)
    }
}

impl Spaces {
    async fn lay(third: u8, machines: usize) -> anyhow::Result<Spaces> {
        let mut spaces = Spaces { bridge: space().await?, machines: Vec::new() };
        let bridge = Some(&spaces.bridge);
        ip(bridge, "link add bridge type bridge").await?;
        ip(bridge, "link set bridge up").await?;

        let (this, here) = (std::process::id(), address(10, third, 253));
        let at = pid(&spaces.bridge);
        ip(None, &format!("link add soak{this} type veth peer name this netns {at}")).await?;
        ip(None, &format!("address add {here}/24 dev soak{this}")).await?;
        ip(None, &format!("link set soak{this} up")).await?;
        ip(bridge, "link set this master bridge up").await?;

        for machine in 0..machines {
            let (space, here) = (space().await?, address(10, third, machine));
            let (port, at) = (format!("port{machine}"), pid(&space));
            ip(bridge, &format!("link add {port} type veth peer name eth0 netns {at}")).await?;
            ip(bridge, &format!("link set {port} master bridge up")).await?;
            ip(Some(&space), &format!("address add {here}/24 dev eth0")).await?;
            ip(Some(&space), "link set eth0 up").await?;
            ip(Some(&space), "link set lo up").await?;
            spaces.machines.push(space);
        }
        Ok(spaces)
    }
}

/// A namespace, which is there for as long as this process of it.
async fn space() -> anyhow::Result<Process> {
    let mut command = leash::command(Path::new("unshare"));
    command.args(["--net", "--", "sleep", "infinity"]).stdin(Stdio::null());
    let mut process = Process::start("unshare", command, drop).await?;
    let ours = std::fs::read_link("/proc/self/ns/net")?;
    loop {
        let ended = process.ended()?;
        ensure!(ended.is_none(), "no network namespace can be made here{}", process.last_lines());
        let theirs = std::fs::read_link(format!("/proc/{}/ns/net", pid(&process)));
        if theirs.is_ok_and(|theirs| theirs != ours) {
            return Ok(process);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs `ip` in a namespace, or in that of this process.
async fn ip(within: Option<&Process>, arguments: &str) -> anyhow::Result<()> {
    let mut command = match within {
        Some(space) => {
            let mut command = Command::new("nsenter");
            command.arg(entrance(space)).args(["--", "ip"]);
            command
        }
        None => Command::new("ip"),
    };
    let done = command.args(arguments.split(' ')).stdin(Stdio::null()).kill_on_drop(true).output();
    let done = done.await.context("ip (iproute2) does not start")?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "ip {arguments}: {}", said.trim());
    Ok(())
}

fn entrance(space: &Process) -> String {
    format!("--net=/proc/{}/ns/net", pid(space))
}

/// The id of a process; 0, which is nobody's, once it has ended.
fn pid(process: &Process) -> u32 {
    process.pid().unwrap_or_default()
}

fn address(first: u8, third: u8, machine: usize) -> Ipv4Addr {
    Ipv4Addr::new(first, 214, third, u8::try_from(machine + 1).unwrap_or(u8::MAX))
}
