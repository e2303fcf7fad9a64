//! Faults, one after the other, on a service that folds the events of producers: it checks that
//! none is lost and none counted twice.
//!
//! # Layout
//!
//! - [`ground`]: servers, two processes of the service and a producer; [`serve`]: one process
//!   of the service, a [`process`];
//!   [`scene`]: what is watched on a ground;
//! - [`proxy`]: lines that can be cut; [`producer`], the [`doors`] that it goes through, and its
//!   [`record`] of the answers;
//! - [`fault`]: the faults; `strike`: the execution of each, `damage` of those of the log, `disk`
//!   of those of disks;
//! - [`check`]: the stored events against the answers; [`report`]: the table;
//! - [`throughput`]: the rate of the fold while the service is killed again and again;
//! - here: rounds of faults, and the command.

pub mod check;
mod damage;
mod disk;
pub mod doors;
pub mod fault;
pub mod ground;
pub mod producer;
pub mod proxy;
pub mod record;
pub mod report;
pub mod scene;
pub mod serve;
mod strike;
pub mod throughput;

use std::path::Path;
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
use ground::{Disks, Ground, Setting};
use producer::Pace;
use projections::family::Families;
use projections::fold::root;
use report::Report;
use scene::Scene;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

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
        outcome = Box::pin(soak(cache_dir, arguments)) => outcome,
        asked = stop_asked() => asked.and_then(|()| bail!("stopped before the end")),
    }
}

async fn soak(cache_dir: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(arguments.minutes * 60);
    let setting = |name, disks| Setting::here(cache_dir, name, disks);
    let all = match &*arguments.faults {
        [] => Fault::value_variants(),
        named => named,
    };
    let mut report = Report::default();
    let plain: Vec<_> = all.iter().copied().filter(|it| it.disks() == Disks::Plain).collect();
    for (name, fault) in [("disk", Fault::DiskFull), ("power", Fault::PowerCut)] {
        let disks = fault.disks();
        let faults: Vec<_> = all.iter().copied().filter(|it| it.disks() == disks).collect();
        if faults.is_empty() {
            continue;
        }
        match Ground::prepare(setting(name, disks)?).await {
            Ok(ground) => {
                // With others these are done once; alone, for as long as is asked.
                let until = if plain.is_empty() { until } else { Instant::now() };
                report.merge(rounds(ground, &faults, arguments.rate, until, &announce).await?);
            }
            // A mount takes root. Whatever else is wrong is a failure.
            Err(error) if error.to_string().contains("cannot be mounted here") => {
                let why = error.to_string();
                report.left_out.extend(faults.iter().map(|fault| (*fault, why.clone())));
            }
            Err(error) => return Err(error),
        }
    }
    if !plain.is_empty() {
        let ground = Ground::prepare(setting("main", Disks::Plain)?).await?;
        report.merge(rounds(ground, &plain, arguments.rate, until, &announce).await?);
    }
    report.print();
    if arguments.throughput > 0 {
        let ground = Ground::prepare(setting("throughput", Disks::Plain)?).await?;
        throughput::run(ground, Duration::from_secs(arguments.throughput)).await?.print();
    }
    match &*report.failures() {
        [] => Ok(()),
        failures => bail!("{}", failures.join("; ")),
    }
}

impl Setting {
    /// This program, and a folder of that name below the system's for temporary files.
    ///
    /// # Errors
    /// Fails if the system does not tell the program's file.
    pub fn here(cache_dir: &Path, name: &str, disks: Disks) -> anyhow::Result<Setting> {
        let folder = format!("adaptive-bi-soak-{}-{name}", std::process::id());
        Ok(Setting {
            program: std::env::current_exe().context("finding this program")?,
            folder: std::env::temp_dir().join(folder),
            cache_dir: cache_dir.to_owned(),
            disks,
            sync: Duration::ZERO,
        })
    }
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
    report.told = ground.scene.producer.record.tally();
    report.differences = differences(&ground.scene, ground.services.mongodb_uri()).await?;
    ground.clear().await?;
    Ok(report)
}

/// Does one fault while the producer goes on, and checks the events after it.
async fn round_of(ground: &mut Ground, fault: Fault, rate: u64) -> anyhow::Result<(Struck, Found)> {
    ground.staff().await?;
    ground.scene.producer.go(Pace::PerSecond(rate));
    let struck = fault.strike(ground).await.with_context(|| fault.name())?;
    let found = ground.scene.check().await.with_context(|| fault.name())?;
    Ok((struck, found))
}

/// Folds the log into another database, undisturbed, and compares the two.
async fn differences(scene: &Scene, mongodb_uri: &str) -> anyhow::Result<Vec<String>> {
    let last = scene.log.extent().await?.last;
    let alone = Store::connect(mongodb_uri, Some("undisturbed")).await?;
    let (status, mut seen) = watch::channel(Status { state: State::Starting, position: 0 });
    let projector = Projector {
        store: alone.clone(),
        log: scene.log.clone(),
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
    let ours = scene.store.checkpoint(1).await?.context(missing)?;
    let theirs = alone.checkpoint(1).await?.context(missing)?;
    let diff = scene.store.diff(&ours, &alone, &theirs).await?;
    Ok(diff.rows.iter().map(ToString::to_string).collect())
}
