//! A sale: `events.transaction`.

use std::borrow::Cow;

use super::status::Status;
use crate::json::Says::{Needed, Optional};
use crate::json::hint::none_of;
use crate::json::values::{
    OPEN_CHARS_MAX, Read, amount, currency, date, id, open, quantity, rate, string,
};
use crate::json::{Adjusted, Declared, Is, Payload, Reader, members, own};
use crate::money::Money;
use crate::products::id::product_id;
use crate::quantity::Quantity;
use crate::rates::foreign::Foreign;
use crate::time::Time;

/// A sale as its latest event states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Transaction<'a> {
    /// Identity.
    pub transaction_id: Cow<'a, str>,
    /// The customer.
    pub user_id: Cow<'a, str>,
    /// `totalPrice`, not negative; once it is converted, in the shop's currency.
    pub total_price: Money,
    /// The same as stated, in another currency than the shop's.
    pub foreign: Option<Foreign>,
    /// `transactionDate`.
    pub at: Time,
    /// The product, if named.
    pub product_id: Option<Cow<'a, str>>,
    /// Units of the product, more than none and at most 1,000,000.
    pub quantity: Quantity,
    /// Status; `completed` if absent.
    pub status: Status,
    /// Trimmed; `credit_card` if absent.
    pub payment_method: Cow<'a, str>,
    /// Trimmed, if stated.
    pub category: Option<Cow<'a, str>>,
    /// `shippingAddress.country`, trimmed. The rest of the address is personal and is left out.
    pub country: Option<Cow<'a, str>>,
    /// The order that it is a line of.
    pub order_id: Option<Cow<'a, str>>,
    /// The producer's version of this entity.
    pub updated_at: Option<Time>,
    /// Changes to values that are not taken as they are.
    pub adjusted: Adjusted,
}

members! {
    Members {
        transaction_id = "transactionId" | "transaction_id" | "_id": Needed(Is::Id),
        user_id = "userId" | "user_id" | "user": Needed(Is::Id),
        total_price = "totalPrice" | "amount" | "total_price": Needed(Is::Amount),
        transaction_date =
            "transactionDate" | "timestamp" | "transaction_date" | "createdAt" | "created_at":
            Needed(Is::Date),
        /// Any but `(none)`.
        product_id = "productId" | "product_id": Optional(Is::Id),
        /// 1 if absent.
        quantity = "quantity" | "qty": Optional(Is::Units(QUANTITY_MIN, QUANTITY_MAX)),
        /// `completed` if absent.
        status = "status": Optional(Is::Word(Status::WORDS)),
        /// `credit_card` if absent.
        payment_method = "paymentMethod" | "payment_method": Optional(Is::Text(OPEN_CHARS_MAX)),
        category = "category": Optional(Is::Text(OPEN_CHARS_MAX)),
        /// The shop's if absent.
        currency = "currency": Optional(Is::Currency),
        /// The amount of the shop's currency for one unit of `currency`.
        exchange_rate = "exchangeRate" | "exchange_rate": Optional(Is::Rate),
        /// The rest of an address is not kept.
        shipping_address =
            "shippingAddress" | "shipping_address": Optional(Is::Object(Address::DECLARED)),
        /// The order that it is a line of.
        order_id = "orderId" | "order_id" | "order": Optional(Is::Id),
        /// The producer's version: the newest counts.
        updated_at = "updatedAt" | "updated_at": Optional(Is::Date),
    }
}

members! {
    Address {
        country = "country": Optional(Is::Text(OPEN_CHARS_MAX)),
    }
}

/// The least units of one transaction.
pub(crate) const QUANTITY_MIN: Quantity = Quantity(1);
/// The most units of one transaction.
pub(crate) const QUANTITY_MAX: Quantity = Quantity::whole(1_000_000);

