//! The program in a process of its own, and its `serve`, to be killed or frozen.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::harness::Shop;

/// The lines of a program on standard error.
pub type Said = Lines<BufReader<ChildStderr>>;

/// The program with these arguments.
pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adaptive-bi"));
    command.args(arguments);
    command
}

/// Starts it; dropping it kills it.
pub fn start(command: &mut Command) -> (Child, Said) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let said = BufReader::new(child.stderr.take().expect("piped")).lines();
    (child, said)
}

/// The program's `serve`, whose standard error tells when a commit begins and is answered.
pub struct Serve {
    child: Child,
    lines: Said,
    in_commit: bool,
    answered: usize,
    tail: Vec<String>,
}

impl Serve {
    /// Starts it with `FAILPOINTS`, if there are any.
    pub fn start(shop: &Shop, failpoint: Option<&str>) -> Serve {
        let (child, lines) = start(
            program(&["serve"])
                .envs(shop.environment())
                .envs(failpoint.map(|it| ("FAILPOINTS", it)))
                .envs([("LOG_LEVEL", "info,adaptive_bi=debug"), ("NO_COLOR", "1")]),
        );
        Serve { child, lines, in_commit: false, answered: 0, tail: Vec::new() }
    }

    /// Reads one line; false at the end of them.
    async fn read(&mut self) -> bool {
        let Some(line) = self.lines.next_line().await.expect("lines") else { return false };
        if line.contains("commit begins") {
            self.in_commit = true;
        } else if line.contains("commit answered") {
            self.in_commit = false;
            self.answered += 1;
        }
        self.tail.push(line);
        true
    }

    /// Waits for a commit to begin once `answered` commits were answered.
    pub async fn until_a_commit_begins(&mut self, answered: usize) {
        let wait = async {
            while self.answered < answered || !self.in_commit {
                assert!(self.read().await, "it ended by itself: {:#?}", self.tail);
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), wait).await;
        assert!(waited.is_ok(), "no commit begins: {:#?}", self.tail);
    }

    /// Waits for it to kill itself.
    pub async fn until_it_dies(mut self) {
        let wait = async {
            while self.read().await {}
            self.child.wait().await.expect("it ended")
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), wait).await;
        let status = waited.unwrap_or_else(|_| panic!("it does not die: {:#?}", self.tail));
        assert_eq!(status.signal(), Some(9), "{:#?}", self.tail);
    }

    /// Sends SIGSTOP or SIGCONT.
    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|it| Pid::from_raw(it.cast_signed()));
        kill_process(pid.expect("it runs"), signal).expect("told");
    }

    /// Sends SIGKILL; returns whether that was inside a commit.
    pub async fn kill(mut self) -> bool {
        self.child.kill().await.expect("killed");
        while self.read().await {}
        self.in_commit
    }
}
