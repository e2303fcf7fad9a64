//! Limits of the system on the program: the number of its files, and the lifetime of its children.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use adaptive_bi::config;
use tokio::process::Command;

use crate::commands::{Ran, folder, ran};
use crate::harness::Shop;
use crate::serve::{program, start};

/// The program under a `ulimit`.
fn limited(ulimit: &str, arguments: &str) -> Command {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_adaptive-bi");
    command.args(["-c", &format!("ulimit {ulimit}; exec {program} {arguments}")]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soft_limit_on_files_is_raised_and_a_hard_one_that_is_too_low_is_refused_by_name() {
    let shop = Shop::new().await;
    let mut soft = limited("-Sn 64", "serve");
    let (mut child, mut said) = start(soft.envs(shop.environment()).env("NO_COLOR", "1"));
    let mut tail = Vec::new();
    let listening = async {
        while let Some(line) = said.next_line().await.expect("lines") {
            tail.push(line);
            if tail.last().is_some_and(|it| it.contains("listening")) {
                return true;
            }
        }
        false
    };
    assert!(listening.await, "{tail:#?}");
    assert!(!tail.iter().any(|it| it.contains("limit on open files")), "{tail:#?}");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id().expect("it runs")));
    let limits = limits.expect("its limits");
    let files = limits.lines().find(|it| it.starts_with("Max open files")).expect("that of files");
    let [soft, hard] = [3, 4].map(|at| files.split_whitespace().nth(at).expect("a number"));
    assert_eq!(soft, hard, "{files}");
    child.kill().await.expect("killed");

    let folder = folder("few-files");
    for arguments in ["serve", "demo --still", "ingest events"] {
        std::fs::write(folder.join("events"), "").expect("written");
        let mut hard = limited("-n 256", arguments);
        hard.current_dir(&folder).env("DATA_DIR", "data").env("BIND", "127.0.0.1:0");
        let Ran { code, stderr, .. } = ran(hard.output()).await;
        assert_eq!(code, Some(1), "{arguments}: {stderr}");
        assert!(stderr.contains("open files is 256") && stderr.contains("512"), "{stderr}");
        assert!(!folder.join("data/nats").exists(), "{arguments}: nothing is started");
    }
}

/// A folder with a mongod that may have few files, to be first on the PATH; the other server
/// beside.
fn few_files_for_mongod(files: u32) -> PathBuf {
    let folder = folder("mongod-with-few-files");
    crate::servers::servers();
    let cache = std::fs::read_dir(config::cache_dir()).expect("a cache").flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = cache.map(|it| it.path()).chain(std::env::split_paths(&path));
    let mongod = places.map(|it| it.join("mongod")).find(|it| it.is_file()).expect("a mongod");
    // Its version is asked for by the program with as many as it likes.
    let script = format!("#!/bin/sh\nulimit -n {files}\nexec {} \"$@\"\n", mongod.display());
    let path = folder.join("mongod");
    std::fs::write(&path, script).expect("written");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("set");
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mongod_that_ends_for_want_of_files_is_told_as_such() {
    let folder = few_files_for_mongod(24);
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = program(&["key", "list"]);
    command.current_dir(&folder).env("PATH", format!("{}:{path}", folder.display()));
    command.env("DATA_DIR", "data").stdin(Stdio::null()).kill_on_drop(true);
    std::fs::create_dir_all(folder.join("data/mongodb")).expect("made");
    std::fs::create_dir_all(folder.join("data/nats")).expect("made");
    let Ran { code, stderr, .. } = ran(command.output()).await;
    assert_eq!(code, Some(1), "{stderr}");
    let told = "as the limit on open files is too low for it";
    assert!(stderr.contains("mongod ended") && stderr.contains(told), "{stderr}");
}

/// The niceness of each thread of that name in this process.
fn niceness_of(name: &str) -> Vec<i32> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("threads").flatten();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok());
    let of_that_name = stats.filter(|stat| stat.contains(&format!("({name})")));
    let niceness = |stat: String| {
        // Field 19 of proc_pid_stat(5); the second ends with the last parenthesis.
        let behind = stat.rsplit_once(')').expect("a name").1;
        behind.split_whitespace().nth(16).and_then(|it| it.parse().ok()).expect("niceness")
    };
    of_that_name.map(niceness).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fold_yields_to_no_other_program_of_the_machine() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let fold = niceness_of("fold");
    assert!(!fold.is_empty(), "threads that fold");
    let ours = rustix::process::getpriority_process(None).expect("niceness");
    assert!(fold.iter().all(|niceness| *niceness == ours), "{fold:?}, {ours}");
    app.stop().await.expect("stopped");
}