impl<'a> Payload<'a> for Transaction<'a> {
    type Members = Members<'a>;
    const MEMBERS: &'static [Declared] = Members::DECLARED;
    const EXAMPLE: &'static str = r#"{
        "transactionId":"t-1", "userId":"ann", "totalPrice":12.5,
        "transactionDate":"2026-01-02T03:04:05Z", "productId":"mug", "quantity":2,
        "status":"completed", "paymentMethod":"paypal", "category":"Kitchen",
        "shippingAddress":{"country":"IE"}, "orderId":"o-2", "updatedAt":"2026-01-02T03:04:05Z"
    }"#;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        let transaction_id = reader.required(found.transaction_id, id);
        let user_id = reader.required(found.user_id, id);
        let total_price = reader.required(found.total_price, amount);
        let currency = reader.optional(found.currency, currency).flatten();
        let rate = reader.optional(found.exchange_rate, rate).flatten();
        Transaction {
            transaction_id,
            user_id,
            total_price,
            foreign: currency.map(|it| Foreign::stated(it, total_price, rate)),
            at: reader.required(found.transaction_date, date),
            product_id: reader.optional(found.product_id, product_id),
            quantity: reader.optional(found.quantity, units).unwrap_or(Quantity::ONE),
            status: reader.optional(found.status, status).unwrap_or(Status::Completed),
            payment_method: reader
                .optional(found.payment_method, open)
                .unwrap_or(Cow::Borrowed("credit_card")),
            category: reader.optional(found.category, open),
            country: reader.object(found.shipping_address, country).flatten(),
            order_id: reader.optional(found.order_id, id),
            updated_at: reader.optional(found.updated_at, date),
            adjusted: reader.adjusted,
        }
    }

    fn entity(&self) -> &str {
        &self.transaction_id
    }
}

/// A word of the closed vocabulary of statuses.
fn status(json: &str, _: &mut Reader<'_>) -> Read<Status> {
    string(json)
        .and_then(|word| Status::parse(&word))
        .ok_or_else(|| none_of(json, Status::WORDS).into())
}

/// The one member of an address that is read; the rest of it is personal and is left out.
pub(crate) fn country<'a>(address: &Address<'a>, reader: &mut Reader<'_>) -> Option<Cow<'a, str>> {
    reader.optional(address.country, open)
}

/// Units of a product that were sold.
pub(crate) fn units(json: &str, reader: &mut Reader<'_>) -> Read<Quantity> {
    quantity(QUANTITY_MIN..=QUANTITY_MAX)(json, reader)
}

