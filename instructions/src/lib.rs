//! The input that is parsed and folded: 60 % activity, 30 % transactions, 10 % feedback, the same
//! at every run, over customers and products of which few are named often.

use projections::batch::{Batch, Message, Step};
use projections::collections::Needs;
use projections::event::{Kind, Limits, parse};
use projections::fold::root::{FoldSettings, Root};
use projections::fold::{Fold, Stamp};
use projections::for_each_collection;
use projections::time::Time;

/// The limits, with dates up to 2096.
pub const LIMITS: Limits<'_> = Limits { latest: Time(4_000_000_000_000), currency: "EUR" };

/// 2026-11-21T12:00:00Z.
const BEGINS_MS: u64 = 1_795_262_400_000;

/// An event of a kind as producers send it.
pub fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Transaction => {
            r#"{"transactionId":"t-1","userId":"U17","productId":"P4","quantity":2,"totalPrice":37.25,"transactionDate":"2026-11-21T10:07:00.000Z","status":"completed","paymentMethod":"paypal","shippingAddress":{"street":"1 High Street","city":"Somewhere","zipCode":"12345","country":"Ireland"}}"#
        }
        Kind::Activity => {
            r#"{"activityId":"a-1","userId":"U17","activityType":"viewed_product","timestamp":"2026-11-21T10:07:00.000Z","productId":"P4","device":"mobile","page":"/products/7","country":"Ireland","ipAddress":"192.0.2.7","sessionId":"s-1"}"#
        }
        Kind::Session => {
            r#"{"sessionId":"s-1","startedAt":"2026-11-21T10:07:00.000Z","endedAt":"2026-11-21T10:21:00.000Z","userId":"U17","device":"mobile","country":"Ireland","page":"/products/7","pages":5}"#
        }
        Kind::Feedback => {
            r#"{"feedbackId":"f-1","userId":"U17","productId":"P4","rating":4,"feedbackDate":"2026-11-21T10:07:00.000Z","comment":"It does what it says, and came on time."}"#
        }
        Kind::Product => {
            r#"{"productId":"P4","name":"Product 4","category":"Category 4","price":19.99,"stock":40,"lastUpdated":"2026-11-21T10:07:00.000Z"}"#
        }
        Kind::Stock => r#"{"productId":"P4","stock":40,"updatedAt":"2026-11-21T10:07:00.000Z"}"#,
        Kind::Customer => {
            r#"{"userId":"U17","username":"zoe","email":"zoe@example.org","firstName":"Zo\u00eb","lastName":"O","country":"Ireland","createdAt":"2026-11-21T10:07:00.000Z"}"#
        }
        kind => kind.example(),
    }
}

/// `events` of the mix, numbered from `first`.
pub fn mixed(first: u64, events: u64) -> Vec<(Kind, String)> {
    (first..first + events).map(event).collect()
}

