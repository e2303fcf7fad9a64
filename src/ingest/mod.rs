//! Ingest: requests and files, parsed at the edge, onto the log. Knows no store.
//!
//! # Layout
//!
//! - [`submit`]: events onto the log in order, an outcome for each; the part that all ways in
//!   share;
//! - [`scan`]: where a JSON value ends; [`pieces`]: what a body or a file has as events; [`fault`]: why
//!   one of them is no JSON; [`coding`]: compressed bodies and files;
//! - [`envelope`]: `{"kind", "id"?, "data"}`, one event of a batch, or a `CloudEvent`; [`message_id`]:
//!   the message id that its id becomes;
//! - [`http`]: `POST /api/events`, with its [`deps`]; [`media`]: what headers say of its [`body`];
//!   `report`: the answer; [`outcome`]: what became of events in the figures; `position`: of one of
//!   them; `schema`: the payloads of each kind;
//! - [`file`]: `adaptive-bi ingest FILE`;
//! - [`retail`]: the Online Retail data set as events.

pub mod body;
pub mod coding;
pub mod deps;
pub mod envelope;
pub mod fault;
pub mod file;
pub mod http;
pub mod media;
pub mod message_id;
pub mod outcome;
pub mod pieces;
mod position;
mod report;
pub mod retail;
pub mod scan;
mod schema;
pub mod submit;
