//! The caller of a request: a session by its token, or an API key.
//!
//! A session is looked up at every request, one document by its id, so one that was ended is refused
//! from the next request on, in every process. An API key is remembered for a second
//! ([`super::keys::remembered`]).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::audit::{Event, EventType};
use super::keys::Keys;
use super::keys::last_use::LastUse;
use super::keys::remembered::Remembered;
use super::person::person;
use super::ticket;
use super::token::{self, Tokens};
use crate::http::gate::{AsOf, Credential, Gate, Refusal};
use crate::rights::caller::Caller;
use crate::store::platform::Platform;

/// A database that takes longer to find the caller counts as down.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

/// The gate of a service: tokens, sessions and keys. The audit of keys has the refusals of known
/// callers.
#[must_use]
pub fn gate(store: Platform, tokens: Arc<Tokens>, keys: &Keys) -> Gate {
    let used = LastUse::new(store.clone());
    let known = Arc::new(Known { store, tokens, keys: keys.remembered.clone() });
    let audit = keys.audit.clone();
    Gate::new(move |access, credential, origin, as_of| {
        let (known, audit, used) = (known.clone(), audit.clone(), used.clone());
        async move {
            let caller = timeout(LOOK_UP_WITHIN, known.identify(credential, as_of));
            let caller = caller.await.map_err(|_| Refusal::TimedOut)??;
            if let Caller::Key(key) = &caller {
                used.note(&key.id);
            }
            if access.admits(&caller) {
                return Ok(caller);
            }
            let target = origin.to_string();
            let event = Event::refused(EventType::Access).by(&caller).to(target).from(&origin);
            Box::pin(audit.record(event.detail(access.to_string()))).await;
            Err(Refusal::Forbidden(access))
        }
    })
}

/// Those who are known to the service.
struct Known {
    store: Platform,
    tokens: Arc<Tokens>,
    keys: Remembered,
}

impl Known {
    async fn identify(
        &self,
        credential: Option<Credential>,
        as_of: AsOf,
    ) -> Result<Caller, Refusal> {
        match credential {
            None => Err(Refusal::NoCredential),
            Some(Credential::Key(text)) => {
                let holder = match as_of {
                    AsOf::Lately => self.keys.holder(&text).await?,
                    AsOf::Now => Box::pin(self.keys.holder_now(&text)).await?,
                };
                holder.map(Caller::Key).ok_or(Refusal::KeyInvalid)
            }
            Some(Credential::Ticket(text)) => {
                let holder = Box::pin(ticket::holder(&self.store, &text)).await?;
                holder.ok_or(Refusal::TicketInvalid)
            }
            Some(Credential::Token(token)) => {
                let claims = self.tokens.verify(&token).map_err(|error| match error {
                    token::Error::Expired => Refusal::TokenExpired,
                    token::Error::Invalid => Refusal::TokenInvalid,
                })?;
                let standing = Box::pin(self.store.standing(&claims.sid)).await?;
                let standing = standing.filter(|standing| standing.user_id == claims.sub);
                Ok(Caller::Person(person(standing.ok_or(Refusal::SessionEnded)?)))
            }
        }
    }
}
