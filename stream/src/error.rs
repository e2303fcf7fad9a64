//! Why the log cannot be used or did not answer.

use super::address;
use super::hole::Hole;

/// Why the log cannot be used or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not an address.
    #[error(transparent)]
    Address(#[from] address::NotAnAddress),
    /// The server is there and refuses the credentials.
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
        /// The client's error.
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
        /// The setting that it has, and the one that it needs.
        reason: String,
    },
    /// The stream is not there and cannot be made, or cannot be read.
    #[error("while {doing} the stream {stream}: {reason}")]
    Stream {
        /// The step that failed.
        doing: &'static str,
        /// The stream's name.
        stream: String,
        /// The server's answer.
        reason: String,
    },
    /// Messages that were not read are gone.
    #[error("the stream {stream} lacks {} to {}", hole.from, hole.to)]
    Hole {
        /// The stream's name.
        stream: String,
        /// Their positions.
        hole: Hole,
    },
}
