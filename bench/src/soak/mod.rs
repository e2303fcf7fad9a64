//! Faults, one after the other, on a service that folds the events of producers: it checks that
//! none is lost and none counted twice.
//!
//! # Layout
//!
//! - [`ground`]: servers, two processes of the service and a producer; [`serve`]: one process;
//! - [`proxy`]: lines that can be cut; [`producer`] and its [`record`] of the answers;
//! - [`fault`]: the faults; `strike`: the execution of each, `damage` of those of the log, `disk`
//!   of those of disks;
//! - [`check`]: the stored events against the answers; [`report`]: the table;
//! - [`throughput`]: the rate of the fold while the service is killed again and again;
//! - here: rounds of faults, and the command.

pub mod check;
mod damage;
mod disk;
pub mod fault;
pub mod ground;
pub mod producer;
pub mod proxy;
pub mod record;
pub mod report;
pub mod serve;
mod strike;
pub mod throughput;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adaptive_bi::command::stop_asked;
use adaptive_bi::failpoint;
use adaptive_bi::projector::Projector;
use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::projector::status::{State, Status};
use adaptive_bi::say;
use adaptive_bi::store::Store;
use anyhow::{Context, bail};
use check::Found;
use clap::{Args, ValueEnum};
use fault::{Fault, Struck};
use ground::{Ground, Setting};
use producer::Pace;
use projections::family::Families;
use projections::fold::root;
use report::Report;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The size of each disk that is filled, in bytes.
const SMALL_DISK: u64 = 1 << 30;

/// The number of times that a fault is tried if no effect of it is seen.
const TRIES: usize = 3;

/// The faults to put on, and for how long.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The duration in minutes; every fault is done at least once.
    #[arg(long, default_value_t = 10)]
    pub minutes: u64,
    /// The faults; all of them if none is named.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub faults: Vec<Fault>,
    /// The number of events sent in a second.
    #[arg(long, default_value_t = 1_000)]
    pub rate: u64,
    /// The duration of each half of the measurement of throughput, in seconds; 0 leaves it out.
    #[arg(long, default_value_t = 30)]
    pub throughput: u64,
}

/// Runs the soak and prints the results.
///
/// # Errors
/// Fails if an event was lost or is there twice, a fault never hit, or the run is stopped.
pub async fn run(cache_dir: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    tokio::select! {
        outcome = soak(cache_dir, arguments) => outcome,
        asked = stop_asked() => asked.and_then(|()| bail!("stopped before the end")),
    }
}

async fn soak(cache_dir: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(arguments.minutes * 60);
    let setting = |name: &str, disk| -> anyhow::Result<Setting> {
        Ok(Setting {
            program: std::env::current_exe().context("finding this program")?,
            folder: folder(name),
            cache_dir: cache_dir.to_owned(),
            disk,
        })
    };
    let all = match &*arguments.faults {
        [] => Fault::value_variants(),
        named => named,
    };
    let (of_disk, others): (Vec<_>, Vec<_>) =
        all.iter().copied().partition(|fault| fault.fills_a_disk());
    let mut report = Report::default();
    if !of_disk.is_empty() {
        match Ground::prepare(setting("disk", Some(SMALL_DISK))?).await {
            Ok(ground) => {
                let once = Instant::now();
                report.merge(rounds(ground, &of_disk, arguments.rate, once, &announce).await?);
            }
            Err(error) => {
                let why = error.to_string();
                report.left_out.extend(of_disk.iter().map(|fault| (*fault, why.clone())));
            }
        }
    }
    if !others.is_empty() {
        let ground = Ground::prepare(setting("main", None)?).await?;
        report.merge(rounds(ground, &others, arguments.rate, until, &announce).await?);
    }
    report.print();
    if arguments.throughput > 0 {
        let ground = Ground::prepare(setting("throughput", None)?).await?;
        throughput::run(ground, Duration::from_secs(arguments.throughput)).await?.print();
    }
    match &*report.failures() {
        [] => Ok(()),
        failures => bail!("{}", failures.join("; ")),
    }
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("adaptive-bi-soak-{}-{name}", std::process::id()))
}

fn announce(line: &str) {
    say!("{line}");
}

/// Does every fault in turn, again until the time is over; then compares the documents with those
/// of an undisturbed fold of the same log.
///
/// # Errors
/// Fails if a fault cannot be done, or the service does not recover from it.
pub async fn rounds(
    mut ground: Ground,
    faults: &[Fault],
    rate: u64,
    until: Instant,
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let (there, missing): (Vec<_>, Vec<_>) = faults
        .iter()
        .copied()
        .partition(|fault| fault.failpoint().is_none() || failpoint::are_there());
    let why = "this build has no failpoints (--features failpoints)";
    report.left_out.extend(missing.into_iter().map(|fault| (fault, why.to_owned())));
    for (round, fault) in there.iter().cycle().take(there.len() * 100_000).enumerate() {
        if round >= there.len() && Instant::now() > until {
            break;
        }
        for _ in 0..TRIES {
            let (struck, found) = round_of(&mut ground, *fault, rate).await?;
            let took = struck.recovery.as_secs_f64();
            tell(&format!("{:<24} hit {:<5} {took:>6.2} s {found:?}", fault.name(), struck.hit));
            report.add(*fault, struck, found);
            if struck.hit {
                break;
            }
        }
    }
    report.told = ground.producer.record.tally();
    report.differences = differences(&ground).await?;
    ground.clear().await?;
    Ok(report)
}

/// Does one fault while the producer goes on, and checks the events after it.
async fn round_of(ground: &mut Ground, fault: Fault, rate: u64) -> anyhow::Result<(Struck, Found)> {
    ground.staff().await?;
    ground.producer.go(Pace::PerSecond(rate));
    let struck = fault.strike(ground).await.with_context(|| fault.name())?;
    let found = ground.check().await.with_context(|| fault.name())?;
    Ok((struck, found))
}

/// Folds the log into another database, undisturbed, and compares the two.
async fn differences(ground: &Ground) -> anyhow::Result<Vec<String>> {
    let last = ground.log.extent().await?.last;
    let alone = Store::connect(ground.services.mongodb_uri(), Some("undisturbed")).await?;
    let (status, mut seen) = watch::channel(Status { state: State::Starting, position: 0 });
    let projector = Projector {
        store: alone.clone(),
        log: ground.log.clone(),
        settings: root::FoldSettings::new("GBP"),
        limits: BatchLimits::default(),
        rebuild_on_upgrade: false,
        families: Families::ALL,
        changes: None,
        status: Arc::new(status),
    };
    let stop = CancellationToken::new();
    let task = tokio::spawn(projector.run(stop.clone()));
    let reached = seen.wait_for(|status| status.position >= last);
    tokio::time::timeout(Duration::from_mins(30), reached).await??;
    stop.cancel();
    task.await?;
    let missing = "one of the folds has no checkpoint";
    let ours = ground.store.checkpoint(1).await?.context(missing)?;
    let theirs = alone.checkpoint(1).await?.context(missing)?;
    let diff = ground.store.diff(&ours, &alone, &theirs).await?;
    Ok(diff.rows.iter().map(ToString::to_string).collect())
}