impl Transaction<'_> {
    /// The same transaction with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Transaction<'static> {
        Transaction {
            transaction_id: own(self.transaction_id),
            user_id: own(self.user_id),
            product_id: self.product_id.map(own),
            payment_method: own(self.payment_method),
            category: self.category.map(own),
            country: self.country.map(own),
            order_id: self.order_id.map(own),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::currency::Currency;
    use crate::event::{Event, Kind, Limits, Reason, parse};
    use crate::money::Money;
    use crate::rate::Rate;
    use crate::time::Time;

    const LIMITS: Limits<'_> = Limits { latest: Time(4_000_000_000_000), currency: "EUR" };

    fn transaction(body: &str) -> Result<Transaction<'_>, Vec<Reason>> {
        match parse(Kind::Transaction, body.as_bytes(), &LIMITS)? {
            Event::Transaction(it) => Ok(it),
            other => panic!("{other:?}"),
        }
    }

    fn refused(body: &str) -> Vec<String> {
        transaction(body).unwrap_err().into_iter().map(|it| it.field.into_owned()).collect()
    }

    const REQUIRED: &str =
        r#""transactionId":"t1","userId":"u1","totalPrice":12.5,"transactionDate":"2026-11-21""#;

    fn with(rest: &str) -> String {
        format!("{{{REQUIRED}{rest}}}")
    }

    #[test]
    fn a_sale_needs_four_fields_and_has_defaults_for_the_rest() {
        let expected = Transaction {
            transaction_id: "t1".into(),
            user_id: "u1".into(),
            total_price: Money(125_000),
            foreign: None,
            at: Time::parse("2026-11-21").unwrap(),
            product_id: None,
            quantity: Quantity::ONE,
            status: Status::Completed,
            payment_method: "credit_card".into(),
            category: None,
            country: None,
            order_id: None,
            updated_at: None,
            adjusted: Adjusted::default(),
        };
        assert_eq!(transaction(&with("")), Ok(expected.clone()));
        let nulls =
            with(r#","productId":null,"quantity":null,"status":null,"shippingAddress":null"#);
        assert_eq!(transaction(&nulls), Ok(expected));
    }

    #[test]
    fn every_field_is_read() {
        let body = with(
            r#","productId":"p1","quantity":3.0,"status":"returned","paymentMethod":" paypal ",
            "category":"Books","currency":"eur","updatedAt":"2026-11-22T00:00:00Z","unknown":[{}],
            "shippingAddress":{"street":"1 High St","city":7,"country":" IE "}"#,
        );
        let it = transaction(&body).unwrap();
        assert_eq!(it.product_id.as_deref(), Some("p1"));
        assert_eq!((it.quantity, it.status), (Quantity::whole(3), Status::Returned));
        assert_eq!((&*it.payment_method, it.category.as_deref()), ("paypal", Some("Books")));
        assert_eq!(it.country.as_deref(), Some("IE"));
        assert_eq!(it.updated_at, Time::parse("2026-11-22").ok());
    }

    #[test]
    fn aliases_stand_in_and_the_name_wins() {
        let body = r#"{"transactionId":"t","userId":"u","amount":"7.25","timestamp":"2026-01-01"}"#;
        assert_eq!(transaction(body).unwrap().total_price, Money(72_500));
        let both = with(r#","amount":"not read","timestamp":"not read""#);
        assert_eq!(transaction(&both).unwrap().total_price, Money(125_000));
    }

    #[test]
    fn every_reason_is_given_at_once_under_the_name_the_producer_used() {
        assert_eq!(refused("{}"), ["transactionId", "userId", "totalPrice", "transactionDate"]);
        let body = r#"{"transactionId":7.5,"userId":"","amount":-1,"timestamp":"2999-01-01",
            "currency":"US","exchange_rate":0,"quantity":0,"status":"Completed","shippingAddress":{"country":1}}"#;
        assert_eq!(
            refused(body),
            [
                "transactionId",
                "userId",
                "amount",
                "currency",
                "exchange_rate",
                "timestamp",
                "quantity",
                "status",
                "shippingAddress.country",
            ]
        );
        assert_eq!(refused(&with(r#","shippingAddress":"1 High St""#)), ["shippingAddress"]);
        let alias = with(r#","shipping_address":{"country":1},"qty":0"#);
        assert_eq!(refused(&alias), ["qty", "shipping_address.country"]);
        assert_eq!(
            refused(&with(r#","quantity":1000001,"productId":true"#)),
            ["productId", "quantity"]
        );
    }

    #[test]
    fn what_exports_write_for_nothing_is_absent() {
        let expected = transaction(&with("")).unwrap().into_owned();
        for nothing in [r#""""#, "null", "false", r#"" ""#] {
            let members = ["quantity", "status", "category", "currency", "updatedAt"];
            let rest = members.map(|name| format!(r#","{name}":{nothing}"#)).concat();
            let body = with(&format!(r#"{rest},"shippingAddress":{nothing}"#));
            assert_eq!(transaction(&body), Ok(expected.clone()), "{body}");
        }
        assert_eq!(transaction(&with(r#","productId":"""#)).unwrap().product_id, None);
    }

    #[test]
    fn an_alias_stands_in_for_a_name_that_is_blank() {
        let body = r#"{"transactionId":7,"userId":17850.0,"totalPrice":"","amount":"7.25",
            "transactionDate":false,"created_at":"2026-01-01T10:00:00+0200"}"#;
        let it = transaction(body).unwrap();
        assert_eq!((&*it.transaction_id, &*it.user_id), ("7", "17850"));
        assert_eq!(
            (it.total_price, it.at),
            (Money(72_500), Time::parse("2026-01-01T08:00").unwrap())
        );
    }

    #[test]
    fn another_currency_is_kept_beside_the_amount_and_the_shops_is_none() {
        let body = with(r#","currency":"usd","exchangeRate":"0.85""#);
        let (usd, rate) = (Currency::parse("USD").unwrap(), Rate::parse("0.85"));
        let foreign = Some(Foreign::stated(usd, Money(125_000), rate));
        assert_eq!(transaction(&body).unwrap().foreign, foreign);
        let body = with(r#","currency":"EUR","exchangeRate":0.85"#);
        assert_eq!(transaction(&body).unwrap().foreign, None);
    }

    #[test]
    fn blank_open_values_are_absent() {
        let body = with(r#","category":"","paymentMethod":"  ","shippingAddress":{"country":" "}"#);
        let it = transaction(&body).unwrap();
        assert_eq!((it.category, it.country, &*it.payment_method), (None, None, "credit_card"));
    }
}
