//! Every figure, computed from the statements that hold.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Timelike, Utc};
use projections::collection::Collection;
use projections::customers::{Customer, Customers, Profile, event};
use projections::entity::{Entity, Ordinals};
use projections::fold::root::{Extras, NEWS_MAX, Root};
use projections::fold::version::Version;
use projections::orders::status::STEPS;
use projections::products::{LocationStock, Product};
use projections::quantity::Quantity;
use projections::sales::sums::{ByStatus, Sums};
use projections::sales::{Basis, Status};
use projections::table::{Row, Table};
use projections::tally::{Tally, TallyKey};
use projections::testing::Documents;
use projections::time::Time;
use projections::vocabulary::Vocabulary;

use super::additions::{Addition, Of};
use super::funnel::Steps;
use super::rows::text;
use super::sessions::Visits;
use super::statuses::counts_as;
use super::wholes::Whole;
use super::{Age, Naive, Person, Thing};

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

    fn by_cell(&mut self, family: &str, slice: &str, cell: [u16; 3], at: Time, row: Row) {
        let [category, method, country] = cell.map(u32::from);
        let (day, month) = (label(at, "%Y-%m-%d"), label(at, "%Y-%m"));
        let chunk = format!("{category:04x}{:02x}{:02x}", country / 16, method / 16);
        let place = country % 16 * 16 + method % 16;
        let id = format!("{family}/{slice}/day/{day}/{chunk}");
        self.add(id, place * 128 + quarter_of_day(at), row);
        let id = format!("{family}/{slice}/month/{month}/{chunk}");
        self.add(id, place * 32 + date(at).day0(), row);
        let returned = match family {
            "cells" => "",
            "returncells" => "return",
            _ => return,
        };
        let names = ["categories", "paymentmethods", "destinations"];
        for (name, code) in names.into_iter().zip(cell) {
            if code < u16::MAX {
                self.by_value(&format!("{returned}{name}"), slice, code, at, row);
            }
        }
    }

    fn by_value(&mut self, family: &str, slice: &str, code: u16, at: Time, row: Row) {
        let day = format!("{family}/{slice}/day/{}/00000000", label(at, "%Y-%m-%d"));
        self.add(day, u32::from(code) * 128 + quarter_of_day(at), row);
        let month = format!("{family}/{slice}/month/{}/00000000", label(at, "%Y-%m"));
        self.add(month, u32::from(code) * 32 + date(at).day0(), row);
    }

    /// Eight categories side by side, of the customers whose ordinals share the high bits.
    fn by_category(&mut self, family: &str, slice: &str, of: (u16, u32), at: Time, row: Row) {
        let (category, ordinal) = (u32::from(of.0), of.1);
        for (level, format, bits) in LEVELS {
            let bits = if level == "quarter" { 14 } else { bits };
            let (label, eight) = (label(at, format), category / 8);
            let id = format!("{family}/{slice}/{level}/{label}/{eight:02x}{:06x}", ordinal >> bits);
            self.add(id, (category % 8) * (1 << bits) + ordinal % (1 << bits), row);
        }
    }

    fn by_entity(&mut self, family: &str, slice: &str, ordinal: u32, at: Time, row: Row) {
        for (level, format, bits) in LEVELS {
            let (label, chunk) = (label(at, format), ordinal >> bits);
            let id = format!("{family}/{slice}/{level}/{label}/{chunk:08x}");
            self.add(id, ordinal & ((1 << bits) - 1), row);
        }
    }

    fn finish(self) -> BTreeMap<String, Table> {
        let tables = self.0.into_iter().map(|(id, rows)| (id, rows.into_iter().collect()));
        tables.filter(|(_, table): &(_, Table)| !table.is_empty()).collect()
    }
}

/// The sums of everything, of each customer and of each product.
#[derive(Default)]
struct Totals<'a> {
    sales: ByStatus,
    returns: Sums,
    money: Extras,
    steps: [i64; STEPS.len()],
    customers: BTreeMap<&'a str, (ByStatus, Sums)>,
    products: BTreeMap<&'a str, (ByStatus, Sums)>,
}

