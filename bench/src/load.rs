//! The mixed load: 60 % activity, 30 % transactions, 10 % feedback, over 50,000 customers and
//! 5,000 products that are popular by Zipf's law. The same seed gives the same events.

use std::fmt::Write as _;

use adaptive_bi::stream::publish::Outgoing;
use bytes::Bytes;
use projections::event::Kind;
use projections::time::Time;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Zipf};

/// The number of customers.
pub const CUSTOMERS: u32 = 50_000;
/// The number of products.
pub const PRODUCTS: u32 = 5_000;

const CATEGORIES: u32 = 20;
const COUNTRIES: [&str; 20] = [
    "United Kingdom",
    "Germany",
    "France",
    "Ireland",
    "Spain",
    "Netherlands",
    "Belgium",
    "Switzerland",
    "Portugal",
    "Australia",
    "Norway",
    "Italy",
    "Sweden",
    "Finland",
    "Austria",
    "Denmark",
    "Poland",
    "Japan",
    "Canada",
    "Iceland",
];
/// The number of countries, as the distribution takes it.
const COUNTRIES_COUNT: f64 = 20.0;
const DEVICES: [&str; 3] = ["mobile", "desktop", "tablet"];
const TYPES: [&str; 6] =
    ["viewed_product", "viewed_product", "searched", "added_to_cart", "purchased", "logged_in"];
/// Those of the older mix.
const OLDER_TYPES: [&str; 5] =
    ["viewed_product", "viewed_product", "searched", "added_to_cart", "logged_in"];
/// The number of activities of a session of the older mix, one session after the other.
const OLDER_EACH: u64 = 12;
/// The number of activities of a session.
const ACTIVITIES_EACH: u64 = 8;
/// The number of sessions that go on at the same time.
const SESSIONS_AT_ONCE: u64 = 16;
const PAYMENT_METHODS: [&str; 4] = ["credit_card", "paypal", "bank_transfer", "gift_card"];
const STATUSES: [&str; 20] = [
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "pending",
    "failed",
    "returned",
];

/// The kind of activities in a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mix {
    /// Sessions go on at the same time, and some activities are purchases.
    #[default]
    Sessions,
    /// One session after the other, without purchases, as before figures of sessions and of the funnel.
    Older,
}

/// Makes events without end.
pub struct Load {
    mix: Mix,
    random: SmallRng,
    customers: Zipf<f64>,
    products: Zipf<f64>,
    countries: Zipf<f64>,
    name: String,
    next: u64,
    activities: u64,
}

/// The number of customers and products of a load.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    /// Customers.
    pub customers: u32,
    /// Products.
    pub products: u32,
}

impl Default for Keys {
    fn default() -> Self {
        Keys { customers: CUSTOMERS, products: PRODUCTS }
    }
}

impl Load {
    /// A load whose ids begin with `name`.
    #[must_use]
    pub fn new(name: &str, seed: u64) -> Self {
        Load::over(Keys::default(), name, seed)
    }

    /// A load over that number of customers and products, whose ids begin with `name`.
    ///
    /// # Panics
    /// Panics if there are no customers or no products.
    #[must_use]
    pub fn over(keys: Keys, name: &str, seed: u64) -> Self {
        let zipf = |n: f64| Zipf::new(n, 1.0).expect("a positive number of items");
        Load {
            mix: Mix::default(),
            random: SmallRng::seed_from_u64(seed),
            customers: zipf(f64::from(keys.customers)),
            products: zipf(f64::from(keys.products)),
            countries: zipf(COUNTRIES_COUNT),
            name: name.to_owned(),
            next: 0,
            activities: 0,
        }
    }

    /// The same load of another mix.
    #[must_use]
    pub fn of(self, mix: Mix) -> Self {
        Load { mix, ..self }
    }

    /// The catalogue that the load sells from.
    pub fn catalogue() -> impl Iterator<Item = Outgoing> {
        Load::catalogue_of(Keys::default())
    }

    /// The catalogue that a load over that number of products sells from.
    pub fn catalogue_of(keys: Keys) -> impl Iterator<Item = Outgoing> {
        (1..=keys.products).map(|product| {
            let body = format!(
                r#"{{"productId":"P{product}","name":"Product {product}","category":"Category {}","price":{}.{:02},"stock":{}}}"#,
                product % CATEGORIES,
                product % 90 + 5,
                product % 100,
                product % 300,
            );
            outgoing(Kind::Product, format!("P{product}"), body)
        })
    }

