//! The settings of a log.

use std::fmt;

/// Where the log is and what it is called.
#[derive(Clone)]
pub struct LogSettings {
    /// The server, with user and password where it wants them.
    pub url: String,
    /// The stream's name, `EVENTS`.
    pub stream: String,
    /// What its subjects begin with, `events`.
    pub prefix: String,
    /// How many bytes it holds; past that the log refuses events.
    pub max_bytes: i64,
}

impl fmt::Debug for LogSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogSettings").field("stream", &self.stream).finish_non_exhaustive()
    }
}
