//! The effect of a rate event, and the rate that a sale is converted by.

use super::document::{OfDay, Rates, day_of, days_for, row_of};
use super::event;
use super::foreign::Foreign;
use crate::currency::Currency;
use crate::family::Dimension;
use crate::fold::version::Stated;
use crate::fold::{Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
use crate::json::Reason;
use crate::ledger::{LedgerKey, Row};
use crate::money::Money;
use crate::packed::vocabulary::Period;
use crate::rate::Rate;
use crate::time::Time;

impl EventKind for event::Rate<'_> {
    fn identify(&self, _: &Stamp, ask: &mut Ask<'_>) {
        ask.row::<Rates>(&row_of(self.currency, self.day));
    }

    fn names(&self, _: &mut Ask<'_>) -> Result<(), NotAtHand> {
        Ok(())
    }

    /// A rate changes no figure: an amount that was converted before keeps its rate.
    fn fold(&self, stamp: &Stamp, fold: &mut Fold, _: &mut Resolved) -> Result<Outcome, NotAtHand> {
        let key = LedgerKey::of::<Rates>(&row_of(self.currency, self.day));
        let row = fold.sets.ledger.get(&key)?.and_then(<Rates as Row>::of);
        let known = row.and_then(|rates| rates.of(self.day)).copied();
        let same = known.is_some_and(|known| known.rate == self.rate);
        let version = stamp.version(self.updated_at);
        let (stated, version) = version.weigh(known.map(|known| known.version), same);
        let rate = match (stated, known) {
            (Stated::Stale, _) => return Ok(Outcome::Stale),
            (Stated::Unchanged, Some(known)) if known.version == version => {
                return Ok(Outcome::Unchanged);
            }
            _ => OfDay { day: self.day, rate: self.rate, version },
        };
        let is_new = row.is_none();
        let mut rates = row.cloned().unwrap_or_default();
        rates.put(rate);
        if is_new {
            let (place, now) = (&mut fold.root.blocks, fold.root.log_time);
            fold.dedup.note(&mut fold.sets.blocks, place, key.as_str(), now)?;
        }
        fold.sets.ledger.put(key, rates.into_row())?;
        Ok(stated.into())
    }

    fn is_known(&self, fold: &mut Fold) -> Result<Option<bool>, NotAtHand> {
        let key = LedgerKey::of::<Rates>(&row_of(self.currency, self.day));
        let rates = fold.sets.ledger.get(&key)?.and_then(<Rates as Row>::of);
        Ok(Some(rates.is_some_and(|rates| rates.of(self.day).is_some())))
    }
}

impl Ask<'_> {
    /// Asks for the shop's codes of currencies, and the rates that convert an amount of a currency at a
    /// time.
    pub(crate) fn rates(&mut self, currency: Currency, at: Time) {
        self.shop_vocabularies([Dimension::Currency]);
        let (from, to) = days_for(day_of(at));
        let (first, last) = (row_of(currency, from), row_of(currency, to));
        self.row::<Rates>(&last);
        if first != last {
            self.row::<Rates>(&first);
        }
    }
}

impl Fold {
    /// Completes an amount with the rate that it is converted by: the one that its event states,
    /// else the one that was used `before` for the same currency on the same day, else the newest of
    /// the last days; none, if there is none.
    pub(crate) fn exchange(
        &mut self,
        stated: Foreign,
        at: Time,
        before: impl IntoIterator<Item = (Foreign, Time)>,
    ) -> Result<Foreign, NotAtHand> {
        if stated.rate.is_some() {
            return Ok(stated);
        }
        let is_kept = |(used, day): &(Foreign, Time)| {
            used.currency == stated.currency && day_of(*day) == day_of(at) && used.rate.is_some()
        };
        if let Some((used, _)) = before.into_iter().find(is_kept) {
            return Ok(Foreign { rate: used.rate, own: used.own, ..stated });
        }
        Ok(Foreign { rate: self.rate_of(stated.currency, at)?, ..stated })
    }

    /// An amount of a sale under the codes that its currency has in the vocabularies of the sale's month
    /// and of the shop.
    pub(crate) fn coded(&mut self, foreign: Foreign, at: Time) -> Result<Foreign, NotAtHand> {
        let month = Period::month_of(at);
        let currency = Some(foreign.currency.as_str());
        let of_month = self.code(Dimension::Currency, month, currency)?;
        Ok(Foreign { code: of_month, ..self.coded_by_shop(foreign)? })
    }

    /// An amount under the code that its currency has in the vocabulary of the shop.
    pub(crate) fn coded_by_shop(&mut self, foreign: Foreign) -> Result<Foreign, NotAtHand> {
        let currency = Some(foreign.currency.as_str());
        let shop_code = self.code(Dimension::Currency, Period::Ever, currency)?;
        Ok(Foreign { shop_code, ..foreign })
    }

    /// The newest rate of the last days.
    fn rate_of(&mut self, currency: Currency, at: Time) -> Result<Option<Rate>, NotAtHand> {
        let (from, to) = days_for(day_of(at));
        let (first, last) = (row_of(currency, from), row_of(currency, to));
        for row in [&last, &first] {
            let rates =
                self.sets.ledger.get(&LedgerKey::of::<Rates>(row))?.and_then(<Rates as Row>::of);
            if let Some(rate) = rates.and_then(|rates| rates.newest(from, to)) {
                return Ok(Some(rate));
            }
        }
        Ok(None)
    }
}

/// The reason against an amount for which there is no rate.
pub(crate) fn no_rate(currency: Currency, at: Time) -> Reason {
    let day = &at.to_rfc3339()[..10];
    let message = format!(
        "there is no rate of {currency} of {day} or the 7 days before; publish one, then \
         `quarantine replay --reason no-rate`"
    );
    Reason { code: Some(Reason::NO_RATE.into()), ..Reason::new("currency", message) }
}

/// The reason against an amount that is too large once it is converted.
pub(crate) fn exceeds(amounts: impl IntoIterator<Item = Money>) -> Option<Reason> {
    let message = "amounts must be at most 1000000000 in the shop's currency";
    let is_too_large = amounts.into_iter().any(|amount| amount > Money::LARGEST);
    is_too_large.then(|| Reason::new("currency", message))
}
