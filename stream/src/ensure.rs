//! The stream itself: made if there is none, checked if there is one.

use std::collections::HashMap;
use std::error::Error as _;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{
    CreateStreamErrorKind, GetStreamError, GetStreamErrorKind, RequestError, RequestErrorKind,
};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use projections::event::Kind;
use tracing::warn;

use super::error::Error;
use super::log::{DUPLICATE_WINDOW, INCARNATION, Log};

impl Log {
    /// Whether there is a stream. An existing one must be fit for a log; settings of it that make
    /// events vanish are logged.
    ///
    /// # Errors
    /// [`Error::NoJetStream`], [`Error::Unfit`], [`Error::Stream`].
    pub(super) async fn look_at_stream(&self, url: &str) -> Result<bool, Error> {
        let stream = match self.link.get().context.get_stream(&self.settings.stream).await {
            Ok(stream) => stream,
            Err(error) => {
                return match reason(&error) {
                    Reason::NotThere => Ok(false),
                    Reason::NoJetStream => Err(Error::NoJetStream { url: url.to_owned() }),
                    Reason::Other => Err(self.failed("finding", &error)),
                };
            }
        };
        let config = &stream.cached_info().config;
        let name = &self.settings.stream;
        if let Some(reason) = unfit(config, &self.settings.prefix) {
            return Err(Error::Unfit { stream: name.clone(), reason });
        }
        for what in losses(config) {
            warn!(stream = name, "events vanish from the log: {what}");
        }
        Ok(true)
    }

    /// Makes the stream, unless another process has just made it.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub(super) async fn make_stream(&self) -> Result<(), Error> {
        let incarnation = uuid::Uuid::new_v4().to_string();
        let config = Config {
            name: self.settings.stream.clone(),
            subjects: vec![format!("{}.>", self.settings.prefix)],
            storage: StorageType::File,
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            max_bytes: self.settings.max_bytes,
            duplicate_window: DUPLICATE_WINDOW,
            allow_direct: true,
            metadata: HashMap::from([(INCARNATION.to_owned(), incarnation)]),
            ..Config::default()
        };
        match self.link.get().context.create_stream(config).await {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(error.kind(), CreateStreamErrorKind::JetStream(ref answer)
                    if answer.error_code() == ErrorCode::STREAM_NAME_EXIST) =>
            {
                Ok(())
            }
            Err(error) => Err(self.failed("making", &error)),
        }
    }
}

/// Why a stream was not found.
enum Reason {
    NotThere,
    NoJetStream,
    Other,
}

fn reason(error: &GetStreamError) -> Reason {
    match error.kind() {
        GetStreamErrorKind::JetStream(answer) => match answer.error_code() {
            ErrorCode::STREAM_NOT_FOUND => Reason::NotThere,
            ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                Reason::NoJetStream
            }
            _ => Reason::Other,
        },
        GetStreamErrorKind::Request => {
            // A server without JetStream has no responder to its requests.
            let request = error.source().and_then(|source| source.downcast_ref::<RequestError>());
            match request.map(RequestError::kind) {
                Some(RequestErrorKind::NoResponders) => Reason::NoJetStream,
                _ => Reason::Other,
            }
        }
        _ => Reason::Other,
    }
}

/// Why a stream that somebody made cannot be the log. `None` if it can.
fn unfit(config: &Config, prefix: &str) -> Option<String> {
    let missing = |wanted: &String| !config.subjects.iter().any(|it| covers(it, wanted));
    let each = Kind::ALL.map(|kind| format!("{prefix}.{}.>", kind.as_str()));
    if each.iter().any(missing) {
        let has = match &*config.subjects {
            [] => "none".to_owned(),
            subjects => subjects.join(", "),
        };
        return Some(format!(
            "its subjects are {has}, and {prefix}.> is needed; give it that one, or set \
             SUBJECT_PREFIX or NATS_STREAM to the right ones"
        ));
    }
    let retention = match config.retention {
        RetentionPolicy::Limits => None,
        RetentionPolicy::WorkQueue => Some("work queue"),
        RetentionPolicy::Interest => Some("interest"),
    };
    if let Some(retention) = retention {
        return Some(format!(
            "its retention is {retention}, which drops what was read; only limits keeps it"
        ));
    }
    config.no_ack.then(|| "it acknowledges nothing (no_ack), so that no event is sure".to_owned())
}

/// The settings of a stream that make events vanish from it, by name.
fn losses(config: &Config) -> Vec<String> {
    let mut losses = Vec::new();
    if config.storage == StorageType::Memory {
        losses.push("storage is memory, so none survives the server".to_owned());
    }
    if !config.max_age.is_zero() {
        losses.push(format!("max_age is {} s", config.max_age.as_secs()));
    }
    if config.max_messages_per_subject > 0 {
        losses.push(format!("max_msgs_per_subject is {}", config.max_messages_per_subject));
    }
    if config.discard == DiscardPolicy::Old {
        let full = if config.max_messages > 0 {
            format!("max_msgs ({}) or max_bytes", config.max_messages)
        } else {
            "max_bytes".to_owned()
        };
        losses.push(format!("discard is old, so the oldest make room once {full} is reached"));
    }
    losses
}

/// Whether every subject that fits `wanted` fits `subject`. Tokens stand between dots; `*` is any
/// one, and `>` at the end one or more.
fn covers(subject: &str, wanted: &str) -> bool {
    let (mut have, mut wanted) = (subject.split('.'), wanted.split('.'));
    loop {
        match (have.next(), wanted.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(token), Some(other)) if token == other => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(subjects: &[&str]) -> Config {
        let subjects = subjects.iter().map(|it| (*it).to_owned()).collect();
        Config { subjects, discard: DiscardPolicy::New, ..Config::default() }
    }

    #[test]
    fn a_stream_has_to_take_every_subject_of_the_prefix() {
        let each: Vec<_> =
            Kind::ALL.iter().map(|kind| format!("events.{}.>", kind.as_str())).collect();
        let each: Vec<_> = each.iter().map(String::as_str).collect();
        for subjects in [&["events.>"][..], &[">"], &["other", "*.>"], &each] {
            assert_eq!(unfit(&of(subjects), "events"), None, "{subjects:?}");
        }
        for subjects in [&[][..], &["events"], &["events.*"], &["event.>"], &each[1..]] {
            let reason = unfit(&of(subjects), "events").expect("not enough");
            assert!(reason.contains("events.> is needed"), "{reason}");
        }
        let reason = unfit(&of(&["orders.>"]), "shop.events").expect("another");
        assert!(reason.contains("its subjects are orders.>"), "{reason}");
    }

    #[test]
    fn a_stream_that_drops_what_was_read_is_refused() {
        for retention in [RetentionPolicy::WorkQueue, RetentionPolicy::Interest] {
            let reason = unfit(&Config { retention, ..of(&["events.>"]) }, "events");
            assert!(reason.is_some_and(|it| it.contains("retention")));
        }
        assert!(unfit(&Config { no_ack: true, ..of(&["events.>"]) }, "events").is_some());
    }

    #[test]
    fn what_makes_events_vanish_is_named() {
        assert_eq!(losses(&of(&[])), Vec::<String>::new());
        let config = Config {
            max_age: Duration::from_hours(1),
            max_messages_per_subject: 1,
            max_messages: 9,
            discard: DiscardPolicy::Old,
            storage: StorageType::Memory,
            ..of(&[])
        };
        let losses = losses(&config).join("; ");
        for name in ["max_age is 3600 s", "max_msgs_per_subject is 1", "max_msgs (9)", "memory"] {
            assert!(losses.contains(name), "{name}: {losses}");
        }
    }
}
