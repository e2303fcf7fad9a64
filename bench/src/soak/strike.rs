//! The strikes: the execution of each fault, and the effect by which a hit is seen.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use adaptive_bi::failpoint;
use anyhow::{Context, bail, ensure};
use services::Server;

use super::fault::{Fault, Struck};
use super::ground::Ground;
use super::proxy::{Line, Mark};
use super::scene::Scene;
use super::target::Target;
use super::{damage, disk};
use crate::layer::tree::Lost;

impl Target for Ground {
    fn scene(&mut self) -> &mut Scene {
        &mut self.scene
    }

    fn mongodb_uri(&self) -> &str {
        self.services.mongodb_uri()
    }

    fn why_not(&self, fault: Fault) -> Option<String> {
        let is_missing = fault.failpoint().is_some() && !failpoint::are_there();
        is_missing.then(|| "this build has no failpoints (--features failpoints)".to_owned())
    }

    async fn staff(&mut self) -> anyhow::Result<()> {
        Ground::staff(self).await
    }

    async fn strike(&mut self, fault: Fault) -> anyhow::Result<Struck> {
        if let Some(place) = fault.failpoint() {
            return dies_at(self, place).await;
        }
        let slow = Line::Slow(Duration::from_millis(40));
        match fault {
            Fault::Killed => killed(self).await,
            Fault::Frozen => frozen(self).await,
            Fault::NatsCut => line(self, Server::Nats, Line::Cut).await,
            Fault::NatsStalled => line(self, Server::Nats, Line::Stalled).await,
            Fault::NatsSlow => line(self, Server::Nats, slow).await,
            Fault::MongoCut => line(self, Server::Mongod, Line::Cut).await,
            Fault::MongoStalled => line(self, Server::Mongod, Line::Stalled).await,
            Fault::MongoSlow => line(self, Server::Mongod, slow).await,
            Fault::ProducerCut => producer_cut(self).await,
            Fault::BatchCut => at_mark(self, Line::CutAt(Mark::SecondOfBatch)).await,
            Fault::AnswerLost => at_mark(self, Line::CutAt(Mark::AnswerToBatch)).await,
            Fault::NatsKilledInBatch => at_mark(self, Line::HeldAt(Mark::CommitOfBatch)).await,
            Fault::PowerCut => power_cut(self).await,
            Fault::NatsKilled => server_killed(self, Server::Nats).await,
            Fault::MongodKilled => server_killed(self, Server::Mongod).await,
            Fault::LogDeleted => damage::deleted(self).await,
            Fault::LogRecreated => damage::recreated(self).await,
            Fault::LogRestored => damage::restored(self).await,
            Fault::LogPurged => damage::purged(self).await,
            Fault::PurgedUnfolded => damage::purged_unfolded(self).await,
            Fault::NatsDiskFull => disk::full_under_nats(self).await,
            Fault::DiskFull => disk::full(self).await,
            _ => bail!("it takes a cluster"),
        }
    }

    async fn clear(self) -> anyhow::Result<()> {
        Ground::clear(self).await
    }
}

async fn killed(ground: &mut Ground) -> anyhow::Result<Struck> {
    let at = ground.folder().await?;
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..500))).await;
    let since = Instant::now();
    ground.serves[at].process.kill().await?;
    let recovery = ground.folds_on(since).await?;
    // The fault hit if another process folds now.
    let hit = ground.folder().await? != at;
    Ok(Struck::of(hit, recovery))
}

/// Starts the process that stands by anew, with `place` as its failpoint, and makes it the one that
/// folds.
async fn dies_at(ground: &mut Ground, place: &str) -> anyhow::Result<Struck> {
    let at = ground.folder().await?;
    let armed = 1 - at;
    ground.serves[armed].process.kill().await?;
    ground.serves[armed] = ground.hire(Some(place)).await?;
    ground.serves[at].process.kill().await?;
    // This one is there to take over before it is needed.
    ground.serves[at] = ground.hire(None).await?;
    let status = ground.serves[armed].process.end().await?;
    let since = Instant::now();
    let recovery = ground.folds_on(since).await?;
    Ok(Struck::of(status.signal() == Some(9), recovery))
}

