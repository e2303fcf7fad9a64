//! Metrics of each generation. They are written as text when they are asked for, since a recorder
//! goes on telling of a generation that was dropped.

use std::fmt::Write;

use crate::http::projections::Lag;
use crate::store::generations::Generation;
use crate::store::work::Work;
use crate::stream::Extent;

/// Up to where each has folded, 0 while it is loaded in bulk.
const POSITION: &str = "adaptive_bi_generation_position";
/// Events that each has not folded.
const LAG_EVENTS: &str = "adaptive_bi_generation_lag_events";
/// The same in seconds of the log's time.
const LAG_SECONDS: &str = "adaptive_bi_generation_lag_seconds";
/// Up to where the command is that sees to a generation.
const WORK_POSITION: &str = "adaptive_bi_rebuild_position";
/// Where it goes.
const WORK_TARGET: &str = "adaptive_bi_rebuild_target";
/// Events a second, lately.
const WORK_RATE: &str = "adaptive_bi_rebuild_rate";

/// All of them, and what is being done to one.
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
    gauge(&mut text, POSITION, "Up to where a generation has folded", positions);
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
        gauge(&mut text, WORK_POSITION, "Up to where what is being done is", of(work.position));
        gauge(&mut text, WORK_TARGET, "Where what is being done goes", of(work.target));
        gauge(&mut text, WORK_RATE, "Events a second of what is being done", of(work.rate));
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
