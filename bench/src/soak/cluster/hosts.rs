//! Machines, as network namespaces on one bridge: each has an address of its own, and can be cut off
//! from all others. This needs iproute2 and the right to make namespaces.

use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::{Context, ensure};

/// The machines. Dropping this removes them.
#[derive(Debug)]
pub struct Hosts {
    bridge: String,
    hosts: Vec<Host>,
}

/// A machine.
#[derive(Debug, Clone)]
pub struct Host {
    /// The name of its namespace.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// This side of its cable.
    cable: String,
}

impl Hosts {
    /// Makes so many machines, and a bridge at which this machine has the address `.254`.
    ///
    /// # Errors
    /// Fails if they cannot be made here.
    pub fn make(count: u8) -> anyhow::Result<Hosts> {
        let pid = std::process::id();
        // Two soaks at a time are on networks of their own.
        let [.., third] = pid.to_be_bytes();
        let address = |last| Ipv4Addr::new(10, 213, third, last);
        let mut made = Hosts { bridge: format!("ab{pid}"), hosts: Vec::new() };
        let bridge = made.bridge.clone();
        ip(&format!("link add {bridge} type bridge"))?;
        ip(&format!("address add {}/24 dev {bridge}", address(254)))?;
        ip(&format!("link set {bridge} up"))?;
        for number in 1..=count {
            let host = Host {
                name: format!("adaptive-bi-{pid}-{number}"),
                address: address(number),
                cable: format!("ab{pid}-{number}"),
            };
            let Host { name, address, cable } = &host;
            ip(&format!("netns add {name}"))?;
            made.hosts.push(host.clone());
            ip(&format!("link add {cable} type veth peer name eth0 netns {name}"))?;
            ip(&format!("link set {cable} master {bridge} up"))?;
            ip(&format!("-netns {name} address add {address}/24 dev eth0"))?;
            ip(&format!("-netns {name} link set eth0 up"))?;
            ip(&format!("-netns {name} link set lo up"))?;
        }
        Ok(made)
    }

    /// The machine with that index.
    #[must_use]
    pub fn host(&self, index: usize) -> &Host {
        &self.hosts[index]
    }

    /// Cuts a machine off from all others, or ends that.
    ///
    /// # Errors
    /// Fails if the system does not do it.
    pub fn cut_off(&self, index: usize, is_cut: bool) -> anyhow::Result<()> {
        let how = if is_cut { "down" } else { "up" };
        ip(&format!("link set {} {how}", self.hosts[index].cable))
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for host in &self.hosts {
            let _ = ip(&format!("netns delete {}", host.name));
        }
        let _ = ip(&format!("link delete {}", self.bridge));
    }
}

fn ip(arguments: &str) -> anyhow::Result<()> {
    let ran = Command::new("ip").args(arguments.split(' ')).output();
    let ran = ran.context("ip (apt install iproute2) cannot be run")?;
    let why = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
    ensure!(ran.status.success(), "machines cannot be made here: ip {arguments}: {why}");
    Ok(())
}
