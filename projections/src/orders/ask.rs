//! The documents that a change of an order can lead to.

use super::key::{OrderKey, order_of};
use crate::customers::document::Customers;
use crate::fold::{Ask, NotAtHand};
use crate::ledger::LedgerKey;
use crate::products::document::Products;
use crate::products::id::RESERVED;

impl Ask<'_> {
    /// Asks for the customers and products of all lines of an order, if it is known.
    pub(crate) fn names_of_order(&mut self, key: OrderKey<'_>) -> Result<(), NotAtHand> {
        let Some(order) = self.row_at_hand(&LedgerKey::from(key))?.and_then(order_of) else {
            return Ok(());
        };
        let lines = order.content.iter().flat_map(|content| &content.lines);
        let products: Vec<Option<Box<str>>> = (lines.map(|line| line.product.clone()))
            .chain(order.members.iter().map(|member| member.product.clone()))
            .collect();
        let users: Vec<Box<str>> = order
            .user
            .iter()
            .chain(order.members.iter().map(|member| &member.user))
            .cloned()
            .collect();
        for product in products {
            self.document::<Products, _>(product.as_deref().unwrap_or(RESERVED));
        }
        for user in &users {
            self.document::<Customers, _>(&**user);
        }
        Ok(())
    }
}
