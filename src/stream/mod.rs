//! The log: the only user of `async_nats`, and the only place that names a subject.
//!
//! # Layout
//!
//! - [`address`]: where the server is and who we are to it;
//! - [`subject`]: subjects as functions with strict parsers beside them;
//! - [`ensure`]: the stream itself, made where there is none, looked at where there is one;
//! - [`publish`]: events onto the log;
//! - [`answers`]: what it answers to them; [`writes`]: whether it takes them at all; `duplicate`:
//!   whether what it says it has is the same;
//! - [`link`]: the connection, made anew where it ended;
//! - [`read`]: events off the log, from a position, in order and without holes; [`raw`]: those that
//!   the client cannot read, and what is wrong with them; [`hole`]: positions that the log lacks;
//! - [`check`]: whether the log is still the one a checkpoint was made from;
//! - [`damage`]: what an accident does to it, for tests of faults;
//! - [`announce`]: commits, told to every process.

pub mod address;
pub mod announce;
mod answers;
pub mod check;
pub mod damage;
mod duplicate;
pub mod ensure;
pub mod hole;
mod link;
pub mod publish;
mod raw;
pub mod read;
pub mod subject;
mod writes;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::Config;
use projections::time::Time;
use tracing::{info, warn};

use self::address::Address;
use self::duplicate::Duplicates;
use self::hole::Hole;
use self::link::Link;
use self::writes::Writes;
use crate::seldom::Seldom;

/// The metadata key of a stream's identity.
const INCARNATION: &str = "incarnation";
/// How long `JetStream` looks for a repeated `Nats-Msg-Id`.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);
/// Headers of an event that replays an earlier one.
pub const REPLAY_OF: &str = "Replay-Of";

/// Why the log cannot be used or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one.
    #[error(transparent)]
    Address(#[from] address::NotAnAddress),
    /// The server is there and does not let us in.
    #[error("the NATS at {url} does not let us in; are user and password in NATS_URL right?")]
    NotLetIn {
        /// The address, without its credentials.
        url: String,
    },
    /// No server answers there.
    #[error("no NATS answers at {url}; is it running, and is NATS_URL right?")]
    Unreachable {
        /// The address, without its credentials.
        url: String,
        /// What the client saw.
        #[source]
        source: async_nats::ConnectError,
    },
    /// A server without `JetStream`.
    #[error("the NATS at {url} has JetStream switched off; start it with -js")]
    NoJetStream {
        /// The address, without its credentials.
        url: String,
    },
    /// Somebody made a stream that cannot be the log.
    #[error("the stream {stream} cannot be the log: {reason}")]
    Unfit {
        /// The stream's name.
        stream: String,
        /// What it has and what it needs.
        reason: String,
    },
    /// The stream is not there and cannot be made, or cannot be read.
    #[error("while {doing} the stream {stream}: {reason}")]
    Stream {
        /// The step that failed.
        doing: &'static str,
        /// The stream's name.
        stream: String,
        /// What the server said.
        reason: String,
    },
    /// Messages that were not read are gone.
    #[error("the stream {stream} lacks {} to {}", hole.from, hole.to)]
    Hole {
        /// The stream's name.
        stream: String,
        /// Where.
        hole: Hole,
    },
}

/// Where the log is and what it is called.
#[derive(Clone)]
pub struct Settings {
    /// The server, with user and password where it wants them.
    pub url: String,
    /// The stream's name, `EVENTS`.
    pub stream: String,
    /// What its subjects begin with, `events`.
    pub prefix: String,
    /// How many bytes it holds; past that the log refuses events.
    pub max_bytes: i64,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// One shop's log.
#[derive(Debug, Clone)]
pub struct Log {
    link: Arc<Link>,
    /// Where it is.
    pub settings: Settings,
    /// Events that it did not take.
    pub refused: Arc<Seldom>,
    duplicates: Arc<Duplicates>,
    writes: Arc<Writes>,
}

/// How far the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// The first position it still has.
    pub first: u64,
    /// The last position.
    pub last: u64,
    /// When it took the last message; 1970 or before where it never had one.
    pub last_at: Time,
    /// How many bytes it holds.
    pub bytes: u64,
    /// How many it may hold; past that it refuses events. `None` where it has no bound.
    pub max_bytes: Option<u64>,
    /// Its identity, written when it was made and never after.
    pub incarnation: String,
}

