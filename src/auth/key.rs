//! API keys: `abi_` and 256 random bits. The store has only their SHA-256, so a key is shown once,
//! when it is made.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::secret::random;
use crate::http::gate::KEY_PREFIX;
use crate::rights::caller::KeyHolder;
use crate::rights::scope::Scope;
use crate::store::platform::Platform;
use crate::store::platform::keys::KeyRow;
use crate::store::{self, time};

/// A key that was just made. Its text is never shown again.
pub struct NewKey {
    /// The text that the calling program has to send.
    pub text: String,
    /// The row that is stored of it.
    pub row: KeyRow,
}

/// Makes a key; the caller keeps its row. `expires_at` is in milliseconds since 1970.
#[must_use]
pub fn make(name: &str, scopes: &[Scope], created_by: &str, expires_at: Option<i64>) -> NewKey {
    let text = text();
    let row = row(&text, name, scopes, created_by, expires_at);
    NewKey { text, row }
}

/// The text of a new key.
#[must_use]
pub fn text() -> String {
    format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(random()))
}

/// The row of a key with that text.
#[must_use]
pub fn row(
    text: &str,
    name: &str,
    scopes: &[Scope],
    created_by: &str,
    expires_at: Option<i64>,
) -> KeyRow {
    KeyRow {
        id: uuid::Uuid::new_v4().to_string(),
        hash: hash(text),
        name: name.to_owned(),
        scopes: scopes.to_vec(),
        created_at: time::now(),
        created_by: created_by.to_owned(),
        expires_at: expires_at.map(time::at),
        last_used_at: None,
    }
}

/// The row of a key as it is now; `None` where the key is unknown, revoked or expired.
///
/// # Errors
/// Fails if the store does not answer.
pub async fn row_of(store: &Platform, text: &str) -> Result<Option<KeyRow>, store::Error> {
    if !text.starts_with(KEY_PREFIX) {
        return Ok(None);
    }
    store.key_by_hash(&hash(text)).await
}

/// The holder of a key as it is now, as [`row_of`] has it.
///
/// # Errors
/// Fails if the store does not answer.
pub async fn holder(store: &Platform, text: &str) -> Result<Option<KeyHolder>, store::Error> {
    Ok(row_of(store, text).await?.map(holder_of))
}

/// The holder of the key of a row.
#[must_use]
pub fn holder_of(KeyRow { id, name, scopes, .. }: KeyRow) -> KeyHolder {
    KeyHolder { id, name, scopes }
}

/// SHA-256, hexadecimal. A key is 256 random bits, so no slower hash makes it harder to guess.
fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}
