//! Tickets: each lets its holder open one connection, soon. A browser sets no header on an event stream
//! or a `WebSocket`; so a ticket stands in the address, where a token would stay in logs for as long as it
//! is valid.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::key::holder_of;
use super::person::person;
use super::secret::random;
use crate::hidden::Hidden;
use crate::rights::caller::Caller;
use crate::store::platform::Platform;
use crate::store::platform::tickets::{Holder, TicketRow};
use crate::store::{self, time};

/// A ticket is valid for this long.
pub const LIFE: Duration = Duration::from_secs(30);

/// Makes a ticket for a caller.
///
/// # Errors
/// Fails if the store does not answer.
pub async fn make(store: &Platform, caller: &Caller) -> Result<Hidden, store::Error> {
    let ticket = URL_SAFE_NO_PAD.encode(random());
    let holder = match caller {
        Caller::Person(person) => Holder::Session(person.session.clone()),
        Caller::Key(key) => Holder::Key(key.id.clone()),
    };
    let expires_at = time::later(time::now(), LIFE);
    store.insert_ticket(&TicketRow { hash: hash(&ticket), holder, expires_at }).await?;
    Ok(ticket.into())
}

/// Uses a ticket up. Returns its holder as they are now, if it was valid and they still are.
///
/// # Errors
/// Fails if the store does not answer.
pub async fn holder(store: &Platform, ticket: &str) -> Result<Option<Caller>, store::Error> {
    match store.use_ticket(&hash(ticket)).await? {
        None => Ok(None),
        Some(Holder::Session(id)) => {
            Ok(store.standing(&id).await?.map(|it| Caller::Person(person(it))))
        }
        Some(Holder::Key(id)) => {
            Ok(store.keys_alive(&[id]).await?.pop().map(|row| Caller::Key(holder_of(row))))
        }
    }
}

/// SHA-256, hexadecimal. A ticket is 256 random bits, so no slower hash makes it harder to guess.
fn hash(ticket: &str) -> String {
    format!("{:x}", Sha256::digest(ticket))
}
