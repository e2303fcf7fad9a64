//! One line of the file as a sale: parsed once, or a reason why it is none.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc};

use super::lines::Fields;

/// Units of a [`Decimal`] in one of the currency.
const UNITS_PER_ONE: i64 = 10_000;
/// The largest amount an event may carry: 10⁹ of the currency.
const UNITS_MAX: i64 = 1_000_000_000 * UNITS_PER_ONE;
/// The largest quantity an event may carry.
const QUANTITY_MAX: i64 = 1_000_000;

/// An exact amount in 1/10,000 of the currency, shown with the decimals it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal(pub i64);

/// Whether a sale stands or came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It stands.
    Completed,
    /// A cancellation: an invoice of its own whose number starts with C.
    Returned,
}

/// A line that is a sale. Amount and quantity are absolute, above zero and within bounds.
#[derive(Debug)]
pub struct Row<'a> {
    /// `InvoiceNo`.
    pub invoice: &'a str,
    /// `StockCode`.
    pub product: &'a str,
    /// `Description`, which can be empty.
    pub description: &'a str,
    /// Items.
    pub quantity: i64,
    /// `UnitPrice`.
    pub price: Decimal,
    /// `Quantity` × `UnitPrice`, exact.
    pub total: Decimal,
    /// See [`Status`].
    pub status: Status,
    /// `InvoiceDate`, shifted.
    pub at: DateTime<Utc>,
    /// `CustomerID` without its `.0`; `None` for a guest.
    pub customer: Option<&'a str>,
    /// `Country`, which can be empty.
    pub country: &'a str,
}

/// Why a line is no sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// Given away or written off: `UnitPrice` is 0.
    ZeroPrice,
    /// A bookkeeping entry: `UnitPrice` is below 0.
    NegativePrice,
    /// `Quantity` is 0.
    ZeroQuantity,
    /// A stock adjustment: `Quantity` is below 0 on an invoice that is no cancellation.
    NegativeQuantity,
    /// The line cannot be read; the text says why and never repeats a value.
    Malformed(&'static str),
}

/// Reads the fields of one line and moves its date by `shift`.
pub fn parse<'a>(fields: &'a Fields<'_>, shift: TimeDelta) -> Result<Row<'a>, Skip> {
    let [invoice, product, description, quantity, date, price, customer, country] =
        fields.each_ref().map(Cow::as_ref);
    let quantity =
        whole(quantity).ok_or(Skip::Malformed("Quantity is not a whole number up to 1,000,000"))?;
    let price =
        decimal(price).ok_or(Skip::Malformed("UnitPrice is not a decimal with up to 4 places"))?;
    let at = instant(date, shift).ok_or(Skip::Malformed(
        "InvoiceDate is not YYYY-MM-DD hh:mm:ss, such as 2010-12-01 08:26:00",
    ))?;
    check_length(product, 1..=128, "StockCode does not have 1 to 128 characters")?;
    check_length(customer, 0..=128, "CustomerID has over 128 characters")?;
    check_length(country, 0..=64, "Country has over 64 characters")?;
    let status = judge(invoice, quantity, price)?;
    let total = i128::from(quantity.abs()) * i128::from(price.0);
    let total = i64::try_from(total).ok().filter(|&units| units <= UNITS_MAX);
    Ok(Row {
        invoice,
        product,
        description,
        quantity: quantity.abs(),
        price,
        total: Decimal(total.ok_or(Skip::Malformed("the amount is above 10^9"))?),
        status,
        at,
        customer: Some(customer.strip_suffix(".0").unwrap_or(customer)).filter(|id| !id.is_empty()),
        country,
    })
}

/// The rules by which a line is a sale, a return, or neither.
fn judge(invoice: &str, quantity: i64, price: Decimal) -> Result<Status, Skip> {
    match (quantity, price.0) {
        (_, 0) => Err(Skip::ZeroPrice),
        (_, ..0) => Err(Skip::NegativePrice),
        (0, _) => Err(Skip::ZeroQuantity),
        (1.., _) => Ok(Status::Completed),
        (..0, _) if invoice.starts_with('C') => Ok(Status::Returned),
        (..0, _) => Err(Skip::NegativeQuantity),
    }
}

/// Refuses a text whose number of characters an event may not have.
pub fn check_length(
    text: &str,
    chars: std::ops::RangeInclusive<usize>,
    otherwise: &'static str,
) -> Result<(), Skip> {
    if chars.contains(&text.chars().count()) { Ok(()) } else { Err(Skip::Malformed(otherwise)) }
}

fn whole(text: &str) -> Option<i64> {
    text.parse().ok().filter(|n: &i64| (-QUANTITY_MAX..=QUANTITY_MAX).contains(n))
}

/// A plain decimal with up to 4 places; anything that would need rounding is refused.
fn decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (ones, places) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if ones.is_empty() || places.len() > 4 || !all_digits(ones) || !all_digits(places) {
        return None;
    }
    let units: i64 = format!("{ones}{places:0<4}").parse().ok()?;
    if units > UNITS_MAX {
        return None;
    }
    Some(Decimal(if text.starts_with('-') { -units } else { units }))
}

/// `2010-12-01 08:26:00` as UTC, moved by `shift`; `None` outside the years 1970 to 9999.
fn instant(text: &str, shift: TimeDelta) -> Option<DateTime<Utc>> {
    let written = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?;
    let moved = written.checked_add_signed(shift)?;
    (1970..=9999).contains(&moved.year()).then(|| moved.and_utc())
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ones, places) = (self.0 / UNITS_PER_ONE, self.0 % UNITS_PER_ONE);
        if places == 0 {
            return write!(f, "{ones}");
        }
        f.write_str(format!("{ones}.{places:04}").trim_end_matches('0'))
    }
}
