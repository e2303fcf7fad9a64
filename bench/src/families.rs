//! The cost of each family of rollups: the same log, folded with it and without it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use adaptive_bi::command::grouped;
use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::say;
use adaptive_bi::stream::publish::Outgoing;
use projections::family::{Families, Family};
use projections::time::Time;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::cpu::Cpu;
use super::feed::publish;
use super::load::Load;
use super::rate::Rate;
use super::stand::Stand;

/// One of so many events is an order, and as many are what happens to an order.
const ORDER_EACH: u64 = 10;
/// The rate at which the preloaded events would have come in, by their dates.
const EVENTS_PER_SECOND: u64 = 1_000;

/// Core-microseconds per event, by process.
type Costs = BTreeMap<String, f64>;

/// Folds one log with all families, and without each, in turns; then without all that a version
/// of the fold brought.
///
/// # Errors
/// Fails if a server does not answer.
pub async fn run(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<Value> {
    let events = (arguments.events / 10).max(1);
    stand.fresh("families").await?;
    let last = publish(&stand.log, Load::catalogue().chain(mixed(events)), None).await?;
    say!("\nfamilies: catch-up over {} events, core-us/event", grouped(last));
    let mut off: Vec<(String, Families)> = Vec::new();
    for family in Family::ALL {
        off.push((family.as_str().to_owned(), Families::ALL.without(*family)));
    }
    let versions: BTreeSet<u32> = Family::ALL.iter().map(|family| family.since()).collect();
    for since in versions.into_iter().filter(|since| *since > 1) {
        let of_version = Family::ALL.iter().filter(|family| family.since() == since);
        let rest = of_version.fold(Families::ALL, |rest, family| rest.without(*family));
        off.push((format!("since {since}"), rest));
    }
    let mut figures = Vec::new();
    for (name, rest) in off {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..arguments.rounds.get() {
            with.push(fold(stand, Families::ALL, last).await?);
            without.push(fold(stand, rest, last).await?);
        }
        let (with, without) = (medians(&with), medians(&without));
        let each: Vec<_> = with
            .iter()
            .filter_map(|(process, with)| {
                let without = without.get(process)?;
                let cost = with - without;
                Some(format!("{process} {with:.1} - {without:.1} = {cost:.1}"))
            })
            .collect();
        say!("  {name:<16} {}", each.join(", "));
        figures.push(json!({ "family": name, "with": with, "without": without }));
    }
    Ok(Value::Array(figures))
}

/// The mixed load, with orders and what happens to them: every other one is shipped, and a part of
/// every other is refunded.
fn mixed(events: u64) -> impl Iterator<Item = Outgoing> {
    let begin = chrono::Utc::now().timestamp_millis()
        - i64::try_from(events / EVENTS_PER_SECOND * 1_000).unwrap_or_default();
    let dated = move |n: u64| {
        Time(begin + i64::try_from(n * 1_000 / EVENTS_PER_SECOND).unwrap_or_default())
    };
    let (mut load, mut order) = (Load::new("families", 13), None);
    (0..events).map(move |n| match (n % ORDER_EACH, order.take()) {
        (0, _) => order.insert(load.order(dated(n))).clone(),
        (1, Some(order)) if (n / ORDER_EACH).is_multiple_of(2) => Load::shipped(&order, dated(n)),
        (1, Some(order)) => Load::refund(&order, dated(n)),
        _ => load.next(dated(n)),
    })
}

async fn fold(stand: &mut Stand, families: Families, last: u64) -> anyhow::Result<Rate> {
    stand.fresh_store().await?;
    let (started, before) = (Instant::now(), Cpu::now());
    let mut folding = stand.project_counting(families, BatchLimits::default());
    folding.reach(last).await?;
    let (took, cpu) = (started.elapsed(), Cpu::now().since(&before));
    folding.stop().await;
    Ok(Rate { events: last, took, cpu })
}

/// The median of each process.
fn medians(rounds: &[Rate]) -> Costs {
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for rate in rounds {
        for (process, each) in rate.cpu_each() {
            all.entry(process.to_owned()).or_default().push(each);
        }
    }
    let median = |mut costs: Vec<f64>| {
        costs.sort_by(f64::total_cmp);
        costs[(costs.len() - 1) / 2]
    };
    all.into_iter().map(|(process, costs)| (process, median(costs))).collect()
}
