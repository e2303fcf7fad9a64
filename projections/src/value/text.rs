//! Texts for people, in one language or in several.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The language that is shown if a text is not in the shop's.
const FALLBACK: &str = "en";

/// A name or a description, as it was stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text<'a> {
    /// In the shop's language.
    One(Cow<'a, str>),
    /// In each of some languages, by its tag (`en`, `ar`, `pt-BR`, `en_US`).
    ByLanguage(Vec<(Cow<'a, str>, Cow<'a, str>)>),
}

impl Default for Text<'_> {
    fn default() -> Self {
        Text::One(Cow::Borrowed(""))
    }
}

impl Text<'_> {
    /// The text in the shop's language; else in English; else the first.
    #[must_use]
    pub fn shown(&self, language: &str) -> &str {
        match self {
            Text::One(text) => text,
            Text::ByLanguage(texts) => [language, FALLBACK]
                .into_iter()
                .find_map(|wanted| in_language(texts, wanted))
                .or(texts.first())
                .map_or("", |(_, text)| text),
        }
    }

    /// The same text, which outlives its source.
    #[must_use]
    pub fn into_owned(self) -> Text<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Text::One(text) => Text::One(own(text)),
            Text::ByLanguage(texts) => Text::ByLanguage(
                texts.into_iter().map(|(language, text)| (own(language), own(text))).collect(),
            ),
        }
    }
}

/// The text of exactly that tag, else of the same language.
fn in_language<'t, 'a>(
    texts: &'t [(Cow<'a, str>, Cow<'a, str>)],
    wanted: &str,
) -> Option<&'t (Cow<'a, str>, Cow<'a, str>)> {
    let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_lowercase();
    let same = |tag: &str| tag.replace('_', "-").eq_ignore_ascii_case(&wanted.replace('_', "-"));
    texts
        .iter()
        .find(|(tag, _)| same(tag))
        .or_else(|| texts.iter().find(|(tag, _)| primary(tag) == primary(wanted)))
}

/// Whether a text is the tag of a language: 2 to 16 ASCII letters, digits, `-` and `_`.
#[must_use]
pub fn is_language(tag: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (2..=16).contains(&tag.len())
        && tag.starts_with(|first: char| first.is_ascii_alphabetic())
        && tag.bytes().all(is_part)
}

/// A string, or an object of the languages in their order.
impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Text::One(text) => serializer.serialize_str(text),
            Text::ByLanguage(texts) => {
                let mut map = serializer.serialize_map(Some(texts.len()))?;
                for (language, text) in texts {
                    map.serialize_entry(language, text)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Text<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'static>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or one for each language")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text::One(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text::One(Cow::Owned(text)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut texts = Vec::new();
                while let Some((language, text)) = map.next_entry::<String, String>()? {
                    texts.push((Cow::Owned(language), Cow::Owned(text)));
                }
                Ok(Text::ByLanguage(texts))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Text<'static> {
        let text: Text<'static> = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&text).unwrap(), json, "it is kept as it was stated");
        text
    }

    #[test]
    fn one_text_is_shown_in_every_language() {
        assert_eq!(read(r#""Mug""#).shown("ar"), "Mug");
        assert_eq!(Text::default().shown("en"), "");
    }

    #[test]
    fn the_shops_language_is_shown_else_english_else_the_first() {
        let text = read(r#"{"ar":"كوب","en":"Mug","de":"Becher"}"#);
        assert_eq!((text.shown("de"), text.shown("fr")), ("Becher", "Mug"));
        assert_eq!(read(r#"{"ar":"كوب","de":"Becher"}"#).shown("fr"), "كوب");
    }

    #[test]
    fn a_region_is_a_part_of_its_language() {
        let text = read(r#"{"pt_BR":"Caneca","pt":"Chávena","en_US":"Mug","ar_001":"كوب"}"#);
        assert_eq!(
            (text.shown("pt-br"), text.shown("pt"), text.shown("pt-PT")),
            ("Caneca", "Chávena", "Caneca")
        );
        assert_eq!((text.shown("ar"), text.shown("fr")), ("كوب", "Mug"));
    }

    #[test]
    fn a_tag_is_short_and_plain() {
        for tag in ["en", "ar", "pt-BR", "zh-Hant-HK", "en_US", "ar_001"] {
            assert!(is_language(tag), "{tag}");
        }
        for tag in ["", "e", "$oid", "en.us", "1st", "a-language-of-its-own", "én"] {
            assert!(!is_language(tag), "{tag}");
        }
    }
}
