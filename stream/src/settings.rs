//! The settings of a log.

use std::fmt;

/// The address of the log and its names.
#[derive(Clone)]
pub struct LogSettings {
    /// The server's address, with user and password if it needs them.
    pub url: String,
    /// The stream's name, `EVENTS`.
    pub stream: String,
    /// The prefix of its subjects, `events`.
    pub prefix: String,
    /// The number of bytes that it holds; past that the log refuses events.
    pub max_bytes: i64,
    /// The number of servers of a cluster that keep it; without it a new log is on one, and one that
    /// there is stays as it is.
    pub replicas: Option<usize>,
}

impl fmt::Debug for LogSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogSettings").field("stream", &self.stream).finish_non_exhaustive()
    }
}
