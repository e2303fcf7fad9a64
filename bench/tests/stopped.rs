//! The benchmark cleans up after itself.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_benchmark_that_is_stopped_leaves_no_folder_and_no_server() {
    for signal in [Signal::TERM, Signal::INT] {
        let temporary = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "stopped-{}-{}",
            std::process::id(),
            signal.as_raw()
        ));
        std::fs::create_dir_all(&temporary).expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_adaptive-bi-bench"))
            .arg("live")
            .env("TMPDIR", &temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let (mut said, mut servers) = (Vec::new(), Vec::new());
        let end = async {
            while let Some(line) = lines.next_line().await.expect("lines") {
                let pid = line.split_once("(pid ").and_then(|(_, rest)| rest.split_once(','));
                servers.extend(pid.map(|(pid, _)| pid.to_owned()));
                if pid.is_some() && servers.len() == 2 {
                    assert_eq!(std::fs::read_dir(&temporary).expect("it").count(), 1);
                    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
                    let pid = pid.and_then(Pid::from_raw).expect("it runs");
                    kill_process(pid, signal).expect("told to stop");
                }
                said.push(line);
            }
            child.wait().await.expect("it ends")
        };
        let status = tokio::time::timeout(Duration::from_mins(1), end).await.expect("in time");
        assert_eq!(status.code(), Some(1), "{said:#?}");
        assert!(said.iter().any(|line| line.contains("stopped before the end")), "{said:#?}");
        assert_eq!(std::fs::read_dir(&temporary).expect("it").count(), 0, "{said:#?}");
        assert_eq!(servers.len(), 2, "{said:#?}");
        std::fs::remove_dir(&temporary).expect("it is empty");
        for pid in servers {
            assert!(!Path::new("/proc").join(&pid).exists(), "{pid} still runs: {said:#?}");
        }
    }
}
