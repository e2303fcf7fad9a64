//! Damage to the log. The fold has to halt by name and write nothing; then the log is put back as it
//! was, and the fold goes on.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use services::Server;

use super::fault::Struck;
use super::ground::Ground;
use super::producer::Pace;

/// The number of events that come in between.
const SOME: u64 = 200;

pub(super) async fn deleted(ground: &mut Ground) -> anyhow::Result<Struck> {
    let copy = copy_of_log(ground, "whole").await?;
    settled(ground).await?;
    ground.scene.log.delete().await?;
    ground.scene.producer.go(Pace::PerSecond(SOME));
    let refused = async || (ground.scene.producer.record.tally().refused > 0).then_some(());
    ground.wait("event that is refused", refused).await?;
    ground.scene.producer.rest().await;
    let hit = halts(ground, "log-gone").await?;
    put_back(ground, &copy).await?;
    go_on(ground, hit).await
}

pub(super) async fn recreated(ground: &mut Ground) -> anyhow::Result<Struck> {
    let copy = copy_of_log(ground, "whole").await?;
    settled(ground).await?;
    ground.scene.log.delete().await?;
    ground.scene.log.make_anew().await?;
    let hit = halts(ground, "another-incarnation").await?;
    put_back(ground, &copy).await?;
    go_on(ground, hit).await
}

pub(super) async fn restored(ground: &mut Ground) -> anyhow::Result<Struck> {
    let older = copy_of_log(ground, "older").await?;
    let position = ground.scene.producer.record.last();
    ground.scene.producer.go(Pace::UpTo(position + SOME));
    ground.scene.reaches(position + SOME).await?;
    let copy = copy_of_log(ground, "whole").await?;
    put_back(ground, &older).await?;
    let hit = halts(ground, "log-behind").await?;
    put_back(ground, &copy).await?;
    go_on(ground, hit).await
}

pub(super) async fn purged(ground: &mut Ground) -> anyhow::Result<Struck> {
    let (position, copy) = unfolded(ground).await?;
    ground.scene.log.purge_before(position + SOME / 2).await?;
    ground.staff().await?;
    let hit = halts(ground, "log-gap").await?;
    put_back(ground, &copy).await?;
    go_on(ground, hit).await
}

/// The events before the missing ones are folded on the way to the halt. The log is put back and
/// not accepted as it is: events that were acknowledged must count in the end.
pub(super) async fn purged_unfolded(ground: &mut Ground) -> anyhow::Result<Struck> {
    let (position, copy) = unfolded(ground).await?;
    let (from, to) = (position + SOME / 2, position + SOME / 2 + 9);
    ground.scene.log.take_away(from..=to).await?;
    ground.staff().await?;
    let says = |ready: &serde_json::Value| ready["services"]["projector"]["halted"] == "log-hole";
    ground.until_one_says(says).await.context("the fold does not halt")?;
    let at = ground.scene.checkpoint().await.context("a checkpoint")?.position;
    put_back(ground, &copy).await?;
    go_on(ground, at < from).await
}

/// Makes events behind that position that nobody has folded, and a copy of the log with them. No
/// process of the service runs then.
async fn unfolded(ground: &mut Ground) -> anyhow::Result<(u64, PathBuf)> {
    ground.scene.producer.rest().await;
    let position = ground.scene.log.extent().await?.last;
    ground.scene.reaches(position).await?;
    for serve in &mut ground.serves {
        serve.process.kill().await?;
    }
    ground.scene.producer.go(Pace::UpTo(position + SOME));
    let there = async || (ground.scene.producer.record.last() >= position + SOME).then_some(());
    ground.wait("events that nobody folds", there).await?;
    Ok((position, copy_of_log(ground, "whole").await?))
}

/// Waits until all of the log is folded, so that every later write comes from the damage.
async fn settled(ground: &Ground) -> anyhow::Result<()> {
    let last = ground.scene.log.extent().await?.last;
    ground.scene.reaches(last).await.map(|_| ())
}

async fn go_on(ground: &mut Ground, hit: bool) -> anyhow::Result<Struck> {
    let since = Instant::now();
    ground.scene.producer.go(Pace::PerSecond(SOME));
    let recovery = ground.folds_on(since).await?;
    Ok(Struck::of(hit, recovery))
}

/// Whether the process that folds halts for that reason, and writes nothing.
async fn halts(ground: &mut Ground, reason: &str) -> anyhow::Result<bool> {
    unmoved(ground, |ready| ready["services"]["projector"]["halted"] == reason).await
}

/// Waits until one of the processes reports the halt; false if the checkpoint moved by then.
async fn unmoved(
    ground: &mut Ground,
    says: impl Fn(&serde_json::Value) -> bool,
) -> anyhow::Result<bool> {
    let before = ground.scene.checkpoint().await.context("a checkpoint")?;
    ground.until_one_says(says).await.context("the fold does not halt")?;
    Ok(ground.scene.checkpoint().await.as_ref() == Some(&before))
}

/// A copy of the log as it is on the disk, while nobody writes to it.
async fn copy_of_log(ground: &mut Ground, name: &str) -> anyhow::Result<PathBuf> {
    ground.scene.producer.rest().await;
    ground.services.kill(Server::Nats).await?;
    let to = ground.log_folder().with_file_name(format!("nats-{name}"));
    let _ = std::fs::remove_dir_all(&to);
    copy(&ground.log_folder(), &to).context("copying the log")?;
    ground.services.restart(Server::Nats, &|_| ()).await?;
    answers(ground).await?;
    Ok(to)
}

async fn put_back(ground: &mut Ground, copied: &Path) -> anyhow::Result<()> {
    ground.services.kill(Server::Nats).await?;
    std::fs::remove_dir_all(ground.log_folder())?;
    copy(copied, &ground.log_folder()).context("putting the log back")?;
    ground.services.restart(Server::Nats, &|_| ()).await?;
    answers(ground).await
}

async fn answers(ground: &Ground) -> anyhow::Result<()> {
    ground.wait("log that answers", async || ground.scene.log.extent().await.ok().map(|_| ())).await
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
