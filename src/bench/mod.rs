//! The benchmark: figures that anyone can repeat, servers and load generator on one machine.
//!
//! # Layout
//!
//! - [`load`]: the mixed load; [`stand`]: servers of its own; [`cpu`]: whose time it took;
//! - one file for each part: [`catch_up`], [`live`], [`naive`] (the yardstick), [`queries`],
//!   [`rebuild`].

pub mod catch_up;
pub mod cpu;
pub mod live;
pub mod load;
pub mod naive;
pub mod queries;
pub mod rebuild;
pub mod stand;

use std::time::Duration;

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::command::{grouped, stop_asked};
use crate::config::Settings;
use cpu::Cpu;
use stand::Stand;

/// What to measure.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The parts to run; all of them where none is named.
    #[arg(value_enum)]
    pub parts: Vec<Part>,
    /// Events of the live, catch-up and rebuild parts, 1,000,000 and for the rebuild 10,000,000
    /// unless it says otherwise.
    #[arg(long)]
    pub events: Option<u64>,
    /// Transactions behind the queries.
    #[arg(long, default_value_t = 1_000_000)]
    pub transactions: u64,
    /// Events in a second that come in while queries are sent.
    #[arg(long, default_value_t = 5_000)]
    pub rate: u64,
    /// How long queries are sent, in seconds.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
}

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Publish to committed, while events come in.
    Live,
    /// A preloaded stream, folded, and the yardstick on the same stream.
    CatchUp,
    /// Latency of the four endpoints while events come in.
    Queries,
    /// The next generation from a preloaded stream, while the four endpoints are asked.
    Rebuild,
}

/// Runs the parts and prints a table of each.
///
/// # Errors
/// Where a server does not start or answer, or it is stopped (Ctrl-C, SIGTERM).
pub async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let parts = match &*arguments.parts {
        [] => &[Part::Live, Part::CatchUp, Part::Queries, Part::Rebuild],
        parts => parts,
    };
    say!("{}", machine());
    tokio::select! {
        outcome = on_a_stand(settings, parts, arguments) => outcome,
        // Whatever was going on is dropped, and the stand goes with it.
        asked = stop_asked() => asked.and_then(|()| bail!("stopped before the end")),
    }
}

async fn on_a_stand(
    settings: &Settings,
    parts: &[Part],
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let mut stand = Stand::start(settings.services().cache_dir).await?;
    let outcome = measure(&mut stand, parts, arguments).await;
    stand.stop().await?;
    outcome
}

async fn measure(stand: &mut Stand, parts: &[Part], arguments: &Arguments) -> anyhow::Result<()> {
    for part in parts {
        match part {
            Part::Live => {
                let rate = live::run(stand, arguments.events.unwrap_or(1_000_000)).await?;
                say!("\nlive, publish to committed");
                rate.print();
            }
            Part::CatchUp => {
                let (fold, naive) =
                    catch_up::run(stand, arguments.events.unwrap_or(1_000_000)).await?;
                say!("\ncatch-up over a preloaded stream");
                fold.print();
                say!("\nyardstick: one majority-acknowledged upsert per document and event");
                naive.print();
                say!("  ratio        {:>10.0} x", fold.per_second() / naive.per_second());
            }
            Part::Queries => queries::run(stand, arguments).await?,
            Part::Rebuild => {
                rebuild::run(stand, arguments.events.unwrap_or(10_000_000)).await?;
            }
        }
    }
    Ok(())
}

/// How fast events went, and whose time they took.
#[derive(Debug)]
pub struct Rate {
    /// How many events.
    pub events: u64,
    /// In how long.
    pub took: Duration,
    /// Processor time by process.
    pub cpu: Cpu,
}

#[allow(clippy::cast_precision_loss)] // figures for the eye
impl Rate {
    /// Events in a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.events as f64 / self.took.as_secs_f64()
    }

    fn print(&self) {
        say!("  events       {:>10}", grouped(self.events));
        say!("  seconds      {:>10.1}", self.took.as_secs_f64());
        say!("  events/s     {:>10}", grouped(format!("{:.0}", self.per_second())));
        for (process, time) in self.cpu.iter() {
            let each = time.as_secs_f64() * 1e6 / self.events as f64;
            say!("  {process:<12} {each:>10.1} core-us/event");
        }
    }
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|line| line.split_once(':')).map_or("?", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{cores} cores ({model}), servers and load generator on the same machine")
}
