//! Counts and times of the program, for Prometheus, and its traces.
//!
//! Names follow OpenTelemetry's semantic conventions as Prometheus has them, ours begin with
//! `adaptive_bi_`. Nothing is recorded for each event: counts are made for each commit, request and
//! push, and states (positions, lag, servers that answer) are read when a scrape asks for them.
//!
//! There is one recorder in a process, however many services run in it.
//!
//! # Layout
//!
//! - here: the recorder, and the names of its metrics;
//! - [`traces`]: spans from publish to push.

pub mod traces;

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

/// The duration of requests, by method, route and status.
pub const HTTP_DURATION: &str = "http_server_request_duration_seconds";
/// Events committed, by kind and outcome.
pub const EVENTS: &str = "adaptive_bi_events_total";
/// Events that came by HTTP, by result.
pub const PUBLISHED: &str = "adaptive_bi_published_events_total";
/// Events whose message id another message had; they were sent without it.
pub const NO_DUPLICATES: &str = "adaptive_bi_message_ids_taken_total";
/// Events in a batch.
pub const BATCH_EVENTS: &str = "adaptive_bi_batch_events";
/// Documents that a commit writes.
pub const COMMIT_WRITES: &str = "adaptive_bi_commit_documents";
/// The duration of commits, by result.
pub const COMMIT_DURATION: &str = "adaptive_bi_commit_duration_seconds";
/// Packets that did not fit a connection's queue.
pub const PUSH_DROPPED: &str = "adaptive_bi_push_dropped_total";
/// Sign-ins and registrations that found no turn.
pub const SENT_AWAY: &str = "adaptive_bi_sign_in_sent_away_total";
/// Sessions of Socket.IO, of strangers and of callers.
pub const PUSH_SESSIONS: &str = "adaptive_bi_push_sessions";
/// Sessions, sign-ins and messages of Socket.IO that were refused, by the bound that refused them.
pub const PUSH_REFUSED: &str = "adaptive_bi_push_refused_total";
/// Connections of subscribers, by transport.
pub const PUSH_STREAMS: &str = "adaptive_bi_push_streams";
/// Topics and views that are followed, each read once for everybody.
pub const PUSH_QUESTIONS: &str = "adaptive_bi_push_questions";
/// Frames made, each once for everybody.
pub const PUSH_FRAMES: &str = "adaptive_bi_push_frames_total";
/// Parts of the log that were read for subscribers behind its newest events.
pub const PUSH_PARTS: &str = "adaptive_bi_push_log_parts_total";
/// Frames that a subscriber did not take in time; it got a snapshot instead of them.
pub const PUSH_SKIPPED: &str = "adaptive_bi_push_frames_skipped_total";
/// Subscribers that came back, by whether they could go on where they were.
pub const PUSH_RESUMED: &str = "adaptive_bi_push_resumed_total";
/// The generation of which all was read ahead for queries, once it was.
pub const READ_AHEAD: &str = "adaptive_bi_read_ahead_generation";
/// Rules of alerts that are looked at.
pub const ALERTS: &str = "adaptive_bi_alerts";
/// Times at which a rule came to hold, by whether somebody is told.
pub const ALERT_CROSSINGS: &str = "adaptive_bi_alert_crossings_total";
/// Messages of alerts, by their way and outcome.
pub const ALERT_DELIVERIES: &str = "adaptive_bi_alert_deliveries_total";
/// Connections of clients.
pub const CONNECTIONS: &str = "adaptive_bi_connections";
/// Connections that were not served, by the bound that refused them.
pub const CONNECTIONS_REFUSED: &str = "adaptive_bi_connections_refused_total";
/// Callers and addresses that limits forgot because there were too many.
pub const LIMIT_KEYS_FORGOTTEN: &str = "adaptive_bi_limit_keys_forgotten_total";
/// The position of the live read models.
pub const POSITION: &str = "adaptive_bi_projection_position";
/// Events that are not folded.
pub const LAG_EVENTS: &str = "adaptive_bi_projection_lag_events";
/// The same in seconds of the log's time.
pub const LAG_SECONDS: &str = "adaptive_bi_projection_lag_seconds";
/// 1 while the projector of this process halts.
pub const HALTED: &str = "adaptive_bi_projection_halted";
/// 1 while the fold does not move on although the log is ahead, whichever process folds.
pub const STUCK: &str = "adaptive_bi_projection_stuck";
/// 1 while an older fold's read models are served and this process's are being made.
pub const UPGRADING: &str = "adaptive_bi_projection_upgrading";
/// Sessions of this process's projector that a fault ended, by the fault's kind.
pub const FAULTS: &str = "adaptive_bi_projection_faults_total";
/// 1 while the log takes no events, as far as is known.
pub const LOG_REFUSES: &str = "adaptive_bi_log_refuses";
/// Events that the live read models leave out.
pub const QUARANTINED: &str = "adaptive_bi_quarantined_events";
/// The bytes that the log holds.
pub const LOG_BYTES: &str = "adaptive_bi_log_bytes";
/// The number of different subjects on the log.
pub const LOG_SUBJECTS: &str = "adaptive_bi_log_subjects";
/// 1 while a server answers.
pub const UP: &str = "adaptive_bi_up";

/// Upper bounds of times, in seconds.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of numbers.
const NUMBERS: [f64; 10] =
    [1.0, 10.0, 100.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0, 20_000.0, 100_000.0];
