//! The shape of a success: `{"success": true, "message"?, "data"}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A successful answer.
#[derive(Debug, Serialize)]
pub struct Envelope<T> {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    data: T,
}

impl<T> Envelope<T> {
    /// An answer that is `data`.
    pub fn of(data: T) -> Self {
        Envelope { success: true, message: None, data }
    }

    /// The same with a word to its reader.
    #[must_use]
    pub fn saying(mut self, message: &'static str) -> Self {
        self.message = Some(message);
        self
    }
}

impl<T: Serialize> IntoResponse for Envelope<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}
