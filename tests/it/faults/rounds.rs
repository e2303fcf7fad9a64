//! Every fault of `adaptive-bi-bench soak`, once: no acknowledged event is lost, none is there
//! twice, and the documents are those of an undisturbed fold.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use adaptive_bi::config;
use adaptive_bi_bench::soak::fault::Fault;
use adaptive_bi_bench::soak::ground::{Disks, Ground, Setting};
use adaptive_bi_bench::soak::{Plan, rounds};

use crate::servers::data_dir;

/// The number of events in a second.
const RATE: u64 = 300;

fn setting(name: &str, disks: Disks) -> Setting {
    Setting {
        program: PathBuf::from(env!("CARGO_BIN_EXE_adaptive-bi")),
        folder: data_dir().join(format!("soak-{name}")),
        cache_dir: config::cache_dir(),
        disks,
        sync: Duration::ZERO,
    }
}

async fn survives(name: &str, faults: &[Fault]) {
    let ground = Ground::prepare(setting(name, Disks::Plain)).await.expect("the ground");
    survives_on(ground, faults).await;
}

async fn survives_on(ground: Ground, faults: &[Fault]) {
    let tell = |line: &str| eprintln!("{line}");
    let plan = Plan { faults, rate: RATE, times: 1, until: Instant::now() };
    let report = rounds(ground, &plan, &tell).await;
    let report = report.unwrap_or_else(|error| panic!("{error:?}"));
    report.print();
    assert_eq!(report.rows.len(), faults.len(), "{:?}", report.left_out);
    assert_eq!(report.failures(), Vec::<String>::new());
    assert!(report.told.acknowledged > 0, "{:?}", report.told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_at_any_step_of_a_commit_loses_and_repeats_nothing() {
    let steps = [
        Fault::CommitNotBegun,
        Fault::CommitComparedAndSet,
        Fault::CommitCommandWritten,
        Fault::CommitWritten,
        Fault::CommitCommitted,
        Fault::CommitNotAnnounced,
        Fault::CommitAnnounced,
    ];
    survives("steps", &steps).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_takes_over_from_one_that_is_killed_frozen_or_cut_off() {
    let faults = [
        Fault::Killed,
        Fault::Frozen,
        Fault::NatsCut,
        Fault::NatsStalled,
        Fault::NatsSlow,
        Fault::MongoCut,
        Fault::MongoStalled,
        Fault::MongoSlow,
        Fault::ProducerCut,
    ];
    survives("lines", &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_cut_half_way_or_whose_answer_is_lost_is_sent_again_and_there_once() {
    survives("batches", &[Fault::BatchCut, Fault::AnswerLost, Fault::NatsKilledInBatch]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_damaged_halts_the_fold_and_one_that_is_put_back_ends_that() {
    let faults = [
        Fault::NatsKilled,
        Fault::MongodKilled,
        Fault::LogDeleted,
        Fault::LogRecreated,
        Fault::LogRestored,
        Fault::LogPurged,
        Fault::PurgedUnfolded,
    ];
    survives("log", &faults).await;
}

/// The ground with such disks; `None` where nothing can be mounted.
async fn ground_with(name: &str, disks: Disks) -> Option<Ground> {
    match Ground::prepare(setting(name, disks)).await {
        Ok(ground) => Some(ground),
        // A mount takes root.
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains("cannot be mounted here"), "{error}");
            eprintln!("not done here: {error}");
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_whose_disk_is_full_go_on_when_there_is_room_again() {
    if let Some(ground) = ground_with("disk", Disks::Small(1 << 30)).await {
        survives_on(ground, &[Fault::DiskFull, Fault::NatsDiskFull]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_takes_nothing_that_was_acknowledged_or_committed() {
    if let Some(ground) = ground_with("power", Disks::Losing).await {
        survives_on(ground, &[Fault::PowerCut]).await;
    }
}
