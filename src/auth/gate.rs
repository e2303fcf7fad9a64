//! The caller of a request: a session by its token, or an API key.
//!
//! A session and an API key are looked up at every request, one document by an index; there is no
//! cache, so a session or key that was revoked is refused from the next request on, in every
//! process.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::audit::{Audit, Event, EventType};
use super::keys::last_use::LastUse;
use super::person::person;
use super::token::{self, Tokens};
use super::{key, ticket};
use crate::http::gate::{Credential, Gate, Refusal};
use crate::rights::caller::Caller;
use crate::store::platform::Platform;

/// A database that takes longer to find the caller counts as down.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

/// The gate of a service: tokens, sessions and keys. The audit has the refusals of known callers.
#[must_use]
pub fn gate(store: Platform, tokens: Arc<Tokens>, audit: Audit) -> Gate {
    let used = LastUse::new(store.clone());
    Gate::new(move |access, credential, origin| {
        let (store, tokens, audit) = (store.clone(), tokens.clone(), audit.clone());
        let used = used.clone();
        async move {
            let caller = timeout(LOOK_UP_WITHIN, identify(&store, &tokens, credential));
            let caller = caller.await.map_err(|_| Refusal::TimedOut)??;
            if let Caller::Key(key) = &caller {
                used.note(&key.id);
            }
            if access.admits(&caller) {
                return Ok(caller);
            }
            let target = origin.to_string();
            let event = Event::refused(EventType::Access).by(&caller).to(target).from(&origin);
            audit.record(event.detail(access.to_string())).await;
            Err(Refusal::Forbidden(access))
        }
    })
}

async fn identify(
    store: &Platform,
    tokens: &Tokens,
    credential: Option<Credential>,
) -> Result<Caller, Refusal> {
    match credential {
        None => Err(Refusal::NoCredential),
        Some(Credential::Key(text)) => match key::holder(store, &text).await? {
            Some(holder) => Ok(Caller::Key(holder)),
            None => Err(Refusal::KeyInvalid),
        },
        Some(Credential::Ticket(text)) => {
            ticket::holder(store, &text).await?.ok_or(Refusal::TicketInvalid)
        }
        Some(Credential::Token(token)) => {
            let claims = tokens.verify(&token).map_err(|error| match error {
                token::Error::Expired => Refusal::TokenExpired,
                token::Error::Invalid => Refusal::TokenInvalid,
            })?;
            let standing = store.standing(&claims.sid).await?;
            let standing = standing.filter(|standing| standing.user_id == claims.sub);
            Ok(Caller::Person(person(standing.ok_or(Refusal::SessionEnded)?)))
        }
    }
}
