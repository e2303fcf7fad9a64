//! A product of the catalogue: `events.product`.

use std::borrow::Cow;

use super::id::product_id;
use super::stock::{AtLocation, LOCATIONS_MAX, STOCK_MAX, STOCK_MIN, stock};
use crate::json::Says::{Needed, Optional};
use crate::json::values::{
    OPEN_CHARS_MAX, address, amount, by_language, date, is_gone, name, open, verbatim,
};
use crate::json::{Adjusted, Declared, Is, Payload, Reader, members, own};
use crate::money::Money;
use crate::quantity::Quantity;
use crate::text::Text;
use crate::time::Time;

/// A product as the catalogue states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Product<'a> {
    /// Identity.
    pub product_id: Cow<'a, str>,
    /// At most 100 characters in each language.
    pub name: Text<'a>,
    /// Trimmed, open vocabulary.
    pub category: Cow<'a, str>,
    /// Not negative.
    pub price: Money,
    /// The cost of one unit to the shop, if stated.
    pub cost: Option<Money>,
    /// Units on hand; if absent, the last known number stays.
    pub stock: Option<Quantity>,
    /// Units on hand at locations, by their ids; of those that are not stated the last known number
    /// stays.
    pub locations: Vec<AtLocation<'a>>,
    /// At most 500 characters in each language.
    pub description: Option<Text<'a>>,
    /// The address of a picture.
    pub image_url: Option<Cow<'a, str>>,
    /// The instant when the catalogue took it in.
    pub added_date: Option<Time>,
    /// Whether the shop has it no more.
    pub is_gone: bool,
    /// `lastUpdated`: the producer's version of this entity.
    pub updated_at: Option<Time>,
    /// Changes to values that are not taken as they are.
    pub adjusted: Adjusted,
}

members! {
    Members {
        /// Any but `(none)`.
        product_id = "productId" | "product_id" | "odoo_id" | "_id": Needed(Is::Id),
        name = "name" | "title": Needed(Is::ByLanguage(NAME_CHARS_MAX)),
        category = "category": Needed(Is::Text(OPEN_CHARS_MAX)),
        price = "price" | "list_price": Needed(Is::Amount),
        /// Of one unit: the cost of lines of orders that state none.
        cost = "cost" | "standard_price": Optional(Is::Amount),
        /// The last known number stays if it is absent.
        stock = "stock" | "qty": Optional(Is::Units(STOCK_MIN, STOCK_MAX)),
        /// On hand by location; the stock of the product is their sum.
        location_stocks =
            "locationStocks" | "location_stocks":
            Optional(Is::List(AtLocation::MEMBERS, 0, LOCATIONS_MAX)),
        description = "description": Optional(Is::ByLanguage(DESCRIPTION_CHARS_MAX)),
        image_url = "imageUrl" | "image_url": Optional(Is::Address(URL_CHARS_MAX)),
        added_date = "addedDate" | "added_date" | "createdAt" | "created_at": Optional(Is::Date),
        /// One that is not active is gone: it leaves what is there now, and not what was.
        is_active = "isActive" | "is_active" | "active": Optional(Is::Flag),
        /// `inactive` says the same; any other is as good as none.
        status = "status": Optional(Is::Text(OPEN_CHARS_MAX)),
        /// Any date says the same.
        deleted_at = "deletedAt" | "deleted_at": Optional(Is::Date),
        /// The producer's version: the newest counts.
        last_updated =
            "lastUpdated" | "updatedAt" | "last_updated" | "updated_at": Optional(Is::Date),
    }
}

/// The most characters of a name.
const NAME_CHARS_MAX: usize = 100;
/// The most characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 500;
/// The most characters of an address.
const URL_CHARS_MAX: usize = 2_048;

impl<'a> Payload<'a> for Product<'a> {
    type Members = Members<'a>;
    const MEMBERS: &'static [Declared] = Members::DECLARED;
    const EXAMPLE: &'static str = r#"{
        "productId":"mug", "name":"Mug", "category":"Kitchen", "price":6.25, "cost":2.5,
        "stock":40, "locationStocks":[{"locationId":"8", "name":"Dublin", "qty":40}],
        "isActive":true, "status":"active", "deletedAt":null, "description":"It holds a pint.", "imageUrl":"https://example.org/mug.png",
        "addedDate":"2026-01-02T03:04:05Z", "lastUpdated":"2026-01-02T03:04:05Z"
    }"#;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        let product_id = reader.required(found.product_id, product_id);
        let name = reader.required(found.name, by_language(name(NAME_CHARS_MAX)));
        let category = reader.required(found.category, open);
        let price = reader.required(found.price, amount);
        Product {
            product_id,
            name,
            category,
            price,
            cost: reader.optional(found.cost, amount),
            stock: reader.optional(found.stock, stock),
            locations: AtLocation::read_all(found.location_stocks, reader),
            description: reader
                .optional(found.description, by_language(verbatim(DESCRIPTION_CHARS_MAX))),
            image_url: reader.optional(found.image_url, address(URL_CHARS_MAX)),
            added_date: reader.optional(found.added_date, date),
            is_gone: is_gone(reader, found.is_active, found.status, found.deleted_at),
            updated_at: reader.optional(found.last_updated, date),
            adjusted: reader.adjusted,
        }
    }

    fn entity(&self) -> &str {
        &self.product_id
    }
}

