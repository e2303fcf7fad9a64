//! Subjects: `<prefix>.<kind>` or `<prefix>.<kind>.<key>`.
//!
//! The program's own events have one of 256 keys, a *shard*: nats-server keeps every subject of a
//! stream in memory. An entity has one shard. Producers may have any keys; nothing is read from
//! them.

use projections::event::Kind;
use sha2::{Digest, Sha256};

/// The first token of the program's own subjects that are not events.
const OURS: &str = "adaptive-bi";

/// The subject of an event about one entity: its shard is the first byte of the SHA-256 of the id.
#[must_use]
pub fn of_event(prefix: &str, kind: Kind, id: &str) -> String {
    let shard = Sha256::digest(id)[0];
    let mut subject = String::with_capacity(prefix.len() + kind.as_str().len() + ".ff.".len());
    for part in [prefix, ".", kind.as_str(), "."] {
        subject.push_str(part);
    }
    push_byte(&mut subject, shard, b"0123456789abcdef");
    subject
}

/// The subject that has the id of an entity, as producers may have it and earlier versions had.
#[must_use]
pub fn by_id(prefix: &str, kind: Kind, id: &str) -> String {
    let mut subject = format!("{prefix}.{}.", kind.as_str());
    push_token(&mut subject, id);
    subject
}

/// A text as one token, whatever it contains.
fn push_token(subject: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            subject.push(char::from(byte));
        } else {
            subject.push('%');
            push_byte(subject, byte, b"0123456789ABCDEF");
        }
    }
}

/// A byte as two digits.
fn push_byte(subject: &mut String, byte: u8, digits: &[u8; 16]) {
    for digit in [byte >> 4, byte & 15] {
        subject.push(char::from(digits[usize::from(digit)]));
    }
}

/// The subject of a kind; with a dot after it, the prefix of its further subjects.
#[must_use]
pub fn of_kind(prefix: &str, kind: Kind) -> String {
    format!("{prefix}.{}", kind.as_str())
}

/// Whether a stream can have that name: a token of subjects, and a folder of the server's.
#[must_use]
pub fn is_stream(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b".*>/\\".contains(&byte);
    (1..=255).contains(&name.len()) && name.bytes().all(fits)
}

/// Whether a text can be the prefix of events: whole tokens, and not the server's or the program's
/// own.
#[must_use]
pub fn is_prefix(prefix: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"*>".contains(&byte);
    let mut tokens = prefix.split('.');
    let are_tokens = tokens.all(|it| !it.is_empty() && it.bytes().all(fits));
    let first = prefix.split('.').next().unwrap_or_default();
    let is_taken = first.starts_with('$') || ["_INBOX", OURS].contains(&first);
    are_tokens && !is_taken && prefix.len() <= 128
}

/// The kind that a subject names. `None` if it names none.
#[must_use]
pub fn kind_of(prefix: &str, subject: &str) -> Option<Kind> {
    let rest = subject.strip_prefix(prefix)?.strip_prefix('.')?;
    Kind::parse(rest.split_once('.').map_or(rest, |(kind, _)| kind))
}

/// The subject on which commits of a stream's projector are announced, outside the stream's own
/// subjects.
#[must_use]
pub fn of_announcements(stream: &str) -> String {
    format!("{OURS}.changes.{stream}")
}

/// The prefix of inboxes for answers to the program's requests, the events that it reads among
/// them. It is not `_INBOX`, to which every client may listen by default, so a producer cannot read
/// along.
#[must_use]
pub fn of_inboxes(stream: &str) -> String {
    let mut subject = format!("{OURS}.inbox.");
    push_token(&mut subject, stream);
    subject
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_becomes_one_token_whatever_is_in_it() {
        let subject = by_id("events", Kind::Transaction, "a b.*>é");
        assert_eq!(subject, "events.transaction.a%20b%2E%2A%3E%C3%A9");
        assert_eq!(kind_of("events", &subject), Some(Kind::Transaction));
    }

    #[test]
    fn an_entity_has_one_of_256_shards_and_stays_there() {
        // `printf mug | sha256sum` begins with a1.
        assert_eq!(of_event("events", Kind::Product, "mug"), "events.product.a1");
        let all: std::collections::BTreeSet<_> =
            (0..5_000).map(|id| of_event("events", Kind::Stock, &id.to_string())).collect();
        assert_eq!(all.len(), 256);
        assert!(all.iter().all(|it| kind_of("events", it) == Some(Kind::Stock)));
    }

    #[test]
    fn what_is_no_event_has_no_kind() {
        assert_eq!(kind_of("events", "events.stock"), Some(Kind::Stock));
        for subject in ["events", "events.", "events.orders.1", "other.stock", "eventsx.stock"] {
            assert_eq!(kind_of("events", subject), None, "{subject}");
        }
    }
}
