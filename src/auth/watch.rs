//! Callers who stay connected: an open connection lives only as long as its session or key.

use std::collections::{HashMap, HashSet};

use super::gate::person;
use crate::rights::access::Access;
use crate::rights::caller::{Caller, KeyHolder};
use crate::store;
use crate::store::platform::Platform;

/// The callers among some who have lost their access, by the ids they are known by. However many
/// there are, it takes one query of sessions and one of keys.
///
/// # Errors
/// Fails if the store does not answer.
pub async fn turned_away<T: Copy>(
    store: &Platform,
    access: Access,
    callers: &[(T, Caller)],
) -> Result<Vec<T>, store::Error> {
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
        now.extend(rows.into_iter().map(|row| {
            let holder = KeyHolder { id: row.id.clone(), name: row.name, scopes: row.scopes };
            (row.id, Caller::Key(holder))
        }));
    }
    let may_stay = |caller: &Caller| {
        let id = match caller {
            Caller::Person(person) => &person.session,
            Caller::Key(key) => &key.id,
        };
        now.get(id).is_some_and(|caller| access.admits(caller))
    };
    Ok(callers
        .iter()
        .filter(|(_, caller)| !may_stay(caller))
        .map(|(known_as, _)| *known_as)
        .collect())
}
