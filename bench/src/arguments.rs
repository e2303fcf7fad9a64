//! The arguments of the benchmark: which parts are run, and how much of each.

use std::num::NonZero;

use clap::{Args, ValueEnum};

/// What to measure.
#[derive(Debug, Args, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Arguments {
    /// The parts to run; all of them where none is named.
    #[arg(value_enum)]
    pub parts: Vec<Part>,
    /// Events of the parts that measure a rate.
    #[arg(long, default_value_t = 1_000_000)]
    pub events: u64,
    /// How often a rate is measured; the median counts.
    #[arg(long, default_value = "3")]
    pub rounds: NonZero<u32>,
    /// Events of the rebuild.
    #[arg(long, default_value_t = 10_000_000)]
    pub rebuild_events: u64,
    /// Transactions behind the queries.
    #[arg(long, default_value_t = 1_000_000)]
    pub transactions: u64,
    /// How many raw transactions are aggregated to compare with.
    #[arg(long, value_delimiter = ',', default_value = "100000,1000000,10000000")]
    pub sizes: Vec<u64>,
    /// Events in a second that come in while queries are sent, or updates pushed.
    #[arg(long, default_value_t = 5_000)]
    pub rate: u64,
    /// How long queries are sent, or updates pushed, in seconds.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// Connections that updates are pushed to.
    #[arg(long, default_value_t = 200)]
    pub sockets: usize,
}

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// What the log takes while nobody folds.
    Publish,
    /// Publish to committed, while events come in.
    Live,
    /// A preloaded stream, folded, and the yardstick on the same stream.
    CatchUp,
    /// Latency of the four endpoints while events come in.
    Queries,
    /// The next generation from a preloaded stream, while the four endpoints are asked.
    Rebuild,
    /// The same figures aggregated from raw transactions.
    Versus,
    /// From a sale's publication until every socket heard of it.
    Push,
    /// Ten times the events, ten times the keys.
    Growth,
    /// What it costs to sync each event to the disk.
    Durability,
}
