//! Every figure, computed from the statements that hold.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Timelike, Utc};
use projections::customers::{Customer, Profile, event};
use projections::entity::{Entity, Ordinals};
use projections::fold::root::Root;
use projections::fold::version::Version;
use projections::ledger::LedgerRow;
use projections::products::Product;
use projections::sales::Status;
use projections::sales::sums::{ByStatus, Sums};
use projections::table::{Row, Table};
use projections::tally::{Tally, TallyKey};
use projections::testing::Documents;
use projections::time::Time;
use projections::vocabulary::Vocabulary;
use projections::{feedback, sales};

use super::{Age, Naive, Person, Sale, Thing};

/// Levels of the tables by entity, how their labels are written, and the low bits of an ordinal
/// that share a table.
const LEVELS: [(&str, &str, u32); 4] = [
    ("quarter", "%Y-%m-%dT%H:%M", 15),
    ("day", "%Y-%m-%d", 13),
    ("month", "%Y-%m", 11),
    ("ever", "ever", 9),
];

pub fn date(at: Time) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.0).unwrap()
}

pub fn version((updated_at, position): Age) -> Version {
    Version { updated_at, position }
}

fn label(at: Time, format: &str) -> String {
    let date = date(at);
    date.with_minute(date.minute() / 15 * 15).unwrap().format(format).to_string()
}

fn quarter_of_day(at: Time) -> u32 {
    date(at).hour() * 4 + date(at).minute() / 15
}

fn quarter_of_month(at: Time) -> u32 {
    date(at).day0() * 96 + quarter_of_day(at)
}

#[derive(Default)]
struct Tables(BTreeMap<String, BTreeMap<u32, Row>>);

impl Tables {
    fn add(&mut self, id: String, row: u32, values: Row) {
        let sum = self.0.entry(id).or_default().entry(row).or_default();
        *sum = [sum[0] + values[0], sum[1] + values[1], sum[2] + values[2]];
    }

    fn finish(self) -> BTreeMap<String, Table> {
        let tables = self.0.into_iter().map(|(id, rows)| (id, rows.into_iter().collect()));
        tables.filter(|(_, table): &(_, Table)| !table.is_empty()).collect()
    }
}

impl Sale {
    fn sums(&self) -> Sums {
        Sums { orders: 1, quantity: self.event.quantity, amount: self.event.total_price }
    }

    fn product(&self) -> &str {
        self.event.product_id.as_deref().unwrap_or("(none)")
    }
}

impl Naive {
    /// The sums of the sales of one status in a half-open range of time for each customer, and for
    /// each product, by ordinal.
    pub fn within(&self, status: Status, from: Time, to: Time) -> [BTreeMap<u32, Row>; 2] {
        let mut tables = [Tables::default(), Tables::default()];
        for sale in self.sales.values() {
            if sale.event.status == status && (from..to).contains(&sale.event.at) {
                let row = Row::from(sale.sums());
                let buyer = self.people[&*sale.event.user_id].ordinal;
                let sold = self.things[sale.product()].ordinal;
                tables[0].add(String::new(), buyer, row);
                tables[1].add(String::new(), sold, row);
            }
        }
        tables.map(|mut tables| tables.0.remove("").unwrap_or_default())
    }

    /// Every document but the blocks of seen ids, which only the fold has.
    pub fn documents(&self) -> Documents {
        let customers: BTreeMap<_, _> =
            self.people.iter().map(|(id, it)| (id.clone(), self.customer_of(id, it))).collect();
        let products: BTreeMap<_, _> =
            self.things.iter().map(|(id, it)| (id.clone(), self.product_of(id, it))).collect();
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for customer in customers.values() {
            let key = TallyKey::new(Entity::Customer, customer.ordinal);
            tallies.entry(key.to_id()).or_default().set(customer.ordinal, &customer.row());
        }
        for product in products.values() {
            let key = TallyKey::new(Entity::Product, product.ordinal);
            tallies.entry(key.to_id()).or_default().set(product.ordinal, &product.row());
        }
        let names = (self.people.iter().map(|(id, it)| ("buyers", it.ordinal, id)))
            .chain(self.things.iter().map(|(id, it)| ("sold", it.ordinal, id)))
            .map(|(family, ordinal, id)| (format!("{family}/{ordinal:08x}"), id.clone()))
            .collect();
        Documents {
            root: self.root(&customers),
            ledger: self.ledger(),
            vocabularies: self.vocabularies(),
            rollups: self.tables(&customers).finish(),
            customers,
            products,
            tallies,
            blocks: BTreeMap::new(),
            names,
            quarantine: self.quarantine.clone(),
        }
    }

