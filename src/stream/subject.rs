//! Subjects: `<prefix>.<kind>` or `<prefix>.<kind>.<key>`.

use projections::event::Kind;

/// The first token of our own subjects that are no events.
const OURS: &str = "adaptive-bi";

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

/// Whether a stream can have that name: a token of subjects, and a folder of the server's.
#[must_use]
pub fn is_stream(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b".*>/\\".contains(&byte);
    (1..=255).contains(&name.len()) && name.bytes().all(fits)
}

/// Whether subjects of events can begin so: whole tokens, and none of the server's or of our own that
/// are no events.
#[must_use]
pub fn is_prefix(prefix: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"*>".contains(&byte);
    let mut tokens = prefix.split('.');
    let are_tokens = tokens.all(|it| !it.is_empty() && it.bytes().all(fits));
    let first = prefix.split('.').next().unwrap_or_default();
    let is_taken = first.starts_with('$') || ["_INBOX", OURS].contains(&first);
    are_tokens && !is_taken && prefix.len() <= 128
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
    format!("{OURS}.changes.{stream}")
}

/// Where answers to our own requests come, the events that we read among them. Not the `_INBOX` that
/// every client may listen to by default, so that a producer cannot read along.
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
