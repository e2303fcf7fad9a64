//! The API's own description: an `OpenAPI` 3.1 document that is made from the routes, so that it has each
//! of them and nothing else, and a page to read and try it.
//!
//! # Layout
//!
//! - [`operation`]: the description of a route, declared with it; [`schemas`]: those of types, by
//!   name;
//! - [`document`]: the document; `headers`: the headers of answers;
//! - [`file`]: what callers may keep; [`serve`]: the routes; the page is Swagger UI, kept in `src/http/openapi/page`.

pub mod document;
pub mod file;
mod headers;
pub mod operation;
pub mod schemas;
pub mod serve;

pub use headers::PROVENANCE;
pub use operation::{Answer, Get, Operation, Tag};
