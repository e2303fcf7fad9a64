//! Small things that many parts need, each of them alone.
//!
//! # Layout
//!
//! - [`causes`]: errors with their causes, on one line; [`hidden`]: texts that nobody may see;
//! - [`number`]: whole numbers as settings state them; [`span`]: lengths of time as people write them;
//!   [`seldom`]: frequent warnings, counted and
//!   logged at most once a minute;
//! - [`failpoint`]: places where the program can be told to kill itself.

pub mod causes;
pub mod failpoint;
pub mod hidden;
pub mod number;
pub mod seldom;
pub mod span;
