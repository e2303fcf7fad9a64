//! Messages off the log, gathered into batches and parsed.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::FutureExt;
use projections::batch::Message;
use projections::event::{self, Event, Kind, Limits, Reason};
use projections::fold::Stamp;
use projections::time::Time;
use tokio::time::Instant;

use super::error::Error;
use crate::store::commit::{Payload, QuarantineReason, Quarantined};
use crate::store::{self, Store};
use crate::stream::Record;
use crate::stream::read::{Next, Reader};
use crate::stream::{REPLAY_OF, subject};
use crate::telemetry::traces::Moment;

/// The largest part of a quarantined message's body that is kept: a document holds 16 MB, and a log
/// can be set up to take larger messages.
const KEPT_BYTES: usize = 8 << 20;

/// The bounds of a batch, which ends at the first that it reaches.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// Messages.
    pub events: usize,
    /// Bytes of payload.
    pub bytes: usize,
    /// Bytes of documents that are loaded for it, its additions' tables apart; one message may take more.
    pub loaded: usize,
    /// The time that a batch waits for more once it has one message.
    pub linger: Duration,
    /// The time that a batch may wait for more after a slow commit.
    pub rest: Duration,
}

impl Default for BatchLimits {
    /// 20,000 events, 16 MiB, 64 MiB loaded, 2 ms: a larger batch shares more writes, but a transaction of more
    /// gets slower. Subscribers are told at most every 250 ms.
    fn default() -> Self {
        BatchLimits {
            events: 20_000,
            bytes: 16 << 20,
            loaded: 64 << 20,
            linger: Duration::from_millis(2),
            rest: Duration::from_millis(250),
        }
    }
}

/// A batch.
pub struct Gathered {
    /// Its messages.
    pub records: Vec<Record>,
    /// The position that it reaches: its last message's, or further if the log has nothing there.
    pub to: u64,
    /// The instant when its first message was read.
    pub since: Moment,
}

impl Gathered {
    /// Leaves out the messages behind a position.
    pub fn end_at(&mut self, position: u64) {
        self.records.truncate(self.records.partition_point(|record| record.position <= position));
        self.to = self.to.min(position);
    }

    /// Leaves out the messages from an index on, and returns them, if there are any.
    pub fn split_off(&mut self, index: usize) -> Option<Gathered> {
        let records = self.records.split_off(index);
        let rest =
            (!records.is_empty()).then(|| Gathered { records, to: self.to, since: self.since });
        if rest.is_some() {
            self.to = self.records.last().map_or(0, |last| last.position);
        }
        rest
    }
}

/// The rest of a batch, if one was cut, else the next one.
///
/// # Errors
/// As [`gather`].
pub async fn next(
    rest: Option<Gathered>,
    reader: &mut Reader,
    limits: BatchLimits,
    not_before: Instant,
) -> Result<Gathered, Error> {
    match rest {
        Some(rest) => Ok(rest),
        None => gather(reader, limits, not_before).await,
    }
}

/// Gathers the next batch: first the messages that are there, then those that come within `limits`,
/// until `not_before` at least. If the reader fails behind the first message, the next call returns
/// that error.
///
/// # Errors
/// [`Error::Log`].
pub async fn gather(
    reader: &mut Reader,
    limits: BatchLimits,
    not_before: Instant,
) -> Result<Gathered, Error> {
    let first = reader.next().await?;
    let since = Moment::now();
    let deadline = not_before.max(Instant::now() + limits.linger);
    let first = match first {
        Next::Message(record) => record,
        Next::Nothing(to) => return Ok(Gathered { records: Vec::new(), to, since }),
    };
    let (mut bytes, mut to) = (first.payload.len(), first.position);
    let mut records = vec![first];
    while records.len() < limits.events && bytes < limits.bytes {
        // A timer for each message would cost more than the message; most are there already.
        let next = match reader.next().now_or_never() {
            Some(next) => Ok(next),
            None => tokio::time::timeout_at(deadline, reader.next()).await,
        };
        match next {
            Ok(Ok(Next::Message(record))) => {
                (bytes, to) = (bytes + record.payload.len(), record.position);
                records.push(record);
            }
            Ok(Ok(Next::Nothing(end))) => to = end,
            Ok(Err(error)) => {
                reader.fail(error);
                break;
            }
            Err(_) => break,
        }
    }
    Ok(Gathered { records, to, since })
}

/// The messages that stay in quarantine whatever this fold makes of them, with the reasons why they
/// came there: somebody sent them again or gave them up.
#[derive(Debug, Default)]
pub struct Decided(BTreeMap<u64, Vec<Reason>>);

impl Decided {
    /// Those of a log behind a position.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn load(store: &Store, incarnation: &str, after: u64) -> Result<Self, store::Error> {
        // The live generation has them quarantined, by whichever fold.
        let Some(live) = store.live().await? else { return Ok(Decided::default()) };
        let decided = store.decided(live, incarnation, after).await?;
        let reason = |it: QuarantineReason| Reason {
            field: it.field.into(),
            message: it.message,
            code: it.code.map(Into::into),
        };
        let all = decided.into_iter().map(|(position, reasons)| match reasons.len() {
            0 => (position, vec![decided_before()]),
            _ => (position, reasons.into_iter().map(reason).collect()),
        });
        Ok(Decided(all.collect()))
    }
}

