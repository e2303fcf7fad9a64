//! Properties of any body: it is an event within its bounds that reads back as the same after it is
//! written down, or there is a reason against it.

use projections::behaviour::Activity;
use projections::bucket::{self, Level, day_of_quarter, quarter_of};
use projections::customers::event::Customer;
use projections::event::{Adjusted, Event, Kind, Limits, Reason, parse};
use projections::feedback::Feedback;
use projections::money::Money;
use projections::orders::event::{Line, Order};
use projections::orders::patch::OrderStatus;
use projections::orders::status::Step;
use projections::products::event::Product;
use projections::products::stock::{AtLocation, LOCATIONS_MAX, Stock};
use projections::quantity::Quantity;
use projections::rates::Foreign;
use projections::rates::event::Rate;
use projections::refunds::event::Refund;
use projections::sales::Transaction;
use projections::sessions::SessionEvent;
use projections::text::{Text, is_language};
use projections::time::Time;
use serde_json::{Map, Value, json};

/// The limits, with dates up to 2096.
pub const LIMITS: Limits<'_> = Limits { latest: Time(4_000_000_000_000), currency: "EUR" };

/// Checks any bytes as a body of every kind.
pub fn of_any_body(body: &[u8]) {
    for kind in Kind::ALL {
        of_outcome(kind, &parse(kind, body, &LIMITS));
    }
}

/// Checks the outcome of reading a body of a kind.
pub fn of_outcome(kind: Kind, outcome: &Result<Event<'_>, Vec<Reason>>) {
    match outcome {
        Ok(event) => {
            assert_eq!(event.kind(), kind);
            is_within_its_bounds(event);
            reads_back(event);
            assert_eq!(&event.clone().into_owned(), event);
        }
        Err(reasons) => {
            assert!(!reasons.is_empty(), "refused without a reason");
            assert!(reasons.iter().all(|it| !it.message.is_empty()), "{reasons:?}");
            let of_the_whole = reasons.iter().any(|it| it.field.is_empty());
            assert!(!of_the_whole || reasons.len() == 1, "{reasons:?}");
        }
    }
}

/// Writes an event down in the names of the wire and reads it.
fn reads_back(event: &Event<'_>) {
    let written = Value::Object(written(event)).to_string();
    let mut expected = event.clone();
    match &mut expected {
        Event::Transaction(it) => it.adjusted = Adjusted::default(),
        Event::Order(it) => it.adjusted = Adjusted::default(),
        Event::OrderStatus(it) => it.adjusted = Adjusted::default(),
        Event::Refund(it) => it.adjusted = Adjusted::default(),
        Event::Rate(it) => it.adjusted = Adjusted::default(),
        Event::Activity(it) => it.adjusted = Adjusted::default(),
        Event::Session(it) => it.adjusted = Adjusted::default(),
        Event::Feedback(it) => it.adjusted = Adjusted::default(),
        Event::Product(it) => it.adjusted = Adjusted::default(),
        Event::Stock(it) => it.adjusted = Adjusted::default(),
        Event::Customer(it) => it.adjusted = Adjusted::default(),
    }
    assert_eq!(
        parse(event.kind(), written.as_bytes(), &LIMITS).as_ref(),
        Ok(&expected),
        "{written}"
    );
}

