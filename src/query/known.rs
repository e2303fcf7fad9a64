//! All products, or all customers, without their sales: the names that they are
//! put in order by, and the values that they are chosen by. Neither has an index, so all of them are
//! read at once, and remembered until one of them may have changed.

use std::sync::Arc;

use projections::bucket::quarter_of;
use projections::customers::{CustomerDocument, Customers};
use projections::entity::Entity;
use projections::packed::Packed;
use projections::products::{ProductDocument, Products};
use projections::rollup::chunk_of_id;
use projections::tally::{Tallies, Tally, TallyKey};
use projections::topic::{Topic, Topics};
use projections::vocabulary::NONE_NAME;
use tokio::sync::Mutex;

use crate::http::parameters::values::Word;
use crate::store;
use crate::store::generation::Checkpoint;
use crate::store::read::{Known, Snapshot, Stored};

/// Of so many entities at most what is known is remembered, some 100 bytes each.
const REMEMBERED_MAX: usize = 200_000;
/// Fields that are long, and that nothing is chosen by.
const LEFT_OUT: [&str; 3] = ["catalogue.description", "catalogue.imageUrl", "locations"];
/// The tallies, of 64 customers each, that are read together.
const TALLIES: u32 = 256;

/// The way through a list that is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From its first on.
    Onward,
    /// From its last back.
    Backward,
}

impl Word for Way {
    const ALL: &'static [Self] = &[Way::Onward, Way::Backward];

    fn word(self) -> &'static str {
        match self {
            Way::Onward => "name",
            Way::Backward => "-name",
        }
    }
}

/// A product or customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct One {
    /// Its number.
    pub ordinal: u32,
    /// Its id.
    pub id: Box<str>,
    /// The category of a product, the country of a customer.
    pub value: Option<Arc<str>>,
    /// Whether the shop has it no more.
    pub is_gone: bool,
    /// Whether it is a customer without an account.
    pub is_guest: bool,
    /// The quarter hour in which a customer became known.
    pub since: u32,
    /// Its name as names are compared.
    name: Option<Box<str>>,
}

impl One {
    /// Whether a value is its own; `(none)` is that of one that has none.
    #[must_use]
    pub fn is_of(&self, value: &str) -> bool {
        is_of(self.value.as_deref(), value)
    }
}

/// Whether a value is the one that is stated; `(none)`, where none is.
#[must_use]
pub fn is_of(stated: Option<&str>, value: &str) -> bool {
    stated.unwrap_or(NONE_NAME) == value
}

/// All of a kind, by ordinal.
#[derive(Debug, Default)]
pub struct All {
    ones: Vec<One>,
    /// Places of `ones`: those with a name in order of it, in any case, ties by id; behind them the
    /// others by id.
    by_name: Vec<u32>,
    /// The number of those with a name.
    named: usize,
}

impl All {
    fn of(mut ones: Vec<One>) -> Self {
        ones.sort_unstable_by_key(|one| one.ordinal);
        let mut by_name: Vec<u32> = (0..).zip(&ones).map(|(at, _)| at).collect();
        by_name.sort_unstable_by_key(|at| {
            let One { name, id, .. } = &ones[*at as usize];
            (name.is_none(), name, id)
        });
        let named = ones.iter().filter(|one| one.name.is_some()).count();
        All { ones, by_name, named }
    }

    /// Each of them, in the order of ordinals.
    pub fn iter(&self) -> impl Iterator<Item = &One> {
        self.ones.iter()
    }

    /// Each of them by name, ties by id, on the way that is asked for; those without a name are the last
    /// on either way.
    pub fn by_name(&self, way: Way) -> impl Iterator<Item = &One> {
        let (named, nameless) = self.by_name.split_at(self.named);
        let (onward, backward) = match way {
            Way::Onward => named.split_at(named.len()),
            Way::Backward => named.split_at(0),
        };
        let places = onward.iter().chain(backward.iter().rev()).chain(nameless);
        places.map(|at| &self.ones[*at as usize])
    }
}

/// The remembered products and customers.
#[derive(Debug, Default)]
pub struct Remembered {
    products: Mutex<Option<Kept>>,
    customers: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    generation: u32,
    incarnation: String,
    /// The position of the last change.
    changed: u64,
    all: Arc<All>,
}

impl Kept {
    fn is_of(&self, Checkpoint { generation, incarnation, .. }: &Checkpoint) -> bool {
        self.generation == *generation && self.incarnation == *incarnation
    }
}

impl Remembered {
    /// All of an entity. Those who ask for the same at the same time share one reading.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn of(
        &self,
        snapshot: &Snapshot,
        entity: Entity,
        language: &str,
    ) -> Result<Arc<All>, store::Error> {
        let (kept, topic) = match entity {
            Entity::Product => (&self.products, Topic::Products),
            Entity::Customer => (&self.customers, Topic::Customers),
        };
        let changed = snapshot.changed().of(Topics::of(&[topic]));
        let mut kept = kept.lock().await;
        let of_these = kept.as_ref().filter(|it| it.is_of(&snapshot.checkpoint));
        if let Some(found) = of_these.filter(|it| it.changed == changed) {
            return Ok(found.all.clone());
        }
        let is_newer = of_these.is_none_or(|it| it.changed < changed);
        let all = Arc::new(read(snapshot, entity, language).await?);
        if is_newer {
            let Checkpoint { generation, incarnation, .. } = &snapshot.checkpoint;
            let (generation, incarnation) = (*generation, incarnation.clone());
            let is_kept = all.ones.len() <= REMEMBERED_MAX;
            *kept = is_kept.then(|| Kept { generation, incarnation, changed, all: all.clone() });
        }
        Ok(all)
    }
}

