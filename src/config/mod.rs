//! Settings: the environment, a `.env` file and flags of the same names, read once.
//!
//! # Layout
//!
//! - `settings`: what can be set; `values`: what each setting may be; `check`: what they may be
//!   together;
//! - `environment`: the arguments of the process, and old names in the environment; `file`: the
//!   `.env` file.

mod check;
mod environment;
mod file;
mod settings;
mod values;

pub use self::environment::{arguments, without_empty_variables};
pub use self::settings::{Settings, Switch, cache_dir};