fn written(event: &Event<'_>) -> Map<String, Value> {
    let date = |at: Option<Time>| at.map(Time::to_rfc3339);
    let value = match event {
        Event::Transaction(it) => transaction(it),
        Event::Order(it) => order(it),
        Event::OrderStatus(it) => order_status(it),
        Event::Refund(it) => refund(it),
        Event::Rate(it) => json!({
            "currency": it.currency,
            "rate": it.rate.to_string(),
            "date": bucket::label(Level::Day, it.day),
            "updatedAt": date(it.updated_at),
        }),
        Event::Activity(it) => json!({
            "activityId": it.activity_id,
            "userId": it.user_id,
            "activityType": it.activity_type,
            "timestamp": date(it.at),
            "productId": it.product_id,
            "device": it.device,
            "page": it.page,
            "country": it.country,
            "sessionId": it.session_id,
        }),
        Event::Session(it) => json!({
            "sessionId": it.session_id,
            "startedAt": it.started_at.to_rfc3339(),
            "endedAt": date(it.ended_at),
            "userId": it.user_id,
            "device": it.device,
            "country": it.country,
            "page": it.page,
            "pages": it.pages,
            "updatedAt": date(it.updated_at),
        }),
        Event::Feedback(it) => json!({
            "feedbackId": it.feedback_id,
            "userId": it.user_id,
            "productId": it.product_id,
            "rating": it.rating,
            "feedbackDate": date(it.at),
            "comment": it.comment,
            "updatedAt": date(it.updated_at),
        }),
        Event::Product(it) => product(it),
        Event::Stock(it) => json!({
            "productId": it.product_id,
            "stock": number(it.stock),
            "locationId": it.location_id,
            "locationName": it.location_name,
            "updatedAt": date(it.updated_at),
        }),
        Event::Customer(it) => json!({
            "userId": it.user_id,
            "username": it.username,
            "email": it.email,
            "firstName": it.first_name,
            "lastName": it.last_name,
            "country": it.country,
            "createdAt": date(it.created_at),
            "isActive": !it.is_gone,
            "updatedAt": date(it.updated_at),
        }),
    };
    match value {
        Value::Object(members) => members,
        other => panic!("no object: {other}"),
    }
}

fn transaction(it: &Transaction<'_>) -> Value {
    let date = |at: Option<Time>| at.map(Time::to_rfc3339);
    json!({
        "transactionId": it.transaction_id,
        "userId": it.user_id,
        // The price is a text, which is never rounded.
        "totalPrice": it.total_price.to_string(),
        "currency": it.foreign.map(|it| it.currency),
        "exchangeRate": it.foreign.and_then(|it| it.rate).map(|it| it.to_string()),
        "transactionDate": it.at.to_rfc3339(),
        "productId": it.product_id,
        "quantity": number(it.quantity),
        "status": it.status.as_str(),
        "paymentMethod": it.payment_method,
        "category": it.category,
        "shippingAddress": { "country": it.country },
        "orderId": it.order_id,
        "updatedAt": date(it.updated_at),
    })
}

fn product(it: &Product<'_>) -> Value {
    let date = |at: Option<Time>| at.map(Time::to_rfc3339);
    json!({
        "productId": it.product_id,
        "name": it.name,
        "category": it.category,
        "price": it.price.to_string(),
        "cost": it.cost.map(|it| it.to_string()),
        "stock": it.stock.map(number),
        "locationStocks": it.locations.iter().map(location).collect::<Vec<_>>(),
        "description": it.description,
        "imageUrl": it.image_url,
        "addedDate": date(it.added_date),
        "isActive": !it.is_gone,
        "lastUpdated": date(it.updated_at),
    })
}

fn order(it: &Order<'_>) -> Value {
    json!({
        "orderId": it.order_id,
        "userId": it.user_id,
        "orderDate": it.at.to_rfc3339(),
        "lines": it.lines.iter().map(line).collect::<Vec<_>>(),
        "invoice": it.invoice,
        "orderStatus": it.order_status.map(Step::as_str),
        "paymentStatus": it.payment_status.map(Step::as_str),
        "deliveryStatus": it.delivery_status.map(Step::as_str),
        "paymentMethod": it.payment_method,
        "shippingAddress": { "country": it.country },
        "currency": it.currency,
        "exchangeRate": it.exchange_rate.map(|it| it.to_string()),
        "discount": it.discount.to_string(),
        "deliveryFee": it.delivery_fee.to_string(),
        "tax": it.tax.to_string(),
        "taxIncluded": it.tax_included,
        "total": it.total.map(|it| it.to_string()),
        "updatedAt": it.updated_at.map(Time::to_rfc3339),
    })
}

fn order_status(it: &OrderStatus<'_>) -> Value {
    json!({
        "orderId": it.order_id,
        "at": it.at.to_rfc3339(),
        "orderStatus": it.order_status.map(Step::as_str),
        "paymentStatus": it.payment_status.map(Step::as_str),
        "deliveryStatus": it.delivery_status.map(Step::as_str),
    })
}

