//! Push: changes are sent to connected clients.
//!
//! A hub knows topics and positions, a subscriber knows no socket, and transports carry bytes.
//!
//! # Layout
//!
//! - [`frame`]: what is sent, and the cursor to go on from; [`ring`]: the last frames of a topic, as
//!   plain values; [`offers`]: what can be subscribed to; [`channels`]: what is subscribed to, read
//!   once for everybody; [`subscriber`]: the topics of one client, and what it is sent next;
//! - [`alerts`]: the alerts that were recorded, for whom they are;
//! - [`streams`]: the connections of subscribers; `sse` and `web_socket`: two transports; [`http`]:
//!   their routes;
//! - [`socket_io`]: the Socket.IO transport; [`topics`]: the list of what it pushes; [`hub`]: the
//!   current figures of one, made once for everybody, and their schedule;
//! - `engine_io`: the contents of its requests and packets; `requests`: the checks of a request
//!   before Socket.IO has it;
//! - `sessions`: the bounds on sessions; `connections`: the connections behind `WebSocket`s, and sessions
//!   that are over; `pace`: the rate of messages.

pub mod alerts;
pub mod channels;
mod connections;
mod engine_io;
pub mod frame;
pub mod http;
pub mod hub;
pub mod offers;
mod pace;
mod requests;
pub mod ring;
pub mod sessions;
pub mod socket_io;
mod sse;
pub mod streams;
pub mod subscriber;
pub mod topics;
mod web_socket;

pub use hub::Hub;
