//! Documents that people read. A field has one type in every document: counts are `Int64`, amounts
//! and units `Decimal128`, instants and days `Date`, and a value that is not known is `null`.

use mongodb::bson::{DateTime, Decimal128};
use projections::money::Money;
use projections::quantity::Quantity;
use projections::time::Time;
use projections::value::decimal::Decimal as Units;
use serde::{Serialize, Serializer};

/// Half of the exponents that a `Decimal128` has.
const EXPONENT_BIAS: u32 = 6176;
/// The bits of a coefficient that is not too long.
const COEFFICIENT_BITS: u32 = 113;

/// A decimal that is exact to the digit, as BSON has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal<D>(pub D);

/// An amount, in the shop's currency.
pub type Amount = Decimal<Money>;
/// Units, pieces or those of weight or volume.
pub type Number = Decimal<Quantity>;

impl<D: Units> Decimal<D> {
    /// The sign, the exponent with its bias, and the coefficient, in the binary form of IEEE 754.
    /// Zeros at the end are left out.
    fn packed(self) -> Decimal128 {
        let (units, mut decimals) = (self.0.units(), D::DECIMALS);
        let mut coefficient = units.unsigned_abs();
        while decimals > 0 && coefficient.is_multiple_of(10) {
            coefficient /= 10;
            decimals -= 1;
        }
        let sign = u128::from(units < 0) << 127;
        let exponent = u128::from(EXPONENT_BIAS - decimals) << COEFFICIENT_BITS;
        Decimal128::from_bytes((sign | exponent | u128::from(coefficient)).to_le_bytes())
    }
}

impl<D: Units> Serialize for Decimal<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.packed().serialize(serializer)
    }
}

/// An instant, as BSON has it; a day or a month is its first one, of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date(pub Time);

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        DateTime::from_millis(self.0.0).serialize(serializer)
    }
}

/// Sales of a day or of a month.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlainSales {
    /// Its first instant.
    pub date: Date,
    /// All that was sold, also what came back later.
    pub orders: i64,
    /// Units of those.
    pub units: Number,
    /// At their price.
    pub gross_sales: Amount,
    /// Amounts taken off the price.
    pub discounts: Amount,
    /// Amounts that came back, on the day that the shop processed it.
    pub returns: Amount,
    /// Gross sales less discounts and returns.
    pub net_sales: Amount,
    /// As orders state it.
    pub tax: Amount,
    /// As orders state them.
    pub delivery_fees: Amount,
    /// Distinct customers who bought.
    pub customers: i64,
    /// The sales that count as each status now, on their own day.
    pub statuses: PlainStatuses,
    /// Of all amounts.
    pub currency: String,
}

/// Sales by the status that they count as now.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlainStatuses {
    /// Paid.
    pub completed: PlainStatus,
    /// Not paid yet.
    pub pending: PlainStatus,
    /// Never paid.
    pub failed: PlainStatus,
    /// Paid, and given back.
    pub returned: PlainStatus,
}

/// Sales of one status.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlainStatus {
    /// How many.
    pub orders: i64,
    /// Their units.
    pub units: Number,
    /// Their amount, less discounts.
    pub sales: Amount,
}

/// A product, and its figures of all time.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlainProduct {
    /// In the shop's language.
    pub name: Option<String>,
    /// As the catalogue has it.
    pub category: Option<String>,
    /// As the catalogue has it.
    pub price: Option<Amount>,
    /// Units on hand, over all locations; of a product that the shop has no more, none are known.
    pub stock: Option<Number>,
    /// Whether the shop has it no more.
    pub gone: bool,
    /// Orders that have a line of it, also those that came back.
    pub orders: i64,
    /// Units sold.
    pub units: Number,
    /// Sold, less discounts.
    pub sales: Amount,
    /// Units that came back.
    pub returned_units: Number,
    /// Amounts that came back.
    pub returns: Amount,
    /// Sales less returns.
    pub net_sales: Amount,
    /// Times that it was viewed.
    pub views: i64,
    /// Times that it was put into a cart.
    pub carts: i64,
    /// Times that it was taken out of one.
    pub removals: i64,
    /// Activities that bought it.
    pub purchases: i64,
    /// Ratings.
    pub ratings: i64,
    /// Their average, 1 to 5, to four places; none where there is no rating.
    pub rating_average: Option<f64>,
    /// Of all amounts.
    pub currency: String,
}

/// A customer, and its figures of all time.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlainCustomer {
    /// As the shop states it.
    pub username: Option<String>,
    /// As the shop states it.
    pub country: Option<String>,
    /// Whether it bought without an account.
    pub guest: bool,
    /// Whether the shop has it no more.
    pub gone: bool,
    /// When the shop says that it came, else when it was seen first.
    pub created_at: Date,
    /// The earliest event that named it.
    pub first_seen: Date,
    /// The latest.
    pub last_seen: Date,
    /// The earliest purchase that counts now.
    pub first_purchase: Option<Date>,
    /// The latest.
    pub last_purchase: Option<Date>,
    /// Orders, also those that came back.
    pub orders: i64,
    /// Units bought.
    pub units: Number,
    /// Bought, less discounts.
    pub sales: Amount,
    /// Units that came back.
    pub returned_units: Number,
    /// Amounts that came back.
    pub returns: Amount,
    /// Sales less returns.
    pub net_sales: Amount,
    /// Activities.
    pub activities: i64,
    /// Ratings.
    pub ratings: i64,
    /// Of all amounts.
    pub currency: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_the_one_that_the_library_reads_from_its_digits() {
        for units in [0, 1, -1, 10, 12_345, 120_000, -99_999_990, i64::MAX, i64::MIN] {
            let money = Money(units);
            let expected: Decimal128 = money.to_string().parse().unwrap();
            assert_eq!(Decimal(money).packed(), expected, "{money}");
            let quantity = Quantity(units);
            let expected: Decimal128 = quantity.to_string().parse().unwrap();
            assert_eq!(Decimal(quantity).packed(), expected, "{quantity}");
        }
    }
}
