//! Messages as the log stores them, byte for byte.
//!
//! The client parses headers and subjects before the program sees them, and there are some that it
//! cannot parse: then it breaks its connection, or ends. So a message that does not come by a
//! consumer is asked for by its position, which `nats-server` answers as JSON with the bytes in
//! base64.
//!
//! [`understand`] parses a subject and a block of headers as the client does (that of `async-nats`
//! 0.51, with which `tests/it/poison` compares it). So a message is the same whichever way it was
//! read, and a rebuild that reads it another way has the same result.

use std::str::FromStr;

use async_nats::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use projections::event::Kind;
use serde::Deserialize;
use serde_json::json;

use super::error::Error;
use super::log::Log;
use super::record::{Record, Unreadable, flatten};
use super::subject;

/// The character in place of bytes that were not UTF-8.
const REPLACED: char = char::REPLACEMENT_CHARACTER;
/// The beginning of the version line of a block of headers.
const VERSION: &str = "NATS/1.0";
/// `nats-server` has no message at that position.
const NO_MESSAGE: u64 = 10037;

/// The answer of `STREAM.MSG.GET`:
/// <https://docs.nats.io/reference/reference-protocols/nats_api_reference#fetching-from-a-stream-by-sequence>.
#[derive(Deserialize)]
struct Answer {
    message: Option<Stored>,
    error: Option<Refused>,
}

#[derive(Deserialize)]
struct Stored {
    subject: String,
    seq: u64,
    hdrs: Option<String>,
    data: Option<String>,
    time: String,
}

#[derive(Deserialize)]
struct Refused {
    err_code: u64,
    description: String,
}

impl Log {
    /// The message at a position, from the stream's leader. `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn message(&self, position: u64) -> Result<Option<Record>, Error> {
        self.get(json!({ "seq": position })).await
    }

    /// The first message at a position or after it. `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn message_from(&self, position: u64) -> Result<Option<Record>, Error> {
        self.get(json!({ "seq": position, "next_by_subj": ">" })).await
    }

    /// The newest message whose subject has the id of an entity. `None` if there is none; the
    /// program publishes on other subjects.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn newest_of(&self, kind: Kind, id: &str) -> Result<Option<Record>, Error> {
        let subject = subject::by_id(&self.settings.prefix, kind, id);
        self.get(json!({ "last_by_subj": subject })).await
    }

    async fn get(&self, which: serde_json::Value) -> Result<Option<Record>, Error> {
        const DOING: &str = "reading a message of";
        // Not a direct get: a replica may answer that, and a replica may be behind.
        let subject = format!("STREAM.MSG.GET.{}", self.settings.stream);
        let answer = self.link.get().context.request(subject, &which).await;
        let answer: Answer = answer.map_err(|error| self.failed(DOING, &error))?;
        match answer {
            Answer { message: Some(stored), .. } => {
                let record = stored.record();
                record.map(Some).map_err(|reason| self.fault(DOING, reason))
            }
            Answer { error: Some(Refused { err_code: NO_MESSAGE, .. }), .. } => Ok(None),
            Answer { error: Some(error), .. } => Err(self.fault(DOING, error.description)),
            Answer { .. } => Err(self.fault(DOING, "no message and no error".to_owned())),
        }
    }
}

impl Stored {
    fn record(self) -> Result<Record, String> {
        let bytes = |text: Option<String>| {
            let bytes = text.map_or(Ok(Vec::new()), |text| STANDARD.decode(text));
            bytes.map(Bytes::from).map_err(|error| error.to_string())
        };
        let (block, payload) = (bytes(self.hdrs)?, bytes(self.data)?);
        let time = chrono::DateTime::parse_from_rfc3339(&self.time);
        let time = time.map_err(|error| format!("its time {}: {error}", self.time))?;
        let time = time.timestamp_nanos_opt().unwrap_or(i64::MAX);
        let (subject, headers) = understand(&self.subject, &block);
        let subject = subject.to_owned();
        let (headers, unreadable) = match headers {
            Ok(headers) => (headers, None),
            Err(Flaw { field, reason }) => {
                (Vec::new(), Some(Box::new(Unreadable { field, reason, block })))
            }
        };
        Ok(Record { position: self.seq, time, subject, headers, payload, unreadable })
    }
}

/// The unreadable part, and the rule that it breaks.
#[derive(Debug, PartialEq, Eq)]
struct Flaw {
    field: &'static str,
    reason: String,
}

type Headers = Vec<(String, String)>;

