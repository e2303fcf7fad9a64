//! One shop's log: the connection to it, its extent and its bound.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use common::seldom::Seldom;
use projections::time::Time;

use super::address::Address;
use super::duplicate::Duplicates;
use super::error::Error;
use super::link::Link;
use super::outbox::Outbox;
use super::settings::LogSettings;
use super::writes::Writes;

/// The metadata key of a stream's identity.
pub(super) const INCARNATION: &str = "incarnation";
/// The time for which `JetStream` looks for a repeated `Nats-Msg-Id`.
pub(super) const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);

/// One shop's log. A clone is the same one, and costs little.
#[derive(Debug, Clone)]
pub struct Log(Arc<Parts>);

/// The parts of a log.
#[derive(Debug)]
pub struct Parts {
    pub(super) link: Arc<Link>,
    /// Its settings.
    pub settings: Arc<LogSettings>,
    /// Events that the log did not take.
    pub refused: Seldom,
    pub(super) duplicates: Duplicates,
    pub(super) outbox: Outbox,
    pub(super) writes: Arc<Writes>,
}

impl Deref for Log {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The extent of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// The first position that it still has.
    pub first: u64,
    /// The last position.
    pub last: u64,
    /// The time of the last message; 1970 or before if it never had one.
    pub last_at: Time,
    /// The number of bytes that it holds.
    pub bytes: u64,
    /// The number of bytes that it may hold; past that it refuses events. `None` if it has no
    /// bound.
    pub max_bytes: Option<u64>,
    /// The number of different subjects that it has; nats-server keeps each in memory.
    pub subjects: u64,
    /// Its identity, written when it was made and never after.
    pub incarnation: String,
}

impl Extent {
    /// Its fill level, in percent of the bytes that it may hold. `None` if it has no bound.
    #[must_use]
    pub fn percent(&self) -> Option<u64> {
        self.max_bytes.map(|max_bytes| self.bytes.saturating_mul(100) / max_bytes)
    }
}

impl Log {
    /// Connects, and makes the stream if there is none.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::Unreachable`], [`Error::NotLetIn`], [`Error::NoJetStream`],
    /// [`Error::Unfit`], [`Error::Stream`].
    pub async fn connect(settings: LogSettings) -> Result<Self, Error> {
        let (log, is_there) = Log::reach(settings).await?;
        if !is_there {
            log.make_stream().await?;
        }
        Ok(log)
    }

    /// Connects and makes nothing: `None` if there is no stream.
    ///
    /// # Errors
    /// As [`Log::connect`].
    pub async fn find(settings: LogSettings) -> Result<Option<Self>, Error> {
        let (log, is_there) = Log::reach(settings).await?;
        Ok(is_there.then_some(log))
    }

    async fn reach(settings: LogSettings) -> Result<(Self, bool), Error> {
        let url = Address::parse(&settings.url)?.to_string();
        let writes = Arc::default();
        let link = Link::open(&settings, &writes).await?;
        let (refused, duplicates, outbox) = Default::default();
        let settings = Arc::new(settings);
        let log = Log(Arc::new(Parts { link, settings, refused, duplicates, outbox, writes }));
        let is_there = log.look_at_stream(&url).await?;
        Ok((log, is_there))
    }

    /// The extent of the log, as its leader tells it.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn extent(&self) -> Result<Extent, Error> {
        let stream = self.stream("reading").await?;
        let info = stream.get_info().await.map_err(|error| self.failed("reading", &error))?;
        let leader = info.cluster.as_ref().and_then(|cluster| cluster.leader.as_deref());
        self.writes.led_by(leader);
        Ok(Extent {
            first: info.state.first_sequence,
            last: info.state.last_sequence,
            last_at: Time(
                info.state.last_timestamp.unix_timestamp() * 1_000
                    + i64::from(info.state.last_timestamp.millisecond()),
            ),
            bytes: info.state.bytes,
            max_bytes: u64::try_from(info.config.max_bytes).ok().filter(|bytes| *bytes > 0),
            subjects: info.state.subjects_count,
            incarnation: info.config.metadata.get(INCARNATION).cloned().unwrap_or_default(),
        })
    }

    /// Whether the connection is up.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link.get().client.connection_state() == async_nats::connection::State::Connected
    }

    pub(super) async fn stream(
        &self,
        doing: &'static str,
    ) -> Result<jetstream::stream::Stream<()>, Error> {
        let context = self.link.get().context.clone();
        let stream = context.get_stream_no_info(&self.settings.stream).await;
        stream.map_err(|error| self.failed(doing, &error))
    }

    pub(super) fn failed(&self, doing: &'static str, reason: &dyn std::error::Error) -> Error {
        let mut text = reason.to_string();
        if let Some(source) = reason.source() {
            text = format!("{text}: {source}");
        }
        self.fault(doing, text)
    }

    pub(super) fn fault(&self, doing: &'static str, reason: String) -> Error {
        Error::Stream { doing, stream: self.settings.stream.clone(), reason }
    }
}
