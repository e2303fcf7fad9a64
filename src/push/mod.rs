//! Push: changes are sent to connected clients.
//!
//! # Layout
//!
//! - [`topics`]: the list of what is pushed;
//! - [`hub`]: the current figures of a topic, made once for everybody, and their schedule;
//! - [`socket_io`]: the Socket.IO transport;
//! - `engine_io`: the contents of its requests and packets; `requests`: the checks of a request
//!   before Socket.IO has it;
//! - `sessions`: the bounds on sessions; `connections`: the connections behind `WebSocket`s, and sessions
//!   that are over; `pace`: the rate of messages.

mod connections;
mod engine_io;
pub mod hub;
mod pace;
mod requests;
pub mod sessions;
pub mod socket_io;
pub mod topics;

pub use hub::Hub;
