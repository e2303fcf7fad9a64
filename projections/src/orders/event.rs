//! An order with its lines: `events.order`.

use std::borrow::Cow;

use super::status::{DeliveryStep, OrderStep, PaymentStep, Step};
use crate::currency::Currency;
use crate::json::Says::{Needed, Optional};
use crate::json::hint::none_of;
use crate::json::values::{
    OPEN_CHARS_MAX, Read, amount, currency, date, flag, id, list, open, rate, string,
};
use crate::json::{Adjusted, Declared, Is, Payload, Reader, members, own};
use crate::money::Money;
use crate::products::id::product_id;
use crate::quantity::Quantity;
use crate::rate::Rate;
use crate::sales::event::{Address, QUANTITY_MAX, QUANTITY_MIN, country, units};
use crate::time::Time;

/// An order as one event states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Order<'a> {
    /// Identity.
    pub order_id: Cow<'a, str>,
    /// The customer.
    pub user_id: Cow<'a, str>,
    /// `orderDate`.
    pub at: Time,
    /// 1 to 2,000 lines.
    pub lines: Vec<Line<'a>>,
    /// As stated.
    pub invoice: Option<Cow<'a, str>>,
    /// The status of the order.
    pub order_status: Option<OrderStep>,
    /// The status of its payment.
    pub payment_status: Option<PaymentStep>,
    /// The status of its delivery.
    pub delivery_status: Option<DeliveryStep>,
    /// Trimmed, if stated.
    pub payment_method: Option<Cow<'a, str>>,
    /// `shippingAddress.country`, trimmed.
    pub country: Option<Cow<'a, str>>,
    /// The currency of its amounts, if it is another than the shop's.
    pub currency: Option<Currency>,
    /// The amount of the shop's currency for one unit of that one.
    pub exchange_rate: Option<Rate>,
    /// On the whole order, beside the discounts of lines.
    pub discount: Money,
    /// For the delivery.
    pub delivery_fee: Money,
    /// Of the whole order.
    pub tax: Money,
    /// Whether the prices include the tax; true unless stated.
    pub tax_included: bool,
    /// As stated.
    pub total: Option<Money>,
    /// The producer's version of this entity.
    pub updated_at: Option<Time>,
    /// Changes to values that are not taken as they are.
    pub adjusted: Adjusted,
}

/// A line of an order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line<'a> {
    /// Its id, if it has one.
    pub line_id: Option<Cow<'a, str>>,
    /// The product, if named.
    pub product_id: Option<Cow<'a, str>>,
    /// Units of the product, more than none and at most 1,000,000.
    pub quantity: Quantity,
    /// Of one unit.
    pub price: Money,
    /// On the line.
    pub discount: Money,
    /// Of one unit.
    pub cost: Option<Money>,
    /// Trimmed, if stated.
    pub category: Option<Cow<'a, str>>,
}

members! {
    Members {
        order_id = "orderId" | "order_id" | "_id": Needed(Is::Id),
        user_id = "userId" | "user_id" | "user": Needed(Is::Id),
        order_date = "orderDate" | "order_date" | "createdAt" | "created_at": Needed(Is::Date),
        lines = "lines" | "cart": Needed(Is::List(LineMembers::DECLARED, 1, LINES_MAX)),
        invoice = "invoice": Optional(Is::Id),
        /// A status that was never stated is unknown.
        order_status = "orderStatus" | "order_status": Optional(Is::Word(OrderStep::WORDS)),
        payment_status = "paymentStatus" | "payment_status": Optional(Is::Word(PaymentStep::WORDS)),
        delivery_status =
            "deliveryStatus" | "delivery_status": Optional(Is::Word(DeliveryStep::WORDS)),
        payment_method = "paymentMethod" | "payment_method": Optional(Is::Text(OPEN_CHARS_MAX)),
        delivery_fee = "deliveryFee" | "delivery_fee": Optional(Is::Amount),
        /// On the whole order; its lines share it by their amounts.
        discount = "discount": Optional(Is::Amount),
        tax = "tax": Optional(Is::Amount),
        /// Whether the prices include the tax; true if absent.
        tax_included = "taxIncluded" | "tax_included": Optional(Is::Flag),
        /// Compared with what the lines, the fee and the tax come to.
        total = "total": Optional(Is::Amount),
        /// Of all its amounts; the shop's if absent.
        currency = "currency": Optional(Is::Currency),
        /// The amount of the shop's currency for one unit of `currency`.
        exchange_rate = "exchangeRate" | "exchange_rate": Optional(Is::Rate),
        /// The rest of an address is not kept.
        shipping_address =
            "shippingAddress" | "shipping_address" | "user_info":
            Optional(Is::Object(Address::DECLARED)),
        /// The producer's version: the newest counts. The statuses are as of it.
        updated_at = "updatedAt" | "updated_at": Optional(Is::Date),
    }
}

