//! An order with its lines: `events.order`.

use std::borrow::Cow;

use super::status::{DeliveryStep, OrderStep, PaymentStep, Step};
use crate::currency::Currency;
use crate::json::Says::{Alias, Needed, Optional};
use crate::json::values::{
    OPEN_CHARS_MAX, Read, Refusal, Rounded, amount, boolean, currency, date, id, open, rate, string,
};
use crate::json::{Declared, Is, Member, Payload, Reader, elements, members, members_of, own};
use crate::money::Money;
use crate::products::id::product_id;
use crate::quantity::Quantity;
use crate::rate::Rate;
use crate::sales::event::{QUANTITY_MAX, QUANTITY_MIN, units};
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
    /// Whether a number with too many decimals was rounded.
    pub rounded: bool,
    /// The producer's version of this entity.
    pub updated_at: Option<Time>,
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
    Members("") {
        order_id = "orderId": Needed(Is::Id),
        id = "_id": Alias("orderId"),
        user_id = "userId": Needed(Is::Id),
        user = "user": Alias("userId"),
        order_date = "orderDate": Needed(Is::Date),
        created_at = "createdAt": Alias("orderDate"),
        lines = "lines": Needed(Is::List(LineMembers::DECLARED, LINES_MAX)),
        cart = "cart": Alias("lines"),
        invoice = "invoice": Optional(Is::Id),
        /// A status that was never stated is unknown.
        order_status = "orderStatus": Optional(Is::Word(OrderStep::WORDS)),
        order_status_snake = "order_status": Alias("orderStatus"),
        payment_status = "paymentStatus": Optional(Is::Word(PaymentStep::WORDS)),
        payment_status_snake = "payment_status": Alias("paymentStatus"),
        delivery_status = "deliveryStatus": Optional(Is::Word(DeliveryStep::WORDS)),
        delivery_status_snake = "delivery_status": Alias("deliveryStatus"),
        payment_method = "paymentMethod": Optional(Is::Text(OPEN_CHARS_MAX)),
        payment_method_snake = "payment_method": Alias("paymentMethod"),
        delivery_fee = "deliveryFee": Optional(Is::Amount),
        delivery_fee_snake = "delivery_fee": Alias("deliveryFee"),
        /// On the whole order; its lines share it by their amounts.
        discount = "discount": Optional(Is::Amount),
        tax = "tax": Optional(Is::Amount),
        /// Whether the prices include the tax; true if absent.
        tax_included = "taxIncluded": Optional(Is::Flag),
        /// Compared with what the lines, the fee and the tax come to.
        total = "total": Optional(Is::Amount),
        /// Of all its amounts; the shop's if absent.
        currency = "currency": Optional(Is::Currency),
        /// The amount of the shop's currency for one unit of `currency`.
        exchange_rate = "exchangeRate": Optional(Is::Rate),
        exchange_rate_snake = "exchange_rate": Alias("exchangeRate"),
        /// The rest of an address is not kept.
        shipping_address = "shippingAddress": Optional(Is::Object(Address::DECLARED)),
        user_info = "user_info": Alias("shippingAddress"),
        /// The producer's version: the newest counts. The statuses are as of it.
        updated_at = "updatedAt": Optional(Is::Date),
    }
}

members! {
    LineMembers("") {
        /// The line's place from 1 if absent.
        line_id = "lineId": Optional(Is::Id),
        id = "id": Alias("lineId"),
        /// Any but `(none)`.
        product_id = "productId": Optional(Is::Id),
        quantity = "quantity": Needed(Is::Units(QUANTITY_MIN, QUANTITY_MAX)),
        /// Of one unit.
        price = "price": Needed(Is::Amount),
        /// On the line.
        discount = "discount": Optional(Is::Amount),
        /// Of one unit.
        cost = "cost": Optional(Is::Amount),
        category = "category": Optional(Is::Text(OPEN_CHARS_MAX)),
    }
}

members! {
    Address("") {
        country = "country": Optional(Is::Text(OPEN_CHARS_MAX)),
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
        let limits = reader.limits;
        let order_id = reader.required(found.order_id.or(found.id), id);
        let user_id = reader.required(found.user_id.or(found.user), id);
        let at = reader.required(found.order_date.or(found.created_at), date(limits));
        let currency = reader.optional(found.currency, currency(limits)).flatten();
        let exchange_rate =
            reader.optional(found.exchange_rate.or(found.exchange_rate_snake), rate);
        let (lines, rounded) = lines(reader, found.lines.or(found.cart));
        let mut amounts = Amounts { rounded };
        Order {
            order_id,
            user_id,
            at,
            lines,
            invoice: reader.optional(found.invoice, id),
            order_status: reader
                .optional(found.order_status.or(found.order_status_snake), step::<OrderStep>),
            payment_status: reader
                .optional(found.payment_status.or(found.payment_status_snake), step::<PaymentStep>),
            delivery_status: reader.optional(
                found.delivery_status.or(found.delivery_status_snake),
                step::<DeliveryStep>,
            ),
            payment_method: reader
                .optional(found.payment_method.or(found.payment_method_snake), open),
            country: reader
                .optional(found.shipping_address, country("shippingAddress.country"))
                .or_else(|| reader.optional(found.user_info, country("user_info.country")))
                .and_then(|country| reader.optional(country, open)),
            currency,
            exchange_rate: exchange_rate.filter(|_| currency.is_some()),
            discount: amounts.optional(reader, found.discount).unwrap_or_default(),
            delivery_fee: amounts
                .optional(reader, found.delivery_fee.or(found.delivery_fee_snake))
                .unwrap_or_default(),
            tax: amounts.optional(reader, found.tax).unwrap_or_default(),
            tax_included: reader.optional(found.tax_included, boolean).unwrap_or(true),
            total: amounts.optional(reader, found.total),
            rounded: amounts.rounded,
            updated_at: reader.optional(found.updated_at, date(limits)),
        }
    }

    fn entity(&self) -> &str {
        &self.order_id
    }
}

