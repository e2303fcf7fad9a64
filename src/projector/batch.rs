//! Messages off the log, gathered into batches and parsed.

use std::time::Duration;

use futures_util::FutureExt;
use projections::event::{self, Kind, Reason};
use projections::fold::Message;
use projections::time::Time;
use tokio::time::Instant;

use super::Error;
use super::session::Limits;
use crate::store::commit::{Payload, QuarantineReason, Quarantined};
use crate::stream::read::{Reader, Record};
use crate::stream::{Log, REPLAY_OF, subject};
use crate::telemetry::traces::Moment;

/// An event may be dated this far past the log's time.
const AHEAD_MS: i64 = 24 * 3600 * 1000;
/// How long the consumer may be silent before the stream is asked whether it is ahead.
const SILENCE: Duration = Duration::from_secs(5);

/// A batch.
pub struct Gathered {
    /// Its messages, at least one.
    pub records: Vec<Record>,
    /// When the first of them was read.
    pub since: Moment,
}

/// Gathers the next batch: at least one message, then what comes within `limits`, until
/// `not_before` at least.
///
/// # Errors
/// [`Error::Log`], [`Error::Silent`].
pub async fn gather(
    log: &Log,
    reader: &mut Reader,
    after: u64,
    limits: Limits,
    not_before: Instant,
) -> Result<Gathered, Error> {
    let first = loop {
        match tokio::time::timeout(SILENCE, reader.next()).await {
            Ok(Some(record)) => break record?,
            Ok(None) => return Err(Error::Silent),
            Err(_) if log.extent().await?.last > after => return Err(Error::Silent),
            Err(_) => {}
        }
    };
    let since = Moment::now();
    let deadline = not_before.max(Instant::now() + limits.linger);
    let mut bytes = first.payload.len();
    let mut records = vec![first];
    while records.len() < limits.events && bytes < limits.bytes {
        // A timer for each message would cost more than the message; most are there already.
        let next = match reader.next().now_or_never() {
            Some(next) => Ok(next),
            None => tokio::time::timeout_at(deadline, reader.next()).await,
        };
        match next {
            Ok(Some(record)) => {
                let record = record?;
                bytes += record.payload.len();
                records.push(record);
            }
            Ok(None) | Err(_) => break,
        }
    }
    Ok(Gathered { records, since })
}

/// Parses a batch in log order. Log time starts from `log_time` and never goes back.
pub fn parse<'a>(
    records: &'a [Record],
    prefix: &str,
    currency: &str,
    mut log_time: Time,
) -> Vec<Message<'a>> {
    records
        .iter()
        .map(|record| {
            log_time = log_time.max(Time(record.time / 1_000_000));
            let replay_of = replay_of(record);
            let event = match (&replay_of, subject::kind_of(prefix, &record.subject)) {
                (Err(reason), _) => Err(vec![reason.clone()]),
                (Ok(_), None) => Err(vec![unknown_kind()]),
                (Ok(_), Some(kind)) => {
                    let latest = Time(log_time.0 + AHEAD_MS);
                    let limits = event::Limits { latest, currency };
                    let headers =
                        record.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                    event::parse_message(kind, headers, &record.payload, &limits)
                }
            };
            Message {
                position: record.position,
                log_time,
                replay_of: replay_of.ok().flatten(),
                event,
            }
        })
        .collect()
}

/// The row that keeps a quarantined message.
#[must_use]
pub fn quarantined(record: &Record, reasons: &[Reason]) -> Quarantined {
    Quarantined {
        position: record.position,
        subject: record.subject.clone(),
        at: record.time / 1_000_000,
        payload: Payload::from(&record.payload[..]),
        headers: record.headers.clone(),
        reasons: reasons
            .iter()
            .map(|reason| QuarantineReason {
                field: reason.field.to_string(),
                message: reason.message.clone(),
            })
            .collect(),
    }
}

fn unknown_kind() -> Reason {
    let kinds = Kind::ALL.map(Kind::as_str).join(", ");
    Reason { field: "subject".into(), message: format!("its kind must be one of {kinds}") }
}

fn replay_of(record: &Record) -> Result<Option<u64>, Reason> {
    let header = record.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(REPLAY_OF));
    let Some((_, value)) = header else { return Ok(None) };
    match value.parse() {
        Ok(position) if (1..record.position).contains(&position) => Ok(Some(position)),
        _ => Err(Reason {
            field: REPLAY_OF.into(),
            message: "must be the position of an earlier message".to_owned(),
        }),
    }
}
