//! Products and customers, in order of what was sold of them or to them, of when they became known, of
//! their ids or of their names, a page at a time. The order comes from rollups; documents are read for a page alone,
//! and so many at most.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use projections::entity::Entity;
use projections::family::{Family, Slice};
use projections::table::Row;
use serde::{Deserialize, Serialize};

use super::chosen::Chosen;
use super::entities::Entities;
use super::known::Way;
use super::memory::ReadContext;
use super::params::Selection;
use super::sales::Sum;
use super::statuses::Statuses;
use super::zone;
use crate::http::parameters::Parameter;
use crate::http::parameters::values::{OneOf, Word};
use crate::store;
use crate::store::read::{Known, Stored};

/// The documents that are looked at for a page at most, about, and those read together.
const LOOKED: usize = 1_000;
const TOGETHER: usize = 101;

/// The parameter of the order.
pub const SORT: Parameter<OneOf<Sort>> = Parameter::query(
    "sort",
    "The order: the most net sales, orders or units in the range first, the newest known first, by id, or \
     by name, in any case, from the first on or, with a minus, from the last back, those without a name \
     behind all others. Ties are in the order in which they became known, those of names by id.",
    OneOf::new(),
);

/// The sum that entities are ranked by, at its place among [`Totals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// Net sales.
    NetSales,
    /// Orders.
    Orders,
    /// Units.
    Units,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// The largest sum first.
    By(Rank),
    /// Those that became known last first.
    Newest,
    /// By id.
    Id,
    /// By name.
    Name(Way),
}

impl Word for Rank {
    const ALL: &'static [Self] = &[Rank::NetSales, Rank::Orders, Rank::Units];

    fn word(self) -> &'static str {
        match self {
            Rank::NetSales => "netSales",
            Rank::Orders => "orders",
            Rank::Units => "units",
        }
    }
}

impl Word for Sort {
    const ALL: &'static [Self] = &[
        Sort::By(Rank::NetSales),
        Sort::By(Rank::Orders),
        Sort::By(Rank::Units),
        Sort::Newest,
        Sort::Id,
        Sort::Name(Way::Onward),
        Sort::Name(Way::Backward),
    ];

    fn word(self) -> &'static str {
        match self {
            Sort::By(rank) => rank.word(),
            Sort::Newest => "newest",
            Sort::Id => "id",
            Sort::Name(way) => way.word(),
        }
    }
}

/// A place in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum After {
    /// Among values: that of the last one that was looked at, and its ordinal.
    Value(i64, u32),
    /// Among ids that begin as was searched for, or among all.
    Id(String),
    /// Among all others, which are searched by their names.
    Name(Option<String>),
    /// Among all in order of their names: behind the place that the one of this id has now.
    Place(String),
}

impl After {
    /// Whether it is of a list in this order, with or without a search.
    #[must_use]
    pub fn is_of(&self, sort: Sort, is_search: bool) -> bool {
        match self {
            After::Value(..) => matches!(sort, Sort::By(_) | Sort::Newest),
            After::Id(_) => sort == Sort::Id,
            After::Name(_) => sort == Sort::Id && is_search,
            After::Place(_) => matches!(sort, Sort::Name(_)),
        }
    }
}

/// An entity, and the families that it is counted in.
#[derive(Debug, Clone, Copy)]
pub struct Of {
    entity: Entity,
    sold: Family,
    back: Family,
}

/// Products.
pub const PRODUCTS: Of = Of { entity: Entity::Product, sold: Family::Sold, back: Family::Returned };
/// Customers.
pub const CUSTOMERS: Of =
    Of { entity: Entity::Customer, sold: Family::Buyers, back: Family::Returners };

/// The sums that entities are ranked by, by ordinal.
#[derive(Debug)]
pub struct Totals(Vec<[i64; 3]>);

impl Totals {
    /// The sum of each, in the order of ordinals.
    pub fn of(&self, rank: Rank) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().map(move |total| total[rank as usize])
    }

    /// A sum of one.
    #[must_use]
    pub fn of_one(&self, who: u32, rank: Rank) -> i64 {
        self.0.get(who as usize).map_or(0, |total| total[rank as usize])
    }
}

impl Of {
    /// The entity.
    #[must_use]
    pub fn entity(self) -> Entity {
        self.entity
    }

    /// Hands what was sold and what came back of each to `visit`: those of one entity add up.
    async fn each(
        self,
        from: ReadContext<'_>,
        asked: &Selection,
        mut visit: impl FnMut(u32, bool, Row) + Send,
    ) -> Result<(), store::Error> {
        let root = &from.snapshot.checkpoint.root;
        let slices = asked.statuses.of(from.snapshot).slices();
        let scope = asked.scope(root, self.sold);
        let sold = Entities { from, family: self.sold, slices: &slices };
        sold.rows(scope, |who, row| visit(who, false, row)).await?;
        if !from.has(self.back) {
            return Ok(());
        }
        let (basis, scope): ([Slice; 1], _) = ([asked.basis.into()], asked.scope(root, self.back));
        let back = Entities { from, family: self.back, slices: &basis };
        back.rows(scope, |who, row| visit(who, true, row)).await
    }

