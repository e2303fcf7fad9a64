//! Accounts, sessions, tokens, API keys.
//!
//! # Layout
//!
//! - [`gate`]: the caller of a request, for the layer before every route;
//! - [`secret`]: the secret behind tokens; [`token`]: access tokens, by [`hs256`];
//! - [`watch`]: callers who stay connected; [`key`]: one API key; [`keys`]: what can be done with
//!   them; [`audit`]: who did what;
//! - [`accounts`]: what can be done with accounts and sessions, by [`http`] and the command line;
//!   [`new_password`]: and with their passwords;
//!   [`users`]: with other people's, and what people change of their own;
//!   [`password`], by turns in [`places`], [`refresh`] tokens, [`throttle`], [`mail`]: what it is
//!   done with;
//!   [`body`], [`user`], [`error`]: what comes in and what goes out.

pub mod accounts;
pub mod audit;
pub mod body;
pub mod error;
pub mod gate;
mod hs256;
pub mod http;
pub mod key;
pub mod keys;
pub mod mail;
mod new_password;
pub mod password;
pub mod places;
pub mod refresh;
pub mod secret;
pub mod throttle;
pub mod token;
pub mod user;
pub mod users;
pub mod watch;
