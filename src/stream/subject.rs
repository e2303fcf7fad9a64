//! Subjects: `<prefix>.<kind>` or `<prefix>.<kind>.<key>`.

use projections::event::Kind;

/// The subject of an event about one entity.
#[must_use]
pub fn of_event(prefix: &str, kind: Kind, id: &str) -> String {
    let mut subject = format!("{prefix}.{}.", kind.as_str());
    push_token(&mut subject, id);
    subject
}

/// One token, whatever is in the text.
fn push_token(subject: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            subject.push(char::from(byte));
        } else {
            subject.push('%');
            for digit in [byte >> 4, byte & 15] {
                subject.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
}

/// What the subjects of a kind are or, with a dot after it, begin with.
#[must_use]
pub fn of_kind(prefix: &str, kind: Kind) -> String {
    format!("{prefix}.{}", kind.as_str())
}

/// The kind that a subject names. `None` where it is none of ours.
#[must_use]
pub fn kind_of(prefix: &str, subject: &str) -> Option<Kind> {
    let rest = subject.strip_prefix(prefix)?.strip_prefix('.')?;
    Kind::parse(rest.split_once('.').map_or(rest, |(kind, _)| kind))
}

/// Where commits of a stream's projector are announced; outside the stream's own subjects.
#[must_use]
pub fn of_announcements(stream: &str) -> String {
    format!("adaptive-bi.changes.{stream}")
}

/// Where answers to our own requests come, the events that we read among them. Not the `_INBOX` that
/// every client may listen to by default, so that a producer cannot read along.
#[must_use]
pub fn of_inboxes(stream: &str) -> String {
    let mut subject = "adaptive-bi.inbox.".to_owned();
    push_token(&mut subject, stream);
    subject
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_becomes_one_token_whatever_is_in_it() {
        let subject = of_event("events", Kind::Transaction, "a b.*>é");
        assert_eq!(subject, "events.transaction.a%20b%2E%2A%3E%C3%A9");
        assert_eq!(kind_of("events", &subject), Some(Kind::Transaction));
    }

    #[test]
    fn what_is_no_event_has_no_kind() {
        assert_eq!(kind_of("events", "events.stock"), Some(Kind::Stock));
        for subject in ["events", "events.", "events.orders.1", "other.stock", "eventsx.stock"] {
            assert_eq!(kind_of("events", subject), None, "{subject}");
        }
    }
}
