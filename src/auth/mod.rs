//! Accounts, sessions, tokens, permissions, API keys.
//!
//! # Layout
//!
//! - [`role`]: what can be allowed, and what each role may; [`scope`]: what an API key may;
//! - [`caller`]: who calls; [`access`]: who may use a route; [`gate`]: the layer before every one;
//! - [`secret`]: the secret behind tokens; [`token`]: access tokens, by [`hs256`];
//! - [`key`]: API keys; [`audit`]: who did what.

pub mod access;
pub mod audit;
pub mod caller;
pub mod gate;
mod hs256;
pub mod key;
pub mod role;
pub mod scope;
pub mod secret;
pub mod token;
