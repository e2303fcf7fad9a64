//! The stock of a product: `events.stock`.

use std::borrow::Cow;

use super::id::product_id;
use crate::json::Says::{Needed, Optional};
use crate::json::values::{Read, by_language, date, id, list, name, quantity};
use crate::json::{Adjusted, Declared, Is, Member, Payload, Reader, members, own};
use crate::quantity::Quantity;
use crate::text::Text;
use crate::time::Time;

/// The stock of a product, as a whole or at one location.
#[derive(Debug, Clone, PartialEq)]
pub struct Stock<'a> {
    /// Identity.
    pub product_id: Cow<'a, str>,
    /// The location, if it is the stock of one.
    pub location_id: Option<Cow<'a, str>>,
    /// The name of the location, if stated.
    pub location_name: Option<Text<'a>>,
    /// Units on hand; below zero where more was sold than was known to be there.
    pub stock: Quantity,
    /// The producer's version of the stock.
    pub updated_at: Option<Time>,
    /// Changes to values that are not taken as they are.
    pub adjusted: Adjusted,
}

/// The least units on hand.
pub(super) const STOCK_MIN: Quantity = Quantity::whole(-1_000_000_000);
/// The most units on hand.
pub(super) const STOCK_MAX: Quantity = Quantity::whole(1_000_000_000_000);

/// Units on hand, from -10⁹ to 10¹².
pub(crate) fn stock(json: &str, reader: &mut Reader<'_>) -> Read<Quantity> {
    quantity(STOCK_MIN..=STOCK_MAX)(json, reader)
}

members! {
    Members {
        /// Any but `(none)`.
        product_id = "productId" | "product_id" | "_id": Needed(Is::Id),
        stock = "stock" | "qty" | "quantity": Needed(Is::Units(STOCK_MIN, STOCK_MAX)),
        /// It is the stock at this location; of the product as a whole if absent.
        location_id = "locationId" | "location_id": Optional(Is::Id),
        location_name =
            "locationName" | "location_name" | "name": Optional(Is::ByLanguage(NAME_CHARS_MAX)),
        /// The producer's version: the newest counts.
        updated_at = "updatedAt" | "updated_at": Optional(Is::Date),
    }
}

impl<'a> Payload<'a> for Stock<'a> {
    type Members = Members<'a>;
    const MEMBERS: &'static [Declared] = Members::DECLARED;
    const EXAMPLE: &'static str = r#"{
        "productId":"mug", "stock":38, "locationId":"8", "locationName":"Dublin",
        "updatedAt":"2026-01-02T03:04:05Z"
    }"#;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        Stock {
            product_id: reader.required(found.product_id, product_id),
            stock: reader.required(found.stock, stock),
            location_id: reader.optional(found.location_id, id),
            location_name: reader.optional(found.location_name, by_language(name(NAME_CHARS_MAX))),
            updated_at: reader.optional(found.updated_at, date),
            adjusted: reader.adjusted,
        }
    }

    fn entity(&self) -> &str {
        &self.product_id
    }
}

impl Stock<'_> {
    /// The same stock with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Stock<'static> {
        Stock {
            product_id: own(self.product_id),
            location_id: self.location_id.map(own),
            location_name: self.location_name.map(Text::into_owned),
            ..self
        }
    }

    /// The location and its stock, if it is the stock of one.
    pub(super) fn at_location(&self) -> Option<AtLocation<'_>> {
        Some(AtLocation {
            id: self.location_id.clone()?,
            name: self.location_name.clone(),
            stock: self.stock,
        })
    }
}

/// The stock of a product at one location.
#[derive(Debug, Clone, PartialEq)]
pub struct AtLocation<'a> {
    /// The location.
    pub id: Cow<'a, str>,
    /// Its name, if stated.
    pub name: Option<Text<'a>>,
    /// Units on hand there.
    pub stock: Quantity,
}

/// The most locations of one product.
pub const LOCATIONS_MAX: usize = 64;

/// The most characters of a location's name.
const NAME_CHARS_MAX: usize = 100;

members! {
    LocationMembers {
        id = "locationId" | "location_id" | "id": Needed(Is::Id),
        name = "name" | "locationName" | "location_name": Optional(Is::ByLanguage(NAME_CHARS_MAX)),
        /// On hand there.
        stock = "qty" | "stock" | "quantity": Needed(Is::Units(STOCK_MIN, STOCK_MAX)),
    }
}

impl<'a> AtLocation<'a> {
    /// The members of an element of `locationStocks`.
    pub(super) const MEMBERS: &'static [Declared] = LocationMembers::DECLARED;

    fn read(found: &LocationMembers<'a>, reader: &mut Reader<'_>) -> Self {
        AtLocation {
            id: reader.required(found.id, id),
            name: reader.optional(found.name, by_language(name(NAME_CHARS_MAX))),
            stock: reader.required(found.stock, stock),
        }
    }

    /// The locations of an array, by their ids; of one that is there twice the last counts.
    pub(super) fn read_all(array: Member<'a>, reader: &mut Reader<'_>) -> Vec<Self> {
        let elements = reader.optional(array, list(0, LOCATIONS_MAX)).unwrap_or_default();
        let stated = reader.each(array, elements, Self::read);
        let mut locations: Vec<Self> = Vec::with_capacity(stated.len());
        for location in stated {
            match locations.binary_search_by(|known| known.id.cmp(&location.id)) {
                Ok(at) => locations[at] = location,
                Err(at) => locations.insert(at, location),
            }
        }
        locations
    }

    pub(super) fn into_owned(self) -> AtLocation<'static> {
        AtLocation { id: own(self.id), name: self.name.map(Text::into_owned), stock: self.stock }
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{Event, Kind, Limits, parse};
    use crate::quantity::Quantity;
    use crate::time::Time;

    const LIMITS: Limits<'_> = Limits { latest: Time(4_000_000_000_000), currency: "EUR" };

    #[test]
    fn stock_is_a_number_of_units_that_may_be_a_fraction_or_negative() {
        for (json, expected) in [
            ("0", (0, false)),
            ("1e12", (1_000_000_000_000_000, false)),
            ("-1e9", (-1_000_000_000_000, false)),
            ("12.5", (12_500, false)),
            ("-3", (-3_000, false)),
            ("0.0001", (0, true)),
            ("\"12\"", (12_000, false)),
        ] {
            let body = format!(r#"{{"productId":"p","stock":{json}}}"#);
            let Ok(Event::Stock(it)) = parse(Kind::Stock, body.as_bytes(), &LIMITS) else {
                panic!("{json}");
            };
            assert_eq!((it.stock.0, it.adjusted.rounded), expected);
        }
        for json in ["-1000000000.001", "1000000000001", "[1]", "true", "null"] {
            let body = format!(r#"{{"productId":"p","stock":{json}}}"#);
            let reasons = parse(Kind::Stock, body.as_bytes(), &LIMITS).unwrap_err();
            assert_eq!(reasons[0].field, "stock", "{json}");
        }
    }

    #[test]
    fn stock_may_be_that_of_a_location() {
        let body = br#"{"productId":"p","qty":-1.5,"location_id":8,"name":{"en":"Dublin"}}"#;
        let Ok(Event::Stock(it)) = parse(Kind::Stock, body, &LIMITS) else { panic!("not read") };
        assert_eq!((it.location_id.as_deref(), it.stock), (Some("8"), Quantity(-1_500)));
        assert_eq!(it.location_name.unwrap().shown("en"), "Dublin");
    }
}
