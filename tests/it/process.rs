//! `serve` in a process of its own, whose lines are read as they come.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::task::JoinHandle;

use crate::harness::{Answer, Shop, answer, until};
use crate::serve::{program, start};

pub struct Process {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    reading: JoinHandle<()>,
}

impl Process {
    /// Starts it with these variables besides the shop's.
    pub fn start(shop: &Shop, variables: &[(&str, &str)]) -> Process {
        let mut command = program(&["serve"]);
        command.envs(shop.environment()).env("NO_COLOR", "1").envs(variables.iter().copied());
        let (child, mut lines) = start(&mut command);
        let said = Arc::<Mutex<Vec<String>>>::default();
        let heard = said.clone();
        let reading = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                heard.lock().expect("lines").push(line);
            }
        });
        Process { child, said, reading }
    }

    /// Starts it to be killed at a place.
    pub fn to_die(shop: &Shop, place: &str) -> Process {
        Process::start(shop, &[("FAILPOINTS", &format!("{place}=return"))])
    }

    /// Everything it said.
    pub fn said(&self) -> Vec<String> {
        self.said.lock().expect("lines").clone()
    }

    /// Waits for a line.
    pub async fn says(&self, what: &str) -> String {
        until(&format!("line with {what}"), || async {
            let found = self.said().into_iter().find(|line| line.contains(what));
            found.ok_or_else(|| format!("{:#?}", self.said()))
        })
        .await
    }

    /// The address that it listens on.
    pub async fn address(&self) -> SocketAddr {
        let line = self.says("listening address=").await;
        let (_, address) = line.split_once("address=").expect("an address");
        address.trim().parse().expect("an address")
    }

    /// Asks it, with the shop's key.
    pub async fn get(&self, shop: &Shop, path: &str) -> Answer {
        let request = shop.request_to(self.address().await, Method::GET, path);
        answer(request.header("x-api-key", &shop.key)).await
    }

    /// How it ends by itself, and what it said.
    pub async fn ended(mut self) -> (ExitStatus, Vec<String>) {
        let ended = tokio::time::timeout(Duration::from_mins(1), self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("it does not end: {:#?}", self.said()));
        self.reading.await.expect("its lines");
        let said = self.said.lock().expect("lines").clone();
        (status.expect("a status"), said)
    }

    /// Waits for it to kill itself.
    pub async fn dies(self) {
        let (status, said) = self.ended().await;
        assert_eq!(status.signal(), Some(9), "{said:#?}");
    }

    /// Its memory, in bytes.
    pub fn memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id().expect("it runs"));
        let status = std::fs::read_to_string(status).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes * 1_024
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|it| Pid::from_raw(it.cast_signed()));
        kill_process(pid.expect("it runs"), signal).expect("told");
    }

    /// Sends SIGKILL.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }
}
