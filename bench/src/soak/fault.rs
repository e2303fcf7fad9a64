//! The faults: their names, and whether each can be done here.

use std::time::Duration;

use clap::ValueEnum;

use super::ground::Disks;

/// The size of each disk that is filled, in bytes.
const SMALL_DISK: u64 = 1 << 30;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Fault {
    /// SIGKILL of the process that folds, at any moment.
    Killed,
    /// SIGKILL before a commit begins.
    CommitNotBegun,
    /// SIGKILL after the compare-and-set.
    CommitComparedAndSet,
    /// SIGKILL after the first command of writes.
    CommitCommandWritten,
    /// SIGKILL with all written and nothing committed.
    CommitWritten,
    /// SIGKILL once it is committed, before the process knows.
    CommitCommitted,
    /// SIGKILL before a commit is announced.
    CommitNotAnnounced,
    /// SIGKILL after a commit is announced.
    CommitAnnounced,
    /// SIGSTOP of the process that folds; SIGCONT once another has folded on.
    Frozen,
    /// The folding process's line to NATS is cut.
    NatsCut,
    /// Nothing goes through its line to NATS.
    NatsStalled,
    /// Everything goes through its line to NATS late.
    NatsSlow,
    /// The folding process's line to `MongoDB` is cut.
    MongoCut,
    /// Nothing goes through its line to `MongoDB`.
    MongoStalled,
    /// Everything goes through its line to `MongoDB` late.
    MongoSlow,
    /// The producer's line to NATS is cut with events on it.
    ProducerCut,
    /// The line of a process that publishes is cut between the messages of an atomic batch.
    BatchCut,
    /// The line is cut where the answer to an atomic batch comes back.
    AnswerLost,
    /// nats-server is killed with all of an atomic batch but its end, and started again.
    NatsKilledInBatch,
    /// nats-server is killed and started again.
    NatsKilled,
    /// mongod is killed and started again.
    MongodKilled,
    /// The stream is deleted.
    LogDeleted,
    /// The stream is deleted and made anew.
    LogRecreated,
    /// The stream is put back to an earlier state, as from a backup.
    LogRestored,
    /// Events that are not folded yet are purged from the stream.
    LogPurged,
    /// Events that are not folded yet are gone from the middle of the stream.
    PurgedUnfolded,
    /// The disk under mongod is full.
    DiskFull,
    /// The disk under nats-server is full.
    NatsDiskFull,
    /// The power of both servers is cut: what they had not synced is gone.
    PowerCut,
    /// SIGKILL of the nats-server that leads the stream; it is started again.
    StreamKilled,
    /// SIGSTOP of the nats-server that leads the stream; SIGCONT once another does.
    StreamFrozen,
    /// The machine of the nats-server that leads the stream is cut off.
    StreamCutOff,
    /// SIGKILL of the mongod that is the primary; it is started again.
    PrimaryKilled,
    /// SIGSTOP of the mongod that is the primary; SIGCONT once another is.
    PrimaryFrozen,
    /// The machine of the mongod that is the primary is cut off.
    PrimaryCutOff,
    /// SIGKILL of the nats-server that leads the cluster itself; it is started again.
    MetaKilled,
    /// SIGSTOP of the nats-server that leads the cluster itself; SIGCONT once another does.
    MetaFrozen,
    /// The machine of the nats-server that leads the cluster itself is cut off.
    MetaCutOff,
    /// SIGKILL of the process that folds, beside a cluster; it is started again.
    FolderKilled,
    /// SIGSTOP of the process that folds, beside a cluster; SIGCONT once another folds.
    FolderFrozen,
    /// The machine of the process that folds is cut off from the cluster.
    FolderCutOff,
}

/// One that leads the others of its kind in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leader {
    /// The nats-server that leads the stream.
    Stream,
    /// The mongod that is the primary.
    Primary,
    /// The nats-server that leads the cluster itself.
    Meta,
    /// The process of the service that folds.
    Folder,
}

/// The way in which a leader is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Its process is killed, and started again.
    Killed,
    /// Its process is frozen for a while.
    Frozen,
    /// Its machine is cut off from the others for a while.
    CutOff,
}

/// The outcome of a fault.
#[derive(Debug, Clone, Copy)]
pub struct Struck {
    /// Whether an effect of the fault was seen.
    pub hit: bool,
    /// The time until an event that was acknowledged after the fault is folded; it counts from the
    /// fault, or from its end if no process could go on before.
    pub recovery: Duration,
    /// The longest time within which nothing was folded, until all was as before; where that was
    /// measured.
    pub pause: Option<Duration>,
}

impl Struck {
    /// The outcome of a fault whose pauses are not measured.
    #[must_use]
    pub fn of(hit: bool, recovery: Duration) -> Struck {
        Struck { hit, recovery, pause: None }
    }
}

impl Fault {
    /// The losses of the leaders that keep what is acknowledged and what is folded.
    pub const OF_A_CLUSTER: [Fault; 6] = [
        Fault::StreamKilled,
        Fault::PrimaryKilled,
        Fault::StreamFrozen,
        Fault::PrimaryFrozen,
        Fault::StreamCutOff,
        Fault::PrimaryCutOff,
    ];

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

    /// The leader that is lost, and how, where it takes a cluster.
    #[must_use]
    pub fn loss(self) -> Option<(Leader, Way)> {
        match self {
            Fault::StreamKilled => Some((Leader::Stream, Way::Killed)),
            Fault::StreamFrozen => Some((Leader::Stream, Way::Frozen)),
            Fault::StreamCutOff => Some((Leader::Stream, Way::CutOff)),
            Fault::PrimaryKilled => Some((Leader::Primary, Way::Killed)),
            Fault::PrimaryFrozen => Some((Leader::Primary, Way::Frozen)),
            Fault::PrimaryCutOff => Some((Leader::Primary, Way::CutOff)),
            Fault::MetaKilled => Some((Leader::Meta, Way::Killed)),
            Fault::MetaFrozen => Some((Leader::Meta, Way::Frozen)),
            Fault::MetaCutOff => Some((Leader::Meta, Way::CutOff)),
            Fault::FolderKilled => Some((Leader::Folder, Way::Killed)),
            Fault::FolderFrozen => Some((Leader::Folder, Way::Frozen)),
            Fault::FolderCutOff => Some((Leader::Folder, Way::CutOff)),
            _ => None,
        }
    }

    /// The disks that it needs.
    #[must_use]
    pub fn disks(self) -> Disks {
        match self {
            Fault::DiskFull | Fault::NatsDiskFull => Disks::Small(SMALL_DISK),
            Fault::PowerCut => Disks::Losing,
            _ => Disks::Plain,
        }
    }
}
