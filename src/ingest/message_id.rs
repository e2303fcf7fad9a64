//! `Nats-Msg-Id` of events that came with an id of their caller's.

use std::fmt::{self, Write};

use projections::event::Kind;
use ring::hmac::{self, HMAC_SHA256};

use crate::auth::secret::Secrets;

/// The purpose that the key is derived for.
const PURPOSE: &str = "ids of messages on the log";

/// Makes the ids, with a key: somebody who knows an event in advance must not know its id, since
/// the log takes the first message that has it.
pub struct MessageIds(hmac::Key);

impl fmt::Debug for MessageIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageIds")
    }
}

impl MessageIds {
    /// Equal for equal secrets, so that all processes of a shop agree.
    #[must_use]
    pub fn new(secrets: &Secrets) -> Self {
        MessageIds(hmac::Key::new(HMAC_SHA256, &secrets.current().derive(PURPOSE)))
    }

    /// The id of a change, by the caller's id and the body. The same id with another body is
    /// another change.
    #[must_use]
    pub fn of(&self, kind: Kind, id: &str, body: &str) -> String {
        let mut signed = hmac::Context::with_key(&self.0);
        for part in [kind.as_str(), id, body] {
            signed.update(&(part.len() as u64).to_le_bytes());
            signed.update(part.as_bytes());
        }
        signed.sign().as_ref().iter().fold(String::new(), |mut id, byte| {
            let _ = write!(id, "{byte:02x}"); // a string takes everything
            id
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn ids(secret: &str) -> MessageIds {
        let secret = secret.to_owned().into();
        MessageIds::new(&Secrets::load(Some(&secret), None, Path::new("/nowhere")).unwrap())
    }

    #[test]
    fn an_id_is_of_the_secret_the_kind_the_callers_id_and_the_body() {
        let (one, other) = (ids(&"a".repeat(32)), ids(&"b".repeat(32)));
        let id = one.of(Kind::Stock, "1", "{}");
        assert_eq!((id.len(), &id), (64, &one.of(Kind::Stock, "1", "{}")));
        for another in [
            other.of(Kind::Stock, "1", "{}"),
            one.of(Kind::Product, "1", "{}"),
            one.of(Kind::Stock, "1{", "}"),
            one.of(Kind::Stock, "1", "{ }"),
        ] {
            assert_ne!(id, another);
        }
    }
}
