//! Faults, one after the other, on a service that folds the events of producers: it checks that
//! none is lost and none counted twice.
//!
//! # Layout
//!
//! - [`ground`]: servers, two processes of the service and a producer; [`cluster`]: the same with
//!   three of each server; [`target`]: what they have in common; [`serve`]: one process of the service;
//!   [`scene`]: what is watched on a ground;
//! - [`proxy`]: lines that can be cut; [`producer`], the [`doors`] that it goes through, and its
//!   [`record`] of the answers;
//! - [`fault`]: the faults; `strike`: the execution of each, `damage` of those of the log, `disk`
//!   of those of disks;
//! - [`check`]: the stored events against the answers; [`report`]: the table;
//! - [`throughput`]: the rate of the fold while the service is killed again and again;
//! - here: rounds of faults, and the command.

pub mod check;
pub mod cluster;
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
pub mod target;
pub mod throughput;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adaptive_bi::command::stop_asked;
use adaptive_bi::projector::Projector;
use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::projector::status::{State, Status};
use adaptive_bi::say;
use adaptive_bi::store::Store;
use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use cluster::Cluster;
use fault::Fault;
use ground::{Disks, Ground, Setting};
use producer::Pace;
use projections::family::Families;
use projections::fold::root;
use report::Report;
use scene::Scene;
use target::Target;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The number of times that a fault is tried if no effect of it is seen.
const TRIES: usize = 3;

/// The faults to put on, and for how long.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The duration in minutes; it takes longer where the faults are not done often enough by then.
    #[arg(long, default_value_t = 10)]
    pub minutes: u64,
    /// The faults; all of them if none is named, and with `--cluster` the losses of the leader of the
    /// stream and of the primary.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub faults: Vec<Fault>,
    /// Takes leaders away from three nats-servers and three mongods. This needs the right to make
    /// network namespaces where machines are cut off.
    #[arg(long)]
    pub cluster: bool,
    /// The number of times that each fault has to hit: 1, and with `--cluster` 5, if it is not named.
    #[arg(long)]
    pub times: Option<u32>,
    /// The number of events sent in a second.
    #[arg(long, default_value_t = 1_000)]
    pub rate: u64,
    /// The duration of each half of the measurement of throughput, in seconds; 0 leaves it out. There
    /// is none with `--cluster`.
    #[arg(long, default_value_t = 30, conflicts_with = "cluster")]
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
    let faults = arguments.chosen()?;
    let until = Instant::now() + Duration::from_secs(arguments.minutes * 60);
    let times = arguments.times.unwrap_or(if arguments.cluster { 5 } else { 1 });
    let plan = Plan { faults: &faults, rate: arguments.rate, times: u64::from(times), until };
    let report = if arguments.cluster {
        let setting = Setting::here(cache_dir, "cluster", Disks::Plain)?;
        let cluster = Box::pin(Cluster::prepare(&setting)).await?;
        Box::pin(rounds(cluster, &plan, &announce)).await?
    } else {
        alone(cache_dir, &plan).await?
    };
    report.print();
    if arguments.throughput > 0 && !arguments.cluster {
        let ground = Ground::prepare(Setting::here(cache_dir, "throughput", Disks::Plain)?).await?;
        throughput::run(ground, Duration::from_secs(arguments.throughput)).await?.print();
    }
    match &*report.failures() {
        [] => Ok(()),
        failures => bail!("{}", failures.join("; ")),
    }
}

