//! Properties of any body: it is an event within its bounds that reads back as the same after it is
//! written down, or there is a reason against it.

use projections::behaviour::Activity;
use projections::customers::event::Customer;
use projections::event::{Adjusted, Event, Kind, Limits, Reason, parse};
use projections::feedback::Feedback;
use projections::money::Money;
use projections::products::event::Product;
use projections::products::stock::Stock;
use projections::quantity::Quantity;
use projections::sales::Transaction;
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
        Event::Activity(it) => it.adjusted = Adjusted::default(),
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
        Event::Transaction(it) => json!({
            "transactionId": it.transaction_id,
            "userId": it.user_id,
            // The price is a text, which is never rounded.
            "totalPrice": it.total_price.to_string(),
            "transactionDate": it.at.to_rfc3339(),
            "productId": it.product_id,
            "quantity": number(it.quantity),
            "status": it.status.as_str(),
            "paymentMethod": it.payment_method,
            "category": it.category,
            "shippingAddress": { "country": it.country },
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
        Event::Feedback(it) => json!({
            "feedbackId": it.feedback_id,
            "userId": it.user_id,
            "productId": it.product_id,
            "rating": it.rating,
            "feedbackDate": date(it.at),
            "comment": it.comment,
            "updatedAt": date(it.updated_at),
        }),
        Event::Product(it) => json!({
            "productId": it.product_id,
            "name": it.name,
            "category": it.category,
            "price": it.price.to_string(),
            "stock": it.stock.map(number),
            "description": it.description,
            "imageUrl": it.image_url,
            "addedDate": date(it.added_date),
            "lastUpdated": date(it.updated_at),
        }),
        Event::Stock(it) => json!({
            "productId": it.product_id,
            "stock": number(it.stock),
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
            "updatedAt": date(it.updated_at),
        }),
    };
    match value {
        Value::Object(members) => members,
        other => panic!("no object: {other}"),
    }
}

fn number(quantity: Quantity) -> Value {
    serde_json::from_str(&quantity.to_string()).expect("a quantity is a JSON number")
}

fn is_within_its_bounds(event: &Event<'_>) {
    is_id(event.entity());
    match event {
        Event::Transaction(it) => of_transaction(it),
        Event::Activity(it) => of_activity(it),
        Event::Feedback(it) => of_feedback(it),
        Event::Product(it) => of_product(it),
        Event::Stock(it) => of_stock(it),
        Event::Customer(it) => of_customer(it),
    }
}

fn of_transaction(it: &Transaction<'_>) {
    is_id(&it.user_id);
    is_amount(it.total_price);
    is_date(Some(it.at));
    is_date(it.updated_at);
    it.product_id.iter().for_each(|it| is_product(it));
    assert!((1..=1_000_000_000).contains(&it.quantity.0), "{}", it.quantity);
    is_open(Some(&it.payment_method), 64);
    is_open(it.category.as_deref(), 64);
    is_open(it.country.as_deref(), 64);
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
    it.stock.iter().for_each(|it| is_stock(*it));
    is_in_languages(it.description.as_ref(), 500);
    is_date(it.added_date);
    is_date(it.updated_at);
}

fn of_stock(it: &Stock<'_>) {
    is_product(&it.product_id);
    is_stock(it.stock);
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
