//! The table of parts: the function that runs each, and the command that runs them.

use std::num::NonZero;
use std::path::Path;

use adaptive_bi::command::stop_asked;
use adaptive_bi::say;
use anyhow::bail;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::arguments::{Arguments, Part};
use super::rate::{Rate, Rates};
use super::stand::Stand;
use super::{
    catch_up, durability, families, growth, kinds, live, publish, push, queries, rebuild, subjects,
    versus, views,
};

/// Runs the parts and prints a table of each, and the same figures as a line of JSON.
///
/// # Errors
/// Fails if a server does not start or answer, or the run is stopped (Ctrl-C, SIGTERM).
pub async fn run(cache_dir: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    let parts = match &*arguments.parts {
        [] => Part::value_variants(),
        parts => parts,
    };
    say!("{}, servers and load generator on the same machine", machine());
    tokio::select! {
        outcome = on_a_stand(cache_dir, parts, arguments) => outcome,
        // The measurement under way is dropped, and the stand with it.
        asked = stop_asked() => asked.and_then(|()| bail!("stopped before the end")),
    }
}

async fn on_a_stand(cache_dir: &Path, parts: &[Part], arguments: &Arguments) -> anyhow::Result<()> {
    let mut stand = Stand::start(cache_dir.to_owned()).await?;
    let outcome = measure(&mut stand, cache_dir, parts, arguments).await;
    stand.stop().await?;
    outcome
}

async fn measure(
    stand: &mut Stand,
    cache_dir: &Path,
    parts: &[Part],
    arguments: &Arguments,
) -> anyhow::Result<()> {
    for &part in parts {
        stand.plain = arguments.plain && matches!(part, Part::Live | Part::CatchUp);
        let figures = match part {
            Part::Publish => {
                let rounds =
                    rounds(arguments, stand, async |it| publish::run(it, arguments.events).await);
                shown("publish, acknowledged by the log", &Rates::of(rounds.await?))
            }
            Part::Live => {
                let rounds = rounds(arguments, stand, async |it| {
                    live::run(it, arguments.events, arguments.mix).await
                });
                shown("live, publish to committed", &Rates::of(rounds.await?))
            }
            Part::CatchUp => caught_up(stand, arguments).await?,
            Part::Kinds => kinds::run(stand, arguments).await?,
            Part::Families => families::run(stand, arguments).await?,
            Part::Queries => queries::run(stand, arguments).await?,
            Part::Rebuild => rebuild::run(stand, arguments).await?,
            Part::Versus => versus::run(stand, arguments).await?,
            Part::Views => views::run(stand, arguments).await?,
            Part::Push => push::run(stand, arguments).await?,
            Part::Growth => growth::run(stand, arguments).await?,
            Part::Durability => durability::run(cache_dir, arguments).await?,
            Part::Subjects => subjects::run(cache_dir, arguments).await?,
        };
        let report = json!({
            "part": part, "machine": machine(), "version": env!("CARGO_PKG_VERSION"),
            "settings": arguments, "figures": figures,
        });
        say!("{report}");
    }
    Ok(())
}

async fn rounds(
    arguments: &Arguments,
    stand: &mut Stand,
    once: impl AsyncFn(&mut Stand) -> anyhow::Result<Rate>,
) -> anyhow::Result<Vec<Rate>> {
    let mut rounds = Vec::new();
    for _ in 0..arguments.rounds.get() {
        rounds.push(once(stand).await?);
    }
    Ok(rounds)
}

fn shown(title: &str, rates: &Rates) -> Value {
    rates.print(title);
    rates.json()
}

async fn caught_up(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<Value> {
    let (mut folds, mut naives) = (Vec::new(), Vec::new());
    for _ in 0..arguments.rounds.get() {
        let (fold, naive) = catch_up::run(stand, arguments.events, arguments.mix).await?;
        folds.push(fold);
        naives.push(naive);
    }
    let (fold, naive) = (Rates::of(folds), Rates::of(naives));
    let folded = shown("catch-up over a preloaded stream", &fold);
    let title = "yardstick: one majority-acknowledged upsert per document and event";
    let yardstick = shown(title, &naive);
    let ratio = fold.median().per_second() / naive.median().per_second();
    say!("  ratio        {ratio:>10.0} x");
    Ok(json!({ "fold": folded, "yardstick": yardstick, "ratio": ratio }))
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|line| line.split_once(':')).map_or("?", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    format!("{cores} cores ({model})")
}
