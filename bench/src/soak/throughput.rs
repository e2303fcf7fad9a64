//! How much is folded while the process that folds is killed every one to two seconds, against how
//! much is folded undisturbed; as fast as it goes, both on one ground in one run.

use std::time::{Duration, Instant};

use adaptive_bi::command::grouped;
use adaptive_bi::say;

use super::ground::Ground;
use super::producer::Pace;

/// How far ahead of the fold the log is kept: more than two batches.
const AHEAD: u64 = 60_000;
/// The events of a full batch.
const BATCH: u64 = 20_000;
/// What is folded before anything is measured.
const WARM: u64 = 100_000;

/// What was measured.
#[derive(Debug)]
pub struct Throughput {
    /// Events in a second.
    pub undisturbed: f64,
    /// The same while it is killed.
    pub killed: f64,
    /// How often.
    pub kills: u64,
    /// How often of a hundred looks the log had less than a batch that was not folded: the producer
    /// was the slower one then.
    pub starved: [u64; 2],
}

impl Throughput {
    /// Prints it.
    pub fn print(&self) {
        let Throughput { undisturbed, killed, kills, starved } = self;
        say!("\nthroughput, two processes of the service");
        say!("  undisturbed             {:>10} events/s", grouped(format!("{undisturbed:.0}")));
        say!(
            "  a kill every 1 to 2 s   {:>10} events/s, {kills} kills",
            grouped(format!("{killed:.0}"))
        );
        say!("  ratio                   {:>9.0} %", killed / undisturbed * 100.0);
        let [undisturbed, killed] = starved;
        say!(
            "  the producer was slower {undisturbed:>9} % of the time undisturbed, {killed} % with kills"
        );
    }
}

/// Measures for twice `time`.
///
/// # Errors
/// Where a server does not answer or a process does not start.
pub async fn run(mut ground: Ground, time: Duration) -> anyhow::Result<Throughput> {
    ground.producer.go(Pace::UpTo(WARM + AHEAD));
    ground.reaches(WARM).await?;
    let (undisturbed, starved) = measure(&mut ground, time, None).await?;
    let mut kills = 0;
    let (killed, starved_then) = measure(&mut ground, time, Some(&mut kills)).await?;
    ground.clear().await?;
    Ok(Throughput { undisturbed, killed, kills, starved: [starved, starved_then] })
}

/// Keeps the log ahead of the fold, and kills where it is to count kills.
async fn measure(
    ground: &mut Ground,
    time: Duration,
    mut kills: Option<&mut u64>,
) -> anyhow::Result<(f64, u64)> {
    let pause = || Duration::from_millis(rand::random_range(1_000..2_000));
    let mut next_kill = Instant::now() + pause();
    let (began, first) = (Instant::now(), position(ground).await);
    let (mut looks, mut starved) = (0, 0);
    while began.elapsed() < time {
        let at = position(ground).await;
        looks += 1;
        starved += u64::from(ground.producer.record.last() < at + BATCH);
        ground.producer.go(Pace::UpTo(at + AHEAD));
        if let Some(kills) = kills.as_deref_mut()
            && Instant::now() >= next_kill
        {
            next_kill = Instant::now() + pause();
            // None folds where the last one's successor has not begun.
            if let Some(pid) = ground.store.lease_pid().await?
                && let Some(index) = ground.serves.iter().position(|it| it.pid() == Some(pid))
            {
                ground.serves[index].kill().await?;
                *kills += 1;
                // As a supervisor would: it is not waited for.
                ground.serves[index] = ground.start(None).await?;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let folded = position(ground).await.saturating_sub(first);
    #[allow(clippy::cast_precision_loss)] // a figure for the eye
    let rate = folded as f64 / began.elapsed().as_secs_f64();
    Ok((rate, starved * 100 / looks.max(1)))
}

async fn position(ground: &Ground) -> u64 {
    ground.checkpoint().await.map_or(0, |it| it.position)
}
