//! Which id an ordinal stands for. It never changes within a generation, so it is remembered:
//! ties in a ranking can be long, and are broken by id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::names::Model;
use crate::store::read::Snapshot;
use crate::store::{self, generation::Checkpoint};

/// So many ids of each kind are remembered; when there are more, all are forgotten.
const REMEMBERED_MAX: usize = 100_000;

/// The ids that were asked for so far.
#[derive(Debug, Default)]
pub struct Ids {
    customers: Mutex<Remembered>,
    products: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    generation: u32,
    incarnation: String,
    ids: HashMap<u32, Arc<str>>,
}

impl Ids {
    /// The ids of customers.
    ///
    /// # Errors
    /// As [`Snapshot::ids_of`].
    pub async fn of_customers(
        &self,
        snapshot: &Snapshot,
        ordinals: &[u32],
    ) -> Result<Vec<(u32, Arc<str>)>, store::Error> {
        resolve(&self.customers, Model::Customers, snapshot, ordinals).await
    }

    /// The ids of products.
    ///
    /// # Errors
    /// As [`Snapshot::ids_of`].
    pub async fn of_products(
        &self,
        snapshot: &Snapshot,
        ordinals: &[u32],
    ) -> Result<Vec<(u32, Arc<str>)>, store::Error> {
        resolve(&self.products, Model::Products, snapshot, ordinals).await
    }
}

async fn resolve(
    remembered: &Mutex<Remembered>,
    model: Model,
    snapshot: &Snapshot,
    ordinals: &[u32],
) -> Result<Vec<(u32, Arc<str>)>, store::Error> {
    let (mut known, unknown) = lock(remembered).look_up(&snapshot.checkpoint, ordinals);
    if !unknown.is_empty() {
        let found = snapshot.ids_of(model, &unknown).await?;
        let found: Vec<_> = found.into_iter().map(|(ordinal, id)| (ordinal, id.into())).collect();
        lock(remembered).learn(&snapshot.checkpoint, &found);
        known.extend(found);
    }
    Ok(known)
}

/// What is remembered is right at every step, so a panic elsewhere does not spoil it.
fn lock(remembered: &Mutex<Remembered>) -> std::sync::MutexGuard<'_, Remembered> {
    remembered.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Remembered {
    fn is_of(&self, checkpoint: &Checkpoint) -> bool {
        self.generation == checkpoint.generation && self.incarnation == checkpoint.incarnation
    }

    fn look_up(
        &self,
        checkpoint: &Checkpoint,
        ordinals: &[u32],
    ) -> (Vec<(u32, Arc<str>)>, Vec<u32>) {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for &ordinal in ordinals {
            match self.ids.get(&ordinal).filter(|_| self.is_of(checkpoint)) {
                Some(id) => known.push((ordinal, id.clone())),
                None => unknown.push(ordinal),
            }
        }
        (known, unknown)
    }

    fn learn(&mut self, checkpoint: &Checkpoint, found: &[(u32, Arc<str>)]) {
        if !self.is_of(checkpoint) || self.ids.len() + found.len() > REMEMBERED_MAX {
            self.ids.clear();
            self.generation = checkpoint.generation;
            self.incarnation.clone_from(&checkpoint.incarnation);
        }
        self.ids.extend(found.iter().take(REMEMBERED_MAX).cloned());
    }
}
