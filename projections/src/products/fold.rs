//! The effect of the events of products: those of the catalogue, and those of the warehouse.

use super::document::{CatalogueEntry, Product, Products};
use super::event;
use super::id::RESERVED;
use super::stock::Stock;
use crate::family::{Family, Slice};
use crate::fold::entry::reason;
use crate::fold::version::Stated;
use crate::fold::{self, Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
use crate::json::Reason;
use crate::packed::rollup;
use crate::topic::Topic;

impl EventKind for event::Product<'_> {
    fn identify(&self, _: &Stamp, _: &mut Ask<'_>) {}

    fn names(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        ask.document::<Products, _>(&*self.product_id);
        Ok(())
    }

    fn fold(
        &self,
        stamp: &Stamp,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        let locations = self.locations.iter().map(|location| &*location.id);
        if let Some(reason) =
            fold.refuses_locations(&self.product_id, "locationStocks", locations)?
        {
            return Ok(Outcome::Quarantined(vec![reason]));
        }
        let version = stamp.version(self.updated_at);
        let stated = fold.state_product(&self.product_id, resolved, |product| {
            let entry = product.state_entry(CatalogueEntry::of(self, version));
            // The stock has a version of its own, and that of each location: the event's stock may be
            // news when the rest is late, and late when the rest is news.
            let stock = self.stock.map(|stock| product.state_stock(stock, version));
            let locations =
                self.locations.iter().map(|location| product.state_location(location, version));
            locations.chain(stock).fold(entry, Stated::max)
        })?;
        Ok(stated.into())
    }

    fn is_known(&self, fold: &mut Fold) -> Result<Option<bool>, NotAtHand> {
        fold.knows::<Products, _>(&*self.product_id).map(Some)
    }
}

impl EventKind for Stock<'_> {
    fn identify(&self, _: &Stamp, _: &mut Ask<'_>) {}

    fn names(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        ask.document::<Products, _>(&*self.product_id);
        Ok(())
    }

    fn fold(
        &self,
        stamp: &Stamp,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        let location = self.at_location();
        let locations = location.iter().map(|location| &*location.id);
        if let Some(reason) = fold.refuses_locations(&self.product_id, "locationId", locations)? {
            return Ok(Outcome::Quarantined(vec![reason]));
        }
        let version = stamp.version(self.updated_at);
        let stated = fold.state_product(&self.product_id, resolved, |product| match &location {
            Some(location) => product.state_location(location, version),
            None => product.state_stock(self.stock, version),
        })?;
        Ok(stated.into())
    }

    fn is_known(&self, fold: &mut Fold) -> Result<Option<bool>, NotAtHand> {
        fold.knows::<Products, _>(&*self.product_id).map(Some)
    }
}

impl Fold {
    /// Changes a product, which becomes known by it if new. Its counts of activities and
    /// ratings are told with those, and are no change of the products.
    pub(crate) fn with_product<T>(
        &mut self,
        id: &str,
        resolved: &mut Resolved,
        change: impl FnOnce(&mut Product) -> T,
    ) -> Result<T, NotAtHand> {
        let (product, new) = fold::known(
            &mut self.sets.products,
            &mut self.root.next,
            &mut resolved.named,
            id,
            |ordinal| Product { ordinal, ..Product::default() },
        )?;
        let (before, was_there) = (product.on_hand(), !new && !product.is_gone());
        let sales = product.sales;
        let changed = change(product);
        let (after, is_there) = (product.on_hand(), !product.is_gone());
        if after != before {
            let delta = [
                after.unwrap_or_default().0 - before.unwrap_or_default().0,
                i64::from(after.is_some()) - i64::from(before.is_some()),
                0,
            ];
            let stock = rollup::now(Family::Stock, Slice::WHOLE, product.ordinal, delta);
            resolved.deltas.push(stock);
        }
        if id != RESERVED {
            self.root.products += i64::from(is_there) - i64::from(was_there);
        }
        if new || after != before || is_there != was_there || product.sales != sales {
            resolved.touched.insert(Topic::Products);
        }
        Ok(changed)
    }

    /// The reason against the locations of an event as locations of a product.
    fn refuses_locations<'e>(
        &mut self,
        product: &str,
        member: &'static str,
        locations: impl Iterator<Item = &'e str>,
    ) -> Result<Option<Reason>, NotAtHand> {
        let known = self.sets.products.get(product)?;
        let has_room = known.is_none_or(|known| known.has_room_for(locations));
        let message = "a product has at most 64 locations";
        Ok((!has_room).then(|| reason(member, message)))
    }

    /// Changes a product by the statements of an event. A known one is changed on a copy first: an
    /// event that changes nothing must cost no write and wake nobody.
    fn state_product(
        &mut self,
        id: &str,
        resolved: &mut Resolved,
        state: impl FnOnce(&mut Product) -> Stated,
    ) -> Result<Stated, NotAtHand> {
        let Some(known) = self.sets.products.get(id)? else {
            return self.with_product(id, resolved, state);
        };
        let mut product = known.clone();
        let stated = state(&mut product);
        if product != *known {
            resolved.touched.insert(Topic::Products);
            self.with_product(id, resolved, |known| *known = product)?;
            self.sets.products.state(id);
        }
        Ok(stated)
    }
}
