//! The content of JSON strings.

use std::borrow::Cow;

/// The content of a JSON string, borrowed if it has no escape.
pub(crate) fn string(json: &str) -> Option<Cow<'_, str>> {
    let content = json.strip_prefix('"')?.strip_suffix('"')?;
    if content.as_bytes().contains(&b'\\') {
        // Fails for half of a surrogate pair, which is no character.
        return serde_json::from_str(json).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(content))
}

/// Whether a value is as good as none: nothing but white space, or the `false` that Odoo writes.
pub(super) fn is_blank(json: &str) -> bool {
    json == "false" || string(json).is_some_and(|it| it.trim().is_empty())
}

/// Whether a value is a string with half of a surrogate pair.
pub(super) fn has_half_a_character(json: &str) -> bool {
    json.starts_with('"') && string(json).is_none()
}

/// The content of a JSON string in which U+FFFD stands for each half of a surrogate pair.
#[cold]
pub(super) fn mended(json: &str) -> Option<String> {
    let mut whole = String::with_capacity(json.len());
    let mut rest = json.strip_prefix('"').map(|_| json)?;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let (len, is_half) = match surrogate(escape) {
            Some(0xD800..0xDC00) if matches!(surrogate(&escape[6..]), Some(0xDC00..)) => {
                (12, false)
            }
            Some(_) => (6, true),
            None => (2, false),
        };
        let (escape, after) = escape.split_at_checked(len)?;
        whole.push_str(if is_half { "\\ufffd" } else { escape });
        rest = after;
    }
    whole.push_str(rest);
    serde_json::from_str(&whole).ok()
}

/// The surrogate that the text is the escape of, or begins with it.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|it| (0xD800..0xE000).contains(it))
}

/// Whether a text has more characters than that; they are counted only if the bytes leave a doubt.
pub(super) fn is_longer(text: &str, chars_max: usize) -> bool {
    text.len() > chars_max && text.chars().count() > chars_max
}

/// Cuts a text to its first characters.
#[cold]
pub(super) fn cut(text: Cow<'_, str>, chars_max: usize) -> Cow<'_, str> {
    let end = text.char_indices().nth(chars_max).map_or(text.len(), |(at, _)| at);
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}

/// The text without white space at its ends.
pub(super) fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_a_surrogate_pair_becomes_the_character_for_what_is_none() {
        for (json, expected) in [
            (r#""lovely \ud83d""#, "lovely \u{fffd}"),
            (r#""\udc00\ud83d\ude00\ud83d\n""#, "\u{fffd}\u{1f600}\u{fffd}\n"),
            (r#""\\ud83d \"\ud83d\u0041""#, "\\ud83d \"\u{fffd}A"),
            (r#""\ud83d\ud83d\ude00é""#, "\u{fffd}\u{1f600}é"),
        ] {
            assert!(mended(json).is_some_and(|it| it == expected), "{json}");
        }
        assert_eq!(mended("7"), None);
        assert!(has_half_a_character(r#""\ud83d""#));
        assert!(!has_half_a_character(r#""\ud83d\ude00""#) && !has_half_a_character("7"));
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("öäü".into(), 2), "öä");
        assert_eq!(cut("öäü".to_owned().into(), 3), "öäü");
    }

    proptest! {
        #[test]
        fn a_whole_text_is_mended_into_itself(text in ".{0,20}") {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(mended(&json), Some(text));
        }

        #[test]
        fn any_escapes_can_be_mended(
            units in prop::collection::vec(prop_oneof![any::<u16>(), 0xD7F0..0xE010_u16], 0..6),
        ) {
            let escapes: Vec<_> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let expected = String::from_utf16_lossy(&units);
            prop_assert_eq!(mended(&format!("\"{}\"", escapes.concat())), Some(expected));
        }
    }
}
