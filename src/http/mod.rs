//! The parts that all HTTP answers have in common.
//!
//! # Layout
//!
//! - [`envelope`]: the shape of a success; [`problem`]: the shape of an error;
//! - [`routes`]: the declaration of a route, with the access it needs; [`gate`]: the layer before
//!   every one;
//! - [`door`]: connections, clients, limits, CORS, security headers, the access log;
//! - [`parameters`]: the parameters of a request; [`openapi`]: the API's own description;
//! - [`client`]: the origin of a request; [`clock`]: the time of an answer;
//! - [`finish`]: errors as problems, panics, unknown routes, bounds on bodies and time;
//! - `one`: a router as one service;
//! - [`etag`]: whether a caller has an answer already;
//! - [`page`]: the dashboard at `/`; [`about`]: what a front end has to know first;
//! - [`prefer`]: the preferences of a request.

pub mod about;
pub mod client;
pub mod clock;
pub mod door;
pub mod envelope;
pub mod etag;
mod finish;
pub mod gate;
mod one;
pub mod openapi;
pub mod page;
pub mod parameters;
pub mod prefer;
pub mod problem;
pub mod routes;
mod timed;

pub use door::BODY_BYTES_MAX;
pub use finish::finish;
pub use routes::Routes;
