//! The ids that ordinals stand for. An id never changes within a generation, so it is remembered:
//! ties in a ranking can be long, and are broken by id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use projections::entity::Entity;

use super::ranking::{Cut, first_by_id};
use crate::store::read::Snapshot;
use crate::store::{self, generation::Checkpoint};

/// So many ids are remembered; when there are more, all are forgotten.
const REMEMBERED_MAX: usize = 200_000;

/// The ids that were asked for so far.
#[derive(Debug, Default)]
pub struct Ids(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    generation: u32,
    incarnation: String,
    ids: HashMap<(Entity, u32), Arc<str>>,
}

impl Ids {
    /// The ordinals and ids of the first of a ranking, ties broken, in no particular order.
    ///
    /// # Errors
    /// As [`Snapshot::names`].
    pub async fn of(
        &self,
        snapshot: &Snapshot,
        entity: Entity,
        cut: Cut,
    ) -> Result<Vec<(u32, Arc<str>)>, store::Error> {
        let ordinals = [&*cut.sure, &*cut.tied].concat();
        let (mut known, unknown) = self.lock().look_up(&snapshot.checkpoint, entity, &ordinals);
        if !unknown.is_empty() {
            let found = snapshot.names(entity, &unknown).await?;
            self.lock().learn(&snapshot.checkpoint, entity, &found);
            known.extend(found);
        }
        let named = |ordinal: u32| Some((known.get(&ordinal)?.clone(), ordinal));
        let tied = first_by_id(cut.tied.into_iter().filter_map(named).collect(), cut.room);
        let all = cut.sure.into_iter().filter_map(named).chain(tied);
        Ok(all.map(|(id, ordinal)| (ordinal, id)).collect())
    }

    /// The remembered ids are right at every step, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    fn is_of(&self, checkpoint: &Checkpoint) -> bool {
        self.generation == checkpoint.generation && self.incarnation == checkpoint.incarnation
    }

    fn look_up(
        &self,
        checkpoint: &Checkpoint,
        entity: Entity,
        ordinals: &[u32],
    ) -> (HashMap<u32, Arc<str>>, Vec<u32>) {
        if !self.is_of(checkpoint) {
            return (HashMap::new(), ordinals.to_vec());
        }
        let (mut known, mut unknown) = (HashMap::with_capacity(ordinals.len()), Vec::new());
        for &ordinal in ordinals {
            match self.ids.get(&(entity, ordinal)) {
                Some(id) => drop(known.insert(ordinal, id.clone())),
                None => unknown.push(ordinal),
            }
        }
        (known, unknown)
    }

    fn learn(&mut self, checkpoint: &Checkpoint, entity: Entity, found: &[(u32, Arc<str>)]) {
        if !self.is_of(checkpoint) || self.ids.len() + found.len() > REMEMBERED_MAX {
            self.ids.clear();
            self.generation = checkpoint.generation;
            self.incarnation.clone_from(&checkpoint.incarnation);
        }
        let found = found.iter().take(REMEMBERED_MAX);
        self.ids.extend(found.map(|(ordinal, id)| ((entity, *ordinal), id.clone())));
    }
}
