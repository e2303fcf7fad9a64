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
//! - [`stream`]: the log, the only user of `async_nats`;
//! - [`projector`]: read, fold, commit, announce; the fold itself is the crate `projections`;
//! - [`store`]: the read models, the only user of `mongodb`;
//! - [`query`]: answers from the read models; [`push`]: changes, to connected clients;
//! - [`quarantine`]: messages that were not understood, shown, tried and sent again;
//! - [`rights`]: roles, scopes, callers and access; [`auth`]: accounts, sessions, tokens, API keys;
//! - [`http`]: the parts that all answers have in common; [`operator`]: health, metrics,
//!   projections;
//! - [`telemetry`]: metrics, for Prometheus, and traces;
//! - [`seldom`]: frequent warnings, counted and logged once a minute; [`causes`], [`hidden`],
//!   [`number`]: other small things that many need;
//! - [`shop`]: one shop, its log, store, projector and push;
//! - [`failpoint`]: places where it can be told to kill itself;
//! - [`app`]: the composition root; [`cli`], [`command`], [`config`]: the command line.
//!
//! Crates of their own beside it: `services` runs nats-server and mongod as children of the program;
//! `adaptive-bi-bench` measures it and puts faults on it.

#[macro_use]
mod say;

pub mod app;
pub mod auth;
pub mod causes;
pub mod cli;
pub mod command;
pub mod config;
pub mod failpoint;
pub mod hidden;
pub mod http;
pub mod ingest;
pub mod number;
pub mod operator;
pub mod projector;
pub mod push;
pub mod quarantine;
pub mod query;
pub mod rights;
pub mod seldom;
pub mod shop;
pub mod store;
pub mod stream;
pub mod telemetry;
