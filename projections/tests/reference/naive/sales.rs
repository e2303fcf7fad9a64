//! Transactions: a sale and its return, each by the newest event that told it.

use projections::event::Adjusted;
use projections::sales::{Status, Transaction};
use projections::time::Time;

use super::rates::is_too_large;
use super::{Age, Came, Naive, after, is_older};

/// What is known of a transaction.
#[derive(Clone, Default)]
pub struct Sale {
    /// The event of any status but `returned`, and its age.
    pub sold: Option<(Transaction<'static>, Age)>,
    /// The event of status `returned`, and its age.
    pub back: Option<(Transaction<'static>, Age)>,
    /// The event's category, else the earlier one with the same product, else the catalogue's.
    pub category: Option<String>,
    /// The codes of category, payment method and country.
    pub codes: [u16; 3],
    /// The same among those of all time.
    pub shop_codes: [u16; 3],
    /// The codes of the currency, if it is not the shop's.
    pub currency: [u16; 2],
}

impl Sale {
    /// The event that it is counted by: a return stands in while nothing else was told.
    pub fn facts(&self) -> &Transaction<'static> {
        &self.sold.as_ref().or(self.back.as_ref()).unwrap().0
    }

    pub fn order(&self) -> Option<&str> {
        self.facts().order_id.as_deref()
    }

    pub fn product(&self) -> &str {
        self.facts().product_id.as_deref().unwrap_or("(none)")
    }

    /// What it counts as: the newer of the two says so.
    pub fn status(&self) -> Status {
        match (&self.sold, &self.back) {
            (Some((_, sold)), Some((_, back))) if is_older(*sold, *back) => Status::Returned,
            (Some((sold, _)), _) => sold.status,
            _ => Status::Returned,
        }
    }

    /// The day on which it came back: that of the return if it is later than the sale's, else that
    /// of its version, else the sale's.
    pub fn returned_at(&self) -> Option<Time> {
        let (back, _) = self.back.as_ref().filter(|_| self.status() == Status::Returned)?;
        let sold_at = self.facts().at;
        Some(if back.at > sold_at { back.at } else { back.updated_at.unwrap_or(sold_at) })
    }

    /// Whether the part that an event tells is the one that it counts as.
    fn speaks(&self, event: &Transaction<'_>) -> bool {
        (event.status == Status::Returned) == (self.status() == Status::Returned)
    }

    /// The one of the two that an event tells.
    fn part(&mut self, event: &Transaction<'_>) -> &mut Option<(Transaction<'static>, Age)> {
        match event.status {
            Status::Returned => &mut self.back,
            _ => &mut self.sold,
        }
    }

    /// The version of the newer of the two.
    fn updated_at(&self) -> Option<Time> {
        let age = |part: &Option<(_, Age)>| part.as_ref().map(|(_, age)| *age);
        let newer = match (age(&self.sold), age(&self.back)) {
            (Some(sold), Some(back)) => Some(if is_older(sold, back) { back } else { sold }),
            (sold, back) => sold.or(back),
        };
        newer.and_then(|(updated_at, _)| updated_at)
    }

    /// All that its row says, its versions apart.
    fn said(&self) -> impl PartialEq {
        let facts = Transaction {
            updated_at: None,
            adjusted: Adjusted::default(),
            category: None,
            status: Status::Completed,
            ..self.facts().clone()
        };
        let sold_as = self.sold.as_ref().map(|(sold, _)| sold.status);
        let back = self.back.as_ref().map(|(back, _)| (back.at, back.updated_at));
        (facts, sold_as, back, self.category.clone(), self.status())
    }
}

impl Naive {
    pub fn sale(&mut self, event: &Transaction<'static>, place: u64) -> Came {
        if event.order_id.as_deref().is_some_and(|order| self.has_content(order)) {
            return Came::Quarantined(vec!["orderId".into()]);
        }
        let known = self.sales.get(&*event.transaction_id);
        if known.is_some_and(|known| known.facts().user_id != event.user_id) {
            return Came::Quarantined(vec!["userId".into()]);
        }
        let event = &self.converted_sale(event);
        let mut sale = known.cloned().unwrap_or_default();
        let mut age = (event.updated_at.or(sale.updated_at()), place);
        let before = sale.part(event).clone();
        if let Some((_, before)) = &before {
            if is_older(age, *before) {
                return Came::Stale;
            }
            age = after(age, *before);
        }
        *sale.part(event) = Some((event.clone(), age));
        sale.category = self.category(&sale, known);
        if let (Some(known), Some((before, before_age))) = (known, before) {
            // Without a version it says nothing of the day on which it was processed.
            let mut again = sale.clone();
            let (again_event, again_age) = again.part(event).as_mut().unwrap();
            again_event.updated_at = event.updated_at.or(before.updated_at);
            *again_age = (age.0, before_age.1);
            let is_first_said = known.speaks(event) || !sale.speaks(event);
            if known.said() == again.said() && is_first_said {
                self.sales.insert(event.transaction_id.to_string(), again);
                return Came::Unchanged;
            }
        }
        let lacks_rate = event.foreign.is_some_and(|foreign| foreign.rate.is_none());
        if lacks_rate || is_too_large([event.total_price.0]) {
            return Came::Quarantined(vec!["currency".into()]);
        }
        self.seen(&event.user_id, event.at);
        self.thing(sale.product());
        if event == sale.facts() {
            sale.codes = [
                self.word("category", 256, event.at, sale.category.as_deref()),
                self.word("paymentMethod", 256, event.at, Some(&event.payment_method)),
                self.word("country", 256, event.at, event.country.as_deref()),
            ];
            sale.shop_codes = [
                self.shop_word("category", 256, sale.category.as_deref()),
                self.shop_word("paymentMethod", 256, Some(&event.payment_method)),
                self.shop_word("country", 256, event.country.as_deref()),
            ];
            sale.currency =
                event.foreign.map_or([0; 2], |foreign| self.currency(event.at, foreign));
        }
        if let Some(order) = sale.order() {
            self.orders.entry(order.to_owned()).or_default();
        }
        self.sales.insert(event.transaction_id.to_string(), sale);
        self.note_refunded(&event.transaction_id);
        Came::Applied
    }

    /// The category of a sale: the stated one; else the one that it had, if it is of the same
    /// product; else the catalogue's.
    fn category(&self, sale: &Sale, known: Option<&Sale>) -> Option<String> {
        let facts = sale.facts();
        if let Some(stated) = &facts.category {
            return Some(stated.to_string());
        }
        if let Some(known) = known.filter(|known| known.facts().product_id == facts.product_id) {
            return known.category.clone();
        }
        self.catalogued(facts.product_id.as_deref())
    }
}