    fn root(&self, customers: &BTreeMap<String, Customer>) -> Root {
        let guests = customers.keys().filter(|id| id.starts_with("guest-")).count();
        let quarters = self.sale_times.iter().map(|at| u32::try_from(at.0 / 900_000).unwrap());
        let mut root = Root {
            log_time: self.log_time,
            counts: self.counts,
            sales: self.sums(|_| true),
            first_quarter: quarters.clone().min(),
            last_quarter: quarters.max(),
            identified: (customers.len() - guests).try_into().unwrap(),
            guests: guests.try_into().unwrap(),
            products: self.things.keys().filter(|id| *id != "(none)").count().try_into().unwrap(),
            activities: self.facts.len().try_into().unwrap(),
            ratings: self.ratings.len().try_into().unwrap(),
            next: Ordinals::from_iter([
                (Entity::Customer, self.people.len().try_into().unwrap()),
                (Entity::Product, self.things.len().try_into().unwrap()),
            ]),
            ..Root::default()
        };
        for customer in customers.values() {
            let bought = |sums: Sums| i64::from(sums.orders > 0);
            root.buyers.completed += bought(customer.sales.completed);
            root.buyers.pending += bought(customer.sales.pending);
            root.buyers.failed += bought(customer.sales.failed);
            root.buyers.returned += bought(customer.sales.returned);
            root.buyers.all += bought(customer.sales.all());
        }
        root
    }

    fn sums(&self, of: impl Fn(&Sale) -> bool) -> ByStatus {
        let mut sums = ByStatus::default();
        for sale in self.sales.values().filter(|sale| of(sale)) {
            sums.add(sale.event.status, sale.sums());
        }
        sums
    }

    fn ledger(&self) -> BTreeMap<String, LedgerRow> {
        let sales = self.sales.iter().map(|(id, sale)| (format!("t:{id}"), self.row(sale)));
        let ratings = self.ratings.iter().map(|(id, rating)| {
            let row = feedback::Rating {
                user: (*rating.event.user_id).into(),
                product: (*rating.event.product_id).into(),
                rating: rating.event.rating,
                at: rating.at,
                comment: rating.event.comment.as_deref().map(Into::into),
                version: version(rating.age),
            };
            (format!("f:{id}"), LedgerRow::Feedback(row))
        });
        sales.chain(ratings).collect()
    }

    fn row(&self, sale: &Sale) -> LedgerRow {
        let event = &sale.event;
        LedgerRow::Transaction(sales::Sale {
            user: (*event.user_id).into(),
            buyer: self.people[&*event.user_id].ordinal,
            product: event.product_id.as_deref().map(Into::into),
            sold: self.things[sale.product()].ordinal,
            status: event.status,
            amount: event.total_price,
            quantity: event.quantity,
            at: event.at,
            payment_method: (*event.payment_method).into(),
            category: sale.category.as_deref().map(Into::into),
            country: event.country.as_deref().map(Into::into),
            cell: sale.codes,
            version: version(sale.age),
        })
    }

    fn customer_of(&self, id: &str, person: &Person) -> Customer {
        let purchases = || {
            let mine = self.sales.values().filter(|sale| sale.event.user_id == id);
            mine.filter(|sale| sale.event.status == Status::Completed).map(|it| it.event.at)
        };
        let ratings = || self.ratings.values().filter(|rating| rating.event.user_id == id);
        let profile = person.profile.as_ref().map(|(event, age)| profile(event, *age));
        let created = profile.as_ref().and_then(|profile| profile.created_at);
        Customer {
            ordinal: person.ordinal,
            guest: id.starts_with("guest-"),
            first_seen: person.first_seen,
            last_seen: person.last_seen,
            created_at: created.unwrap_or(person.first_seen),
            first_purchase: purchases().min(),
            last_purchase: purchases().max(),
            sales: self.sums(|sale| sale.event.user_id == id),
            activities: self.facts.iter().filter(|it| it.event.user_id == id).map(|_| 1).sum(),
            ratings: ratings().map(|_| 1).sum(),
            rating_sum: ratings().map(|rating| i64::from(rating.event.rating)).sum(),
            profile: profile.map(Box::new),
        }
    }

