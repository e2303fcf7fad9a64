//! An order with its lines: `events.order`.

use std::borrow::Cow;

use super::status::{DeliveryStep, OrderStep, PaymentStep, Step};
use crate::json::values::{
    Read, Refusal, amount, boolean, currency, date, id, open, quantity, string,
};
use crate::json::{Member, Payload, Reader, elements, members, members_of, own};
use crate::money::Money;
use crate::products::id::product_id;
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
    /// In 1/1,000 of a unit, above zero.
    pub quantity: i64,
    /// Quantity times price.
    pub gross: Money,
    /// On the line.
    pub discount: Money,
    /// The cost of what was sold: quantity times the cost of a unit.
    pub cost: Option<Money>,
    /// Trimmed, if stated.
    pub category: Option<Cow<'a, str>>,
}

members! {
    Members("") {
        order_id = "orderId",
        id = "_id",
        user_id = "userId",
        user = "user",
        order_date = "orderDate",
        created_at = "createdAt",
        lines = "lines",
        cart = "cart",
        invoice = "invoice",
        order_status = "orderStatus",
        order_status_snake = "order_status",
        payment_status = "paymentStatus",
        payment_status_snake = "payment_status",
        delivery_status = "deliveryStatus",
        delivery_status_snake = "delivery_status",
        payment_method = "paymentMethod",
        payment_method_snake = "payment_method",
        delivery_fee = "deliveryFee",
        delivery_fee_snake = "delivery_fee",
        discount = "discount",
        tax = "tax",
        tax_included = "taxIncluded",
        total = "total",
        currency = "currency",
        shipping_address = "shippingAddress",
        user_info = "user_info",
        updated_at = "updatedAt",
    }
}

members! {
    LineMembers("") {
        line_id = "lineId",
        id = "id",
        product_id = "productId",
        quantity = "quantity",
        price = "price",
        discount = "discount",
        cost = "cost",
        category = "category",
    }
}

members! {
    Address("") {
        country = "country",
    }
}

/// The most lines of one order.
pub const LINES_MAX: usize = 2_000;

impl<'a> Payload<'a> for Order<'a> {
    type Members = Members<'a>;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        let limits = reader.limits;
        let order_id = reader.required(found.order_id.or(found.id), id);
        let user_id = reader.required(found.user_id.or(found.user), id);
        let at = reader.required(found.order_date.or(found.created_at), date(limits));
        reader.optional(found.currency, currency(limits));
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
    fn optional<'a>(&mut self, reader: &mut Reader<'_>, member: Member<'a>) -> Option<Money> {
        let amount = reader.optional(member, amount)?;
        self.rounded |= amount.rounded;
        Some(amount.money)
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
    let quantity = reader.required(found.quantity, quantity);
    let price = reader.required(found.price, amount);
    let mut amounts = Amounts { rounded: quantity.rounded | price.rounded };
    let discount = amounts.optional(reader, found.discount).unwrap_or_default();
    let cost = amounts.optional(reader, found.cost);
    let category = reader.optional(found.category, open);
    let gross = times(price.money, quantity.thousandths);
    if gross.is_none() {
        reader.refuse(found.price, "times the quantity must be at most 1000000000".into());
    }
    let cost = cost.map(|cost| times(cost, quantity.thousandths));
    if cost == Some(None) {
        reader.refuse(found.cost, "times the quantity must be at most 1000000000".into());
    }
    *rounded |= amounts.rounded;
    Line {
        line_id,
        product_id,
        quantity: quantity.thousandths,
        gross: gross.unwrap_or_default(),
        discount,
        cost: cost.flatten(),
        category,
    }
}

/// An amount for one unit times a quantity in 1/1,000, rounded half-even, if it can be stated.
fn times(amount: Money, thousandths: i64) -> Option<Money> {
    let exact = i128::from(amount.0) * i128::from(thousandths);
    let (floor, rest) = (exact.div_euclid(1_000), exact.rem_euclid(1_000));
    let is_up = rest > 500 || (rest == 500 && floor % 2 != 0);
    let product = i64::try_from(floor + i128::from(is_up)).ok().map(Money)?;
    (product <= Money::LARGEST).then_some(product)
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
        assert_eq!(it.lines[0].gross, Money(367_500));
        assert_eq!((it.lines[0].quantity, it.lines[0].line_id.as_deref()), (1_500, Some("1")));
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

    #[test]
    fn a_price_times_a_weight_is_rounded_half_even() {
        assert_eq!(times(Money(5), 500), Some(Money(2)));
        assert_eq!(times(Money(7), 500), Some(Money(4)));
        assert_eq!(times(Money(7), 501), Some(Money(4)));
        assert_eq!(times(Money::LARGEST, 1_000), Some(Money::LARGEST));
        assert_eq!(times(Money::LARGEST, 1_001), None);
    }
}
