//! A disk that is full. mongod ends, or refuses, and is started again when there is room.
//! nats-server stores nothing from then on, which readiness has to report, and the program starts
//! it again by itself.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use services::Server;

use super::fault::Struck;
use super::ground::Ground;

pub(super) async fn full(ground: &mut Ground) -> anyhow::Result<Struck> {
    let filler = ground.store_folder().join("filler");
    let fill = filler.clone();
    tokio::task::spawn_blocking(move || fill_up(&fill)).await?.context("filling the disk")?;
    let position = ground.scene.checkpoint().await.map(|it| it.position);
    // This is long enough for a journal that has room left in its file to need another one.
    let ended = tokio::time::timeout(Duration::from_mins(1), ground.services.failed()).await;
    let stuck = ground.scene.checkpoint().await.map(|it| it.position) == position;
    std::fs::remove_file(&filler)?;
    ground.services.restart(Server::Mongod, &|_| ()).await.context("starting mongod again")?;
    let recovery = ground.folds_on(Instant::now()).await?;
    Ok(Struck::of(ended.is_ok() || stuck, recovery))
}

pub(super) async fn full_under_nats(ground: &mut Ground) -> anyhow::Result<Struck> {
    let filler = ground.log_folder().join("filler");
    let says = |it: &serde_json::Value| it["services"]["nats"]["status"] == "refuses";
    let hit = tokio::select! {
        said = ground.until_one_says(says) => said.is_ok(),
        kept = keep_full(&filler) => kept.map(|()| false)?,
    };
    std::fs::remove_file(&filler)?;
    let since = Instant::now();
    let recovery = tokio::select! {
        recovery = ground.folds_on(since) => recovery?,
        () = ground.services.mend() => since.elapsed(),
    };
    Ok(Struck::of(hit, recovery))
}

/// Keeps the disk full, even when others give room back.
async fn keep_full(filler: &Path) -> anyhow::Result<()> {
    loop {
        let fill = filler.to_owned();
        tokio::task::spawn_blocking(move || fill_up(&fill)).await?.context("filling the disk")?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Writes until there is no room.
fn fill_up(path: &Path) -> std::io::Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    let mut piece = vec![1_u8; 1 << 20];
    while !piece.is_empty() {
        match file.write(&piece) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                piece.truncate(piece.len() / 2);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
