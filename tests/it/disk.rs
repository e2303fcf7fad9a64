//! A nats-server whose disk was full: it answers every request and stores nothing, until it is
//! started again.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use services::{Server, Services};

use crate::events::sale;
use crate::harness::{Shop, until};
use crate::serve::{Said, program, start};
use crate::servers::{self, Servers, data_dir, servers};

/// A folder for servers with a small disk for the log, which is removed with this value. A mount
/// takes root.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(name: &str) -> Option<SmallDisk> {
        let folder = data_dir().join(name);
        let disk = folder.join("nats");
        std::fs::create_dir_all(&disk).expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(&disk);
        let is_mounted = mount.status().is_ok_and(|status| status.success());
        if !is_mounted {
            eprintln!("not done here: a small disk cannot be mounted");
        }
        is_mounted.then_some(SmallDisk(folder))
    }

    /// Fills the disk. Room that another process frees later has to be taken by another call.
    fn fill(&self) {
        let file = File::options().create(true).append(true).open(self.filler());
        let mut file = file.expect("a file");
        let mut piece = vec![1_u8; 1 << 20];
        while !piece.is_empty() {
            if file.write_all(&piece).is_err() {
                piece.truncate(piece.len() / 2);
            }
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).expect("removed");
    }

    fn filler(&self) -> PathBuf {
        self.0.join("nats/filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.join("nats")).status();
    }
}

fn event(id: &str) -> String {
    // Larger than what is left of a block that is on the disk already.
    let comment = "x".repeat(600_000);
    sale(id, "ann", 1, json!({ "ignored": comment })).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_stores_nothing_is_not_ready_until_its_server_is_started_again() {
    let Some(disk) = SmallDisk::mount("full-disk") else { return };
    let services: Services = servers::start(disk.0.clone()).await;
    let shop = Shop::on(&Servers::of(&services)).await;
    let app = shop.start().await;
    let nats = async |status: &str, code: u16| {
        until(&format!("a log that is {status}"), || async {
            let ready = shop.get_with(&app, "/health/ready", &[]).await;
            let nats = &ready.body["services"]["nats"];
            let says = nats["status"] == status && ready.status == code;
            if says { Ok(nats["reason"].clone()) } else { Err(format!("{ready:?}")) }
        })
        .await
    };
    nats("up", 200).await;
    // Nothing is sent: it is asked.
    let reason = until("a full disk", || async {
        disk.fill();
        let ready = shop.get_with(&app, "/health/ready", &[]).await;
        let nats = &ready.body["services"]["nats"];
        let says = nats["status"] == "refuses" && ready.status == 503;
        if says { Ok(nats["reason"].to_string()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    assert!(reason.contains("cannot write to its disk"), "{reason}");
    disk.make_room();
    nats("up", 200).await;
    // What is sent is not stored, whatever room there is from then on.
    disk.fill();
    let refused = shop.post(&app, "/api/events/transaction", event("t1")).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    disk.make_room();
    let reason = nats("refuses", 503).await;
    assert!(reason.as_str().is_some_and(|it| it.contains("started again")), "{reason}");
    let refused = shop.post(&app, "/api/events/transaction", event("t2")).await;
    assert_eq!(refused.status, 503, "room alone does not mend it: {refused:?}");
    services.restart(Server::Nats, &services::to_stderr).await.expect("started again");
    nats("up", 200).await;
    let taken = shop.post(&app, "/api/events/transaction", event("t3")).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    shop.folded(taken.body["data"]["position"].as_u64().expect("a position")).await;
    app.stop().await.expect("stopped");
    services.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_starts_its_own_nats_server_again_once_its_disk_has_room() {
    let Some(disk) = SmallDisk::mount("own-full-disk") else { return };
    let shop = Shop::on(servers()).await;
    let mut serve = program(&["serve"]);
    serve.envs(shop.environment()).env_remove("NATS_URL").env("DATA_DIR", &disk.0);
    serve.env("NO_COLOR", "1");
    let (mut child, mut said) = start(&mut serve);
    let address = listens(&mut said).await;
    // Somebody has to read on, or it cannot say any more.
    let reading = tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
    let post = async |id: &str| {
        let request = shop.request_to(address, reqwest::Method::POST, "/api/events/transaction");
        let answer = request.header("x-api-key", &shop.key).body(event(id)).send().await;
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(post("t1").await, 200);
    let before = nats_server(&disk.0);
    disk.fill();
    assert_eq!(post("t2").await, 503);
    assert_eq!(nats_server(&disk.0), before, "without room that would help nobody");
    disk.make_room();
    until("another nats-server", || async {
        let now = nats_server(&disk.0);
        if now.is_some() && now != before { Ok(()) } else { Err(format!("{now:?}")) }
    })
    .await;
    until("an event that is taken", || async {
        let status = post("t3").await;
        if status == 200 { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    child.kill().await.expect("killed");
    reading.await.expect("read");
}

async fn listens(said: &mut Said) -> SocketAddr {
    let mut lines = Vec::new();
    let reading = async {
        loop {
            let line = said.next_line().await.expect("lines").expect("it runs");
            if let Some((_, address)) = line.split_once("listening address=") {
                return address.trim().parse().expect("an address");
            }
            lines.push(line);
        }
    };
    let read = tokio::time::timeout(Duration::from_mins(1), reading).await;
    read.unwrap_or_else(|_| panic!("it does not listen: {lines:#?}"))
}

/// The process of the nats-server that runs on that folder.
fn nats_server(folder: &Path) -> Option<u64> {
    let record = std::fs::read(folder.join("services.json")).ok()?;
    let record: serde_json::Value = serde_json::from_slice(&record).ok()?;
    record["nats"]["process"]["pid"].as_u64()
}
