//! What every HTTP answer has in common.
//!
//! # Layout
//!
//! - [`envelope`]: the shape of a success; [`problem`]: the shape of an error;
//! - [`routes`]: how a route is declared, with the access it needs;
//! - [`door`]: connections, who is there, limits, CORS, security headers, the access log;
//! - [`parameters`]: the parameters of a request; [`openapi`]: the API's own description;
//! - [`client`]: where a request came from;
//! - [`finish`]: errors as problems, panics, unknown routes, bounds on bodies and time;
//! - [`etag`]: whether a caller has an answer already;
//! - [`health`]: whether the program is up, and whether it can do its work;
//! - [`projections`]: how far the read models are;
//! - [`page`]: the small page at `/`.

pub mod client;
pub mod door;
pub mod envelope;
pub mod etag;
mod finish;
pub mod health;
pub mod openapi;
pub mod page;
pub mod parameters;
pub mod problem;
pub mod projections;
pub mod routes;

pub use finish::{BODY_BYTES_MAX, finish};
pub use routes::Routes;

/// The instant, as answers state it: RFC 3339 of UTC with milliseconds.
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
