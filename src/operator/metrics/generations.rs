//! Metrics of each generation. They are written as text for each scrape, since a recorder would go
//! on telling of a generation that was dropped.

use std::fmt::Write;

use crate::operator::projections::Lag;
use crate::store::generations::Generation;
use crate::store::work::Work;
use crate::stream::Extent;

/// The position of each, 0 while it is loaded in bulk.
const POSITION: &str = "adaptive_bi_generation_position";
/// Events that each has not folded.
const LAG_EVENTS: &str = "adaptive_bi_generation_lag_events";
/// The same in seconds of the log's time.
const LAG_SECONDS: &str = "adaptive_bi_generation_lag_seconds";
/// The position of the command that works on a generation.
const WORK_POSITION: &str = "adaptive_bi_rebuild_position";
/// Its target.
const WORK_TARGET: &str = "adaptive_bi_rebuild_target";
/// Its rate in events a second.
const WORK_RATE: &str = "adaptive_bi_rebuild_rate";

/// All generations, and the command that works on one.
#[must_use]
pub fn rendered(all: &[Generation], work: Option<&Work>, log: Option<&Extent>) -> String {
    let mut text = String::new();
    let labels = |it: &Generation| {
        format!("generation=\"{}\",state=\"{}\"", it.number, it.state.as_str().replace(' ', "-"))
    };
    let positions = all.iter().map(|it| {
        let position = it.checkpoint.as_ref().map_or(0, |at| at.position);
        (labels(it), position.to_string())
    });
    gauge(&mut text, POSITION, "The position of a generation", positions);
    let lags: Vec<_> = all
        .iter()
        .filter_map(|it| {
            // A log of another identity has an end of its own.
            let (at, log) = it.checkpoint.as_ref().zip(log)?;
            (at.incarnation == log.incarnation).then(|| (labels(it), Lag::of(at, log)))
        })
        .collect();
    let events = lags.iter().map(|(labels, lag)| (labels.clone(), lag.events.to_string()));
    gauge(&mut text, LAG_EVENTS, "Events that a generation has not folded", events);
    let seconds = lags.iter().map(|(labels, lag)| (labels.clone(), lag.seconds.to_string()));
    gauge(&mut text, LAG_SECONDS, "The same in seconds of the log's time", seconds);
    if let Some(work) = work {
        let of = |value: u64| {
            let labels = format!("generation=\"{}\"", work.generation);
            std::iter::once((labels, value.to_string()))
        };
        gauge(
            &mut text,
            WORK_POSITION,
            "The position of the command that works on a generation",
            of(work.position),
        );
        gauge(&mut text, WORK_TARGET, "The target of that command", of(work.target));
        gauge(&mut text, WORK_RATE, "The rate of that command in events a second", of(work.rate));
    }
    text
}

fn gauge(text: &mut String, name: &str, help: &str, rows: impl Iterator<Item = (String, String)>) {
    // Writing to a text does not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
    for (labels, value) in rows {
        let _ = writeln!(text, "{name}{{{labels}}} {value}");
    }
}