impl<'a> Totals<'a> {
    fn of(additions: &[Addition<'a>]) -> Self {
        let mut totals = Totals::default();
        for Addition { of, row, .. } in additions {
            let sums = Sums::from(*row);
            match *of {
                Of::Sales(status) => totals.sales.add(status, sums),
                Of::Buyer(status, id) => {
                    totals.customers.entry(id).or_default().0.add(status, sums);
                }
                Of::Sold(status, id) => totals.products.entry(id).or_default().0.add(status, sums),
                Of::Returns(Basis::Processed) => totals.returns.add(sums),
                Of::Returner(Basis::Processed, id) => {
                    totals.customers.entry(id).or_default().1.add(sums);
                }
                Of::Returned(Basis::Processed, id) => {
                    totals.products.entry(id).or_default().1.add(sums);
                }
                Of::Money(status) => totals.money.add(status, *row),
                Of::Step(step) => totals.steps[step] += row[0] - row[1],
                _ => {}
            }
        }
        totals
    }
}

impl Naive {
    /// The sums of the sales of one status in a half-open range of time for each customer, and for
    /// each product, by ordinal.
    pub fn within(&self, status: Status, from: Time, to: Time) -> [BTreeMap<u32, Row>; 2] {
        let mut tables = [Tables::default(), Tables::default()];
        for Addition { of, at, row } in self.additions() {
            if (from..to).contains(&at) {
                match of {
                    Of::Buyer(is, id) if is == status => {
                        tables[0].add(String::new(), self.people[id].ordinal, row);
                    }
                    Of::Sold(is, id) if is == status => {
                        tables[1].add(String::new(), self.things[id].ordinal, row);
                    }
                    _ => {}
                }
            }
        }
        tables.map(|mut tables| tables.0.remove("").unwrap_or_default())
    }

    /// Every document but the blocks of seen ids, which only the fold has.
    pub fn documents(&self) -> Documents {
        let additions = self.additions();
        let totals = Totals::of(&additions);
        let customer = |(id, it): (&String, _)| (id.clone(), self.customer_of(id, it, &totals));
        let customers: BTreeMap<_, _> = self.people.iter().map(customer).collect();
        let product = |(id, it): (&String, _)| (id.clone(), self.product_of(id, it, &totals));
        let products: BTreeMap<_, _> = self.things.iter().map(product).collect();
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for customer in customers.values() {
            let key = TallyKey::new(Entity::Customer, customer.ordinal);
            let tally = tallies.entry(key.to_id()).or_default();
            Customers::put_counts(customer, tally);
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
            root: self.root(&customers, &totals),
            ledger: self.ledger(),
            vocabularies: self.vocabularies(),
            rollups: self.tables(&additions, &customers).finish(),
            customers,
            products,
            tallies,
            blocks: BTreeMap::new(),
            names,
            quarantine: self.quarantine.clone(),
        }
    }

    fn root(&self, customers: &BTreeMap<String, Customer>, totals: &Totals<'_>) -> Root {
        let there = |person: &Person| !person.profile.as_ref().is_some_and(|it| it.0.is_gone);
        let there = self.people.iter().filter(|(_, person)| there(person));
        let (guests, identified): (Vec<_>, Vec<_>) =
            there.map(|(id, _)| id).partition(|id| id.starts_with("guest-"));
        let things = self.things.iter().filter(|(id, thing)| *id != "(none)" && !thing.is_gone());
        let quarter = |at: Time| u32::try_from(at.0 / 900_000).unwrap();
        let mut root = Root {
            log_time: self.log_time,
            counts: self.counts,
            sales: totals.sales,
            returns: totals.returns,
            money: totals.money,
            steps: totals.steps,
            irregular: self.wholes().filter(|of| !self.irregular(*of).is_empty()).map(|_| 1).sum(),
            first_quarter: self.extent.map(|(first, _)| quarter(first)),
            last_quarter: self.extent.map(|(_, last)| quarter(last)),
            identified: identified.len().try_into().unwrap(),
            guests: guests.len().try_into().unwrap(),
            products: things.map(|_| 1).sum(),
            activities: self.facts.len().try_into().unwrap(),
            ratings: self.ratings.len().try_into().unwrap(),
            next: Ordinals::from_iter([
                (Entity::Customer, self.people.len().try_into().unwrap()),
                (Entity::Product, self.things.len().try_into().unwrap()),
            ]),
            news: self.news[self.news.len().saturating_sub(NEWS_MAX)..].iter().cloned().collect(),
            ..Root::default()
        };
        for customer in customers.values() {
            let bought = |sums: Sums| i64::from(sums.quantity > Quantity::ZERO);
            root.buyers.completed += bought(customer.sales.completed);
            root.buyers.pending += bought(customer.sales.pending);
            root.buyers.failed += bought(customer.sales.failed);
            root.buyers.returned += bought(customer.sales.returned);
            root.buyers.all += bought(customer.sales.all());
            root.buyers.sold += bought(customer.sales.sold());
        }
        root
    }

    /// Orders, and the transactions without one that a refund named.
    pub fn wholes(&self) -> impl Iterator<Item = Whole<'_>> {
        let orders = self.orders.keys().map(|id| Whole::Order(id));
        orders.chain(self.refunded.iter().map(|id| Whole::Transaction(id)))
    }

