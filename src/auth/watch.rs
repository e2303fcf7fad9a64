//! Callers who stay connected: an open connection lives only as long as its session or key.

use std::collections::{HashMap, HashSet};

use super::key::holder_of;
use super::person::person;
use crate::rights::caller::Caller;
use crate::store;
use crate::store::platform::Platform;

/// The callers as they are now, by the ids they are known by; `None` where their session or key is
/// none any more. However many there are, it takes one query of sessions and one of keys.
///
/// # Errors
/// Fails if the store does not answer.
pub async fn now<T: Copy>(
    store: &Platform,
    callers: &[(T, Caller)],
) -> Result<Vec<(T, Option<Caller>)>, store::Error> {
    let (mut sessions, mut keys) = (HashSet::new(), HashSet::new());
    for (_, caller) in callers {
        match caller {
            Caller::Person(person) => sessions.insert(person.session.clone()),
            Caller::Key(key) => keys.insert(key.id.clone()),
        };
    }
    let mut now: HashMap<String, Caller> = HashMap::new();
    if !sessions.is_empty() {
        let sessions: Vec<_> = sessions.into_iter().collect();
        let standings = store.standings(&sessions).await?;
        now.extend(standings.into_iter().map(|it| (it.id.clone(), Caller::Person(person(it)))));
    }
    if !keys.is_empty() {
        let keys: Vec<_> = keys.into_iter().collect();
        let rows = store.keys_alive(&keys).await?;
        now.extend(rows.into_iter().map(|row| (row.id.clone(), Caller::Key(holder_of(row)))));
    }
    let found = |caller: &Caller| {
        let id = match caller {
            Caller::Person(person) => &person.session,
            Caller::Key(key) => &key.id,
        };
        now.get(id).cloned()
    };
    Ok(callers.iter().map(|(known_as, caller)| (*known_as, found(caller))).collect())
}
