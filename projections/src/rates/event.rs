//! A rate of exchange: `events.rate`.

use std::borrow::Cow;

use super::document::day_of;
use crate::bucket::{self, Level};
use crate::currency::Currency;
use crate::json::Says::{Needed, Optional};
use crate::json::values::{another_currency, date, rate};
use crate::json::{Adjusted, Declared, Is, Payload, Reader, members, own};
use crate::rate::Rate as Exchange;
use crate::time::Time;

/// The rate of a currency on a day, as its newest event states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate<'a> {
    /// Identity: the currency and the day, `USD-2026-01-02`.
    pub id: Cow<'a, str>,
    /// Another currency than the shop's.
    pub currency: Currency,
    /// The amount of the shop's currency for one unit of it.
    pub rate: Exchange,
    /// The day, in days since 1970-01-01.
    pub day: u32,
    /// The producer's version of this entity.
    pub updated_at: Option<Time>,
    /// Changes to its values.
    pub adjusted: Adjusted,
}

members! {
    Members {
        /// Any but the shop's.
        currency = "currency": Needed(Is::AnotherCurrency),
        /// The amount of the shop's currency for one unit of it.
        rate = "rate": Needed(Is::Rate),
        /// The day of UTC that it is the rate of.
        date = "date" | "at": Needed(Is::Date),
        /// The producer's version: the newest counts.
        updated_at = "updatedAt" | "updated_at": Optional(Is::Date),
    }
}

impl<'a> Payload<'a> for Rate<'a> {
    type Members = Members<'a>;
    const MEMBERS: &'static [Declared] = Members::DECLARED;
    const EXAMPLE: &'static str = r#"{
        "currency":"XTS", "rate":0.8512, "date":"2026-01-02", "updatedAt":"2026-01-02T03:04:05Z"
    }"#;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        let currency = reader.required(found.currency, another_currency).unwrap_or_default();
        let rate = reader.required(found.rate, rate);
        let day = day_of(reader.required(found.date, date));
        Rate {
            id: format!("{currency}-{}", bucket::label(Level::Day, day)).into(),
            currency,
            rate: rate.unwrap_or(Exchange::LEAST),
            day,
            updated_at: reader.optional(found.updated_at, date),
            adjusted: reader.adjusted,
        }
    }

    fn entity(&self) -> &str {
        &self.id
    }
}

impl Rate<'_> {
    /// The same rate with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Rate<'static> {
        Rate { id: own(self.id), ..self }
    }
}