/// Reads amounts, and keeps in mind whether one was rounded.
struct Amounts {
    rounded: bool,
}

impl Amounts {
    fn optional(&mut self, reader: &mut Reader<'_>, member: Member<'_>) -> Option<Money> {
        let amount = reader.optional(member, amount)?;
        self.rounded |= amount.rounded;
        Some(amount.value)
    }
}

/// A word of a closed vocabulary of statuses.
pub(super) fn step<S: Step>(json: &str) -> Read<S> {
    let word = string(json).unwrap_or_default();
    if word.trim().is_empty() && json.starts_with('"') {
        return Err(Refusal::Blank);
    }
    S::parse(&word).ok_or_else(|| format!("must be one of {}", S::WORDS.join(", ")).into())
}

/// The country of an address; the rest of it is personal and is left out.
fn country<'a>(name: &'static str) -> impl Fn(&'a str) -> Result<Member<'a>, Refusal> {
    move |json| Ok(Member { name, ..members_of::<Address<'_>>(json)?.country })
}

/// The lines, and whether an amount or a quantity in them was rounded.
fn lines<'a>(reader: &mut Reader<'_>, member: Member<'a>) -> (Vec<Line<'a>>, bool) {
    let list = reader.required(member, |json| {
        elements(json)
            .filter(|lines| (1..=LINES_MAX).contains(&lines.len()))
            .ok_or_else(|| format!("must be an array of 1 to {LINES_MAX} lines").into())
    });
    let (mut lines, mut rounded) = (Vec::with_capacity(list.len()), false);
    for (at, json) in list.into_iter().enumerate() {
        lines.push(reader.element(member.name, at, |reader| line(reader, json, &mut rounded)));
    }
    (lines, rounded)
}

fn line<'a>(reader: &mut Reader<'_>, json: &'a str, rounded: &mut bool) -> Line<'a> {
    let found: LineMembers<'_> = match members_of(json) {
        Ok(found) => found,
        Err(message) => {
            reader.refuse(Member::absent(""), message.into());
            return Line::default();
        }
    };
    let line_id = reader.optional(found.line_id.or(found.id), id);
    let product_id = reader.optional(found.product_id, product_id);
    let quantity: Rounded<Quantity> = reader.required(found.quantity, units);
    let price = reader.required(found.price, amount);
    let mut amounts = Amounts { rounded: quantity.rounded | price.rounded };
    let discount = amounts.optional(reader, found.discount).unwrap_or_default();
    let cost = amounts.optional(reader, found.cost);
    let category = reader.optional(found.category, open);
    let amounts_of_one = [(found.price, Some(price.value)), (found.cost, cost)];
    for (member, of_one) in amounts_of_one {
        if of_one.is_some_and(|of_one| of_one.times(quantity.value).is_none()) {
            reader.refuse(member, "times the quantity must be at most 1000000000".into());
        }
    }
    *rounded |= amounts.rounded;
    Line {
        line_id,
        product_id,
        quantity: quantity.value,
        price: price.value,
        discount,
        cost,
        category,
    }
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
            r#"{"_id":"665f","user":"65aa","invoice":"10482","createdAt":"2026-11-20T09:12:00Z",
            "updatedAt":"2026-11-20T09:12:00Z","cart":[{"id":"1","productId":"4711","price":24.5,
            "quantity":1.5,"title":{"en":"Dates"},"category":"Fruit"}],"user_info":{"city":"Riyadh",
            "country":"SA"},"order_status":"pending","payment_status":"pending",
            "payment_method":"cod","delivery_status":"pending","delivery_fee":10,"subtotal":36.75,
            "discount":5,"total":41.75,"coupon":"c77"}"#,
        )
        .unwrap();
        assert_eq!((&*it.order_id, &*it.user_id), ("665f", "65aa"));
        assert_eq!(it.country.as_deref(), Some("SA"));
        assert_eq!(it.lines[0].gross(), Money(367_500));
        assert_eq!(
            (it.lines[0].quantity, it.lines[0].line_id.as_deref()),
            (Quantity(1_500), Some("1"))
        );
        assert_eq!(it.order_status, Some(OrderStep::Pending));
        assert_eq!((it.delivery_fee, it.discount), (Money(100_000), Money(50_000)));
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