impl Product<'_> {
    /// The same product with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Product<'static> {
        Product {
            product_id: own(self.product_id),
            name: self.name.into_owned(),
            category: own(self.category),
            description: self.description.map(Text::into_owned),
            image_url: self.image_url.map(own),
            locations: self.locations.into_iter().map(AtLocation::into_owned).collect(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Kind, Limits, Reason, parse};
    use crate::money::Money;
    use crate::time::Time;

    const LIMITS: Limits<'_> = Limits { latest: Time(4_000_000_000_000), currency: "EUR" };

    fn product(body: &str) -> Result<Product<'_>, Vec<Reason>> {
        match parse(Kind::Product, body.as_bytes(), &LIMITS)? {
            Event::Product(it) => Ok(it),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_product_is_read_with_what_the_catalogue_states() {
        let body = r#"{"productId":"p","name":" A \"lamp\" ","category":"Home","price":19.99999,
            "stock":-0.5,"imageUrl":"https://example.org/p.png","updatedAt":"2026-11-21"}"#;
        let it = product(body).unwrap();
        assert_eq!((it.name.shown("en"), &*it.category), ("A \"lamp\"", "Home"));
        assert_eq!(
            (it.price, it.adjusted.rounded, it.stock),
            (Money(200_000), true, Some(Quantity(-500)))
        );
        assert_eq!((it.description, it.added_date), (None, None));
        assert_eq!(it.updated_at, Time::parse("2026-11-21").ok());
    }

    #[test]
    fn a_product_of_a_shop_platform_is_read_as_it_is() {
        let body = r#"{"_id":"p","title":{"en":"Dates"},"category":"Fruit","price":24.5,
            "standard_price":"15.00","stock":12,"sku":"D-1","barcode":"505","status":"active",
            "locationStocks":[{"locationId":8,"name":"Riyadh","qty":7.5},{"locationId":12,"qty":-1},
            {"locationId":8,"name":"Jeddah","qty":"2"}]}"#;
        let it = product(body).unwrap();
        assert_eq!((it.cost, it.is_gone), (Some(Money(150_000)), false));
        let locations: Vec<_> = it
            .locations
            .iter()
            .map(|it| (&*it.id, it.name.as_ref().map(|name| name.shown("en")), it.stock.0))
            .collect();
        assert_eq!(locations, [("12", None, -1_000), ("8", Some("Jeddah"), 2_000)]);
    }

    #[test]
    fn a_product_is_gone_once_it_says_so_in_any_way() {
        for (rest, is_gone) in [
            (r#""isActive":false"#, true),
            (r#""active":0"#, true),
            (r#""is_active":"false""#, true),
            (r#""isActive":false,"active":true"#, true),
            (r#""active":true,"isActive":false"#, true),
            (r#""active":false,"is_active":false,"isActive":true"#, false),
            (r#""isActive":null,"active":false"#, true),
            (r#""isActive":"","active":true"#, false),
            (r#""status":"Inactive""#, true),
            (r#""deletedAt":"2026-01-01""#, true),
            (r#""isActive":true,"status":"publish","deleted_at":null"#, false),
            (r#""isActive":"","status":false,"deletedAt":"""#, false),
        ] {
            let body = format!(r#"{{"productId":"p","name":"n","category":"c","price":1,{rest}}}"#);
            assert_eq!(product(&body).map(|it| it.is_gone), Ok(is_gone), "{rest}");
        }
    }

    #[test]
    fn names_and_descriptions_may_be_in_up_to_8_languages() {
        let body = r#"{"_id":7,"title":{"en":" Mug ","ar":"كوب \ud83d","de":"","fr":null},
            "category":"Home","list_price":1,"qty":"-2","description":{"ar":"وصف","en":false}}"#;
        let it = product(body).unwrap();
        assert_eq!((&*it.product_id, it.stock), ("7", Some(Quantity::whole(-2))));
        assert_eq!((it.name.shown("en"), it.name.shown("ar")), ("Mug", "كوب \u{fffd}"));
        assert_eq!(it.name.shown("de"), "Mug", "a blank text is left out");
        assert_eq!(it.description.unwrap().shown("en"), "وصف");

        let many: Vec<_> = ('a'..='i').map(|it| format!(r#""{it}{it}":"{it}""#)).collect();
        let body = format!(
            r#"{{"productId":"p","name":{{{}}},"category":"c","price":1}}"#,
            many.join(",")
        );
        let it = product(&body).unwrap();
        assert!(it.adjusted.shortened);
        assert_eq!((it.name.shown("hh"), it.name.shown("ii")), ("h", "a"));
    }

    #[test]
    fn what_is_no_text_in_any_language_is_refused_with_what_is() {
        for name in ["7", r#"{"en":7}"#, r#"{"$oid":"7"}"#, r#"["Mug"]"#] {
            let body = format!(r#"{{"productId":"p","title":{name},"category":"c","price":1}}"#);
            let reasons = product(&body).unwrap_err();
            assert_eq!((reasons.len(), &*reasons[0].field), (1, "title"), "{name}");
            assert!(reasons[0].message.contains("by language"), "{}", reasons[0].message);
        }
        let blank = r#"{"productId":"p","name":{"en":"","ar":null},"category":"c","price":1}"#;
        assert_eq!(product(blank).unwrap_err()[0].message, "must not be blank");
    }

    #[test]
    fn bounds_are_reasons_under_their_fields() {
        let body = r#"{"productId":"p","name":1,"category":"","price":"1.00001","stock":[],
            "description":[],"imageUrl":1,"addedDate":"1969-01-01","lastUpdated":0}"#;
        let reasons = product(body).unwrap_err();
        let fields: Vec<_> = reasons.iter().map(|it| &*it.field).collect();
        assert_eq!(
            fields,
            [
                "name",
                "category",
                "price",
                "stock",
                "description",
                "imageUrl",
                "addedDate",
                "lastUpdated",
            ]
        );
    }
}
