//! The events of a shop's log, for those who follow them: parts of it, read by a few browsers.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use projections::event::{self, Limits};
use projections::time::Time;

use crate::push::events::source::{Message, Part, Source, Unread};
use crate::stream::browse::Browser;
use crate::stream::{Log, Record, subject};

/// What is read at a time.
const MESSAGES: usize = 256;
const BYTES: usize = 64 * 1024;
/// Browsers that are kept where they are, for those who read on from there.
const KEPT: usize = 8;
/// The header by which the log knows repeated messages.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// A log, and some places in it.
pub struct Browsers {
    log: Log,
    currency: String,
    /// The newest used last.
    kept: Mutex<Vec<Browser>>,
}

impl fmt::Debug for Browsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browsers").field("log", &self.log).finish_non_exhaustive()
    }
}

impl Browsers {
    /// Nobody has read yet. Amounts without a currency are in that one.
    #[must_use]
    pub fn new(log: Log, currency: String) -> Self {
        Browsers { log, currency, kept: Mutex::default() }
    }

    async fn read(&self, after: u64, to: u64) -> Result<Part, Unread> {
        let mut browser = match self.take(after) {
            Some(browser) => browser,
            None => self.log.browse_after(after).await.map_err(Unread::of)?,
        };
        let part = browser.part(to, MESSAGES, BYTES).await.map_err(Unread::of)?;
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(browser);
        drop(kept);
        let messages = part.records.into_iter().map(|record| self.message(record)).collect();
        Ok(Part { messages, to: part.to })
    }

    /// The browser that stands at a position, if there is one.
    fn take(&self, position: u64) -> Option<Browser> {
        let mut kept = self.kept();
        let found = kept.iter().position(|browser| browser.position() == position)?;
        Some(kept.remove(found))
    }

    /// The list is whole at every step.
    fn kept(&self) -> MutexGuard<'_, Vec<Browser>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn message(&self, record: Record) -> Message {
        let kind = subject::kind_of(&self.log.settings.prefix, &record.subject);
        let headers = || record.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let limits = Limits { latest: Time(i64::MAX), currency: &self.currency };
        let id = kind.and_then(|kind| {
            let event = event::parse_message(kind, headers(), &record.payload, &limits).ok()?;
            Some(event.entity().to_owned())
        });
        let message_id = headers().find(|(name, _)| name.eq_ignore_ascii_case(MESSAGE_ID));
        let message_id = message_id.map(|(_, id)| id.to_owned());
        let at = Time(record.time / 1_000_000);
        Message { position: record.position, kind, id, at, message_id, payload: record.payload }
    }
}

impl Source for Browsers {
    fn first(&self) -> BoxFuture<'_, Result<u64, Unread>> {
        async { Ok(self.log.extent().await.map_err(Unread::of)?.first) }.boxed()
    }

    fn part(&self, after: u64, to: u64) -> BoxFuture<'_, Result<Part, Unread>> {
        self.read(after, to).boxed()
    }

    fn rest(&self) {
        self.kept().clear();
    }
}