members! {
    LineMembers {
        /// The line's place from 1 if absent.
        line_id = "lineId" | "line_id" | "id" | "_id": Optional(Is::Id),
        /// Any but `(none)`.
        product_id = "productId" | "product_id": Optional(Is::Id),
        quantity = "quantity" | "qty": Needed(Is::Units(QUANTITY_MIN, QUANTITY_MAX)),
        /// Of one unit.
        price = "price": Needed(Is::Amount),
        /// On the line.
        discount = "discount": Optional(Is::Amount),
        /// Of one unit.
        cost = "cost": Optional(Is::Amount),
        category = "category": Optional(Is::Text(OPEN_CHARS_MAX)),
    }
}

/// The most lines of one order.
pub const LINES_MAX: usize = 2_000;

impl<'a> Payload<'a> for Order<'a> {
    type Members = Members<'a>;
    const MEMBERS: &'static [Declared] = Members::DECLARED;
    const EXAMPLE: &'static str = r#"{
        "orderId":"o-1", "userId":"ann", "orderDate":"2026-01-02T03:04:05Z", "invoice":"10482",
        "lines":[
            {"lineId":"1", "productId":"mug", "quantity":2, "price":6.25, "category":"Kitchen"},
            {"lineId":"2", "productId":"dates", "quantity":0.75, "price":24, "discount":1, "cost":15}
        ],
        "orderStatus":"processing", "paymentStatus":"paid", "deliveryStatus":"pending",
        "paymentMethod":"card", "deliveryFee":4.5, "discount":3, "tax":2.1, "taxIncluded":true,
        "total":31, "shippingAddress":{"country":"IE"}, "updatedAt":"2026-01-02T03:04:05Z"
    }"#;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        let order_id = reader.required(found.order_id, id);
        let user_id = reader.required(found.user_id, id);
        let at = reader.required(found.order_date, date);
        let currency = reader.optional(found.currency, currency).flatten();
        let exchange_rate = reader.optional(found.exchange_rate, rate).flatten();
        let lines = reader.required(found.lines, list(1, LINES_MAX));
        Order {
            order_id,
            user_id,
            at,
            lines: reader.each(found.lines, lines, line),
            invoice: reader.optional(found.invoice, id),
            order_status: reader.optional(found.order_status, step),
            payment_status: reader.optional(found.payment_status, step),
            delivery_status: reader.optional(found.delivery_status, step),
            payment_method: reader.optional(found.payment_method, open),
            country: reader.object(found.shipping_address, country).flatten(),
            currency,
            exchange_rate: exchange_rate.filter(|_| currency.is_some()),
            discount: reader.optional(found.discount, amount).unwrap_or_default(),
            delivery_fee: reader.optional(found.delivery_fee, amount).unwrap_or_default(),
            tax: reader.optional(found.tax, amount).unwrap_or_default(),
            tax_included: reader.optional(found.tax_included, flag).unwrap_or(true),
            total: reader.optional(found.total, amount),
            updated_at: reader.optional(found.updated_at, date),
            adjusted: reader.adjusted,
        }
    }

    fn entity(&self) -> &str {
        &self.order_id
    }
}