/// Parses a batch in log order. Log time starts from `log_time` and never goes back.
pub fn parse<'a>(
    records: &'a [Record],
    prefix: &str,
    currency: &str,
    mut log_time: Time,
    Decided(decided): &Decided,
) -> Vec<Message<'a>> {
    let parse = |record: &'a Record| {
        log_time = log_time.max(Time(record.time / 1_000_000));
        let limits = Limits { latest: Time(log_time.0 + Limits::AHEAD_MS), currency };
        let replay_of = replay_of(record);
        // One message that makes the program panic must not keep it from all behind it.
        let event = catch_unwind(AssertUnwindSafe(|| event_of(record, prefix, &limits)));
        let event = match &replay_of {
            _ if record.unreadable.is_some() => Err(unreadable(record)),
            Err(reason) => Err(vec![reason.clone()]),
            Ok(_) => event.unwrap_or_else(|_| Err(vec![tripped_over()])),
        };
        let event = match decided.get(&record.position) {
            Some(reasons) if event.is_ok() => Err(reasons.clone()),
            _ => event,
        };
        let replay_of = replay_of.ok().flatten();
        Message { stamp: Stamp { position: record.position, log_time, replay_of }, event }
    };
    records.iter().map(parse).collect()
}

fn event_of<'a>(
    record: &'a Record,
    prefix: &str,
    limits: &Limits<'_>,
) -> Result<Event<'a>, Vec<Reason>> {
    let Some(kind) = subject::kind_of(prefix, &record.subject) else {
        return Err(vec![unknown_kind()]);
    };
    let headers = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    event::parse_message(kind, headers, &record.payload, limits)
}

/// The row that keeps a quarantined message.
#[must_use]
pub fn quarantined(record: &Record, reasons: &[Reason]) -> Quarantined {
    let kept = record.payload.len().min(KEPT_BYTES);
    Quarantined {
        position: record.position,
        subject: record.subject.clone(),
        at: record.time / 1_000_000,
        payload: Payload::from(&record.payload[..kept]),
        bytes_left_out: (record.payload.len() - kept) as u64,
        headers: record.headers.clone(),
        header_block: record.unreadable.as_ref().map(|it| Payload::from(&it.block[..])),
        reasons: reasons
            .iter()
            .map(|reason| QuarantineReason {
                field: reason.field.to_string(),
                message: reason.message.clone(),
                code: reason.code.as_deref().map(str::to_owned),
            })
            .collect(),
    }
}

fn unreadable(record: &Record) -> Vec<Reason> {
    let reasons = record.unreadable.iter();
    reasons.map(|it| Reason::new(it.field, it.reason.clone())).collect()
}

fn tripped_over() -> Reason {
    Reason::new("", "cannot be read by this version of the program, which has a fault")
}

fn decided_before() -> Reason {
    Reason::new("", "was sent again or given up when it was not understood")
}

fn unknown_kind() -> Reason {
    let kinds = Kind::ALL.map(Kind::as_str).join(", ");
    Reason::new("subject", format!("its kind must be one of {kinds}"))
}

fn replay_of(record: &Record) -> Result<Option<u64>, Reason> {
    let header = record.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(REPLAY_OF));
    let Some((_, value)) = header else { return Ok(None) };
    match value.parse() {
        Ok(position) if (1..record.position).contains(&position) => Ok(Some(position)),
        _ => Err(Reason::new(REPLAY_OF, "must be the position of an earlier message")),
    }
}

/// The position of an event and its reasons; its values are left out.
pub(super) fn in_words(row: &Quarantined) -> String {
    let fields = row.reasons.iter().map(|reason| match &*reason.field {
        "" => reason.message.clone(),
        field => format!("{field} {}", reason.message),
    });
    format!("at {}: {}", row.position, fields.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn record(position: u64, bytes: usize) -> Record {
        Record {
            position,
            time: 0,
            subject: "shop.stock".to_owned(),
            headers: Vec::new(),
            payload: Bytes::from(vec![b'x'; bytes]),
            unreadable: None,
        }
    }

    #[test]
    fn of_a_body_that_is_larger_than_a_row_may_be_the_first_8_mb_are_kept() {
        let row = quarantined(&record(1, KEPT_BYTES + 5), &[unknown_kind()]);
        assert_eq!((row.payload.bytes().len(), row.bytes_left_out), (KEPT_BYTES, 5));
        let row = quarantined(&record(1, 7), &[unknown_kind()]);
        assert_eq!((row.payload.bytes().len(), row.bytes_left_out), (7, 0));
    }

    #[test]
    fn a_batch_that_ends_early_reaches_no_further() {
        let records = [3, 4, 9].map(|position| record(position, 1)).to_vec();
        let mut gathered = Gathered { records, to: 12, since: Moment::now() };
        for (end, to, left) in [(12, 12, 3), (10, 10, 3), (8, 8, 2), (2, 2, 0)] {
            gathered.end_at(end);
            assert_eq!((gathered.to, gathered.records.len()), (to, left), "to {end}");
        }
    }
}
