//! Counts of entities, between their documents at hand and the tallies that store them. These
//! functions do nothing for a collection that is of no entity.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::collection::{Collection, Key};
use crate::entity::Entity;
use crate::fold::working_set::{NotAtHand, WorkingSet};
use crate::packed::tally::{Tallies, Tally, TallyKey};

/// The tallies of entities that are not at hand.
pub(super) fn need<'a, C: Collection>(
    entities: impl Iterator<Item = &'a C::Document>,
    tallies: &mut WorkingSet<Tallies>,
    needs: &mut BTreeSet<TallyKey>,
) {
    let Some(entity) = C::ENTITY else { return };
    for document in entities {
        let key = TallyKey::new(entity, C::ordinal(document));
        if !tallies.at_hand(&key) {
            needs.insert(key);
        }
    }
}

/// Counts the entities that were supplied.
pub(super) fn take<C: Collection>(
    set: &mut WorkingSet<C>,
    tallies: &mut WorkingSet<Tallies>,
) -> Result<(), NotAtHand> {
    let Some(entity) = C::ENTITY else { return Ok(()) };
    set.count(|document| {
        let key = TallyKey::new(entity, C::ordinal(document));
        if let Some(tally) = tallies.get(&key)? {
            C::take_counts(document, tally);
        }
        Ok(())
    })
}

/// Puts the counts of entities into their tallies.
pub(super) fn put<'a, C: Collection>(
    entities: impl Iterator<Item = &'a C::Document>,
    tallies: &mut WorkingSet<Tallies>,
) -> Result<(), NotAtHand> {
    let Some(entity) = C::ENTITY else { return Ok(()) };
    for document in entities {
        let key = TallyKey::new(entity, C::ordinal(document));
        C::put_counts(document, tallies.edit(&key, Tally::default)?);
    }
    Ok(())
}

/// The entities at hand, by their ordinals.
pub(super) fn named<C: Collection>(
    set: &WorkingSet<C>,
) -> impl Iterator<Item = (Entity, u32, Cow<'_, str>)> {
    C::ENTITY.into_iter().flat_map(|entity| {
        set.all().map(move |(key, document)| (entity, C::ordinal(document), key.id()))
    })
}
