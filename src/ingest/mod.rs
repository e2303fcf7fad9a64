//! Ingest: requests and files, parsed at the edge, onto the log. Knows no store.
//!
//! # Layout
//!
//! - [`submit`]: events onto the log in order, an outcome for each; the part that all ways in
//!   share;
//! - [`envelope`]: `{"kind", "id"?, "data"}`, one event of a batch; [`message_id`]: the message id
//!   that its id becomes;
//! - [`http`]: `POST /api/events`; [`body`]: its body, cut into events; `schema`: the payloads of
//!   each kind;
//! - [`file`]: `adaptive-bi ingest FILE`; [`lines`]: one with an event a line;
//! - [`retail`]: the Online Retail data set as events.

pub mod body;
pub mod envelope;
pub mod file;
pub mod http;
pub mod lines;
pub mod message_id;
pub mod retail;
mod schema;
pub mod submit;
