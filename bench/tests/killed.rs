//! A soak that is killed leaves no process behind.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

/// The processes that a process started, and those that they started.
fn descendants(pid: u32) -> Vec<u32> {
    let of = |entry: std::fs::DirEntry| -> Option<(u32, u32)> {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        Some((entry.file_name().to_str()?.parse().ok()?, parent))
    };
    let all: Vec<_> = std::fs::read_dir("/proc").expect("it").flatten().filter_map(of).collect();
    let mut found = vec![pid];
    for at in 0.. {
        let Some(&parent) = found.get(at) else { break };
        found.extend(all.iter().filter(|(_, its)| *its == parent).map(|(child, _)| child));
    }
    found.split_off(1)
}

fn command_line(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soak_that_is_killed_takes_its_children_along() {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let temporary = temporary.join(format!("killed-soak-{}", std::process::id()));
    std::fs::create_dir_all(&temporary).expect("a folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_adaptive-bi-bench"))
        .args(["soak", "--minutes", "5", "--faults", "killed", "--throughput", "0"])
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let pid = child.id().expect("it runs");
    let begun = tokio::time::Instant::now();
    let children = loop {
        let all = descendants(pid);
        let serves = all.iter().filter(|it| command_line(**it).ends_with(" serve ")).count();
        if serves == 2 && all.len() == 4 {
            break all;
        }
        let lines: Vec<_> = all.iter().map(|it| command_line(*it)).collect();
        assert!(begun.elapsed() < Duration::from_mins(1), "no two services: {lines:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    child.kill().await.expect("killed");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let mut left = children;
    while !left.is_empty() && tokio::time::Instant::now() < deadline {
        left.retain(|it| !command_line(*it).is_empty());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let lines: Vec<_> = left.iter().map(|it| command_line(*it)).collect();
    for pid in left.iter().filter_map(|it| Pid::from_raw(it.cast_signed())) {
        let _ = kill_process(pid, Signal::KILL);
    }
    assert!(lines.is_empty(), "they go on: {lines:#?}");
    std::fs::remove_dir_all(&temporary).expect("removed");
}