/// Whether what is known of an entity is remembered.
#[must_use]
pub fn are_remembered(checkpoint: &Checkpoint, entity: Entity) -> bool {
    checkpoint.root.next.of(entity) as usize <= REMEMBERED_MAX
}

/// The one of an id, if it is known.
///
/// # Errors
/// As [`Snapshot::rollups`].
pub async fn only(
    snapshot: &Snapshot,
    entity: Entity,
    id: &str,
    language: &str,
) -> Result<All, store::Error> {
    let ids = [Arc::from(id)];
    Ok(All::of(match entity {
        Entity::Product => {
            let found = snapshot.entities::<Products>(&ids).await?.into_iter();
            found.map(|it| product(it, language)).collect()
        }
        Entity::Customer => {
            let found = snapshot.entities::<Customers>(&ids).await?.into_iter();
            let mut ones: Vec<One> = found.map(customer).collect();
            let tally = |one: &One| TallyKey::new(Entity::Customer, one.ordinal).to_id().into();
            let tallies: Vec<Arc<str>> = ones.iter().map(tally).collect();
            for tally in snapshot.entities::<Tallies>(&tallies).await? {
                since(&mut ones, tally);
            }
            ones
        }
    }))
}

async fn read(snapshot: &Snapshot, entity: Entity, language: &str) -> Result<All, store::Error> {
    Ok(All::of(match entity {
        Entity::Product => every::<Products>(snapshot, |it| product(it, language)).await?,
        Entity::Customer => {
            let customers = every::<Customers>(snapshot, customer).await?;
            with_since(snapshot, customers).await?
        }
    }))
}

async fn every<C: Stored<Stored: Send>>(
    snapshot: &Snapshot,
    one: impl Fn(Known<C::Stored>) -> One + Send + Sync,
) -> Result<Vec<One>, store::Error> {
    let mut ones = Vec::new();
    snapshot.every_entity::<C>(&LEFT_OUT, |known| ones.push(one(known))).await?;
    Ok(ones)
}

fn product(Known { id, document }: Known<ProductDocument>, language: &str) -> One {
    let entry = document.catalogue;
    One {
        ordinal: document.ordinal,
        id: id.into(),
        is_gone: entry.as_ref().is_some_and(|entry| entry.gone),
        is_guest: false,
        since: 0,
        name: entry.as_ref().map(|entry| compared(entry.name.shown(language))),
        value: entry.map(|entry| Arc::from(entry.category)),
    }
}

fn customer(Known { id, document }: Known<CustomerDocument>) -> One {
    let profile = document.profile;
    One {
        ordinal: document.ordinal,
        id: id.into(),
        is_gone: profile.as_ref().is_some_and(|profile| profile.gone),
        is_guest: document.guest,
        since: 0,
        name: profile.as_ref().and_then(|it| it.username.as_deref()).map(compared),
        value: profile.and_then(|profile| profile.country).map(Arc::from),
    }
}

/// A name as names are compared: in any case.
fn compared(name: &str) -> Box<str> {
    name.to_lowercase().into()
}

/// The same customers with the quarter hour in which each became known, which tallies have.
async fn with_since(snapshot: &Snapshot, mut ones: Vec<One>) -> Result<Vec<One>, store::Error> {
    ones.sort_unstable_by_key(|one| one.ordinal);
    let prefix = format!("{}/", Entity::Customer.tally());
    let mut last: Option<String> = None;
    loop {
        let some = snapshot.entities_by_id::<Tallies>(&prefix, last.as_deref(), TALLIES).await?;
        let is_last = some.len() < TALLIES as usize;
        for tally in some {
            last = Some(tally.id.clone());
            since(&mut ones, tally);
        }
        if is_last {
            return Ok(ones);
        }
    }
}

/// Takes from a tally when those of its customers who are among some, in the order of ordinals, became
/// known.
fn since(ones: &mut [One], Known { id, document }: Known<Packed<Tally>>) {
    let tally = Tallies::read(document);
    let first = chunk_of_id(&id).map_or(0, |chunk| chunk.saturating_mul(Tally::WIDTH));
    let place = |ordinal| ones.partition_point(|one| one.ordinal < ordinal);
    let (from, to) = (place(first), place(first.saturating_add(Tally::WIDTH)));
    for one in &mut ones[from..to] {
        let document =
            CustomerDocument { ordinal: one.ordinal, guest: one.is_guest, profile: None };
        let mut counted = Customers::read(document);
        Customers::take_counts(&mut counted, &tally);
        one.since = quarter_of(counted.created_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(ordinal: u32, id: &str, name: Option<&str>) -> One {
        let (is_gone, is_guest, since, value) = (false, false, 0, None);
        One { ordinal, id: id.into(), value, is_gone, is_guest, since, name: name.map(compared) }
    }

    #[test]
    fn names_are_in_order_in_any_case_and_those_without_are_last_on_either_way() {
        let all = All::of(vec![
            one(4, "e", None),
            one(0, "b", Some("mug")),
            one(1, "a", Some("Mug")),
            one(2, "c", Some("Cup")),
            one(3, "d", None),
        ]);
        let ids = |way| all.by_name(way).map(|one| &*one.id).collect::<String>();
        assert_eq!((ids(Way::Onward), ids(Way::Backward)), ("cabde".into(), "bacde".into()));
        assert!(all.iter().map(|one| one.ordinal).eq(0..5));
    }

    #[test]
    fn none_is_the_value_of_one_without() {
        assert!(is_of(None, "(none)") && is_of(Some("Clocks"), "Clocks"));
        assert!(!is_of(None, "Clocks") && !is_of(Some("clocks"), "Clocks"));
    }
}
