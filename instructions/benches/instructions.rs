//! The number of instructions that it takes to parse an event and to fold a batch, counted by
//! valgrind: the same on every machine and under any load, so that a limit can be held.
//!
//! A count past its limit fails (`cargo bench --manifest-path instructions/Cargo.toml`). Limits are
//! a tenth above the counts when they were set; set them again when a change makes something
//! faster.

use std::hint::black_box;

use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use instructions::{LIMITS, example, fold_of, messages, mixed, orders, take};
use projections::batch::Message;
use projections::event::{Event, Kind, Reason, parse};
use projections::fold::Fold;

/// The configuration with a limit on instructions.
fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

#[library_benchmark]
#[bench::transaction(args = (Kind::Transaction, example(Kind::Transaction)), config = at_most(12_000))]
#[bench::activity(args = (Kind::Activity, example(Kind::Activity)), config = at_most(8_800))]
#[bench::feedback(args = (Kind::Feedback, example(Kind::Feedback)), config = at_most(5_400))]
#[bench::product(args = (Kind::Product, example(Kind::Product)), config = at_most(6_100))]
#[bench::stock(args = (Kind::Stock, example(Kind::Stock)), config = at_most(3_000))]
#[bench::customer(args = (Kind::Customer, example(Kind::Customer)), config = at_most(7_300))]
#[bench::order(args = (Kind::Order, example(Kind::Order)), config = at_most(32_500))]
#[bench::orderstatus(args = (Kind::OrderStatus, example(Kind::OrderStatus)), config = at_most(5_200))]
#[bench::refund(args = (Kind::Refund, example(Kind::Refund)), config = at_most(10_700))]
#[bench::session(args = (Kind::Session, example(Kind::Session)), config = at_most(7_600))]
#[bench::rate(args = (Kind::Rate, example(Kind::Rate)), config = at_most(7_500))]
fn parse_one(kind: Kind, body: &str) -> Result<Event<'_>, Vec<Reason>> {
    parse(black_box(kind), black_box(body.as_bytes()), &LIMITS)
}

#[library_benchmark]
#[bench::of_1_000(args = (0, 1_000), setup = mixed, config = at_most(8_450_000))]
fn parse_batch(bodies: Vec<(Kind, String)>) -> usize {
    let parsed =
        bodies.iter().filter(|(kind, body)| parse(*kind, body.as_bytes(), &LIMITS).is_ok());
    black_box(parsed.count())
}

/// A batch, and the fold before it.
type Before = (Fold, Vec<Message<'static>>);

fn empty(events: u64) -> Before {
    (fold_of(0), messages(0, events))
}

fn after_10_000(events: u64) -> Before {
    (fold_of(10_000), messages(10_000, events))
}

fn orders_onto_nothing(count: u64) -> Before {
    (fold_of(0), orders(count))
}

#[library_benchmark]
#[bench::of_1_000_onto_nothing(args = (1_000), setup = empty, config = at_most(22_400_000))]
#[bench::of_10_000_onto_nothing(args = (10_000), setup = empty, config = at_most(168_000_000))]
#[bench::of_1_000_after_10_000(args = (1_000), setup = after_10_000, config = at_most(21_800_000))]
#[bench::of_10_000_after_10_000(args = (10_000), setup = after_10_000, config = at_most(158_100_000))]
#[bench::of_1_000_orders_onto_nothing(args = (1_000), setup = orders_onto_nothing, config = at_most(46_300_000))]
fn fold_batch((mut fold, batch): Before) -> Before {
    take(&mut fold, black_box(&batch));
    (fold, batch)
}

library_benchmark_group!(name = parsing, benchmarks = [parse_one, parse_batch]);
library_benchmark_group!(name = folding, benchmarks = [fold_batch]);

main!(library_benchmark_groups = [parsing, folding]);
