//! The amounts of an order event in the shop's currency: converted line by line, the order's discount
//! shared after that.

use super::document::{Order, Stated};
use super::event;
use super::share::by_weight;
use crate::fold::{Fold, NotAtHand};
use crate::money::Money;
use crate::rates::foreign::Foreign;

/// The amounts of an order in the shop's currency; as stated, while there is no rate.
pub(super) struct Priced {
    /// The price of the lines less all discounts as stated, in another currency than the shop's.
    pub(super) foreign: Option<Foreign>,
    /// The other amounts that were stated in that currency.
    pub(super) stated: Option<Stated>,
    pub(super) lines: Vec<Line>,
    pub(super) discount: Money,
    pub(super) delivery_fee: Money,
    pub(super) tax: Money,
    pub(super) total: Option<Money>,
}

/// The amounts of a line.
pub(super) struct Line {
    pub(super) gross: Money,
    /// Its own discount.
    own: Money,
    /// Its own discount and its share of the order's.
    pub(super) discount: Money,
    pub(super) cost: Option<Money>,
}

impl Line {
    pub(super) fn net(&self) -> Money {
        Money(self.gross.0 - self.discount.0)
    }
}

impl Priced {
    /// Those that an event may state no more of than is allowed.
    pub(super) fn amounts(&self) -> impl Iterator<Item = Money> + '_ {
        let of_lines =
            self.lines.iter().flat_map(|line| [Some(line.gross), Some(line.own), line.cost]);
        let of_order = [self.discount, self.delivery_fee, self.tax].map(Some);
        of_lines.chain(of_order).chain([self.total]).flatten()
    }
}

impl event::Order<'_> {
    /// Its amounts, by its own rate if they are in another currency, else by the rate that the order
    /// had before, else by the day's.
    pub(super) fn priced(&self, prior: &Order, fold: &mut Fold) -> Result<Priced, NotAtHand> {
        let foreign = match self.currency {
            None => None,
            Some(currency) => {
                let stated = Foreign::stated(currency, self.net(), self.exchange_rate);
                let known = prior.content.as_ref().and_then(|content| content.foreign);
                Some(fold.exchange(stated, self.at, known.zip(prior.at))?)
            }
        };
        let rate = foreign.and_then(|foreign| foreign.rate);
        let convert = |amount: Money| rate.map_or(amount, |rate| rate.convert(amount));
        let line = |line: &event::Line<'_>| Line {
            gross: convert(line.gross()),
            own: convert(line.discount),
            discount: convert(line.discount),
            cost: line.cost.and_then(|cost| cost.times(line.quantity)).map(convert),
        };
        let mut lines: Vec<Line> = self.lines.iter().map(line).collect();
        let discount = convert(self.discount);
        let nets: Vec<i64> = lines.iter().map(|line| line.net().0).collect();
        for (line, share) in lines.iter_mut().zip(by_weight(discount, &nets)) {
            line.discount = Money(line.discount.0.saturating_add(share.0));
        }
        Ok(Priced {
            foreign,
            stated: foreign.map(|_| self.stated()),
            lines,
            discount,
            delivery_fee: convert(self.delivery_fee),
            tax: convert(self.tax),
            total: self.total.map(convert),
        })
    }

    fn stated(&self) -> Stated {
        let gross = self.lines.iter().map(|line| line.gross().0).sum();
        let discounts: i64 = self.lines.iter().map(|line| line.discount.0).sum();
        let discounts = Money(discounts + self.discount.0);
        Stated { gross: Money(gross), discounts, total: self.total }
    }

    /// The price of the lines less all discounts, as stated.
    fn net(&self) -> Money {
        let Stated { gross, discounts, .. } = self.stated();
        Money(gross.0 - discounts.0)
    }
}
