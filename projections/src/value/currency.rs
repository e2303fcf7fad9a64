//! A currency, by its three letters.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A currency, by its three letters in capitals: `USD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads three letters of either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 3] = text.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_alphabetic).then(|| Currency(letters.map(upper)))
    }

    /// Its letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Letters of ASCII are UTF-8, so the other arm is never taken.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn upper(letter: u8) -> u8 {
    letter.to_ascii_uppercase()
}

/// The code of no currency: `XXX`.
impl Default for Currency {
    fn default() -> Self {
        Currency(*b"XXX")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Currency::parse(&text).ok_or_else(|| D::Error::custom("a currency has three letters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_letters_in_either_case() {
        let usd = Currency::parse("usd").unwrap();
        assert_eq!((usd.as_str(), Currency::parse("USD")), ("USD", Some(usd)));
        let json = serde_json::to_string(&usd).unwrap();
        assert_eq!((&*json, serde_json::from_str(&json).ok()), ("\"USD\"", Some(usd)));
        for text in ["", "US", "USDT", "U5D", "€", " US"] {
            assert_eq!(Currency::parse(text), None, "{text}");
        }
    }
}