    /// The sums that each can be ranked by, by ordinal; of those that are chosen alone, if some are.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn totals(
        self,
        from: ReadContext<'_>,
        asked: &Selection,
        chosen: Option<&Chosen>,
    ) -> Result<Totals, store::Error> {
        let known = from.snapshot.checkpoint.root.next.of(self.entity);
        let is_net = asked.statuses.of(from.snapshot) == Statuses::Sold;
        let mut totals = vec![[0_i64; 3]; known as usize];
        self.each(from, asked, |who, is_back, [orders, units, amount]| {
            if is_back && !is_net {
                return;
            }
            let more =
                if is_back { [amount.saturating_neg(), 0, 0] } else { [amount, orders, units] };
            if let Some(total) = totals.get_mut(who as usize) {
                zone::add(total, more);
            }
        })
        .await?;
        Ok(Totals(match chosen {
            Some(chosen) => chosen.only(&totals),
            None => totals,
        }))
    }

    /// The sums of some, by ordinal; none of one of which nothing was sold or came back.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn sums(
        self,
        from: ReadContext<'_>,
        asked: &Selection,
        of: HashSet<u32>,
    ) -> Result<HashMap<u32, Sum>, store::Error> {
        let mut sums: HashMap<u32, Sum> = HashMap::with_capacity(of.len());
        if of.is_empty() {
            return Ok(sums);
        }
        self.each(from, asked, |who, is_back, row| {
            if of.contains(&who) {
                let sum = sums.entry(who).or_default();
                zone::add(if is_back { &mut sum.back } else { &mut sum.sold }, row);
            }
        })
        .await?;
        Ok(sums)
    }
}

/// A list that is asked for.
pub struct Wanted<'a, D> {
    /// The products or customers that it is of.
    pub of: Of,
    /// The range and the sales that are counted.
    pub asked: &'a Selection,
    /// The order.
    pub sort: Sort,
    /// The beginning of an id, or of words of a name; such a list is by id: first those whose ids begin
    /// so, then the others.
    pub search: Option<&'a str>,
    /// The place that it begins behind.
    pub after: Option<&'a After>,
    /// The most of a page.
    pub limit: u32,
    /// Whether one is of the list, names apart.
    pub is_wanted: &'a (dyn Fn(&str, &D) -> bool + Sync),
    /// Its names, each of which is searched.
    pub names: &'a (dyn Fn(&D) -> Vec<&str> + Sync),
}

/// A page, and the place where the next one goes on.
#[derive(Debug)]
pub struct Page<D> {
    /// Those of the page.
    pub found: Vec<Known<D>>,
    /// Where the next page goes on, if there may be more.
    pub next: Option<After>,
    seen: Option<After>,
    looked: usize,
    limit: usize,
}

impl<D> Page<D> {
    /// Looks at one; true once the page is over.
    fn look(&mut self, place: After, one: Option<Known<D>>) -> bool {
        if one.is_some() && self.found.len() == self.limit {
            self.next = self.seen.take();
            return true;
        }
        self.found.extend(one);
        self.looked += 1;
        self.seen = Some(place);
        if self.looked >= LOOKED {
            self.next = self.seen.take();
            return true;
        }
        false
    }
}

/// Reads a page of a list.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn page<C: Stored<Stored: Send + Sync>>(
    from: ReadContext<'_>,
    wanted: &Wanted<'_, C::Stored>,
    ordinal: fn(&C::Stored) -> u32,
) -> Result<Page<C::Stored>, store::Error> {
    let limit = wanted.limit as usize;
    let mut page = Page { found: vec![], next: None, seen: None, looked: 0, limit };
    match wanted.sort {
        Sort::Id => by_id::<C>(from, wanted, &mut page).await?,
        Sort::Name(way) => by_name::<C>(from, wanted, way, &mut page).await?,
        _ => by_value::<C>(from, wanted, ordinal, &mut page).await?,
    }
    Ok(page)
}

