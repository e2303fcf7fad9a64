//! The cost of each family of rollups: the same events, folded with it and without it.
//!
//! What one costs our process is less than what mongod takes more or less from one run to the next, so
//! it is measured without servers, in processor time of the thread that folds and encodes. What one
//! costs mongod follows from the documents that it adds, by what mongod takes for a document.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use adaptive_bi::command::grouped;
use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::say;
use adaptive_bi::store::commit::Commit;
use adaptive_bi::store::generation::Checkpoint;
use adaptive_bi::stream::publish::Outgoing;
use anyhow::{Context, bail};
use projections::batch::{Batch, Message, Step};
use projections::collections::Needs;
use projections::event::{Event, Limits, parse};
use projections::family::{Families, Family};
use projections::fold::root::{FoldSettings, Root};
use projections::fold::{Fold, Stamp};
use projections::for_each_collection;
use projections::time::Time;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::cpu::Cpu;
use super::feed::publish;
use super::load::Load;
use super::rate::{Rate, Rates};
use super::stand::Stand;

/// One of so many events is an order, and as many are what happens to an order.
const ORDER_EACH: u64 = 10;
/// The rate at which the events would have come in, by their dates.
const EVENTS_PER_SECOND: u64 = 1_000;
/// The events of a batch, as the projector takes them.
const BATCH: usize = 20_000;

/// What it takes to fold the events and to encode what they changed.
#[derive(Debug, Clone, Copy)]
struct Cost {
    processor: Duration,
    documents: usize,
}

/// Folds the same events with all families and without each, in turns, and without all that a version
/// of the fold brought; then that again with servers.
///
/// # Errors
/// Fails if a server does not answer.
#[allow(clippy::cast_precision_loss)] // figures for the eye
pub async fn run(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<Value> {
    let events = (arguments.events / 10).max(1);
    let load: Vec<Outgoing> = Load::catalogue().chain(mixed(events)).collect();
    let messages = messages(&load);
    let rounds = arguments.rounds.get();
    say!("\nfamilies: {} events", grouped(load.len() as u64));
    let mut figures = Vec::new();
    for (name, rest) in all_but_one().chain(all_but_a_version()) {
        let pairs =
            (0..rounds).map(|_| Ok((cost(Families::ALL, &messages)?, cost(rest, &messages)?)));
        let pairs: Vec<(Cost, Cost)> = pairs.collect::<anyhow::Result<_>>()?;
        let less = |of: &dyn Fn(Cost) -> f64| {
            let mut less: Vec<f64> =
                pairs.iter().map(|(with, without)| of(*with) - of(*without)).collect();
            less.sort_by(f64::total_cmp);
            less[(less.len() - 1) / 2] / load.len() as f64
        };
        let processor = less(&|cost| cost.processor.as_secs_f64() * 1e6);
        let documents = less(&|cost| cost.documents as f64);
        say!(
            "  {name:<20} {processor:6.2} core-us/event in our process, {documents:7.4} documents"
        );
        figures.push(json!({ "family": name, "processor": processor, "documents": documents }));
    }
    let all = cost(Families::ALL, &messages)?;
    drop(messages);
    let each = all.documents as f64 / load.len() as f64;
    say!("  {each:.3} documents an event in all");
    stand.fresh("families").await?;
    let last = publish(&stand.log, load.into_iter(), None).await?;
    let all = std::iter::once(("all".to_owned(), Families::ALL));
    let mut served: Vec<_> = all.chain(all_but_a_version()).map(|it| (it, vec![])).collect();
    for _ in 0..rounds {
        for ((_, families), taken) in &mut served {
            taken.push(served_fold(stand, *families, last).await?);
        }
    }
    let served = served.into_iter().map(|((name, _), taken)| {
        let rates = Rates::of(taken);
        rates.print(&format!("with servers: {name}"));
        json!({ "families": name, "rate": rates.json() })
    });
    let served: Vec<Value> = served.collect();
    Ok(json!({ "families": figures, "served": served, "documents": each }))
}

/// Each family by its name, and all the others.
fn all_but_one() -> impl Iterator<Item = (String, Families)> {
    let one = |family: &Family| (family.as_str().to_owned(), Families::ALL.without(*family));
    Family::ALL.iter().map(one)
}

/// Each version of the fold that brought families, and all families that it did not bring.
fn all_but_a_version() -> impl Iterator<Item = (String, Families)> {
    let versions: BTreeSet<u32> = Family::ALL.iter().map(|family| family.since()).collect();
    versions.into_iter().filter(|since| *since > 1).map(|since| {
        let of_version = Family::ALL.iter().filter(|family| family.since() == since);
        let rest = of_version.fold(Families::ALL, |rest, family| rest.without(*family));
        (format!("since {since}"), rest)
    })
}

/// The events as messages of a log.
fn messages(load: &[Outgoing]) -> Vec<Message<'_>> {
    let latest = Time(chrono::Utc::now().timestamp_millis());
    let limits = Limits { latest, currency: "GBP" };
    let message = |(position, event): (u64, &'_ Outgoing)| Message {
        stamp: Stamp { position, log_time: latest, replay_of: None },
        event: parse(event.kind, &event.body, &limits).map(Event::into_owned),
    };
    (1..).zip(load).map(message).collect()
}

/// Folds the messages onto nothing, and encodes each batch for a store that is not there.
fn cost(families: Families, messages: &[Message<'_>]) -> anyhow::Result<Cost> {
    let settings = FoldSettings::new("GBP");
    let fold = Fold::new(settings.clone(), Root::default()).counting(families);
    // Nothing is evicted, as there is no store to read it back from.
    let mut fold = fold.keeping(messages.len() * 100);
    let mut documents = 0;
    let before = processor_time();
    for messages in messages.chunks(BATCH) {
        let mut batch = Batch::of(messages);
        loop {
            match batch.step(&mut fold)? {
                Step::Supply(needs) => supply_nothing(&mut fold, needs),
                Step::Ready => {}
                Step::Purchases => bail!("the load takes no purchase back"),
                Step::Done => break,
            }
        }
        let resolved = batch.finish();
        let position = messages.last().context("a batch of none")?.stamp.position;
        let checkpoint = Checkpoint {
            generation: 1,
            position,
            incarnation: String::new(),
            anchor: None,
            committed_at: 0,
            settings: settings.clone(),
            root: fold.root.clone(),
            left_at: None,
        };
        documents += Commit::encode(&fold, 0, checkpoint, &[], &resolved)?.writes;
        fold.settle();
    }
    Ok(Cost { processor: processor_time().saturating_sub(before), documents })
}

fn supply_nothing(fold: &mut Fold, needs: Needs) {
    macro_rules! supply {
        ($($set:ident: $Collection:ty,)*) => {
            $(for key in needs.$set { fold.sets.$set.supply(key, None); })*
        };
    }
    for_each_collection!(supply);
}

/// The processor time of this thread.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

async fn served_fold(stand: &mut Stand, families: Families, last: u64) -> anyhow::Result<Rate> {
    stand.fresh_store().await?;
    let (started, before) = (Instant::now(), Cpu::now());
    let mut folding = stand.project_counting(families, BatchLimits::default());
    folding.reach(last).await?;
    let (took, cpu) = (started.elapsed(), Cpu::now().since(&before));
    folding.stop().await;
    Ok(Rate { events: last, took, cpu })
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
