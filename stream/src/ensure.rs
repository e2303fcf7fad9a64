//! The stream itself: made if there is none, checked if there is one.

use std::collections::HashMap;
use std::error::Error as _;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{
    CreateStreamErrorKind, GetStreamError, GetStreamErrorKind, RequestError, RequestErrorKind,
};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use projections::event::Kind;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use tracing::{info, warn};

use super::commit::{OLD_SERVER, takes_batches};
use super::error::Error;
use super::log::{DUPLICATE_WINDOW, INCARNATION, Log};

/// The settings that are changed, by their names on the wire.
const ALLOW_ATOMIC: &str = "allow_atomic";
const MAX_BYTES: &str = "max_bytes";
const NUM_REPLICAS: &str = "num_replicas";
/// The time that the server has for a change.
const CHANGES_WITHIN: Duration = Duration::from_secs(3);

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
        self.batches(config.allow_atomic_publish, "it is off");
        Ok(true)
    }

    /// Makes the stream, unless another process has just made it.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub(super) async fn make_stream(&self) -> Result<(), Error> {
        let incarnation = uuid::Uuid::new_v4().to_string();
        let atomic = takes_batches(&self.link.get().client);
        let config = Config {
            name: self.settings.stream.clone(),
            subjects: vec![format!("{}.>", self.settings.prefix)],
            storage: StorageType::File,
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            max_bytes: self.settings.max_bytes,
            num_replicas: self.settings.replicas.unwrap_or(1),
            duplicate_window: DUPLICATE_WINDOW,
            allow_direct: true,
            allow_atomic_publish: atomic,
            metadata: HashMap::from([(INCARNATION.to_owned(), incarnation)]),
            ..Config::default()
        };
        match self.link.get().context.create_stream(config).await {
            Ok(_) => {
                self.batches(atomic, "it is off");
                Ok(())
            }
            Err(error)
                if matches!(error.kind(), CreateStreamErrorKind::JetStream(ref answer)
                    if answer.error_code() == ErrorCode::STREAM_NAME_EXIST) =>
            {
                // Its settings are looked at by [`Log::keep_settings`].
                Ok(())
            }
            Err(error) => Err(self.failed("making", &error)),
        }
    }

    /// Gives a stream that was made with another bound or number of replicas those of the settings, and
    /// lets one that was made by an earlier version take atomic batches; every other setting and the metadata stay. A
    /// log that holds more than its bound loses nothing: it is full. Where batches cannot be allowed,
    /// events go one by one ([`Log::sends_singly`]).
    ///
    /// # Errors
    /// [`Error::Stream`]; also if the server has less room than the bound, or the cluster fewer servers
    /// than replicas are asked for.
    pub async fn keep_settings(&self) -> Result<(), Error> {
        let info = self.info().await?;
        let is_allowed = info.config.get(ALLOW_ATOMIC) == Some(&true.into());
        if is_allowed || !takes_batches(&self.link.get().client) {
            self.batches(is_allowed, "it is off");
        } else {
            match self.change(info.config.clone(), ALLOW_ATOMIC, true.into()).await {
                Ok(()) => {
                    info!("the log was made by an earlier version; it takes atomic batches now");
                    self.batches(true, "");
                }
                Err(error) => self.batches(false, &error.to_string()),
            }
        }
        self.keep_replicas(&info).await?;
        self.keep_bound(&info).await
    }

    async fn keep_replicas(&self, info: &Info) -> Result<(), Error> {
        let Some(to) = self.settings.replicas else { return Ok(()) };
        let from = info.config.get(NUM_REPLICAS).and_then(Value::as_u64).unwrap_or(1);
        if usize::try_from(from) == Ok(to) {
            return Ok(());
        }
        let config = self.info().await?.config;
        self.change(config, NUM_REPLICAS, to.into()).await?;
        info!(from, to, "STREAM_REPLICAS is another than the log was made with; it has it now");
        Ok(())
    }

    async fn keep_bound(&self, info: &Info) -> Result<(), Error> {
        let (from, to) = (info.config.get(MAX_BYTES), self.settings.max_bytes);
        let from = from.and_then(Value::as_i64).unwrap_or(-1);
        if from == to {
            return Ok(());
        }
        let config = self.info().await?.config;
        self.change(config, MAX_BYTES, to.into()).await?;
        info!(from, to, "STREAM_MAX_BYTES is another than the log was made with; it has it now");
        let bytes = info.state.bytes;
        if u64::try_from(to).is_ok_and(|to| to < bytes) {
            warn!(bytes, max_bytes = to, "the log is full and refuses events");
        }
        Ok(())
    }

    /// Why events go to the log one by one, where they do not go in batches.
    #[must_use]
    pub fn sends_singly(&self) -> Option<String> {
        self.outbox.singly()
    }

    fn batches(&self, are_allowed: bool, why: &str) {
        let singly = match (takes_batches(&self.link.get().client), are_allowed) {
            (true, true) => None,
            (false, _) => Some(OLD_SERVER.to_owned()),
            (true, false) => {
                Some(format!("the stream does not take batches (allow_atomic): {why}"))
            }
        };
        self.outbox.send(singly);
    }

    /// The stream's settings as the server has them, those among them that this program does not
    /// know.
    async fn info(&self) -> Result<Info, Error> {
        const DOING: &str = "reading the settings of";
        let subject = format!("STREAM.INFO.{}", self.settings.stream);
        let answer = self.link.get().context.request(subject, &json!({})).await;
        match answer.map_err(|error| self.failed(DOING, &error))? {
            Answer { error: Some(error), .. } => Err(self.fault(DOING, error.to_string())),
            Answer { info: Some(info), .. } => Ok(info),
            Answer { .. } => Err(self.fault(DOING, "no settings and no error".to_owned())),
        }
    }

    /// Gives the stream its settings again, with another value of one.
    async fn change(
        &self,
        mut config: Map<String, Value>,
        name: &'static str,
        value: Value,
    ) -> Result<(), Error> {
        const DOING: &str = "changing the settings of";
        config.insert(name.to_owned(), value);
        let subject = format!("STREAM.UPDATE.{}", self.settings.stream);
        let context = self.link.get().context.clone();
        // A server that does not allow the question does not answer it.
        let answer = timeout(CHANGES_WITHIN, context.request(subject, &config)).await;
        let late = || self.fault(DOING, "there is no answer; it may not be allowed".to_owned());
        let answer = answer.map_err(|_| late())?.map_err(|error| self.failed(DOING, &error))?;
        match answer {
            Answer { error: Some(error), .. } => Err(self.fault(DOING, error.to_string())),
            Answer { .. } => Ok(()),
        }
    }
}

/// The answer to a question about the stream:
/// <https://docs.nats.io/reference/reference-protocols/nats_api_reference#streams>.
#[derive(Deserialize)]
struct Answer {
    error: Option<async_nats::jetstream::Error>,
    #[serde(flatten)]
    info: Option<Info>,
}

#[derive(Deserialize)]
struct Info {
    config: Map<String, Value>,
    state: State,
}

#[derive(Deserialize)]
struct State {
    bytes: u64,
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
