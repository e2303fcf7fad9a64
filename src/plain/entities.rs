//! Products and customers, as people read them.

use projections::customers::{Customer, Customers};
use projections::products::{Product, Products, RESERVED};
use projections::sales::sums::Sums;
use serde::Serialize;

use crate::query::memory::ReadContext;
use crate::query::ratio::ratio;
use crate::store;
use crate::store::counted::Stored;
use crate::store::plain::PlainSet;
use crate::store::plain::document::{Amount, Date, Decimal, Number, PlainCustomer, PlainProduct};

/// Entities that people read a document of.
pub trait Shown: Stored<Stored: Send> {
    /// The set of these documents.
    const SET: PlainSet;
    /// A document.
    type Plain: Serialize + Send + Sync;

    /// Whether there is one of an id.
    #[must_use]
    fn has(id: &str) -> bool {
        let _ = id;
        true
    }

    /// The document of one.
    fn plain(from: ReadContext<'_>, entity: Self::Document) -> Self::Plain;
}

/// The documents of some, by their ordinals.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn of<C: Shown>(
    from: ReadContext<'_>,
    ordinals: &[u32],
) -> Result<Vec<(String, C::Plain)>, store::Error> {
    let counted = from.snapshot.counted_by_ordinal::<C>(ordinals).await?.into_iter();
    let shown = counted.filter(|(id, _)| C::has(id));
    Ok(shown.map(|(id, entity)| (id, C::plain(from, entity))).collect())
}

/// The net of what was sold.
fn net(sold: Sums, back: Sums) -> Amount {
    let mut net = sold;
    net.add(back.negated());
    Decimal(net.amount)
}

fn currency(from: ReadContext<'_>) -> String {
    from.snapshot.checkpoint.settings.currency.clone()
}

impl Shown for Products {
    const SET: PlainSet = PlainSet::Products;
    type Plain = PlainProduct;

    fn has(id: &str) -> bool {
        id != RESERVED
    }

    fn plain(from: ReadContext<'_>, product: Product) -> PlainProduct {
        let (sold, back) = (product.sales.sold(), product.returns);
        let (gone, stock) = (product.is_gone(), product.on_hand());
        let ratings: i64 = product.ratings.iter().sum();
        let stars: i64 =
            (1..).zip(product.ratings).map(|(stars, count): (i64, _)| stars * count).sum();
        let entry = product.catalogue;
        PlainProduct {
            name: entry.as_ref().map(|entry| from.shown(&entry.name)),
            category: entry.as_ref().map(|entry| entry.category.to_string()),
            price: entry.map(|entry| Decimal(entry.price)),
            stock: stock.map(Decimal),
            gone,
            orders: sold.orders,
            units: Decimal(sold.quantity),
            sales: Decimal(sold.amount),
            returned_units: Decimal(back.quantity),
            returns: Decimal(back.amount),
            net_sales: net(sold, back),
            views: product.views,
            carts: product.carts,
            removals: product.removals,
            purchases: product.purchases,
            ratings,
            rating_average: (ratings > 0).then(|| ratio(stars, ratings)),
            currency: currency(from),
        }
    }
}

impl Shown for Customers {
    const SET: PlainSet = PlainSet::Customers;
    type Plain = PlainCustomer;

    fn plain(from: ReadContext<'_>, customer: Customer) -> PlainCustomer {
        let (sold, back) = (customer.sales.sold(), customer.returns);
        let gone = customer.is_gone();
        let units: Number = Decimal(sold.quantity);
        let profile = customer.profile.map(|profile| (profile.username, profile.country));
        let (username, country) = profile.unwrap_or_default();
        PlainCustomer {
            username: username.map(Into::into),
            country: country.map(Into::into),
            guest: customer.guest,
            gone,
            created_at: Date(customer.created_at),
            first_seen: Date(customer.first_seen),
            last_seen: Date(customer.last_seen),
            first_purchase: customer.first_purchase.map(Date),
            last_purchase: customer.last_purchase.map(Date),
            orders: sold.orders,
            units,
            sales: Decimal(sold.amount),
            returned_units: Decimal(back.quantity),
            returns: Decimal(back.amount),
            net_sales: net(sold, back),
            activities: customer.activities,
            ratings: customer.ratings,
            currency: currency(from),
        }
    }
}
