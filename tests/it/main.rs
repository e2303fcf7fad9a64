//! The service against a real nats-server and a real mongod.
//!
//! # Layout
//!
//! - [`servers`]: one of each for all tests; [`harness`]: a shop for each test, and waiting;
//!   [`serve`]: the program in a process of its own, to be read, killed or frozen;
//! - [`events`]: what is published; [`documents`]: what is stored of it, to compare;
//! - [`flow`]: from every way in to every figure; [`contract`]: the shapes on the wire;
//! - [`batches`]: many events over HTTP at a time; [`duplicates`]: what the log calls one; [`commands`]: the program as a person runs it;
//!   [`settings`]: what it is told; [`limits`]: what the system lets it have;
//! - [`door`]: limits, origins, headers, the access log; [`connections`]: those that take too long,
//!   are too many, or are there when the service stops;
//! - [`quarantine`]: what cannot be understood, [`replays`]: and what is done about it; [`halts`]: a log
//!   that is not the checkpoint's; [`holes`]: one that lacks events; [`poison`]: what no
//!   client can read; [`progress`]: a fold that does not move; [`projections`]: how far the read models are; [`metrics`]: what
//!   Prometheus is told; [`traces`]: what a collector is;
//! - [`auth`]: registering and signing in; [`sessions`]: what comes of it; [`routes`]: every route
//!   with every caller;
//!   [`rights`]: those that hold when something is written; [`crowds`]: many strangers at a time;
//!   [`users`]: others' accounts; [`keys`]: API keys; [`audit`]: what is remembered;
//!   [`admin`]: accounts from the command line;
//!   [`log_users`]: the log's own permissions;
//!   [`push`]: who is pushed to; [`updates`]: and when; [`lingering`]: who does not go; [`strangers`]:
//!   how much of the service they can have; [`floods`]: who says too much;
//!   [`memory`]: what is not read again;
//!   [`people`]: accounts of a shop; [`mail`]: a mail server;
//! - [`shops`]: two in one process;
//! - [`invariants`]: what holds however the log is cut; [`faults`]: a service that is killed;
//!   [`rebuild`]: generations made, compared, switched and dropped;
//!   [`frozen`]: servers that do not answer; [`disk`]: one that stores nothing; [`streams`]: those that somebody else made;
//!   [`openapi`]: the API's own description; [`corpus`]: what the fuzzer found worth keeping.

mod admin;
mod audit;
mod auth;
mod batches;
mod commands;
mod connections;
mod contract;
mod corpus;
mod crowds;
mod disk;
mod documents;
mod door;
mod duplicates;
mod events;
mod faults;
mod floods;
mod flow;
mod frozen;
mod halts;
mod harness;
mod holes;
mod invariants;
mod keys;
mod limits;
mod lingering;
mod log_users;
mod mail;
mod memory;
mod metrics;
mod openapi;
mod people;
mod poison;
mod progress;
mod projections;
mod push;
mod quarantine;
mod rebuild;
mod replays;
mod rights;
mod routes;
mod serve;
mod servers;
mod sessions;
mod settings;
mod shops;
mod strangers;
mod streams;
mod traces;
mod updates;
mod users;
