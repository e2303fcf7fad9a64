//! Push: changes are sent to connected clients.
//!
//! A hub knows topics and positions, a subscriber knows no socket, and transports carry bytes.
//!
//! # Layout
//!
//! - [`frame`]: what is sent, and the cursor to go on from; [`ring`]: the last frames of a topic, as
//!   plain values; [`offers`]: what can be subscribed to; [`channels`]: what is subscribed to, read
//!   once for everybody, at a `beat`; [`events`]: each folded event, off the log; [`alerts`]: the alerts that were
//!   recorded, for whom they are; [`subscriber`]: the topics of one client, each a
//!   `subscription`, and what it is sent next; [`outgoing`]: what that can be;
//! - [`streams`]: the connections of subscribers; `mailbox`: the words that each is told besides;
//!   `sse`, `web_socket` and [`socket_io`]: three transports; [`words`]: what is said besides frames;
//!   [`http`]: their routes; [`asyncapi`]: their description; [`broadcast`]: a word to everybody;
//! - below Socket.IO: `engine_io`: the contents of its requests and packets; `requests`: the checks of
//!   a request before Socket.IO has it; `flow`: what its network has not taken;
//! - `sessions`: the bounds on sessions; `connections`: the connections behind `WebSocket`s, and sessions
//!   that are over; `pace`: the rate of messages.

pub mod alerts;
pub mod asyncapi;
mod beat;
pub mod broadcast;
pub mod channels;
mod connections;
mod engine_io;
pub mod events;
mod flow;
pub mod frame;
pub mod http;
mod mailbox;
pub mod offers;
pub mod outgoing;
mod pace;
mod requests;
pub mod ring;
pub mod sessions;
pub mod socket_io;
mod sse;
pub mod streams;
pub mod subscriber;
mod subscription;
mod web_socket;
pub mod words;