impl Extent {
    /// How full it is, in percent of what it may hold. `None` where it has no bound.
    #[must_use]
    pub fn percent(&self) -> Option<u64> {
        self.max_bytes.map(|max_bytes| self.bytes.saturating_mul(100) / max_bytes)
    }
}

impl Log {
    /// Connects, and makes the stream where there is none.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::Unreachable`], [`Error::NotLetIn`], [`Error::NoJetStream`],
    /// [`Error::Unfit`], [`Error::Stream`].
    pub async fn connect(settings: Settings) -> Result<Self, Error> {
        let (log, is_there) = Log::reach(settings).await?;
        if !is_there {
            log.make_stream().await?;
        }
        Ok(log)
    }

    /// Connects and makes nothing: `None` where there is no stream.
    ///
    /// # Errors
    /// As [`Log::connect`].
    pub async fn find(settings: Settings) -> Result<Option<Self>, Error> {
        let (log, is_there) = Log::reach(settings).await?;
        Ok(is_there.then_some(log))
    }

    async fn reach(settings: Settings) -> Result<(Self, bool), Error> {
        let url = Address::parse(&settings.url)?.to_string();
        let refused = Arc::default();
        let writes = Arc::default();
        let link = Link::open(&settings, &refused, &writes).await?;
        let log = Log { link, settings, refused, duplicates: Arc::default(), writes };
        let is_there = log.look_at_stream(&url).await?;
        Ok((log, is_there))
    }

    /// How far the log goes, as its leader says.
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
            incarnation: info.config.metadata.get(INCARNATION).cloned().unwrap_or_default(),
        })
    }

    /// Gives a log that was made with another bound the one of the settings, and leaves the rest of
    /// it as it is. A log that holds more already loses nothing: it is full.
    ///
    /// # Errors
    /// [`Error::Stream`]; also where the server has less room than that.
    pub async fn keep_bound(&self) -> Result<(), Error> {
        const DOING: &str = "changing the bound of";
        let stream = self.stream(DOING).await?;
        let info = stream.get_info().await.map_err(|error| self.failed(DOING, &error))?;
        let (from, to) = (info.config.max_bytes, self.settings.max_bytes);
        if from == to {
            return Ok(());
        }
        let config = Config { max_bytes: to, ..info.config };
        let context = self.link.get().context.clone();
        context.update_stream(config).await.map_err(|error| self.failed(DOING, &error))?;
        info!(from, to, "STREAM_MAX_BYTES is another than the log was made with; it has it now");
        if u64::try_from(to).is_ok_and(|to| to < info.state.bytes) {
            warn!(bytes = info.state.bytes, max_bytes = to, "the log is full and refuses events");
        }
        Ok(())
    }

    /// Whether the connection stands.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link.get().client.connection_state() == async_nats::connection::State::Connected
    }

    async fn stream(&self, doing: &'static str) -> Result<jetstream::stream::Stream<()>, Error> {
        let context = self.link.get().context.clone();
        let stream = context.get_stream_no_info(&self.settings.stream).await;
        stream.map_err(|error| self.failed(doing, &error))
    }

    fn failed(&self, doing: &'static str, reason: &dyn std::error::Error) -> Error {
        let mut text = reason.to_string();
        if let Some(source) = reason.source() {
            text = format!("{text}: {source}");
        }
        self.fault(doing, text)
    }

    fn fault(&self, doing: &'static str, reason: String) -> Error {
        Error::Stream { doing, stream: self.settings.stream.clone(), reason }
    }
}
