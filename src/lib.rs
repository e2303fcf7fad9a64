//! Adaptive BI: a shop's events, folded exactly once into live read models.
//!
//! ```text
//! producer ─▶ ingest ─▶ stream (NATS JetStream) ─▶ projector ─▶ store (MongoDB)
//!                                                     │             │
//!                                                  changes ─▶ push  query ─▶ dashboard
//! ```
//!
//! # Layout
//!
//! - [`ingest`]: requests and files onto the log;
//! - [`projector`]: read, fold, commit, announce;
//! - [`query`]: answers from the read models; [`push`]: changes, to connected clients;
//! - [`quarantine`]: messages that were not understood, shown, tried and sent again;
//! - [`auth`]: accounts, sessions, tokens, API keys;
//! - [`alerts`]: rules about figures, and who is told when they come to hold;
//! - [`dashboard`]: the layout of a person's dashboard, and its widgets; [`insights`]: none yet;
//! - [`http`]: the parts that all answers have in common; [`operator`]: health, metrics,
//!   projections;
//! - [`plain`]: documents that people read with tools of their own;
//! - [`shop`]: one shop, its log, store, projector and push;
//! - [`app`]: the composition root; [`cli`], [`command`], [`config`]: the command line.
//!
//! Crates of their own below it:
//!
//! - `projections`: the fold itself;
//! - [`stream`]: the log, the only user of `async_nats`;
//! - [`store`]: the read models, the only user of `mongodb`;
//! - [`rights`]: roles, scopes, callers and access;
//! - [`telemetry`]: metrics, for Prometheus, and traces;
//! - `common`: [`causes`], [`failpoint`], [`hidden`], [`number`], [`seldom`], [`span`].
//!
//! And beside it: `services` runs nats-server and mongod as children of the program;
//! `adaptive-bi-bench` measures it and puts faults on it.

#[macro_use]
mod say;

pub mod alerts;
pub mod app;
pub mod auth;
pub mod cli;
pub mod command;
pub mod config;
pub mod dashboard;
pub mod http;
pub mod ingest;
pub mod insights;
pub mod operator;
pub mod plain;
pub mod projector;
pub mod push;
pub mod quarantine;
pub mod query;
pub mod shop;

pub use common::{causes, failpoint, hidden, number, seldom, span};
pub use rights;
pub use store;
pub use stream;
pub use telemetry;