fn event(number: u64) -> (Kind, String) {
    let noise = |salt: u64| {
        let mixed = (number ^ salt << 32).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33
    };
    // The smaller of two is small more often.
    let (user, product) =
        (noise(1) % 5_000 % (noise(2) % 5_000 + 1), noise(3) % 500 % (noise(4) % 500 + 1));
    let country = ["United Kingdom", "Germany", "France", "Ireland"][(noise(5) % 4) as usize];
    let at = Time(i64::try_from(BEGINS_MS + number * 20).unwrap_or_default());
    let named = format!(r#""userId":"U{user}","productId":"P{product}""#);
    match noise(6) % 10 {
        0..6 => {
            let page = noise(7) % 200;
            let device = ["mobile", "desktop", "tablet"][(noise(8) % 3) as usize];
            let kind =
                ["viewed_product", "viewed_product", "searched", "added_to_cart", "purchased"]
                    [(noise(9) % 5) as usize];
            // About 8 activities each.
            let session = number / 13;
            let body = format!(
                r#"{{"activityId":"a-{number}",{named},"activityType":"{kind}","timestamp":"{at}","device":"{device}","page":"/products/{page}","country":"{country}","sessionId":"s-{session}"}}"#
            );
            (Kind::Activity, body)
        }
        6..9 => {
            let (price, cents, quantity) = (noise(7) % 400 + 1, noise(8) % 100, noise(9) % 5 + 1);
            let status =
                ["completed", "completed", "pending", "returned"][(noise(10) % 4) as usize];
            let body = format!(
                r#"{{"transactionId":"t-{number}",{named},"quantity":{quantity},"totalPrice":{price}.{cents:02},"transactionDate":"{at}","status":"{status}","paymentMethod":"paypal","shippingAddress":{{"country":"{country}"}}}}"#
            );
            (Kind::Transaction, body)
        }
        _ => {
            let rating = noise(7) % 5 + 1;
            let body = format!(
                r#"{{"feedbackId":"f-{number}",{named},"rating":{rating},"feedbackDate":"{at}","comment":"It came on time."}}"#
            );
            (Kind::Feedback, body)
        }
    }
}

/// The same mix as messages of the log.
pub fn messages(first: u64, events: u64) -> Vec<Message<'static>> {
    as_messages(first, mixed(first, events))
}

/// Orders of three lines as messages of the log.
pub fn orders(orders: u64) -> Vec<Message<'static>> {
    let order = |number: u64| {
        let at = Time(i64::try_from(BEGINS_MS + number * 20).unwrap_or_default());
        let line = |line: u64| {
            let product = (number * 7 + line * 13) % 500;
            format!(r#"{{"productId":"P{product}","quantity":{line},"price":{}.25}}"#, 5 + line)
        };
        let lines = [1, 2, 3].map(line).join(",");
        let user = number * 31 % 5_000;
        let body = format!(
            r#"{{"orderId":"o-{number}","userId":"U{user}","orderDate":"{at}","lines":[{lines}],"orderStatus":"processing","paymentStatus":"paid","paymentMethod":"paypal","discount":1,"shippingAddress":{{"country":"Ireland"}}}}"#
        );
        (Kind::Order, body)
    };
    as_messages(0, (0..orders).map(order).collect())
}

fn as_messages(first: u64, events: Vec<(Kind, String)>) -> Vec<Message<'static>> {
    let message = |(position, (kind, body)): (u64, (Kind, String))| Message {
        stamp: Stamp {
            position,
            log_time: Time(i64::try_from(BEGINS_MS + position * 20).unwrap_or_default()),
            replay_of: None,
        },
        event: parse(kind, body.as_bytes(), &LIMITS).map(projections::event::Event::into_owned),
    };
    (first + 1..).zip(events).map(message).collect()
}

/// A fold that has taken the first `events`, and has the documents that they changed at hand.
pub fn fold_of(events: u64) -> Fold {
    let mut fold = Fold::new(FoldSettings::new("EUR"), Root::default());
    if events > 0 {
        take(&mut fold, &messages(0, events));
        fold.settle();
    }
    fold
}

/// Folds a batch; the store has no documents but those at hand.
pub fn take(fold: &mut Fold, messages: &[Message<'_>]) {
    let mut batch = Batch::of(messages);
    loop {
        match batch.step(fold).expect("a batch asks for enough") {
            Step::Supply(needs) => supply(fold, needs),
            Step::Ready => {}
            Step::Purchases => panic!("nothing is taken out"),
            Step::Done => break,
        }
    }
    assert_eq!(batch.finish().quarantined().count(), 0);
}

fn supply(fold: &mut Fold, needs: Needs) {
    macro_rules! supply {
        ($($set:ident: $Collection:ty,)*) => {
            $(needs.$set.into_iter().for_each(|key| fold.sets.$set.supply(key, None));)*
        };
    }
    for_each_collection!(supply);
}