    fn product_of(&self, id: &str, thing: &Thing) -> Product {
        let counted = |kind: &str| {
            let of = |it: &&super::Fact| it.event.product_id.as_deref() == Some(id);
            self.facts
                .iter()
                .filter(of)
                .filter(|it| it.event.activity_type == kind)
                .map(|_| 1)
                .sum()
        };
        let rated = |stars: u8| {
            let of = |it: &&super::Rating| it.event.product_id == id && it.event.rating == stars;
            self.ratings.values().filter(of).map(|_| 1).sum()
        };
        Product {
            ordinal: thing.ordinal,
            catalogue: thing.entry.clone().map(Box::new),
            stock: thing.stock.map(|(stock, _)| stock),
            stock_version: thing.stock.map(|(_, age)| version(age)),
            sales: self.sums(|sale| sale.product() == id),
            views: counted("viewed_product"),
            carts: counted("added_to_cart"),
            removals: counted("removed_from_cart"),
            purchases: counted("purchased"),
            ratings: [1, 2, 3, 4, 5].map(rated),
        }
    }

    fn vocabularies(&self) -> BTreeMap<String, Vocabulary> {
        let learnt = |words: &Vec<String>| {
            let mut vocabulary = Vocabulary::default();
            for word in words {
                vocabulary.learn(word);
            }
            vocabulary
        };
        self.words.iter().map(|(id, words)| (id.clone(), learnt(words))).collect()
    }

    fn tables(&self, customers: &BTreeMap<String, Customer>) -> Tables {
        let mut tables = Tables::default();
        self.sales.values().for_each(|sale| self.count_sale(sale, &mut tables));
        let by_month = |family: &str, at| format!("{family}/{}/00000000", label(at, "%Y-%m"));
        for customer in customers.values() {
            let (at, guests) = (customer.created_at, i64::from(customer.guest));
            let id = by_month("newcomers/-/month", at);
            tables.add(id, quarter_of_month(at), [1 - guests, guests, 0]);
        }
        for rating in self.ratings.values() {
            let (at, stars) = (rating.at, i64::from(rating.event.rating));
            tables.add(by_month("feedback/-/month", at), quarter_of_month(at), [1, stars, 0]);
        }
        for fact in &self.facts {
            let at = fact.at;
            for (family, code) in ["types", "devices", "pages", "countries"]
                .into_iter()
                .zip(fact.codes.map(u32::from))
            {
                let day = format!("{family}/-/day/{}/00000000", label(at, "%Y-%m-%d"));
                tables.add(day, code * 128 + quarter_of_day(at), [1, 0, 0]);
                let month = by_month(&format!("{family}/-/month"), at);
                tables.add(month, code * 32 + date(at).day0(), [1, 0, 0]);
            }
        }
        for thing in self.things.values() {
            if let Some((stock, _)) = thing.stock {
                let id = format!("stock/-/ever/ever/{:08x}", thing.ordinal >> 9);
                tables.add(id, thing.ordinal & 511, [stock.0, 1, 0]);
            }
        }
        tables
    }

    fn count_sale(&self, sale: &Sale, tables: &mut Tables) {
        let (at, status, sums) = (sale.event.at, sale.event.status.as_str(), sale.sums());
        let row = [sums.orders, sums.quantity.0, sums.amount.0];
        let id = format!("sales/{status}/month/{}/00000000", label(at, "%Y-%m"));
        tables.add(id, quarter_of_month(at), row);
        let [category, method, country] = sale.codes.map(u32::from);
        let day = label(at, "%Y-%m-%d");
        let id = format!("cells/{status}/day/{day}/{category:04x}{country:04x}");
        tables.add(id, method * 128 + quarter_of_day(at), row);
        let buyer = self.people[&*sale.event.user_id].ordinal;
        let sold = self.things[sale.product()].ordinal;
        for (family, ordinal) in [("buyers", buyer), ("sold", sold)] {
            for (level, format, bits) in LEVELS {
                let (label, chunk) = (label(at, format), ordinal >> bits);
                let id = format!("{family}/{status}/{level}/{label}/{chunk:08x}");
                tables.add(id, ordinal & ((1 << bits) - 1), row);
            }
        }
    }
}

fn profile(event: &event::Customer<'static>, age: Age) -> Profile {
    let text = |text: &Option<std::borrow::Cow<'static, str>>| text.as_deref().map(Into::into);
    Profile {
        username: text(&event.username),
        email: text(&event.email),
        first_name: text(&event.first_name),
        last_name: text(&event.last_name),
        country: text(&event.country),
        created_at: event.created_at,
        version: version(age),
    }
}
