//! The rate of the fold while the process that folds is killed every one to two seconds, against
//! that of the undisturbed fold; as fast as it goes, both on one ground in one run.

use std::time::{Duration, Instant};

use adaptive_bi::command::grouped;
use adaptive_bi::say;

use super::ground::Ground;
use super::producer::Pace;

/// The distance by which the log is kept ahead of the fold: more than two batches.
const AHEAD: u64 = 60_000;
/// The number of events in a full batch.
const BATCH: u64 = 20_000;
/// The number of events that are folded before the measurement.
const WARM: u64 = 100_000;

/// The measured rates.
#[derive(Debug)]
pub struct Throughput {
    /// Events in a second, undisturbed.
    pub undisturbed: f64,
    /// Events in a second while it is killed.
    pub killed: f64,
    /// The number of kills.
    pub kills: u64,
    /// The number of looks in a hundred at which the log had less than a batch that was not folded:
    /// the producer was the slower one then.
    pub starved: [u64; 2],
}

impl Throughput {
    /// Prints the rates.
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
/// Fails if a server does not answer or a process does not start.
pub async fn run(mut ground: Ground, time: Duration) -> anyhow::Result<Throughput> {
    ground.scene.producer.go(Pace::UpTo(WARM + AHEAD));
    ground.scene.reaches(WARM).await?;
    let (undisturbed, starved) = measure(&mut ground, time, None).await?;
    let mut kills = 0;
    let (killed, starved_then) = measure(&mut ground, time, Some(&mut kills)).await?;
    ground.clear().await?;
    Ok(Throughput { undisturbed, killed, kills, starved: [starved, starved_then] })
}

/// Keeps the log ahead of the fold, and kills the folding process if `kills` is to be counted.
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
        starved += u64::from(ground.scene.producer.record.last() < at + BATCH);
        ground.scene.producer.go(Pace::UpTo(at + AHEAD));
        if let Some(kills) = kills.as_deref_mut()
            && Instant::now() >= next_kill
        {
            next_kill = Instant::now() + pause();
            // No process folds if the last one's successor has not begun.
            if let Some(pid) = ground.scene.store.lease_pid().await?
                && let Some(index) =
                    ground.serves.iter().position(|it| it.process.pid() == Some(pid))
            {
                ground.serves[index].process.kill().await?;
                *kills += 1;
                // It is started as by a supervisor, without waiting for it.
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
    ground.scene.checkpoint().await.map_or(0, |it| it.position)
}
