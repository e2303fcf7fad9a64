//! The service against a real nats-server and a real mongod.
//!
//! # Layout
//!
//! - [`servers`]: one of each for all tests; [`harness`]: a shop for each test, and waiting;
//!   [`serve`]: the program in a process of its own, to be killed in a commit or frozen;
//!   [`process`]: the same, to be read and asked;
//! - [`events`]: the events that are published; [`documents`]: the documents that are stored, to
//!   compare;
//! - [`flow`]: from every entry to every figure; [`values`]: the values that producers send; [`inputs`]:
//!   the bodies, [`files`]: the files; [`outcomes`]: what they are told of them;
//!   [`returns`]: sales and what came back of them;
//!   [`contract`]: the shapes on the wire; [`tags`]: when answers stay known;
//! - [`batches`]: many events over HTTP at a time; [`commits`]: events of many callers in batches on
//!   the log; [`duplicates`]: events that the log calls one;
//!   [`commands`]: the program as a person runs it; [`settings`]: its settings; [`limits`]: the
//!   system's limits on it;
//! - [`door`]: limits, origins, headers, the access log; [`connections`]: those that take too long,
//!   are too many, or are there when the service stops;
//! - [`quarantine`]: messages that are invalid, [`replays`]: and decisions about them; [`halts`]: a
//!   log that is not the checkpoint's; [`holes`]: one that lacks events; [`poison`]: messages that
//!   no client can read; [`progress`]: a fold that does not move; [`projections`]: the state of the
//!   read models; [`metrics`]: the metrics for Prometheus; [`traces`]: the spans for a collector;
//! - [`auth`]: registering and signing in; [`sessions`]: the sessions after it; [`routes`]: every
//!   route with every caller; [`rights`]: those that hold at the time of a write; [`crowds`]: many
//!   strangers at a time; [`users`]: others' accounts; [`keys`]: API keys; [`audit`]: the audit;
//!   [`admin`]: accounts from the command line; [`log_users`]: the log's own permissions; [`push`]:
//!   the receivers of updates; [`stream`]: subscribers that come and go; [`updates`]: the times of
//!   updates; [`lingering`]: clients that do not go; [`strangers`]: their limits on the service; [`floods`]: clients that send too much;
//!   [`memory`]: rollups that are not read again; [`people`]: accounts of a shop; [`mail`]: a mail
//!   server;
//! - [`alerts`]: rules about figures, recorded and told;
//! - [`dashboards`]: layouts, widgets, many views at once; [`clients`]: front ends of the Node
//!   services, unchanged;
//! - [`shops`]: two in one process; [`plain`]: documents that people read;
//! - [`invariants`]: invariants, however the log is cut; [`faults`]: a service that is killed;
//!   [`rebuild`]: generations made, compared, switched and dropped; [`frozen`]: servers that do not
//!   answer; [`disk`]: one that stores nothing; [`streams`]: those that somebody else made;
//!   [`lists`]: pages of sales, products and customers; [`explain`]: the entries that figures are made
//!   of; [`openapi`]: the API's own description; [`corpus`]: the fuzzer's corpus; [`analytics`]: views
//!   against figures computed from a file and by brute force; [`year`]: a
//!   year of a real shop.

mod admin;
mod alerts;
mod analytics;
mod audit;
mod auth;
mod batches;
mod clients;
mod commands;
mod commits;
mod connections;
mod contract;
mod corpus;
mod crowds;
mod currencies;
mod dashboards;
mod disk;
mod documents;
mod door;
mod duplicates;
mod events;
mod explain;
mod faults;
mod files;
mod floods;
mod flow;
mod frozen;
mod halts;
mod harness;
mod holes;
mod inputs;
mod invariants;
mod keys;
mod limits;
mod lingering;
mod lists;
mod log_users;
mod mail;
mod memory;
mod metrics;
mod one;
mod openapi;
mod outcomes;
mod page;
mod people;
mod plain;
mod poison;
mod process;
mod progress;
mod projections;
mod push;
mod quarantine;
mod rebuild;
mod replays;
mod returns;
mod rights;
mod routes;
mod serve;
mod servers;
mod sessions;
mod settings;
mod shops;
mod strangers;
mod stream;
mod streams;
mod tags;
mod traces;
mod updates;
mod upgrades;
mod users;
mod values;
mod year;