    /// The times of everything completed that a customer bought.
    fn purchases(&self, user: &str) -> Vec<Time> {
        let sales = self.sales.values().filter(|sale| sale.facts().user_id == user);
        let sales = sales.filter(|sale| sale.status() == Status::Completed);
        let orders = self.orders.values().filter_map(|placed| {
            let content = placed.content.as_ref()?;
            let is_mine = content.event.user_id == user;
            let is_completed = counts_as(placed, content) == Status::Completed;
            (is_mine && is_completed).then_some(content.event.at)
        });
        sales.map(|sale| sale.facts().at).chain(orders).collect()
    }

    fn customer_of(&self, id: &str, person: &Person, totals: &Totals<'_>) -> Customer {
        let purchases = self.purchases(id);
        let (sales, returns) = totals.customers.get(id).copied().unwrap_or_default();
        let facts = || self.facts.iter().filter(|it| it.event.user_id == id);
        let activities = || facts().map(|it| it.at);
        let ratings = || self.ratings.values().filter(|rating| rating.event.user_id == id);
        let profile = person.profile.as_ref().map(|(event, age)| profile(event, *age));
        let created = profile.as_ref().and_then(|profile| profile.created_at);
        Customer {
            ordinal: person.ordinal,
            guest: id.starts_with("guest-"),
            first_seen: person.first_seen,
            last_seen: person.last_seen,
            created_at: created.unwrap_or(person.first_seen),
            first_purchase: purchases.iter().min().copied(),
            last_purchase: purchases.iter().max().copied(),
            sales,
            activities: activities().map(|_| 1).sum(),
            first_activity: activities().min(),
            last_activity: activities().max(),
            ratings: ratings().map(|_| 1).sum(),
            rating_sum: ratings().map(|rating| i64::from(rating.event.rating)).sum(),
            returns,
            funnel: self.steps.get(id).map(Steps::kept).unwrap_or_default(),
            profile: profile.map(Box::new),
        }
    }

