//! Alerts: rules about the figures of views. A rule that comes to hold is recorded once, whichever
//! process sees it, and told by the topic `alerts`, by mail and by webhook.
//!
//! # Layout
//!
//! - [`deps`]: what all of it depends on, and what was seen of rules;
//! - [`rules`]: a rule as it is sent, and whether it can be looked at; [`window`]: its question to a view;
//! - [`state`]: what becomes of a rule's state by a look, as plain values; [`head`]: whether the read
//!   models are at the log's end; [`evaluate`]: the looks themselves;
//! - [`deliver`]: what has to be told, by [mail](deliver::mail) and by [webhook](deliver::webhook);
//! - [`http`]: the endpoints; [`shown`]: their answers.

pub mod deliver;
pub mod deps;
pub mod evaluate;
pub mod head;
pub mod http;
pub mod rules;
pub mod shown;
pub mod state;
pub mod window;