fn refund(it: &Refund<'_>) -> Value {
    json!({
        "refundId": it.refund_id,
        "amount": it.amount.to_string(),
        "currency": it.foreign.map(|it| it.currency),
        "exchangeRate": it.foreign.and_then(|it| it.rate).map(|it| it.to_string()),
        "at": it.at.to_rfc3339(),
        "orderId": it.order_id,
        "transactionId": it.transaction_id,
        "lineId": it.line_id,
        "productId": it.product_id,
        "userId": it.user_id,
        "quantity": (it.quantity != Quantity::ZERO).then(|| number(it.quantity)),
        "country": it.country,
        "reason": it.reason,
        "updatedAt": it.updated_at.map(Time::to_rfc3339),
    })
}

fn line(line: &Line<'_>) -> Value {
    json!({
        "lineId": line.line_id,
        "productId": line.product_id,
        "quantity": number(line.quantity),
        "price": line.price.to_string(),
        "discount": line.discount.to_string(),
        "cost": line.cost.map(|it| it.to_string()),
        "category": line.category,
    })
}

fn location(it: &AtLocation<'_>) -> Value {
    json!({ "locationId": it.id, "name": it.name, "qty": number(it.stock) })
}

fn number(quantity: Quantity) -> Value {
    serde_json::from_str(&quantity.to_string()).expect("a quantity is a JSON number")
}

fn is_within_its_bounds(event: &Event<'_>) {
    is_id(event.entity());
    match event {
        Event::Transaction(it) => of_transaction(it),
        Event::Order(it) => of_order(it),
        Event::OrderStatus(it) => is_date(Some(it.at)),
        Event::Refund(it) => of_refund(it),
        Event::Rate(it) => of_rate(it),
        Event::Activity(it) => of_activity(it),
        Event::Session(it) => of_session(it),
        Event::Feedback(it) => of_feedback(it),
        Event::Product(it) => of_product(it),
        Event::Stock(it) => of_stock(it),
        Event::Customer(it) => of_customer(it),
    }
}

fn of_transaction(it: &Transaction<'_>) {
    is_id(&it.user_id);
    is_amount(it.total_price);
    is_foreign(it.foreign, it.total_price);
    is_date(Some(it.at));
    is_date(it.updated_at);
    it.product_id.iter().for_each(|it| is_product(it));
    assert!((1..=1_000_000_000).contains(&it.quantity.0), "{}", it.quantity);
    is_open(Some(&it.payment_method), 64);
    is_open(it.category.as_deref(), 64);
    is_open(it.country.as_deref(), 64);
}

fn of_order(it: &Order<'_>) {
    is_id(&it.user_id);
    is_date(Some(it.at));
    is_date(it.updated_at);
    [it.discount, it.delivery_fee, it.tax].into_iter().chain(it.total).for_each(is_amount);
    is_open(it.payment_method.as_deref(), 64);
    is_open(it.country.as_deref(), 64);
    assert!((1..=2_000).contains(&it.lines.len()), "{} lines", it.lines.len());
    for line in &it.lines {
        line.line_id.iter().for_each(|it| is_id(it));
        line.product_id.iter().for_each(|it| is_product(it));
        assert!((1..=1_000_000_000).contains(&line.quantity.0), "{}", line.quantity);
        [line.gross(), line.discount].into_iter().chain(line.cost).for_each(is_amount);
        is_open(line.category.as_deref(), 64);
    }
}

fn of_rate(it: &Rate<'_>) {
    assert_ne!(it.currency.as_str(), LIMITS.currency);
    assert!(it.rate.0 > 0, "{}", it.rate);
    assert!(it.day <= day_of_quarter(quarter_of(LIMITS.latest)), "{}", it.day);
    is_date(it.updated_at);
}

fn of_refund(it: &Refund<'_>) {
    is_amount(it.amount);
    is_foreign(it.foreign, it.amount);
    is_date(Some(it.at));
    is_date(it.updated_at);
    let ids = [&it.order_id, &it.transaction_id, &it.line_id, &it.user_id];
    ids.into_iter().flatten().for_each(|it| is_id(it));
    it.product_id.iter().for_each(|it| is_product(it));
    assert!((0..=1_000_000_000).contains(&it.quantity.0), "{}", it.quantity);
    is_open(it.country.as_deref(), 64);
    is_open(it.reason.as_deref(), 64);
}

fn of_activity(it: &Activity<'_>) {
    is_id(&it.user_id);
    is_date(it.at);
    it.product_id.iter().for_each(|it| is_product(it));
    it.session_id.iter().for_each(|it| is_id(it));
    is_open(Some(&it.activity_type), 64);
    is_open(it.device.as_deref(), 64);
    is_open(it.country.as_deref(), 64);
    is_open(it.page.as_deref(), 256);
}

