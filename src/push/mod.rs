//! Push: changes are sent to connected clients.
//!
//! # Layout
//!
//! - [`hub`]: the current overview, made once for everybody, and its schedule;
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
mod sessions;
pub mod socket_io;

use crate::query::views::summary::Overview;

pub use hub::Hub;

/// The overview of sales; it is pushed today, and nothing else.
pub type Sales = Hub<Overview>;
