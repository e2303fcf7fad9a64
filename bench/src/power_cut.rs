//! Power cuts, and what comes of acknowledged events. The servers' disks are [layers](crate::layer),
//! which lose what was not synced; mongod's is one, too.
//!
//! A log that is synced before it acknowledges loses none of them, and the fold goes on from its
//! checkpoint to the documents of an undisturbed one. The same on a log that is synced every two
//! minutes has to lose some, which the fold has to notice: else the first half has proven nothing.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use adaptive_bi::command::stop_asked;
use adaptive_bi::say;
use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::layer::tree::Lost;
use crate::soak::fault::Fault;
use crate::soak::ground::{Disks, Ground, Setting};
use crate::soak::producer::Pace;
use crate::soak::{Plan, rounds};

/// The interval of syncs at which some have to be lost: nats-server's default.
const LATE: Duration = Duration::from_mins(2);

/// The number of cuts, and the load.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The number of power cuts of the log that is synced before it acknowledges.
    #[arg(long, default_value_t = 20)]
    pub cuts: u64,
    /// The number of events sent in a second.
    #[arg(long, default_value_t = 1_000)]
    pub rate: u64,
    /// The number of events that the other log has acknowledged before its power is cut.
    #[arg(long, default_value_t = 5_000)]
    pub events: u64,
}

/// Cuts the power, and prints what came of it.
///
/// # Errors
/// Fails if an acknowledged event is lost where none may be, or none is where some must be, or no
/// layer can be mounted here.
pub async fn run(cache_dir: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    tokio::select! {
        outcome = Box::pin(cut(cache_dir, arguments)) => outcome,
        asked = stop_asked() => asked.and_then(|()| bail!("stopped before the end")),
    }
}

async fn cut(cache_dir: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    let setting = Setting::here(cache_dir, "always", Disks::Losing)?;
    let ground = Ground::prepare(setting).await?;
    let plan = Plan {
        faults: &[Fault::PowerCut],
        rate: arguments.rate,
        times: arguments.cuts,
        until: Instant::now(),
    };
    say!("a log that is synced before it acknowledges");
    let tell = |line: &str| say!("{line}");
    let report = rounds(ground, &plan, &tell).await?;
    report.print();

    let setting = Setting::here(cache_dir, "late", Disks::Losing)?;
    let late = loses(Setting { sync: LATE, ..setting }, arguments).await?;
    say!("\na log that is synced every {} s", LATE.as_secs());
    say!("  acknowledged            {:>10}", late.acknowledged);
    say!("  of these lost           {:>10}", late.lost);
    say!("  bytes, names not synced {:>10}, {}", late.not_synced.bytes, late.not_synced.names);
    say!("  the fold halts          {:>10}", late.halt);
    match &*report.failures() {
        [] => Ok(()),
        failures => bail!("{}", failures.join("; ")),
    }
}

/// The outcome of a power cut for a log that is synced late.
#[derive(Debug)]
pub struct Late {
    /// Events that were acknowledged.
    pub acknowledged: u64,
    /// Those of them that are not on the log after the cut.
    pub lost: u64,
    /// The bytes and names that the log had not synced.
    pub not_synced: Lost,
    /// The halt of the fold.
    pub halt: String,
}

/// Cuts the power of a log that is not synced in time.
///
/// # Errors
/// Fails if nothing that was acknowledged is lost, or the fold does not halt.
pub async fn loses(setting: Setting, arguments: &Arguments) -> anyhow::Result<Late> {
    let mut ground = Ground::prepare(setting).await?;
    // The stream itself is on the disk, as one that was made long ago.
    tokio::task::block_in_place(|| synced(&ground.log_folder())).context("syncing the log")?;
    ground.scene.producer.go(Pace::PerSecond(arguments.rate));
    let enough = async || (ground.scene.producer.record.last() >= arguments.events).then_some(());
    ground.wait("so many acknowledged events", enough).await?;
    let [not_synced, _] = ground.lose_power().await?;
    ground.scene.producer.go(Pace::Rest);
    ground.have_power().await?;
    let lost = ground.scene.lost_of_log().await?;
    let acknowledged = ground.scene.producer.record.tally().acknowledged;
    ensure!(lost > 0, "the log lost none of {acknowledged} events: the cut takes nothing");
    let mut halt = String::new();
    let says = |ready: &serde_json::Value| ready["services"]["projector"]["halted"].is_string();
    ground.until_one_says(says).await.context("the fold does not halt")?;
    for ready in ground.readiness().await? {
        if let Some(halted) = ready["services"]["projector"]["halted"].as_str() {
            halted.clone_into(&mut halt);
        }
    }
    ground.clear().await?;
    Ok(Late { acknowledged, lost, not_synced, halt })
}

/// Syncs a folder and all in it.
fn synced(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            synced(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}
