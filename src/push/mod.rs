//! Push: what changes is sent to who is connected.
//!
//! # Layout
//!
//! - [`hub`]: the current overview, made once for everybody, and when it goes out;
//! - `lines`: the connections behind `WebSocket`s, and sessions that are over;
//! - [`socket_io`]: the Socket.IO transport.

pub mod hub;
mod lines;
pub mod socket_io;

pub use hub::Hub;
