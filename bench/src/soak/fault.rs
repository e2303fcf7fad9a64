//! The faults: what each is called, how it is done, and by what it is seen to have hit.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use services::Server;

use super::ground::Ground;
use super::proxy::Line;
use super::{damage, disk};

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Fault {
    /// SIGKILL of the process that folds, whatever it does just then.
    Killed,
    /// SIGKILL before a commit begins.
    CommitNotBegun,
    /// SIGKILL after the compare-and-set.
    CommitComparedAndSet,
    /// SIGKILL after the first command of writes.
    CommitCommandWritten,
    /// SIGKILL with all written and nothing committed.
    CommitWritten,
    /// SIGKILL once it is committed, before anyone knows.
    CommitCommitted,
    /// SIGKILL before a commit is announced.
    CommitNotAnnounced,
    /// SIGKILL after that.
    CommitAnnounced,
    /// SIGSTOP of the process that folds; SIGCONT once another has folded on.
    Frozen,
    /// Its line to NATS is cut.
    NatsCut,
    /// Nothing goes through it.
    NatsStalled,
    /// All goes through it late.
    NatsSlow,
    /// Its line to `MongoDB` is cut.
    MongoCut,
    /// Nothing goes through it.
    MongoStalled,
    /// All goes through it late.
    MongoSlow,
    /// The producer's line to NATS is cut with events on it.
    ProducerCut,
    /// nats-server is killed and started again.
    NatsKilled,
    /// mongod is killed and started again.
    MongodKilled,
    /// The stream is deleted.
    LogDeleted,
    /// The stream is deleted and made anew.
    LogRecreated,
    /// The stream is what it was earlier, as from a backup.
    LogRestored,
    /// Events that are not folded yet are purged from the stream.
    LogPurged,
    /// Events that are not folded yet are gone from the middle of the stream.
    PurgedUnfolded,
    /// The disk under mongod is full.
    DiskFull,
    /// The disk under nats-server is full.
    NatsDiskFull,
}

/// What came of a fault.
#[derive(Debug, Clone, Copy)]
pub struct Struck {
    /// Whether an effect of it was seen.
    pub hit: bool,
    /// From the fault, or from its end where nobody could go on before, until an event that was
    /// acknowledged after it is folded.
    pub recovery: Duration,
}

impl Fault {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |it| it.get_name().to_owned())
    }

    /// The place at which the process kills itself.
    #[must_use]
    pub fn failpoint(self) -> Option<&'static str> {
        match self {
            Fault::CommitNotBegun => Some("commit-not-begun"),
            Fault::CommitComparedAndSet => Some("commit-compared-and-set"),
            Fault::CommitCommandWritten => Some("commit-command-written"),
            Fault::CommitWritten => Some("commit-written"),
            Fault::CommitCommitted => Some("commit-committed"),
            Fault::CommitNotAnnounced => Some("commit-not-announced"),
            Fault::CommitAnnounced => Some("commit-announced"),
            _ => None,
        }
    }

    /// Whether it needs disks that can be filled.
    #[must_use]
    pub fn fills_a_disk(self) -> bool {
        matches!(self, Fault::DiskFull | Fault::NatsDiskFull)
    }

    /// Does it while the producer goes on, and ends it.
    ///
    /// # Errors
    /// Where it cannot be done, or the fold does not go on after it.
    pub async fn strike(self, ground: &mut Ground) -> anyhow::Result<Struck> {
        if let Some(place) = self.failpoint() {
            return dies_at(ground, place).await;
        }
        let slow = Line::Slow(Duration::from_millis(40));
        match self {
            Fault::Killed => killed(ground).await,
            Fault::Frozen => frozen(ground).await,
            Fault::NatsCut => line(ground, Server::Nats, Line::Cut).await,
            Fault::NatsStalled => line(ground, Server::Nats, Line::Stalled).await,
            Fault::NatsSlow => line(ground, Server::Nats, slow).await,
            Fault::MongoCut => line(ground, Server::Mongod, Line::Cut).await,
            Fault::MongoStalled => line(ground, Server::Mongod, Line::Stalled).await,
            Fault::MongoSlow => line(ground, Server::Mongod, slow).await,
            Fault::ProducerCut => producer_cut(ground).await,
            Fault::NatsKilled => server_killed(ground, Server::Nats).await,
            Fault::MongodKilled => server_killed(ground, Server::Mongod).await,
            Fault::LogDeleted => damage::deleted(ground).await,
            Fault::LogRecreated => damage::recreated(ground).await,
            Fault::LogRestored => damage::restored(ground).await,
            Fault::LogPurged => damage::purged(ground).await,
            Fault::PurgedUnfolded => damage::purged_unfolded(ground).await,
            Fault::NatsDiskFull => disk::full_under_nats(ground).await,
            _ => disk::full(ground).await,
        }
    }
}

