//! Settings: the environment, a `.env` file and flags of the same names, read once.
//!
//! # Layout
//!
//! - `settings`: the settings; `values`: the allowed values of each; `check`: checks of settings
//!   that depend on each other;
//! - `environment`: the arguments of the process, and old names in the environment; `file`: the
//!   `.env` file.

mod check;
mod environment;
mod file;
mod settings;
mod values;

pub use self::environment::{arguments, without_empty_variables};
pub use self::settings::{Settings, Switch, cache_dir};