    /// The next event of the mix, dated `at`.
    pub fn next(&mut self, at: Time) -> Outgoing {
        match self.random.random_range(0..10) {
            0..6 => self.activity(at),
            6..9 => self.transaction(at),
            _ => self.feedback(at),
        }
    }

    /// The next transaction, dated `at`.
    pub fn transaction(&mut self, at: Time) -> Outgoing {
        let id = self.id('t');
        let quantity = self.random.random_range(1..6);
        let body = format!(
            r#"{{"transactionId":"{id}","userId":"{}","productId":"{}","quantity":{quantity},"totalPrice":{}.{:02},"transactionDate":"{at}","status":"{}","paymentMethod":"{}","shippingAddress":{{"street":"1 High Street","city":"Somewhere","zipCode":"12345","country":"{}"}}}}"#,
            self.customer(),
            self.product(),
            self.random.random_range(1..400),
            self.random.random_range(0..100),
            pick(&mut self.random, &STATUSES),
            pick(&mut self.random, &PAYMENT_METHODS),
            self.country(),
        );
        outgoing(Kind::Transaction, id, body)
    }

    /// The next order, of three lines, dated `at`.
    pub fn order(&mut self, at: Time) -> Outgoing {
        let id = self.id('o');
        let lines: Vec<_> = (1..=3)
            .map(|line| {
                format!(
                    r#"{{"lineId":"{line}","productId":"{}","quantity":{},"price":{}.{:02}}}"#,
                    self.product(),
                    self.random.random_range(1..6),
                    self.random.random_range(1..100),
                    self.random.random_range(0..100),
                )
            })
            .collect();
        let body = format!(
            r#"{{"orderId":"{id}","userId":"{}","orderDate":"{at}","lines":[{}],"orderStatus":"processing","paymentStatus":"paid","paymentMethod":"{}","deliveryFee":5,"discount":{},"shippingAddress":{{"street":"1 High Street","city":"Somewhere","zipCode":"12345","country":"{}"}}}}"#,
            self.customer(),
            lines.join(","),
            pick(&mut self.random, &PAYMENT_METHODS),
            self.random.random_range(0..3),
            self.country(),
        );
        outgoing(Kind::Order, id, body)
    }

    /// The next order of so many lines, dated `at`, with these statuses of the order and of its
    /// payment; a discount is on its first line.
    pub fn basket(&mut self, at: Time, lines: u32, [order, payment]: [&str; 2]) -> Outgoing {
        let id = self.id('o');
        let lines: Vec<_> = (1..=lines)
            .map(|line| {
                format!(
                    r#"{{"lineId":"{line}","productId":"{}","quantity":{},"price":{}.{:02},"discount":{}}}"#,
                    self.product(),
                    self.random.random_range(1..6),
                    self.random.random_range(5..100),
                    self.random.random_range(0..100),
                    if line == 1 { self.random.random_range(0..3) } else { 0 },
                )
            })
            .collect();
        let body = format!(
            r#"{{"orderId":"{id}","userId":"{}","orderDate":"{at}","updatedAt":"{at}","lines":[{}],"orderStatus":"{order}","paymentStatus":"{payment}","paymentMethod":"{}","deliveryFee":5,"shippingAddress":{{"country":"{}"}}}}"#,
            self.customer(),
            lines.join(","),
            pick(&mut self.random, &PAYMENT_METHODS),
            self.country(),
        );
        outgoing(Kind::Order, id, body)
    }

    /// An order's next status.
    #[must_use]
    pub fn shipped(order: &Outgoing, at: Time) -> Outgoing {
        let id = &order.entity;
        let body = format!(
            r#"{{"orderId":"{id}","at":"{at}","orderStatus":"shipped","deliveryStatus":"picked"}}"#
        );
        outgoing(Kind::OrderStatus, id.clone(), body)
    }

    /// A refund of a line of an order.
    #[must_use]
    pub fn refund(order: &Outgoing, at: Time) -> Outgoing {
        let id = format!("{}-r", order.entity);
        let body = format!(
            r#"{{"refundId":"{id}","orderId":"{}","lineId":"2","quantity":1,"amount":1.5,"at":"{at}"}}"#,
            order.entity
        );
        outgoing(Kind::Refund, id, body)
    }

