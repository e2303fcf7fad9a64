//! Entity tags: whether a caller has an answer already.

use axum::http::HeaderMap;
use axum::http::header::IF_NONE_MATCH;

use super::parameters::Parameter;
use super::parameters::values::Text;

/// The tag of the answer that the caller has.
pub const PARAMETER: Parameter<Text> = Parameter::header(
    "If-None-Match",
    "The `ETag` of the answer that the caller has; where it is still the same, the answer is a 304.",
    Text { min: 0, max: 4_096, allowed: "must be the ETag of an answer" },
);

/// Whether the caller has this answer, by RFC 9110's weak comparison.
#[must_use]
pub fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|tag| {
        let tag = opaque(tag);
        tag == "*" || tag == opaque(etag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_NONE_MATCH, value.parse().unwrap());
        }
        is_known(&headers, "W/\"abc\"")
    }

    #[test]
    fn an_answer_the_caller_has_is_known_by_its_tag() {
        assert!(known(&["W/\"abc\""]) && known(&["\"abc\""]) && known(&["*"]));
        assert!(known(&["\"x\", W/\"abc\""]) && known(&["\"x\"", "\"abc\""]));
        assert!(!known(&[]) && !known(&["\"ab\""]) && !known(&["abc"]));
    }
}