/// Recorded values are aggregated this often, scraped or not: until then they take memory.
const UPKEEP: Duration = Duration::from_secs(5);

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// The process's recorder; the first call installs it.
#[must_use]
pub fn recorder() -> PrometheusHandle {
    RECORDER.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let bounds: [(&str, &[f64]); 4] = [
        (HTTP_DURATION, &SECONDS),
        (COMMIT_DURATION, &SECONDS),
        (BATCH_EVENTS, &NUMBERS),
        (COMMIT_WRITES, &NUMBERS),
    ];
    let builder =
        bounds.into_iter().try_fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
            builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)
        });
    // Empty bounds would be a fault here; then there are summaries instead.
    let recorder = builder.unwrap_or_default().build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another recorder of metrics is installed; /metrics stays empty");
    }
    describe();
    handle
}

fn describe() {
    describe_histogram!(
        HTTP_DURATION,
        Unit::Seconds,
        "Duration of requests, to the head of the answer"
    );
    describe_counter!(EVENTS, "Events committed, by kind and outcome");
    describe_counter!(PUBLISHED, "Events that came by HTTP, by result");
    describe_counter!(NO_DUPLICATES, "Events whose message id another message on the log had");
    describe_histogram!(BATCH_EVENTS, "Events in a batch");
    describe_histogram!(COMMIT_WRITES, "Documents that a commit writes");
    describe_histogram!(COMMIT_DURATION, Unit::Seconds, "Duration of commits, by result");
    describe_counter!(PUSH_DROPPED, "Packets that did not fit a connection's queue");
    describe_counter!(SENT_AWAY, "Passwords that found no turn, as too many waited");
    describe_gauge!(PUSH_SESSIONS, "Sessions of Socket.IO, of strangers and of callers");
    describe_counter!(PUSH_REFUSED, "Sessions, sign-ins and messages that were refused, by bound");
    describe_gauge!(PUSH_STREAMS, "Connections of subscribers, by transport");
    describe_gauge!(PUSH_QUESTIONS, "Topics and views that are followed, each read once for all");
    describe_counter!(PUSH_FRAMES, "Frames made, each once for all");
    describe_counter!(PUSH_PARTS, "Parts of the log that were read for subscribers who are behind");
    describe_counter!(PUSH_SKIPPED, "Frames that a slow subscriber got a snapshot instead of");
    describe_counter!(PUSH_RESUMED, "Subscribers that came back, by whether they could go on");
    describe_gauge!(READ_AHEAD, "The generation of which all was read ahead for queries");
    describe_gauge!(ALERTS, "Rules of alerts that are looked at");
    describe_counter!(ALERT_CROSSINGS, "Times at which a rule came to hold, by whether it is told");
    describe_counter!(ALERT_DELIVERIES, "Messages of alerts, by way and outcome");
    describe_gauge!(CONNECTIONS, "Connections of clients");
    describe_counter!(CONNECTIONS_REFUSED, "Connections that were not served, by bound");
    describe_counter!(
        LIMIT_KEYS_FORGOTTEN,
        "Callers and addresses that a limit forgot, as there were too many"
    );
    describe_gauge!(POSITION, "The position of the live read models");
    describe_gauge!(LAG_EVENTS, "Events on the log that are not folded");
    describe_gauge!(LAG_SECONDS, Unit::Seconds, "The same in seconds of the log's time");
    describe_gauge!(HALTED, "1 while the projector of this process halts");
    describe_gauge!(STUCK, "1 while the fold does not move on although the log is ahead");
    describe_gauge!(
        UPGRADING,
        "1 while an older fold's read models are served until they are exchanged"
    );
    describe_counter!(FAULTS, "Sessions of this projector that a fault ended, by its kind");
    describe_gauge!(LOG_REFUSES, "1 while the log is known to take no events");
    describe_gauge!(QUARANTINED, "Events that the live read models leave out");
    describe_gauge!(LOG_BYTES, Unit::Bytes, "Bytes that the log holds");
    describe_gauge!(LOG_SUBJECTS, "Different subjects on the log");
    describe_gauge!(UP, "1 while a server answers");
}

/// Aggregates recorded values, until `stop`.
pub async fn upkeep(recorder: PrometheusHandle, stop: CancellationToken) {
    let mut tick = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => recorder.run_upkeep(),
        }
    }
}

/// A commit was answered.
pub fn commit(events: usize, writes: usize, took: Duration, done: bool) {
    let number = |it: usize| f64::from(u32::try_from(it).unwrap_or(u32::MAX));
    let result = if done { "committed" } else { "failed" };
    histogram!(COMMIT_DURATION, "result" => result).record(took.as_secs_f64());
    if done {
        histogram!(BATCH_EVENTS).record(number(events));
        histogram!(COMMIT_WRITES).record(number(writes));
    }
}

/// A fault ended a session.
pub fn fault(kind: &'static str) {
    counter!(FAULTS, "kind" => kind).increment(1);
}

/// Numbers of events by kind and outcome.
pub type Came = BTreeMap<(&'static str, &'static str), u64>;

/// Counts the events of a commit.
pub fn committed(came: &Came) {
    for (&(kind, outcome), &events) in came {
        counter!(EVENTS, "kind" => kind, "outcome" => outcome).increment(events);
    }
}

/// Counts the events of a request.
pub fn published(result: &'static str, events: usize) {
    if events > 0 {
        counter!(PUBLISHED, "result" => result).increment(events as u64);
    }
}

/// A password found no turn, as too many waited in that queue.
pub fn sent_away(waiting: &'static str) {
    counter!(SENT_AWAY, "waiting" => waiting).increment(1);
}
