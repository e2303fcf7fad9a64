//! Rights: actions on resources, the callers that have them, and the access that a route needs.
//!
//! # Layout
//!
//! - [`role`]: resources, actions and the rights of each role; [`scope`]: the rights of an API key;
//! - [`caller`]: a person with a session or a program with a key; [`access`]: the rule of a route.

pub mod access;
pub mod caller;
pub mod role;
pub mod scope;