    /// The rate of a currency on a day, the next of 366 for each.
    pub fn rate(&mut self, _: Time) -> Outgoing {
        self.next += 1;
        let (day, letters) = (self.next % 366, self.next / 366);
        let letter = |at: u32| char::from(b'A' + (letters / 26_u64.pow(at) % 26) as u8);
        let currency = format!("{}{}X", letter(0), letter(1));
        let rate = self.random.random_range(1..2_000_000);
        let date = Time(1_704_067_200_000 + i64::try_from(day).unwrap_or_default() * 86_400_000);
        let body = format!(r#"{{"currency":"{currency}","rate":0.{rate:07},"date":"{date}"}}"#);
        outgoing(Kind::Rate, format!("{currency}-{day}"), body)
    }

    /// The next stock of a product.
    pub fn stock(&mut self, at: Time) -> Outgoing {
        let (product, stock) = (self.product(), self.random.random_range(0..500));
        let body = format!(r#"{{"productId":"{product}","stock":{stock},"updatedAt":"{at}"}}"#);
        outgoing(Kind::Stock, product, body)
    }

    /// The next customer who makes an account.
    pub fn account(&mut self, at: Time) -> Outgoing {
        let id = self.id('c');
        let body = format!(
            r#"{{"userId":"{id}","username":"{id}","email":"{id}@example.org","country":"{}","createdAt":"{at}"}}"#,
            self.country(),
        );
        outgoing(Kind::Customer, id, body)
    }

    /// The next activity, dated `at`.
    pub fn activity(&mut self, at: Time) -> Outgoing {
        let id = self.id('a');
        let (product, session) = (self.product(), self.session_id());
        let types = match self.mix {
            Mix::Sessions => &TYPES[..],
            Mix::Older => &OLDER_TYPES[..],
        };
        let body = format!(
            r#"{{"activityId":"{id}","userId":"{}","activityType":"{}","timestamp":"{at}","productId":"{product}","device":"{}","page":"/products/{}","country":"{}","ipAddress":"192.0.2.7","sessionId":"{session}"}}"#,
            self.customer(),
            pick(&mut self.random, types),
            pick(&mut self.random, &DEVICES),
            self.random.random_range(0..200),
            self.country(),
        );
        outgoing(Kind::Activity, id, body)
    }

    /// The next session, dated `at`.
    pub fn session(&mut self, at: Time) -> Outgoing {
        let id = self.id('s');
        let body = format!(
            r#"{{"sessionId":"{id}","startedAt":"{at}","endedAt":"{at}","userId":"{}","device":"{}","page":"/products/{}","country":"{}","pages":{}}}"#,
            self.customer(),
            pick(&mut self.random, &DEVICES),
            self.random.random_range(0..200),
            self.country(),
            self.random.random_range(1..10),
        );
        outgoing(Kind::Session, id, body)
    }

    /// The next rating, dated `at`.
    pub fn feedback(&mut self, at: Time) -> Outgoing {
        let id = self.id('f');
        let body = format!(
            r#"{{"feedbackId":"{id}","userId":"{}","productId":"{}","rating":{},"feedbackDate":"{at}","comment":"It does what it says, and came on time."}}"#,
            self.customer(),
            self.product(),
            self.random.random_range(1..=5),
        );
        outgoing(Kind::Feedback, id, body)
    }

    /// The session of the next activity; those that go on at the same time have one each in turn.
    fn session_id(&mut self) -> String {
        if self.mix == Mix::Older {
            return format!("s-{}", self.next / OLDER_EACH);
        }
        let (round, place) = (
            self.activities / (ACTIVITIES_EACH * SESSIONS_AT_ONCE),
            self.activities % SESSIONS_AT_ONCE,
        );
        self.activities += 1;
        format!("{}-s{}", self.name, round * SESSIONS_AT_ONCE + place)
    }

    fn id(&mut self, kind: char) -> String {
        self.next += 1;
        let mut id = String::with_capacity(24);
        let _ = write!(id, "{}-{kind}{}", self.name, self.next);
        id
    }

    fn customer(&mut self) -> String {
        format!("U{}", self.customers.sample(&mut self.random))
    }

    fn product(&mut self) -> String {
        format!("P{}", self.products.sample(&mut self.random))
    }

    fn country(&mut self) -> &'static str {
        // Zipf gives whole numbers from 1 to the number of countries.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let index = self.countries.sample(&mut self.random) as usize - 1;
        COUNTRIES[index.min(COUNTRIES.len() - 1)]
    }
}

fn pick(random: &mut SmallRng, words: &[&'static str]) -> &'static str {
    words[random.random_range(0..words.len())]
}

fn outgoing(kind: Kind, entity: String, body: String) -> Outgoing {
    Outgoing { kind, entity, body: Bytes::from(body), message_id: None, replay_of: None }
}