/// The subject as the client reads it, and the headers, sorted by name, if both can be read.
/// `subject` has [`REPLACED`] in place of bytes that were not UTF-8.
fn understand<'a>(subject: &'a str, block: &[u8]) -> (&'a str, Result<Headers, Flaw>) {
    // Before headers the client takes white space at a subject's end for the separator.
    let subject = if block.is_empty() { subject } else { subject.trim() };
    let headers = match unfit(subject) {
        Some(reason) => Err(Flaw { field: "subject", reason: reason.to_owned() }),
        None if block.is_empty() => Ok(Vec::new()),
        None => headers(block)
            .map(|headers| flatten(&headers))
            .map_err(|reason| Flaw { field: "headers", reason }),
    };
    (subject, headers)
}

/// The rule that a subject breaks.
pub(super) fn unfit(subject: &str) -> Option<&'static str> {
    // Nearly all subjects are plain, and this runs for every message.
    if subject.bytes().all(|byte| byte.is_ascii_graphic()) {
        None
    } else if subject.contains(REPLACED) {
        Some("must be UTF-8, without the replacement character U+FFFD")
    } else if subject.contains(char::is_whitespace) {
        Some("must be without white space")
    } else {
        None
    }
}

/// Parses a block of headers as `async-nats` does, with two exceptions: input on which the client
/// panics is an error here, and so is a status, by which the client takes a message for one of the
/// server's own.
fn headers(block: &[u8]) -> Result<HeaderMap, String> {
    let text = std::str::from_utf8(block).map_err(|error| format!("must be UTF-8: {error}"))?;
    let mut lines = text.lines().peekable();
    let version = lines.next().and_then(|line| line.strip_prefix(VERSION)).map(str::trim);
    let version = version.ok_or_else(|| format!("must begin with the line {VERSION}"))?;
    if !version.is_empty() {
        let code = version.split_once(' ').map_or(version, |(code, _)| code.trim());
        if StatusCode::from_str(code).ok() != Some(StatusCode::OK) {
            return Err(format!("must have no status after {VERSION}"));
        }
    }
    let mut headers = HeaderMap::new();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or("must be lines of name: value")?;
        let name = HeaderName::from_str(name)
            .map_err(|_| "must have names of printable ASCII without a colon".to_owned())?;
        let mut value = value.trim_start().to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with(char::is_whitespace)) {
            value.push_str(more);
        }
        value.truncate(value.trim_end().len());
        let value = HeaderValue::from_str(&value)
            .map_err(|_| "must have no carriage return within a value".to_owned())?;
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(block: &str) -> Vec<(String, String)> {
        understand("events.stock", block.as_bytes()).1.expect("readable")
    }

    fn reason(subject: &str, block: &[u8]) -> (&'static str, String) {
        let Flaw { field, reason } = understand(subject, block).1.expect_err("unreadable");
        (field, reason)
    }

    #[test]
    fn headers_are_read_as_the_client_reads_them_and_sorted_by_name() {
        let of = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let block = "NATS/1.0\r\nb: 2 \r\na:1\r\n  folded\r\nb:1\n:\r\n\r\n";
        assert_eq!(pairs(block), of(&[("", ""), ("a", "1  folded"), ("b", "2"), ("b", "1")]));
        assert_eq!(pairs("NATS/1.0 200 OK\r\n\r\n"), of(&[]));
        assert_eq!(pairs(""), of(&[]));
    }

    #[test]
    fn what_the_client_cannot_read_is_unreadable_with_its_field_and_reason() {
        let blocks: [(&[u8], &str); 9] = [
            (b"NATS/1.0\r\na: x\ry\r\n\r\n", "carriage return"),
            (b"NATS/1.0\r\na: x\r\n \ry\r\n\r\n", "carriage return"),
            (b"NATS/1.0\r\na: \xff\r\n\r\n", "UTF-8"),
            (b"NATS/1.0\r\nno colon\r\n\r\n", "name: value"),
            (b"NATS/1.0\r\na b: x\r\n\r\n", "printable ASCII"),
            (b"NATS/1.0 100 Idle Heartbeat\r\n\r\n", "status"),
            (b"NATS/1.0 1234\r\n\r\n", "status"),
            (b"NATS/1.1\r\n\r\n", "must begin with"),
            (b"HTTP/1.1\r\n\r\n", "must begin with"),
        ];
        for (block, said) in blocks {
            let (field, reason) = reason("events.stock", block);
            let block = String::from_utf8_lossy(block);
            assert!(field == "headers" && reason.contains(said), "{block}: {field} {reason}");
        }
    }

    #[test]
    fn a_subject_is_without_white_space_and_utf_8() {
        for subject in ["events.stock.\u{fffd}", "events.stock.a\u{a0}b", "events.stock.a\u{b}b"] {
            assert_eq!(reason(subject, b"").0, "subject", "{subject:?}");
        }
        assert_eq!(reason("events.stock.a\u{2003}", b"").0, "subject");
        let (subject, understood) = understand("events.stock.a\u{2003}", b"NATS/1.0\r\n\r\n");
        assert_eq!((subject, understood), ("events.stock.a", Ok(Vec::new())));
    }
}
