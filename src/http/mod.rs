//! What every HTTP answer has in common.
//!
//! # Layout
//!
//! - [`envelope`]: the shape of a success; [`problem`]: the shape of an error;
//! - [`routes`]: how a route is declared, with the access it needs;
//! - [`parameters`]: the parameters of a query;
//! - [`client`]: who sent a request;
//! - [`finish`]: request ids, the log's line, panics, unknown routes, limits;
//! - [`health`]: whether the program is up, and whether it can do its work;
//! - [`page`]: the small page at `/`.

pub mod client;
pub mod envelope;
mod finish;
pub mod health;
pub mod page;
pub mod parameters;
pub mod problem;
pub mod routes;

pub use finish::{BODY_BYTES_MAX, finish};
pub use routes::Routes;

/// The instant, as answers state it: RFC 3339 of UTC with milliseconds.
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