/// Does the faults of one server of each kind, on the disks that each needs.
async fn alone(cache_dir: &Path, plan: &Plan<'_>) -> anyhow::Result<Report> {
    let on = |disks: Disks| -> Vec<Fault> {
        plan.faults.iter().copied().filter(|it| it.disks() == disks).collect()
    };
    let (mut report, usual) = (Report::default(), on(Disks::Plain));
    for (name, fault) in [("disk", Fault::DiskFull), ("power", Fault::PowerCut)] {
        let faults = on(fault.disks());
        if faults.is_empty() {
            continue;
        }
        match Ground::prepare(Setting::here(cache_dir, name, fault.disks())?).await {
            Ok(ground) => {
                // Beside others they are not repeated until the end.
                let until = if usual.is_empty() { plan.until } else { Instant::now() };
                let plan = Plan { faults: &faults, until, ..*plan };
                report.merge(rounds(ground, &plan, &announce).await?);
            }
            // A mount takes root. Whatever else is wrong is a failure.
            Err(error) if error.to_string().contains("cannot be mounted here") => {
                let why = error.to_string();
                report.left_out.extend(faults.iter().map(|fault| (*fault, why.clone())));
            }
            Err(error) => return Err(error),
        }
    }
    if !usual.is_empty() {
        let ground = Ground::prepare(Setting::here(cache_dir, "main", Disks::Plain)?).await?;
        let plan = Plan { faults: &usual, ..*plan };
        report.merge(rounds(ground, &plan, &announce).await?);
    }
    Ok(report)
}

impl Arguments {
    /// The faults that are named, or those that are done if none is.
    fn chosen(&self) -> anyhow::Result<Vec<Fault>> {
        if let Some(fault) = self.faults.iter().find(|it| it.loss().is_some() != self.cluster) {
            let says = if self.cluster { "is not one of" } else { "takes" };
            bail!("--faults {}: it {says} --cluster", fault.name());
        }
        Ok(match &*self.faults {
            [] if self.cluster => Fault::OF_A_CLUSTER.to_vec(),
            [] => {
                Fault::value_variants().iter().copied().filter(|it| it.loss().is_none()).collect()
            }
            named => named.to_vec(),
        })
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

/// The faults to do, how often and until when.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The faults, one after the other.
    pub faults: &'a [Fault],
    /// The number of events sent in a second.
    pub rate: u64,
    /// The number of times that each has to hit.
    pub times: u64,
    /// The time until which they are done again after that.
    pub until: Instant,
}

/// Does every fault in turn, as often as is asked and again until the time is over; then compares the
/// documents with those of an undisturbed fold of the same log.
///
/// # Errors
/// Fails if a fault cannot be done, or the service does not recover from it.
pub async fn rounds(
    mut target: impl Target,
    plan: &Plan<'_>,
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Report> {
    let mut report = Report { times: plan.times, ..Report::default() };
    let mut faults = Vec::new();
    for fault in plan.faults {
        match target.why_not(*fault) {
            Some(why) => report.left_out.push((*fault, why)),
            None => faults.push(*fault),
        }
    }
    ensure!(!faults.is_empty(), "none of the faults can be done here: {:?}", report.left_out);
    for round in 0.. {
        let is_over = || round >= plan.times && Instant::now() > plan.until;
        for fault in &faults {
            if !is_over() {
                round_of(&mut target, *fault, plan.rate, &mut report, tell).await?;
            }
        }
        if is_over() {
            break;
        }
    }
    report.told = target.scene().producer.record.tally();
    let mongodb_uri = target.mongodb_uri().to_owned();
    report.differences = differences(target.scene(), &mongodb_uri).await?;
    target.clear().await?;
    Ok(report)
}

/// Does one fault until it hits, while the producer goes on, and checks the events after it.
async fn round_of(
    target: &mut impl Target,
    fault: Fault,
    rate: u64,
    report: &mut Report,
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<()> {
    for _ in 0..TRIES {
        target.staff().await?;
        target.scene().producer.go(Pace::PerSecond(rate));
        let struck = target.strike(fault).await.with_context(|| fault.name())?;
        let found = target.scene().check().await.with_context(|| fault.name())?;
        let (hit, took) = (struck.hit, struck.recovery.as_secs_f64());
        let pause = struck.pause.map_or_else(String::new, |it| {
            format!(", the longest pause {:.2} s", it.as_secs_f64())
        });
        tell(&format!("{:<24} hit {hit:<5} {took:>6.2} s{pause} {found:?}", fault.name()));
        report.add(fault, struck, found);
        if hit {
            break;
        }
    }
    Ok(())
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
