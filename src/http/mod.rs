//! What every HTTP answer has in common.
//!
//! # Layout
//!
//! - [`envelope`]: the shape of a success; [`problem`]: the shape of an error;
//! - [`door`]: connections, who is there, limits, CORS, security headers, the access log;
//! - [`finish`]: errors as problems, panics, unknown routes, bounds on bodies and time;
//! - [`health`]: whether the program is up, and whether it can do its work;
//! - [`page`]: the small page at `/`.

pub mod door;
pub mod envelope;
mod finish;
pub mod health;
pub mod page;
pub mod problem;

pub use finish::{BODY_BYTES_MAX, finish};

/// The instant, as answers state it: RFC 3339 of UTC with milliseconds.
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