async fn by_value<C: Stored<Stored: Send + Sync>>(
    from: ReadContext<'_>,
    wanted: &Wanted<'_, C::Stored>,
    ordinal: fn(&C::Stored) -> u32,
    page: &mut Page<C::Stored>,
) -> Result<(), store::Error> {
    let values: Vec<i64> = match wanted.sort {
        Sort::By(rank) => wanted.of.totals(from, wanted.asked, None).await?.of(rank).collect(),
        // Ordinals follow each other as the entities become known.
        _ => (0..from.snapshot.checkpoint.root.next.of(wanted.of.entity)).map(i64::from).collect(),
    };
    let key = |&(value, who): &(i64, u32)| (Reverse(value), who);
    let mut ranked: Vec<(i64, u32)> = values.into_iter().zip(0..).collect();
    if let Some(After::Value(value, who)) = wanted.after {
        ranked.retain(|it| key(it) > key(&(*value, *who)));
    }
    // No more are looked at, and one says that there are more.
    if ranked.len() > LOOKED {
        ranked.select_nth_unstable_by_key(LOOKED, key);
        ranked.truncate(LOOKED + 1);
    }
    ranked.sort_unstable_by_key(key);
    for some in ranked.chunks(TOGETHER) {
        let ordinals: Vec<u32> = some.iter().map(|(_, who)| *who).collect();
        let named = from.snapshot.names(wanted.of.entity, &ordinals).await?;
        let ids: Vec<_> = named.into_iter().map(|(_, id)| id).collect();
        let found = from.snapshot.entities::<C>(&ids).await?;
        let mut found: HashMap<u32, Known<C::Stored>> =
            found.into_iter().map(|it| (ordinal(&it.document), it)).collect();
        for &(value, who) in some {
            let one = found.remove(&who);
            let one = one.filter(|it| (wanted.is_wanted)(&it.id, &it.document));
            if page.look(After::Value(value, who), one) {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn by_name<C: Stored<Stored: Send + Sync>>(
    from: ReadContext<'_>,
    wanted: &Wanted<'_, C::Stored>,
    way: Way,
    page: &mut Page<C::Stored>,
) -> Result<(), store::Error> {
    let all = from.known(wanted.of.entity).await?;
    let ids = all.by_name(way).map(|one| &*one.id);
    let mut ids: Box<dyn Iterator<Item = &str> + Send + '_> = match wanted.after {
        Some(After::Place(last)) => Box::new(ids.skip_while(move |id| *id != last).skip(1)),
        _ => Box::new(ids),
    };
    loop {
        let some: Vec<Arc<str>> = ids.by_ref().take(TOGETHER).map(Arc::from).collect();
        if some.is_empty() {
            return Ok(());
        }
        let found = from.snapshot.entities::<C>(&some).await?;
        let mut found: HashMap<String, Known<C::Stored>> =
            found.into_iter().map(|it| (it.id.clone(), it)).collect();
        for id in some {
            let one = found.remove(&*id).filter(|it| (wanted.is_wanted)(&it.id, &it.document));
            if page.look(After::Place(id.to_string()), one) {
                return Ok(());
            }
        }
    }
}

async fn by_id<C: Stored<Stored: Send + Sync>>(
    from: ReadContext<'_>,
    wanted: &Wanted<'_, C::Stored>,
    page: &mut Page<C::Stored>,
) -> Result<(), store::Error> {
    let search = wanted.search.unwrap_or_default();
    let (mut last, is_by_id) = match wanted.after {
        Some(After::Id(id)) => (Some(id.clone()), true),
        Some(After::Name(id)) => (id.clone(), false),
        _ => (None, true),
    };
    let together = u32::try_from(TOGETHER).unwrap_or(u32::MAX);
    for is_by_id in [true, false].into_iter().filter(|it| is_by_id || !it) {
        // Without a search all are found by their ids.
        if !is_by_id && wanted.search.is_none() {
            break;
        }
        let prefix = if is_by_id { search } else { "" };
        loop {
            let some = from.snapshot.entities_by_id::<C>(prefix, last.as_deref(), together).await?;
            let is_last = some.len() < TOGETHER;
            for one in some {
                let id = one.id.clone();
                let is_found = is_by_id
                    || (!id.starts_with(search)
                        && (wanted.names)(&one.document).iter().any(|it| has_words(it, search)));
                let one =
                    Some(one).filter(|it| is_found && (wanted.is_wanted)(&it.id, &it.document));
                last = Some(id.clone());
                let place = if is_by_id { After::Id(id) } else { After::Name(Some(id)) };
                if page.look(place, one) {
                    return Ok(());
                }
            }
            if is_last {
                break;
            }
        }
        last = None;
    }
    Ok(())
}

/// Whether every word that is searched for begins a word of a name, in any case.
#[must_use]
pub fn has_words(name: &str, search: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|it: char| !it.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let (of_name, searched) = (words(name), words(search));
    let begins = |word: &String| of_name.iter().any(|it| it.starts_with(word.as_str()));
    !searched.is_empty() && searched.iter().all(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_by_their_beginnings_in_any_order_and_case() {
        for (name, search, is) in [
            ("Red Enamel Mug", "mug red", true),
            ("Red Enamel Mug", "ENAM", true),
            ("Red Enamel Mug", "red hat", false),
            ("Red Enamel Mug", "ug", false),
            ("Red Enamel Mug", "  ", false),
            ("Größe-M", "größe m", true),
        ] {
            assert_eq!(has_words(name, search), is, "{name} {search}");
        }
    }

    #[test]
    fn a_page_ends_with_its_last_one_once_there_is_another() {
        let mut page = Page { found: vec![], next: None, seen: None, looked: 0, limit: 1 };
        let one = |id: &str| Some(Known { id: id.to_owned(), document: () });
        assert!(!page.look(After::Value(9, 0), one("a")));
        assert!(!page.look(After::Value(8, 1), None));
        assert!(page.look(After::Value(7, 2), one("b")));
        assert_eq!((page.found.len(), page.next), (1, Some(After::Value(8, 1))));
    }
}