/// A word of a closed vocabulary of statuses.
pub(super) fn step<S: Step>(json: &str, _: &mut Reader<'_>) -> Read<S> {
    string(json).and_then(|word| S::parse(&word)).ok_or_else(|| none_of(json, S::WORDS).into())
}

fn line<'a>(found: &LineMembers<'a>, reader: &mut Reader<'_>) -> Line<'a> {
    let line = Line {
        line_id: reader.optional(found.line_id, id),
        product_id: reader.optional(found.product_id, product_id),
        quantity: reader.required(found.quantity, units),
        price: reader.required(found.price, amount),
        discount: reader.optional(found.discount, amount).unwrap_or_default(),
        cost: reader.optional(found.cost, amount),
        category: reader.optional(found.category, open),
    };
    for (member, of_one) in [(found.price, Some(line.price)), (found.cost, line.cost)] {
        if of_one.is_some_and(|of_one| of_one.times(line.quantity).is_none()) {
            reader.refuse(member, "times the quantity must be at most 1000000000".into());
        }
    }
    line
}

impl Order<'_> {
    /// The same order with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Order<'static> {
        Order {
            order_id: own(self.order_id),
            user_id: own(self.user_id),
            lines: self.lines.into_iter().map(Line::into_owned).collect(),
            invoice: self.invoice.map(own),
            payment_method: self.payment_method.map(own),
            country: self.country.map(own),
            ..self
        }
    }
}

