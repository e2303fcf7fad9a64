//! The same events as rows of tables, as a shop has them that keeps orders, lines, returns, activities
//! and ratings in a column store. Times are in milliseconds since 1970, money in 1/10,000, quantities in
//! 1/1,000.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use adaptive_bi::stream::publish::Outgoing;
use anyhow::{Context, anyhow};
use projections::event::{self, Event, Limits};
use projections::orders::OrderEvent;
use projections::orders::status::counts_as;
use projections::sales::Status;
use projections::time::Time;

/// The tables, by the names of their files.
pub const TABLES: [&str; 7] =
    ["orders", "lines", "returns", "activities", "ratings", "customers", "products"];

/// Writes the tables into a folder.
pub struct Facts {
    files: HashMap<&'static str, BufWriter<File>>,
    /// The category of each product.
    categories: HashMap<String, String>,
    customers: BTreeMap<String, Known>,
    order: Option<Order>,
}

/// When a customer first did something, and when they first visited.
struct Known {
    since: i64,
    visited: Option<i64>,
}

/// The order that was written last, in which a refund finds its line.
struct Order {
    at: i64,
    id: String,
    user: String,
    country: String,
    payment: String,
    /// Id, product and category of each line.
    lines: Vec<[String; 3]>,
}

impl Facts {
    /// Begins the files.
    ///
    /// # Errors
    /// Fails if the folder cannot be written to.
    pub fn begin(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut files = HashMap::new();
        for table in TABLES {
            let file = File::create(folder.join(format!("{table}.tsv")))?;
            files.insert(table, BufWriter::new(file));
        }
        let (categories, customers) = (HashMap::new(), BTreeMap::new());
        Ok(Facts { files, categories, customers, order: None })
    }

    /// Adds what an event says.
    ///
    /// # Errors
    /// Fails if it cannot be read or written.
    pub fn add(&mut self, outgoing: &Outgoing) -> anyhow::Result<()> {
        let limits = Limits { latest: Time(i64::MAX), currency: "GBP" };
        let event = event::parse(outgoing.kind, &outgoing.body, &limits)
            .map_err(|reasons| anyhow!("an event of the load is refused: {reasons:?}"))?;
        match event {
            Event::Product(product) => {
                let (id, category) = (product.product_id.to_string(), product.category.to_string());
                let stock = product.stock.map_or_else(|| "\\N".to_owned(), |it| it.0.to_string());
                self.row("products", &[&id, &category, &stock])?;
                self.categories.insert(id, category);
            }
            Event::Order(order) => self.order(&order)?,
            Event::Refund(refund) => {
                let order = self.order.take().context("a refund comes after its order")?;
                let line = refund.line_id.as_deref().unwrap_or_default();
                let found = order.lines.iter().find(|[id, ..]| id == line);
                let [_, product, category] = found.context("a refund is of a line")?;
                self.back(
                    &order,
                    refund.at.0,
                    [product, category],
                    [refund.quantity.0, refund.amount.0],
                )?;
                self.customer(&order.user, refund.at.0, false);
                self.order = Some(order);
            }
            Event::Activity(activity) => {
                let at = activity.at.unwrap_or_default().0;
                let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                let (device, page) =
                    (text(activity.device.as_deref()), text(activity.page.as_deref()));
                let (country, session) =
                    (text(activity.country.as_deref()), text(activity.session_id.as_deref()));
                let (at_text, user, kind) =
                    (at.to_string(), &*activity.user_id, &*activity.activity_type);
                let row: [&str; 7] = [&at_text, user, kind, &device, &page, &country, &session];
                self.row("activities", &row)?;
                self.customer(user, at, true);
            }
            Event::Feedback(rating) => {
                let at = rating.at.unwrap_or_default().0;
                let stars = rating.rating.to_string();
                let (at_text, product) = (at.to_string(), &*rating.product_id);
                self.row("ratings", &[&at_text, &rating.user_id, product, &stars])?;
                self.customer(&rating.user_id, at, false);
            }
            // A status that says that an order is on its way changes no figure of these.
            _ => {}
        }
        Ok(())
    }

    fn order(&mut self, it: &OrderEvent<'_>) -> anyhow::Result<()> {
        let payment = it.payment_method.as_deref().unwrap_or_default().to_owned();
        let status = counts_as(it.order_status, it.payment_status, &payment);
        let mut order = Order {
            at: it.at.0,
            id: it.order_id.to_string(),
            user: it.user_id.to_string(),
            country: it.country.as_deref().unwrap_or_default().to_owned(),
            payment,
            lines: Vec::new(),
        };
        let at = order.at.to_string();
        let (mut units, mut net, mut discount) = (0, 0, 0);
        for line in &it.lines {
            let product = line.product_id.as_deref().unwrap_or_default().to_owned();
            let category = self.categories.get(&product).context("a product is known")?.clone();
            let (quantity, amount) = (line.quantity.0, line.net().0);
            self.row(
                "lines",
                &[
                    &at,
                    &order.id,
                    &order.user,
                    &product,
                    &category,
                    &order.country,
                    &order.payment,
                    status.as_str(),
                    &quantity.to_string(),
                    &amount.to_string(),
                ],
            )?;
            (units, net, discount) = (units + quantity, net + amount, discount + line.discount.0);
            if status == Status::Returned {
                self.back(&order, order.at, [&product, &category], [quantity, amount])?;
            }
            let id = line.line_id.as_deref().unwrap_or_default().to_owned();
            order.lines.push([id, product, category]);
        }
        let sums = [units, net, discount].map(|sum| sum.to_string());
        let Order { id, user, country, payment, .. } = &order;
        let [units, net, discount] = &sums;
        let row: [&str; 9] =
            [&at, id, user, country, payment, status.as_str(), units, net, discount];
        self.row("orders", &row)?;
        self.customer(&it.user_id, it.at.0, false);
        self.order = Some(order);
        Ok(())
    }

    /// A line, or a part of it, that came back.
    fn back(
        &mut self,
        order: &Order,
        at: i64,
        [product, category]: [&str; 2],
        [quantity, amount]: [i64; 2],
    ) -> anyhow::Result<()> {
        let numbers = [at, order.at, quantity, amount].map(|it| it.to_string());
        let [at, order_at, quantity, amount] = &numbers;
        let Order { id, user, country, payment, .. } = order;
        let row: [&str; 10] =
            [at, order_at, id, user, product, category, country, payment, quantity, amount];
        self.row("returns", &row)
    }

    fn customer(&mut self, user: &str, at: i64, visits: bool) {
        let known =
            self.customers.entry(user.to_owned()).or_insert(Known { since: at, visited: None });
        known.since = known.since.min(at);
        if visits {
            known.visited = Some(known.visited.map_or(at, |before| before.min(at)));
        }
    }

    fn row(&mut self, table: &'static str, fields: &[&str]) -> anyhow::Result<()> {
        let file = self.files.get_mut(table).context("a table")?;
        Ok(writeln!(file, "{}", fields.join("\t"))?)
    }

    /// Ends the files.
    ///
    /// # Errors
    /// Fails if they cannot be written.
    pub fn end(mut self) -> anyhow::Result<()> {
        for (user, Known { since, visited }) in std::mem::take(&mut self.customers) {
            let visited = visited.map_or_else(|| "\\N".to_owned(), |at| at.to_string());
            self.row("customers", &[&user, &since.to_string(), &visited])?;
        }
        for file in self.files.values_mut() {
            file.flush()?;
        }
        Ok(())
    }
}
