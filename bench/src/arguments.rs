//! The arguments of the benchmark: the parts to run, and the size of each.

use std::num::NonZero;

use clap::{Args, ValueEnum};

use super::load::Mix;

/// The parts to measure, and their sizes.
#[derive(Debug, Args, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Arguments {
    /// The parts to run; all of them if none is named.
    #[arg(value_enum)]
    pub parts: Vec<Part>,
    /// The number of events in the parts that measure a rate.
    #[arg(long, default_value_t = 1_000_000)]
    pub events: u64,
    /// The number of rounds in which a rate is measured; the median counts.
    #[arg(long, default_value = "3")]
    pub rounds: NonZero<u32>,
    /// The number of events in the rebuild.
    #[arg(long, default_value_t = 10_000_000)]
    pub rebuild_events: u64,
    /// The number of transactions behind the queries.
    #[arg(long, default_value_t = 1_000_000)]
    pub transactions: u64,
    /// The numbers of raw transactions that are aggregated for comparison (100,000, 1,000,000 and
    /// 10,000,000 if none is named), of orders that views are asked over (the first two), and of
    /// events of distinct entities (the last two).
    #[arg(long, value_delimiter = ',')]
    pub sizes: Vec<u64>,
    /// The number of questions to each view, none of them asked twice.
    #[arg(long, default_value = "200")]
    pub questions: NonZero<u32>,
    /// The number of events that come in per second while queries are sent, or updates pushed.
    #[arg(long, visible_alias = "events-per-second", default_value_t = 5_000)]
    pub rate: u64,
    /// The time for which queries are sent, or updates pushed, in seconds.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// The number of subscribers that updates are pushed to, by each transport.
    #[arg(long, default_value = "1000")]
    pub subscribers: NonZero<u32>,
    /// The number of idle connections, a third of them by each transport, whose processor time is
    /// measured.
    #[arg(long, default_value_t = 10_000)]
    pub idle: u32,
    /// Writes plain models as well, in the parts `live` and `catch-up`, whose processor time is then
    /// counted until they are as far as the fold.
    #[arg(long)]
    pub plain: bool,
    /// The activities of the mixed load, in the parts `live` and `catch-up`.
    #[arg(long, default_value = "sessions")]
    pub mix: Mix,
}

impl Arguments {
    /// The sizes that were named, or those of a part.
    #[must_use]
    pub fn sizes_or<'a>(&'a self, of_the_part: &'a [u64]) -> &'a [u64] {
        if self.sizes.is_empty() { of_the_part } else { &self.sizes }
    }
}

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The rate at which the log takes events while nobody folds them.
    Publish,
    /// The rate from publication to commit, while events come in.
    Live,
    /// The rate of folding a preloaded stream, and that of the yardstick on the same stream.
    CatchUp,
    /// The rate of folding a preloaded stream of each kind of event, and what an event of it costs.
    Kinds,
    /// The cost of each family: of folding a preloaded stream with it and without it.
    Families,
    /// Latency of the four endpoints while events come in.
    Queries,
    /// A rebuild from a preloaded stream, while the four endpoints answer queries.
    Rebuild,
    /// The queries against the same figures aggregated from raw transactions.
    Versus,
    /// Latency of every view over ever other ranges, beside `ClickHouse` on the same data; and which
    /// answers stay known while activities come in.
    Views,
    /// The time from a sale's publication until every subscriber has it, by each transport; what
    /// deliveries and connections cost; and the same of a socket.io server in Node.
    Push,
    /// The rate of the fold with ten times the events, and with ten times the keys.
    Growth,
    /// The cost of syncing each event to the disk.
    Durability,
    /// Memory and start of nats-server with a subject for each entity, and with 256.
    Subjects,
}
