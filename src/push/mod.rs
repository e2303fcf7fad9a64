//! Push: what changes is sent to who is connected.
//!
//! # Layout
//!
//! - [`hub`]: the current overview, made once for everybody, and when it goes out;
//! - [`socket_io`]: the Socket.IO transport;
//! - `requests`: what of a request is looked at before Socket.IO has it;
//! - `sessions`: how many sessions there may be, and whose; `lines`: the connections behind
//!   `WebSocket`s, and sessions that are over; `pace`: how fast messages may come.

pub mod hub;
mod lines;
mod pace;
mod requests;
mod sessions;
pub mod socket_io;

pub use hub::Hub;