    fn product_of(&self, id: &str, thing: &Thing, totals: &Totals<'_>) -> Product {
        let (sales, returns) = totals.products.get(id).copied().unwrap_or_default();
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
            locations: thing.locations.iter().map(location).collect(),
            sales,
            views: counted("viewed_product"),
            carts: counted("added_to_cart"),
            removals: counted("removed_from_cart"),
            purchases: counted("purchased"),
            ratings: [1, 2, 3, 4, 5].map(rated),
            returns,
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

    fn tables(&self, additions: &[Addition<'_>], customers: &BTreeMap<String, Customer>) -> Tables {
        let mut tables = Tables::default();
        for addition in additions {
            self.count(addition, &mut tables);
        }
        let by_month = |family: &str, at| format!("{family}/{}/00000000", label(at, "%Y-%m"));
        for customer in customers.values() {
            let (at, guests) = (customer.created_at, i64::from(customer.guest));
            let id = by_month("newcomers/-/month", at);
            tables.add(id, quarter_of_month(at), [1 - guests, guests, 0]);
            if let Some(at) = customer.first_activity {
                tables.add(by_month("debuts/-/month", at), quarter_of_month(at), [1, 0, 0]);
            }
            if let (Some(first), Some(last)) = (customer.first_purchase, customer.last_purchase) {
                let id = format!("purchases/-/ever/ever/{:08x}", customer.ordinal >> 9);
                let row = [first.0 / 900_000, last.0 / 900_000, 1];
                tables.add(id, customer.ordinal & 511, row);
            }
        }
        for rating in self.ratings.values() {
            let (at, stars) = (rating.at, i64::from(rating.event.rating));
            tables.add(by_month("feedback/-/month", at), quarter_of_month(at), [1, stars, 0]);
            let of_stars = by_month(&format!("stars/{stars}/month"), at);
            tables.add(of_stars, quarter_of_month(at), [1, 0, 0]);
            let product = self.things[&*rating.event.product_id].ordinal;
            tables.by_entity("rated", "-", product, at, [1, stars, 0]);
        }
        for fact in &self.facts {
            let actor = self.people[&*fact.event.user_id].ordinal;
            tables.by_entity("actives", "-", actor, fact.at, [1, 0, 0]);
            let families = ["types", "devices", "pages", "countries"];
            for (family, code) in families.into_iter().zip(fact.codes) {
                tables.by_value(family, "-", code, fact.at, [1, 0, 0]);
            }
        }
        for (user, steps) in &self.steps {
            for attempt in steps.attempts() {
                let row = [1, attempt.added.into(), attempt.purchased.into()];
                let [category, device] = attempt.place.codes;
                let (at, ordinal) = (attempt.at, self.people[user].ordinal);
                tables.by_cell("funnel", "-", [category, device, 0], at, row);
                tables.by_entity("funnelusers", "-", ordinal, at, row);
                let stages = [true, attempt.added, attempt.purchased];
                for (stage, _) in
                    ["viewed", "added", "purchased"].iter().zip(stages).filter(|it| it.1)
                {
                    let [category, device] = attempt.place.of_shop.map(|code| (code, ordinal));
                    tables.by_category("funnelcategories", stage, category, at, [1, 0, 0]);
                    tables.by_category("funneldevices", stage, device, at, [1, 0, 0]);
                }
            }
        }
        for session in self.visits.values().flat_map(Visits::all) {
            let (at, sums) = (session.first, session.sums());
            tables.add(by_month("sessions/-/month", at), quarter_of_month(at), sums);
            tables.add(by_month("visits/-/month", at), quarter_of_month(at), session.visits());
            let families = ["sessiondevices", "entrypages", "sessioncountries"];
            for (family, code) in families.into_iter().zip(session.opening.codes) {
                tables.by_value(family, "-", code, at, sums);
            }
        }
        for thing in self.things.values() {
            if let Some(stock) = thing.on_hand() {
                let id = format!("stock/-/ever/ever/{:08x}", thing.ordinal >> 9);
                tables.add(id, thing.ordinal & 511, [stock, 1, 0]);
            }
        }
        tables
    }

    fn count(&self, Addition { of, at, row }: &Addition<'_>, tables: &mut Tables) {
        let minutes = match *of {
            Of::Sales(status) => Some(("minutes", status.as_str())),
            Of::Returns(basis) => Some(("returnminutes", basis.as_str())),
            _ => None,
        };
        if let Some((family, slice)) = minutes {
            let id = format!("{family}/{slice}/day/{}/00000000", label(*at, "%Y-%m-%d"));
            tables.add(id, date(*at).hour() * 60 + date(*at).minute(), *row);
        }
        let mut by_quarter = |family: &str, slice: &str| {
            let id = format!("{family}/{slice}/month/{}/00000000", label(*at, "%Y-%m"));
            tables.add(id, quarter_of_month(*at), *row);
        };
        match *of {
            Of::Sales(status) => by_quarter("sales", status.as_str()),
            Of::Returns(basis) => by_quarter("returns", basis.as_str()),
            Of::Money(status) => by_quarter("money", status.as_str()),
            Of::Cost(status) => by_quarter("cost", status.as_str()),
            Of::Step(step) => by_quarter("steps", STEPS[step]),
            Of::Currency(status, code) => {
                tables.by_value("currencies", status.as_str(), code, *at, *row);
            }
            Of::ReturnCurrency(basis, code) => {
                tables.by_value("returncurrencies", basis.as_str(), code, *at, *row);
            }
            Of::Cell(status, cell) => tables.by_cell("cells", status.as_str(), cell, *at, *row),
            Of::ReturnCell(basis, cell) => {
                tables.by_cell("returncells", basis.as_str(), cell, *at, *row);
            }
            Of::Buyer(status, id) => {
                tables.by_entity("buyers", status.as_str(), self.people[id].ordinal, *at, *row);
            }
            Of::CategoryBuyer(status, category, id) => {
                let of = (category, self.people[id].ordinal);
                tables.by_category("categorybuyers", status.as_str(), of, *at, *row);
            }
            Of::Sold(status, id) => {
                tables.by_entity("sold", status.as_str(), self.things[id].ordinal, *at, *row);
            }
            Of::Returner(basis, id) => {
                tables.by_entity("returners", basis.as_str(), self.people[id].ordinal, *at, *row);
            }
            Of::Returned(basis, id) => {
                tables.by_entity("returned", basis.as_str(), self.things[id].ordinal, *at, *row);
            }
        }
    }
}

fn location((id, (stock, name, age)): (&String, &super::AtLocation)) -> LocationStock {
    LocationStock {
        id: id.as_str().into(),
        name: name.clone(),
        stock: *stock,
        version: version(*age),
    }
}

fn profile(event: &event::Customer<'static>, age: Age) -> Profile {
    Profile {
        username: text(event.username.as_deref()),
        email: text(event.email.as_deref()),
        first_name: text(event.first_name.as_deref()),
        last_name: text(event.last_name.as_deref()),
        country: text(event.country.as_deref()),
        created_at: event.created_at,
        gone: event.is_gone,
        version: version(age),
    }
}
