//! Accounts, sessions, tokens, API keys.
//!
//! # Layout
//!
//! - [`gate`]: the caller of a request, for the layer before every route; [`person`]: the one behind
//!   a session;
//! - [`secret`]: the secret behind tokens; [`token`]: access tokens, by [`hs256`];
//! - [`watch`]: callers who stay connected; [`ticket`]: their tickets; [`key`]: one API key; [`keys`]: the operations on keys,
//!   and those that were found valid lately;
//!   [`audit`]: the actions of callers;
//! - [`accounts`]: the operations on accounts and sessions, for [`http`] and the command line;
//!   [`new_password`]: the operations on passwords; [`users`]: the operations on other people's
//!   accounts, and people's changes of their own; [`password`], by turns in [`places`], [`refresh`]
//!   tokens, [`throttle`], [`mail`]: their parts; [`body`], [`user`], [`error`]: requests, accounts
//!   in answers, and errors.

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
pub mod person;
pub mod places;
pub mod refresh;
pub mod secret;
pub mod throttle;
pub mod ticket;
pub mod token;
pub mod user;
pub mod users;
pub mod watch;