impl Line<'_> {
    /// Quantity times price.
    #[must_use]
    pub fn gross(&self) -> Money {
        // A line whose amount cannot be stated was refused.
        self.price.times(self.quantity).unwrap_or_default()
    }

    /// Quantity times the cost of one unit, if stated.
    #[must_use]
    pub fn cost(&self) -> Option<Money> {
        self.cost?.times(self.quantity)
    }

    /// Its gross less its own discount.
    #[must_use]
    pub fn net(&self) -> Money {
        Money(self.gross().0 - self.discount.0)
    }

    fn into_owned(self) -> Line<'static> {
        Line {
            line_id: self.line_id.map(own),
            product_id: self.product_id.map(own),
            category: self.category.map(own),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Kind, Limits, Reason, parse};

    const LIMITS: Limits<'_> = Limits { latest: Time(4_000_000_000_000), currency: "EUR" };

    fn order(body: &str) -> Result<Order<'static>, Vec<Reason>> {
        match parse(Kind::Order, body.as_bytes(), &LIMITS)?.into_owned() {
            Event::Order(it) => Ok(it),
            other => panic!("{other:?}"),
        }
    }

    fn with(rest: &str) -> String {
        format!(r#"{{"orderId":"o","userId":"u","orderDate":"2026-11-21"{rest}}}"#)
    }

    #[test]
    fn an_order_of_a_shop_platform_is_read_as_it_is() {
        let it = order(
            r#"{"_id":"665f…","user":"65aa…","invoice":10482,"createdAt":"2026-11-20T09:12:00Z","updatedAt":"2026-11-20T09:12:00Z",
 "cart":[{"id":"1","productId":"4711","title":{"en":"Dates","ar":"تمر"},"price":24.5,"quantity":1.5,"selectedUnitId":"kg","unitValue":1,"category":"Fruit"},
         {"id":"2","isCombo":true,"promotion":{"_id":"p9","type":"combo"},"comboPrice":60,"price":60,"quantity":1,"productId":"combo-p9",
          "selectedProducts":[{"productId":"12","quantity":2},{"productId":"18","quantity":1}]}],
 "user_info":{"city":"Riyadh","country":"SA","zipCode":"11564","deliveryLocation":{"latitude":24.71,"longitude":46.67}},
 "order_status":"pending","payment_status":"pending","payment_method":"cod","delivery_status":"pending",
 "delivery_fee":10,"subtotal":96.75,"discount":5,"total":101.75,"coupon":"c77","estimated_delivery":"2026-11-20T11:00:00Z"}"#,
        )
        .unwrap();
        let at = Time::parse("2026-11-20T09:12").unwrap();
        let line = |id: &'static str, product: &'static str| Line {
            line_id: Some(id.into()),
            product_id: Some(product.into()),
            ..Line::default()
        };
        let expected = Order {
            order_id: "665f…".into(),
            user_id: "65aa…".into(),
            at,
            lines: vec![
                Line {
                    quantity: Quantity(1_500),
                    price: Money(245_000),
                    category: Some("Fruit".into()),
                    ..line("1", "4711")
                },
                Line { quantity: Quantity::ONE, price: Money(600_000), ..line("2", "combo-p9") },
            ],
            invoice: Some("10482".into()),
            order_status: Some(OrderStep::Pending),
            payment_status: Some(PaymentStep::Pending),
            delivery_status: Some(DeliveryStep::Pending),
            payment_method: Some("cod".into()),
            country: Some("SA".into()),
            currency: None,
            exchange_rate: None,
            discount: Money(50_000),
            delivery_fee: Money(100_000),
            tax: Money::ZERO,
            tax_included: true,
            total: Some(Money(1_017_500)),
            updated_at: Some(at),
            adjusted: Adjusted::default(),
        };
        assert_eq!(it, expected);
    }

    #[test]
    fn an_order_is_as_lenient_as_a_sale() {
        let it = order(
            r#"{"_id":{"$oid":"665f0000aaaabbbbccccdddd"},"user":7,"createdAt":{"$date":1795262400000},
            "cart":[{"_id":1,"product_id":4711.0,"qty":"0.7500","price":{"$numberDecimal":"24.50"},
            "discount":"","cost":false}],"order_status":"","payment_status":false,"total":"",
            "shippingAddress":{},"user_info":{"country":" SA "},"tax_included":"false"}"#,
        )
        .unwrap();
        assert_eq!((&*it.order_id, &*it.user_id), ("665f0000aaaabbbbccccdddd", "7"));
        assert_eq!((it.at, it.total), (Time(1_795_262_400_000), None));
        assert_eq!((it.order_status, it.payment_status), (None, None));
        assert!(!it.tax_included);
        let line = &it.lines[0];
        assert_eq!(
            (line.line_id.as_deref(), line.product_id.as_deref()),
            (Some("1"), Some("4711"))
        );
        assert_eq!((line.quantity, line.price), (Quantity(750), Money(245_000)));
        assert_eq!((line.discount, line.cost), (Money::ZERO, None));
        let faulty = with(r#","cart":[{"qty":0,"price":1}],"user_info":{"country":7}"#);
        let fields: Vec<_> = order(&faulty).unwrap_err().into_iter().map(|it| it.field).collect();
        assert_eq!(fields, ["cart[0].qty", "user_info.country"]);
    }

    #[test]
    fn a_fault_in_a_line_names_the_line() {
        let body = with(
            r#","lines":[{"productId":"p","quantity":1,"price":2},{"quantity":0,"price":-1},7]"#,
        );
        let reasons = order(&body).unwrap_err();
        let fields: Vec<_> = reasons.iter().map(|reason| &*reason.field).collect();
        assert_eq!(fields, ["lines[1].quantity", "lines[1].price", "lines[2]"]);
        for lines in ["[]", "{}", "7", "\"\""] {
            let reasons = order(&with(&format!(r#","lines":{lines}"#))).unwrap_err();
            assert_eq!((reasons.len(), &*reasons[0].field), (1, "lines"), "{lines}");
        }
        assert_eq!(order(&with("")).unwrap_err()[0].message, "is required");
        let much = r#","lines":[{"quantity":1000000,"price":1000000000}]"#;
        assert_eq!(order(&with(much)).unwrap_err()[0].field, "lines[0].price");
    }
}