async fn frozen(ground: &mut Ground) -> anyhow::Result<Struck> {
    let at = ground.folder().await?;
    let since = Instant::now();
    ground.serves[at].process.freeze(true)?;
    let recovery = ground.folds_on(since).await?;
    let successor = ground.folder().await?;
    ground.serves[at].process.freeze(false)?;
    // The frozen process is awake again, in the middle of its work, and must fold no event twice.
    ground.folds_on(Instant::now()).await?;
    Ok(Struck::of(successor != at, recovery))
}

async fn line(ground: &mut Ground, to: Server, how: Line) -> anyhow::Result<Struck> {
    let at = ground.folder().await?;
    let before = make(ground, at, to, how)?;
    let since = Instant::now();
    // The process that goes on is the other one, or this one if its line is only slow.
    let recovery = ground.folds_on(since).await?;
    let harmed = make(ground, at, to, Line::Good)?;
    ground.folds_on(Instant::now()).await?;
    Ok(Struck::of(harmed > before, recovery))
}

/// Puts a process's line to a server into a state; returns the number of times that it did harm.
fn make(ground: &Ground, at: usize, to: Server, how: Line) -> anyhow::Result<u64> {
    let line = ground.serves[at].lines.as_ref().context("a process without lines")?.to(to);
    line.make(how);
    Ok(line.harmed())
}

/// Harms the line to NATS of the process that folds, which publishes as well, at a place of an
/// atomic batch. Where the line is held there, nats-server is killed meanwhile.
async fn at_mark(ground: &mut Ground, how: Line) -> anyhow::Result<Struck> {
    let at = ground.folder().await?;
    let before = make(ground, at, Server::Nats, how)?;
    let hit = async || (make(ground, at, Server::Nats, how).ok()? > before).then_some(());
    ground.wait("atomic batch on the line", hit).await?;
    let since = Instant::now();
    let is_held = matches!(how, Line::HeldAt(_));
    if is_held {
        ground.services.kill(Server::Nats).await?;
    }
    make(ground, at, Server::Nats, Line::Good)?;
    if is_held {
        ground.services.restart(Server::Nats, &|_| ()).await?;
    }
    Ok(Struck::of(true, ground.folds_on(since).await?))
}

async fn power_cut(ground: &mut Ground) -> anyhow::Result<Struck> {
    tokio::time::sleep(Duration::from_millis(rand::random_range(200..1_500))).await;
    let lost = ground.lose_power().await?;
    ground.have_power().await?;
    let recovery = ground.folds_on(Instant::now()).await?;
    // What matters is that each of them had something that was not on its disk.
    let hit = lost.iter().all(|lost| *lost != Lost::default());
    Ok(Struck::of(hit, recovery))
}

async fn producer_cut(ground: &mut Ground) -> anyhow::Result<Struck> {
    let before = ground.line.harmed();
    // All pieces that are held up are lost with the line: events do not arrive, answers do not come
    // back.
    ground.line.make(Line::Stalled);
    let held = async || (ground.line.harmed() > before).then_some(());
    ground.wait("event on the line", held).await?;
    ground.line.make(Line::Cut);
    tokio::time::sleep(Duration::from_millis(300)).await;
    ground.line.make(Line::Good);
    let recovery = ground.folds_on(Instant::now()).await?;
    Ok(Struck::of(ground.line.harmed() > before, recovery))
}

async fn server_killed(ground: &mut Ground, server: Server) -> anyhow::Result<Struck> {
    ground.services.kill(server).await?;
    let gone = async || match server {
        Server::Nats => (!ground.scene.log.is_connected()).then_some(()),
        Server::Mongod => {
            let ping =
                tokio::time::timeout(Duration::from_secs(1), ground.scene.store.ping()).await;
            (!matches!(ping, Ok(Ok(())))).then_some(())
        }
    };
    ground.wait("end of a killed server", gone).await?;
    ground.services.restart(server, &|_| ()).await.context("starting it again")?;
    let recovery = ground.folds_on(Instant::now()).await?;
    ensure!(ground.scene.checkpoint().await.is_some(), "the database answers");
    Ok(Struck::of(true, recovery))
}
