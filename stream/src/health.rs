//! Whether the log takes events, and whether it is there at all.
//!
//! The results of the events that were sent decide ([`super::writes`]). While nothing is sent, the
//! server is asked for a consumer whose state would be a file, which leaves the log as it is: it is
//! refused while the disk is full. That the server has failed to write before, and now has room
//! again, only its own `/healthz` knows, and the next event.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::ConsumerErrorKind;
use tokio::time::{Instant, timeout};

use super::log::Log;

/// The time within which the server has to answer a question about the log's state.
pub(super) const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// The time after which the server forgets that consumer.
const FORGOTTEN: Duration = Duration::from_secs(1);

impl Log {
    /// Why the log takes no events, if that is known; `None` as well while it does not answer at
    /// all. Call it again and again; `answers` tells whether the log has just answered another
    /// question.
    pub async fn refuses(&self, answers: bool) -> Option<String> {
        let server = self.link.get().client.server_info();
        // A server numbers its connections.
        let connection = format!("{} {}", server.server_id, server.client_id);
        let is_idle = {
            let mut state = self.writes.lock();
            state.look(Instant::now(), answers, &connection);
            state.is_idle(Instant::now())
        };
        if is_idle && let Some(full) = self.asks_for_a_file().await {
            self.writes.lock().full = full;
        }
        self.writes.lock().reason(Instant::now())
    }

    /// Whether the server is there and the stream is not.
    pub async fn is_gone(&self) -> bool {
        if !self.is_connected() {
            return false;
        }
        let context = self.link.get().context.clone();
        let info = timeout(ANSWERS_WITHIN, context.get_stream(&self.settings.stream)).await;
        matches!(info, Ok(Err(error)) if matches!(error.kind(), GetStreamErrorKind::JetStream(it)
            if it.error_code() == ErrorCode::STREAM_NOT_FOUND))
    }

    /// Why the server cannot make a file, or that it can; `None` if it does not answer.
    async fn asks_for_a_file(&self) -> Option<Option<String>> {
        let config = pull::Config {
            deliver_policy: DeliverPolicy::New,
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN,
            memory_storage: false,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let stream = self.stream("asking for a file of").await.ok()?;
        match timeout(ANSWERS_WITHIN, stream.create_consumer(config)).await.ok()? {
            Ok(_) => Some(None),
            Err(error) => match error.kind() {
                ConsumerErrorKind::JetStream(it) if is_of_storage(it.error_code()) => {
                    Some(Some(format!("it cannot write to its disk: {it}")))
                }
                _ => None,
            },
        }
    }
}

fn is_of_storage(code: ErrorCode) -> bool {
    [
        ErrorCode::CONSUMER_CREATE,
        ErrorCode::CONSUMER_STORE_FAILED,
        ErrorCode::INSUFFICIENT_RESOURCES,
        ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ]
    .contains(&code)
}
