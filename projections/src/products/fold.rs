//! The effect of the events of products: those of the catalogue, and those of the warehouse.

use super::document::{CatalogueEntry, Product, Products};
use super::event;
use super::id::RESERVED;
use super::stock::Stock;
use crate::family::{Family, Slice};
use crate::fold::version::Stated;
use crate::fold::{self, Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
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
        let version = stamp.version(self.updated_at);
        let stated = fold.state_product(&self.product_id, resolved, |product| {
            let entry = product.state_entry(CatalogueEntry::of(self, version));
            // The stock has a version of its own: the event's stock may be news when the rest is
            // late, and late when the rest is news.
            let stock = self.stock.map(|stock| product.state_stock(stock, version));
            stock.map_or(entry, |stock| entry.max(stock))
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
        let version = stamp.version(self.updated_at);
        let stated = fold.state_product(&self.product_id, resolved, |product| {
            product.state_stock(self.stock, version)
        })?;
        Ok(stated.into())
    }

    fn is_known(&self, fold: &mut Fold) -> Result<Option<bool>, NotAtHand> {
        fold.knows::<Products, _>(&*self.product_id).map(Some)
    }
}

impl Fold {
    /// Changes a product, which becomes known by it if new.
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
        let before = product.stock;
        let changed = change(product);
        if product.stock != before {
            let delta = [
                product.stock.unwrap_or_default().0 - before.unwrap_or_default().0,
                i64::from(product.stock.is_some()) - i64::from(before.is_some()),
                0,
            ];
            let stock = rollup::now(Family::Stock, Slice::WHOLE, product.ordinal, delta);
            resolved.deltas.push(stock);
        }
        if new {
            self.root.products += i64::from(id != RESERVED);
        }
        resolved.touched.insert(Topic::Products);
        Ok(changed)
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
            self.with_product(id, resolved, |known| *known = product)?;
            self.sets.products.state(id);
        }
        Ok(stated)
    }
}