async fn killed(ground: &mut Ground) -> anyhow::Result<Struck> {
    let at = ground.folder().await?;
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..500))).await;
    let since = Instant::now();
    ground.serves[at].kill().await?;
    let recovery = ground.folds_on(since).await?;
    // It cannot have been seen to hit where it did not fold any more.
    let hit = ground.folder().await? != at;
    Ok(Struck { hit, recovery })
}

/// The one that stands by is told to die at `place` and becomes the one that folds.
async fn dies_at(ground: &mut Ground, place: &str) -> anyhow::Result<Struck> {
    let at = ground.folder().await?;
    let armed = 1 - at;
    ground.serves[armed].kill().await?;
    ground.serves[armed] = ground.hire(Some(place)).await?;
    ground.serves[at].kill().await?;
    // There to take over before it is needed.
    ground.serves[at] = ground.hire(None).await?;
    let status = ground.serves[armed].end().await?;
    let since = Instant::now();
    let recovery = ground.folds_on(since).await?;
    Ok(Struck { hit: status.signal() == Some(9), recovery })
}

async fn frozen(ground: &mut Ground) -> anyhow::Result<Struck> {
    let at = ground.folder().await?;
    let since = Instant::now();
    ground.serves[at].freeze(true)?;
    let recovery = ground.folds_on(since).await?;
    let successor = ground.folder().await?;
    ground.serves[at].freeze(false)?;
    // Awake, in the middle of whatever it did, it folds nothing that is folded.
    ground.folds_on(Instant::now()).await?;
    Ok(Struck { hit: successor != at, recovery })
}

async fn line(ground: &mut Ground, to: Server, how: Line) -> anyhow::Result<Struck> {
    let at = ground.folder().await?;
    let line = |ground: &Ground, how: Line| {
        let serve = &ground.serves[at];
        let line = if to == Server::Nats { &serve.nats } else { &serve.mongo };
        line.make(how);
        line.harmed()
    };
    let before = line(ground, how);
    let since = Instant::now();
    // Whoever it is that goes on: the other one, or this one where it only is slow.
    let recovery = ground.folds_on(since).await?;
    let harmed = line(ground, Line::Good);
    ground.folds_on(Instant::now()).await?;
    Ok(Struck { hit: harmed > before, recovery })
}

async fn producer_cut(ground: &mut Ground) -> anyhow::Result<Struck> {
    let before = ground.line.harmed();
    // What is held up is lost with the line: events that do not arrive, answers that do not come back.
    ground.line.make(Line::Stalled);
    let held = async || (ground.line.harmed() > before).then_some(());
    ground.wait("event on the line", held).await?;
    ground.line.make(Line::Cut);
    tokio::time::sleep(Duration::from_millis(300)).await;
    ground.line.make(Line::Good);
    let recovery = ground.folds_on(Instant::now()).await?;
    Ok(Struck { hit: ground.line.harmed() > before, recovery })
}

async fn server_killed(ground: &mut Ground, server: Server) -> anyhow::Result<Struck> {
    ground.services.kill(server).await?;
    let gone = async || match server {
        Server::Nats => (!ground.log.is_connected()).then_some(()),
        Server::Mongod => {
            let ping = tokio::time::timeout(Duration::from_secs(1), ground.store.ping()).await;
            (!matches!(ping, Ok(Ok(())))).then_some(())
        }
    };
    ground.wait("end of a killed server", gone).await?;
    ground.services.restart(server, &|_| ()).await.context("starting it again")?;
    let recovery = ground.folds_on(Instant::now()).await?;
    ensure!(ground.checkpoint().await.is_some(), "the database answers");
    Ok(Struck { hit: true, recovery })
}
