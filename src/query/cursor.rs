//! The cursor of a page: where the next one goes on. Its text means nothing to clients, and one that
//! was made for another list is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use utoipa::ToSchema;

use crate::http::parameters::Parameter;
use crate::http::parameters::values::{Own, Whole};

/// The longest text of one: an id takes 128 characters of up to 4 bytes.
const CHARS_MAX: usize = 1024;
const ALLOWED: &str = "must be pagination.next of the page before, of the same question";

/// The most entries of a page.
pub const LIMIT: Parameter<Whole<u32>> =
    Parameter::query("limit", "The most entries of a page.", Whole { min: 1, max: 100 });

/// The parameter by which the next page is asked for.
#[must_use]
pub const fn parameter<T: Serialize + DeserializeOwned>() -> Parameter<Own<T>> {
    let own = Own {
        read: read::<T>,
        schema: || json!({ "type": "string", "minLength": 1, "maxLength": CHARS_MAX }),
        written: |place| json!(write(place)),
    };
    Parameter::query("cursor", "What is behind the page that had this as `pagination.next`.", own)
}

/// The text of a place.
#[must_use]
pub fn write<T: Serialize>(place: &T) -> String {
    // A place is made of numbers and texts, which JSON has.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, &'static str> {
    if text.len() > CHARS_MAX {
        return Err(ALLOWED);
    }
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| ALLOWED)?;
    serde_json::from_slice(&json).map_err(|_| ALLOWED)
}

/// A page of a list, and the way to the next one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CursorPagination)]
pub struct Pagination {
    limit: u32,
    /// The `cursor` of the next page; null on the last. A page may be short, or empty, and have a next
    /// one: so much is looked at for a page and no more.
    next: Option<String>,
}

impl Pagination {
    /// That of a page that the list goes on behind, or ends with.
    #[must_use]
    pub fn of<T: Serialize>(limit: u32, next: Option<&T>) -> Self {
        Pagination { limit, next: next.map(write) }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Place {
        day: u32,
        id: String,
    }

    #[test]
    fn a_cursor_reads_back_and_any_other_text_does_not() {
        let place = Place { day: 20_000, id: "A/1 é".to_owned() };
        let text = write(&place);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(read::<Place>(&text), Ok(place));
        for text in ["", "o1", "e30", &write(&7), &write(&json!({ "day": 1, "id": "", "x": 1 }))] {
            assert!(read::<Place>(text).is_err(), "{text}");
        }
        assert!(read::<String>(&write(&"x".repeat(2_000))).is_err());
    }
}
