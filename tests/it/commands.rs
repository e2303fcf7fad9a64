//! The program as a person runs it: its output, its effect on files, and its end.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::json;
use tokio::process::Command;

use crate::events::sale;
use crate::harness::Shop;
use crate::servers::data_dir;

/// The time that a command may take which has to end by itself.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// The result of a command.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the program to its end.
pub async fn run(arguments: &[&str], environment: &[(&str, String)], folder: &Path) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adaptive-bi"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command.envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
    ran(command.output()).await
}

/// The result of a command that is still running.
pub async fn ran(output: impl Future<Output = std::io::Result<Output>>) -> Ran {
    let output = tokio::time::timeout(ENDS_WITHIN, output).await;
    let Output { status, stdout, stderr } = output.expect("it ends by itself").expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// An empty folder of a test's own.
pub fn folder(name: &str) -> PathBuf {
    let folder = data_dir().join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Runs the program with only these variables set.
async fn alone(arguments: &[&str], environment: &[(&str, &str)], folder: &Path) -> Ran {
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    run(arguments, &environment, folder).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn demo_reset_refuses_a_folder_that_is_not_marked_as_a_demos() {
    let folder = folder("not-a-demo");
    std::fs::create_dir_all(folder.join("nats/jetstream")).expect("made");
    std::fs::write(folder.join("nats/jetstream/events"), "a shop's").expect("written");
    std::fs::write(folder.join("thesis.txt"), "years of work").expect("written");
    let settings = [("DATA_DIR", "."), ("BIND", "127.0.0.1:0")];
    let ran = alone(&["demo", "--reset", "--still"], &settings, &folder).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("not marked as a demo's"), "{ran:?}");
    for kept in ["nats/jetstream/events", "thesis.txt"] {
        assert!(folder.join(kept).exists(), "{kept}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_leaves_a_log_alone_that_holds_events_of_a_shop() {
    let shop = Shop::new().await;
    let position = shop.publish("transaction", sale("t1", "ann", 5, json!({})).to_string()).await;
    let ran = run(&["demo", "--still"], &shop.environment(), &folder("shop")).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("events that are not the demo's"), "{ran:?}");
    assert_eq!(shop.log.extent().await.expect("the log").last, position);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_says_which_lines_were_skipped_and_those_that_the_log_finds_too_large() {
    let shop = Shop::new().await;
    let folder = folder("files");
    let of = |id: &str, and| {
        json!({ "kind": "transaction", "data": sale(id, "ann", 5, and) }).to_string() + "\n"
    };
    let large = of("large", json!({ "unknown": "x".repeat(2 << 20) }));
    std::fs::write(folder.join("large"), format!("{}{large}oops\n", of("t1", json!({})))).unwrap();
    let ran = run(&["ingest", "large"], &shop.environment(), &folder).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("1 event,"), "{ran:?}");
    assert!(ran.stdout.contains("2 lines were skipped, the first of them 2 and 3"), "{ran:?}");
    assert!(ran.stdout.contains("must be at most 1048576 bytes"), "{ran:?}");

    std::fs::write(folder.join("all"), large).unwrap();
    let ran = run(&["ingest", "all"], &shop.environment(), &folder).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("1 line was skipped, 1:"), "{ran:?}");

    std::fs::write(folder.join("empty"), "").unwrap();
    let ran = run(&["ingest", "empty"], &shop.environment(), &folder).await;
    assert_eq!((ran.code, ran.stdout.trim()), (Some(0), "the file has no event"), "{ran:?}");

    let marked = format!("\u{feff}{}", of("t2", json!({})));
    std::fs::write(folder.join("marked"), marked).unwrap();
    let ran = run(&["ingest", "marked"], &shop.environment(), &folder).await;
    assert!(ran.code == Some(0) && ran.stdout.contains("position 2"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_that_means_nothing_is_refused_by_name() {
    let folder = folder("settings");
    for (name, value, allowed) in [
        ("LOG_LEVEL", "banana", "error, warn, info, debug, trace, off"),
        ("LOG_LEVEL", "info,access=loud", "error, warn, info, debug, trace, off"),
        ("SOCKET_PATH", "/api/live", "/api"),
        ("SOCKET_PATH", "/", "/socket.io"),
        ("CURRENCY", "POUNDS", "three letters"),
        ("STREAM_MAX_BYTES", "0", "1048576.."),
        ("MONGODB_DB", "a.b", "letters, digits"),
    ] {
        let ran = alone(&["project", "status"], &[(name, value)], &folder).await;
        assert_eq!(ran.code, Some(2), "{name}={value}: {ran:?}");
        assert!(ran.stderr.contains(name) && ran.stderr.contains(allowed), "{name}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_setting_is_none_and_where_there_is_no_data_nothing_is_started() {
    let folder = folder("nothing");
    let empty = ["NATS_URL", "MONGODB_URI", "BIND", "LOG_LEVEL", "PORT", "CORS_ORIGIN"];
    let empty: Vec<_> = empty.into_iter().map(|name| (name, "")).collect();
    let ran = alone(&["project", "status"], &empty, &folder).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("there is no data in .adaptive-bi"), "{ran:?}");
    assert!(!folder.join(".adaptive-bi").exists(), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_line_of_the_env_file_stops_the_program_before_any_line_counts() {
    let above = folder("env");
    let folder = above.join("below");
    std::fs::create_dir_all(&folder).expect("made");
    std::fs::write(above.join(".env"), "LOG_LEVEL=banana\n").expect("written");
    let ran = alone(&["project", "status"], &[], &folder).await;
    assert_eq!(ran.code, Some(0), "a file of a parent folder is not read: {ran:?}");

    let text = "LOG_LEVEL=banana\n\nAPI_KEY=hunter2 hunter3\n";
    std::fs::write(folder.join(".env"), text).expect("written");
    let ran = alone(&["project", "status"], &[], &folder).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains(".env") && ran.stderr.contains("line 3"), "{ran:?}");
    assert!(!ran.stderr.contains("hunter") && !ran.stderr.contains("banana"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_hangs_up_is_no_reason_to_panic() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_adaptive-bi"));
    command.args(["project", "status"]).envs(shop.environment()).stderr(Stdio::piped());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().await.expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("panicked"), "{said}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_is_judged_by_what_the_read_models_were_made_with() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let position = shop.publish("transaction", sale("t1", "ann", 5, json!({})).to_string()).await;
    shop.folded(position).await;
    let mut environment = shop.environment();
    let folder = folder("status");
    let ran = run(&["project", "status"], &environment, &folder).await;
    assert!(ran.stdout.contains("the one the checkpoint was made from"), "{ran:?}");
    assert!(ran.stdout.contains("% of 1,073,741,824 bytes"), "{ran:?}");
    environment.push(("CURRENCY", "eur".to_owned()));
    let ran = run(&["project", "status"], &environment, &folder).await;
    assert!(ran.stdout.contains("halted       no"), "{ran:?}");
    assert!(ran.stdout.contains("another fold than this command's settings"), "{ran:?}");
    assert!(!ran.stderr.contains('\u{1b}'), "no colours where nobody looks: {ran:?}");
    app.stop().await.expect("stopped");
}
