//! Refresh tokens: `abr_`, then the session, 256 random bits and a tag.
//!
//! A token works once. Its successor is an HMAC of the token itself under a key of the server, so a
//! client whose answer was lost gets the same one again and only two hashes have to be kept; a
//! thief of the store, the key, or both still cannot make one. The tag shows without a look at the
//! store that the service made a token, so nobody can end a session by making up an old token for
//! it.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac::{self, HMAC_SHA256};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::secret::{Secret, Secrets, random};

const PREFIX: &str = "abr_";
const TAG: usize = 16;

/// Makes refresh tokens, and recognizes its own.
pub struct RefreshTokens {
    /// The keys of the current secret, then those of the previous one.
    keys: Vec<Keys>,
    /// The time for which a token can be used.
    pub life: Duration,
}

struct Keys {
    tag: hmac::Key,
    successor: hmac::Key,
}

/// A token, and the hash that the store has of it.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The text that the client keeps.
    pub text: String,
    /// SHA-256 of its random bits, hexadecimal.
    pub hash: String,
}

/// A token that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// Its session.
    pub session: String,
    /// Its hash, which the store has if the token is the current one.
    pub hash: String,
    /// Its successor; always the same.
    pub successor: RefreshToken,
}

impl fmt::Debug for RefreshTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshTokens").field("life", &self.life).finish_non_exhaustive()
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(hidden)")
    }
}

impl RefreshTokens {
    /// Tokens that can be used for `life`.
    #[must_use]
    pub fn new(secrets: &Secrets, life: Duration) -> Self {
        RefreshTokens { keys: secrets.all().map(Keys::of).collect(), life }
    }

    /// The first token of a session.
    #[must_use]
    pub fn first(&self, session: Uuid) -> RefreshToken {
        self.token(session, random())
    }

    /// Reads a token that came back; `None` where it was not made here.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Presented> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (content, tag) = bytes.split_at_checked(16 + 32)?;
        let keys = self.keys.iter().find(|keys| is_tag(&keys.tag, content, tag))?;
        let session = Uuid::from_slice(&content[..16]).ok()?;
        // The key that the token was made with gives the same successor, whichever key signs now.
        let mut next = [0; 32];
        next.copy_from_slice(hmac::sign(&keys.successor, content).as_ref());
        let successor = self.token(session, next);
        Some(Presented { session: session.to_string(), hash: hash(&content[16..]), successor })
    }

    fn token(&self, session: Uuid, bits: [u8; 32]) -> RefreshToken {
        let mut bytes = [session.as_bytes().as_slice(), &bits].concat();
        let tag = hmac::sign(&self.keys[0].tag, &bytes);
        bytes.extend_from_slice(&tag.as_ref()[..TAG]);
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        RefreshToken { text, hash: hash(&bits) }
    }
}

impl Keys {
    fn of(secret: &Secret) -> Self {
        let key = |purpose| hmac::Key::new(HMAC_SHA256, &secret.derive(purpose));
        Keys { tag: key("refresh token tag"), successor: key("refresh token successor") }
    }
}

fn is_tag(key: &hmac::Key, content: &[u8], tag: &[u8]) -> bool {
    // They are compared by their own HMAC, which takes the same time wherever they differ.
    let expected = hmac::sign(key, content);
    let blind = |bytes: &[u8]| Sha256::digest(bytes);
    tag.len() == TAG && blind(tag) == blind(&expected.as_ref()[..TAG])
}

fn hash(bits: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bits))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn tokens(current: char, previous: Option<char>) -> RefreshTokens {
        let hidden = |letter: char| letter.to_string().repeat(32).parse().unwrap();
        let (current, previous) = (hidden(current), previous.map(hidden));
        let nowhere = Path::new("/nonexistent");
        let secrets = Secrets::load(Some(&current), previous.as_ref(), nowhere).unwrap();
        RefreshTokens::new(&secrets, Duration::from_hours(1))
    }

    #[test]
    fn a_token_has_one_successor_and_each_is_another() {
        let tokens = tokens('a', None);
        let session = Uuid::new_v4();
        let first = tokens.first(session);
        let presented = tokens.read(&first.text).unwrap();
        assert_eq!((&presented.session, &presented.hash), (&session.to_string(), &first.hash));
        assert_eq!(tokens.read(&first.text).unwrap(), presented);
        let second = tokens.read(&presented.successor.text).unwrap();
        assert_eq!(second.hash, presented.successor.hash);
        assert_ne!(second.successor, presented.successor);
        assert_ne!(tokens.first(session), first);
    }

    #[test]
    fn what_was_not_made_here_is_not_read() {
        let tokens = tokens('a', None);
        let first = tokens.first(Uuid::new_v4()).text;
        for position in PREFIX.len()..first.len() {
            let mut other = first.clone();
            let letter = if &first[position..=position] == "A" { "g" } else { "A" };
            other.replace_range(position..=position, letter);
            assert_eq!(tokens.read(&other), None, "{position}");
        }
        let longer = format!("{first}AAAA");
        for text in ["", "abr_", "abr_AAAA", &first[4..], &longer, "a.b.c"] {
            assert_eq!(tokens.read(text), None, "{text}");
        }
        assert_eq!(super::tests::tokens('b', None).read(&first), None);
    }

    #[test]
    fn during_an_overlap_of_secrets_a_token_of_the_old_one_has_the_same_successor() {
        let old = tokens('a', None);
        let first = old.first(Uuid::new_v4()).text;
        let by_old = old.read(&first).unwrap();
        let by_new = tokens('b', Some('a')).read(&first).unwrap();
        assert_eq!(by_new.successor.hash, by_old.successor.hash);
        assert!(tokens('b', None).read(&by_new.successor.text).is_some(), "tagged by the new");
    }
}
