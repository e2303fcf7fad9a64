//! Money in another currency than the shop's.

use serde::{Deserialize, Serialize};

use crate::currency::Currency;
use crate::money::Money;
use crate::packed::vocabulary::NONE;
use crate::rate::Rate;

/// An amount that was stated in another currency than the shop's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Foreign {
    /// The currency.
    pub currency: Currency,
    /// The amount in it.
    pub amount: Money,
    /// The rate that it is converted by; absent of an event that states none, and of a refund that
    /// waits for its order or transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Whether an event stated the rate; else it is that of a day.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// The currency's code in the vocabulary of the sale's month.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub code: u16,
    /// The same in the vocabulary of the shop.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shop_code: u16,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
fn is_zero(code: &u16) -> bool {
    *code == 0
}

impl Foreign {
    /// An amount as an event states it.
    #[must_use]
    pub fn stated(currency: Currency, amount: Money, rate: Option<Rate>) -> Self {
        Foreign { currency, amount, rate, own: rate.is_some(), code: 0, shop_code: 0 }
    }

    /// The amount in the shop's currency, if there is a rate.
    #[must_use]
    pub fn converted(&self) -> Option<Money> {
        self.rate.map(|rate| rate.convert(self.amount))
    }

    /// The same under its codes in the vocabularies of its month and of the shop.
    #[must_use]
    pub fn under(self, [code, shop_code]: [u16; 2]) -> Self {
        Foreign { code, shop_code, ..self }
    }

    /// The same as an event states it.
    #[must_use]
    pub fn uncoded(self) -> Self {
        self.under([NONE; 2])
    }
}