fn of_session(it: &SessionEvent<'_>) {
    is_date(Some(it.started_at));
    is_date(it.ended_at);
    is_date(it.updated_at);
    assert!(it.ended_at.is_none_or(|at| at >= it.started_at), "{it:?}");
    it.user_id.iter().for_each(|it| is_id(it));
    is_open(it.device.as_deref(), 64);
    is_open(it.country.as_deref(), 64);
    is_open(it.page.as_deref(), 256);
    assert!(it.pages.unwrap_or_default() <= 1_000_000, "{:?}", it.pages);
}

fn of_feedback(it: &Feedback<'_>) {
    is_id(&it.user_id);
    is_product(&it.product_id);
    is_date(it.at);
    is_date(it.updated_at);
    assert!((1..=5).contains(&it.rating), "{}", it.rating);
    is_text(it.comment.as_deref(), 500);
}

fn of_product(it: &Product<'_>) {
    is_product(&it.product_id);
    is_in_languages(Some(&it.name), 100);
    is_open(Some(&it.category), 64);
    is_amount(it.price);
    it.cost.iter().for_each(|it| is_amount(*it));
    it.stock.iter().for_each(|it| is_stock(*it));
    assert!(it.locations.len() <= LOCATIONS_MAX, "{} locations", it.locations.len());
    for location in &it.locations {
        is_id(&location.id);
        is_in_languages(location.name.as_ref(), 100);
        is_stock(location.stock);
    }
    is_in_languages(it.description.as_ref(), 500);
    is_date(it.added_date);
    is_date(it.updated_at);
}

fn of_stock(it: &Stock<'_>) {
    is_product(&it.product_id);
    is_stock(it.stock);
    it.location_id.iter().for_each(|it| is_id(it));
    is_in_languages(it.location_name.as_ref(), 100);
    is_date(it.updated_at);
}

fn of_customer(it: &Customer<'_>) {
    is_id(&it.user_id);
    is_open(it.country.as_deref(), 64);
    for text in [&it.username, &it.first_name, &it.last_name] {
        is_text(text.as_deref(), 128);
    }
    is_text(it.email.as_deref(), 254);
    is_date(it.created_at);
    is_date(it.updated_at);
}

fn is_id(id: &str) {
    assert!((1..=128).contains(&id.chars().count()), "{id:?}");
}

fn is_product(id: &str) {
    is_id(id);
    assert_ne!(id, "(none)");
}

fn is_text(text: Option<&str>, chars_max: usize) {
    if let Some(text) = text {
        assert!(!text.trim().is_empty() && text.chars().count() <= chars_max, "{text:?}");
    }
}

fn is_in_languages(text: Option<&Text<'_>>, chars_max: usize) {
    match text {
        Some(Text::ByLanguage(texts)) => {
            assert!((1..=8).contains(&texts.len()), "{texts:?}");
            for (language, text) in texts {
                assert!(is_language(language), "{language:?}");
                is_text(Some(text), chars_max);
            }
        }
        Some(Text::One(text)) => is_text(Some(text), chars_max),
        None => {}
    }
}

fn is_open(value: Option<&str>, chars_max: usize) {
    is_text(value, chars_max);
    assert_eq!(value.map(str::trim), value);
}

fn is_foreign(foreign: Option<Foreign>, stated: Money) {
    if let Some(foreign) = foreign {
        assert_ne!(foreign.currency.as_str(), LIMITS.currency);
        assert_eq!((foreign.amount, foreign.own), (stated, foreign.rate.is_some()));
        assert!(foreign.rate.is_none_or(|it| it.0 > 0), "{foreign:?}");
    }
}

fn is_amount(amount: Money) {
    assert!((Money::ZERO..=Money::LARGEST).contains(&amount), "{amount}");
}

fn is_stock(stock: Quantity) {
    let bounds = Quantity::whole(-1_000_000_000)..=Quantity::whole(1_000_000_000_000);
    assert!(bounds.contains(&stock), "{stock}");
}

fn is_date(at: Option<Time>) {
    if let Some(at) = at {
        assert!((Time(0)..=LIMITS.latest).contains(&at), "{at}");
    }
}
