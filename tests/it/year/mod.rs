//! The year of a real shop: what its file comes to, what the service says of it, and logs that have it
//! in the form of earlier versions; [`kills`]: the year sent to a service that is killed.

mod kills;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use adaptive_bi::app::App;
use adaptive_bi::ingest::file::{self, Source};
use adaptive_bi::ingest::retail::{Form, Importer, Options};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader as Lines};

use crate::commands::{folder, run};
use crate::harness::Shop;
use crate::serve::program;

const HEADER: &str =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
/// The events of the year, as orders and as transactions.
const ORDERS: u64 = 39_167;
const TRANSACTIONS: u64 = 549_311;
/// The most bytes of events in a request.
const REQUEST_BYTES: usize = 8_000_000;

pub fn text() -> impl Read + Send + 'static {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/online_retail.csv.zst");
    zstd::Decoder::new(File::open(path).expect("the year")).expect("a decoder")
}

/// What the file comes to, computed from its lines by nothing of the program's: amounts in 1/1,000.
#[derive(Default)]
struct Computed {
    gross: i64,
    returns: i64,
    orders: HashSet<String>,
    refunds: i64,
    products: HashSet<String>,
    customers: HashSet<String>,
    /// By customer, less what came back.
    spent: HashMap<String, i64>,
    buyers: HashSet<String>,
    /// Units by product.
    sold: HashMap<String, i64>,
    /// Gross by day.
    days: HashMap<String, i64>,
}

impl Computed {
    fn of(text: impl Read) -> Self {
        let mut it = Computed::default();
        for line in BufReader::new(text).lines().skip(1) {
            it.add(&fields(&line.expect("text")));
        }
        it
    }

    fn add(&mut self, fields: &[String]) {
        let [invoice, product, _, quantity, date, price, customer, _] = fields else {
            panic!("{fields:?}")
        };
        let (quantity, price) = (quantity.parse::<i64>().expect("units"), thousandths(price));
        let is_return = quantity < 0 && invoice.starts_with('C');
        if price <= 0 || quantity == 0 || (quantity < 0 && !is_return) {
            return;
        }
        let user = match customer.trim_end_matches(".0") {
            "" => format!("guest-{invoice}"),
            id => id.to_owned(),
        };
        let amount = quantity * price;
        *self.spent.entry(user.clone()).or_default() += amount;
        self.products.insert(product.clone());
        self.customers.insert(user.clone());
        if is_return {
            self.returns -= amount;
            self.refunds += 1;
            return;
        }
        self.gross += amount;
        self.orders.insert(invoice.clone());
        self.buyers.insert(user);
        *self.sold.entry(product.clone()).or_default() += quantity;
        *self.days.entry(date[..10].to_owned()).or_default() += amount;
    }
}

pub fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut is_quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            _ => fields.last_mut().expect("one").push(letter),
        }
    }
    fields.into_iter().map(|field| field.trim().to_owned()).collect()
}

pub fn thousandths(number: &str) -> i64 {
    let (ones, places) = number.split_once('.').unwrap_or((number, ""));
    let sign = if ones.starts_with('-') { -1 } else { 1 };
    let (ones, places) = (ones.trim_start_matches('-'), format!("{places:0<3}"));
    sign * (ones.parse::<i64>().expect("ones") * 1_000 + places.parse::<i64>().expect("places"))
}

/// An amount in 1/1,000 as it is answered.
#[allow(clippy::cast_precision_loss)] // an answer is read so too
fn answered(amount: i64) -> Value {
    json!(amount as f64 / 1_000.0)
}

fn most(sums: &HashMap<String, i64>) -> (&String, i64) {
    let most = sums.iter().max_by_key(|(_, sum)| **sum);
    most.map(|(id, sum)| (id, *sum)).expect("some")
}

async fn assert_agreement(shop: &Shop, app: &App, position: u64, year: &Computed) {
    let root = shop.folded(position).await.root;
    assert_eq!((root.counts.quarantined, root.counts.rounded, root.irregular), (0, 0, 0));
    assert_eq!(root.returns.orders, year.refunds);
    let net = year.gross - year.returns;
    let orders = i64::try_from(year.orders.len()).expect("few");
    let sales = shop.data(app, "/api/metrics/sales", position).await;
    for (figure, expected) in [
        ("grossSales", answered(year.gross)),
        ("discounts", answered(0)),
        ("returns", answered(year.returns)),
        ("returnedAmount", answered(year.returns)),
        ("netSales", answered(net)),
        ("totalRevenue", answered(net)),
        ("totalOrders", json!(orders)),
        ("uniqueCustomers", json!(year.buyers.len())),
    ] {
        assert_eq!(sales[figure].as_f64(), expected.as_f64(), "{figure}: {sales}");
    }
    let average = sales["averageOrderValue"].as_f64().expect("an average");
    #[allow(clippy::cast_precision_loss)]
    let exact = net as f64 / 1_000.0 / orders as f64;
    assert!((average - exact).abs() < 0.000_051, "{average} of {exact}");

    let ranged = "/api/metrics/sales?startDate=2010-12-01&endDate=2011-12-09";
    let ranged = shop.data(app, ranged, position).await;
    for figure in ["grossSales", "returns", "netSales", "totalOrders", "uniqueCustomers"] {
        assert_eq!(ranged[figure], sales[figure], "{figure} in the range that has everything");
    }
    let day = "/api/metrics/sales?startDate=2011-11-14&endDate=2011-11-14";
    let day = shop.data(app, day, position).await;
    assert_eq!(day["grossSales"], answered(year.days["2011-11-14"]), "{day}");

    let products = shop.data(app, "/api/metrics/products", position).await;
    assert_eq!(products["totalProducts"], year.products.len());
    let ((product, units), top) = (most(&year.sold), &products["topSellingProducts"][0]);
    assert_eq!(
        (&top["productId"], top["totalQuantitySold"].as_i64()),
        (&json!(product), Some(units))
    );
    let customers = shop.data(app, "/api/metrics/customers", position).await;
    let guests = year.customers.iter().filter(|id| id.starts_with("guest-")).count();
    for (figure, expected) in [
        ("totalCustomers", year.customers.len()),
        ("identified", year.customers.len() - guests),
        ("guests", guests),
        ("buyers", year.buyers.len()),
    ] {
        assert_eq!(customers[figure], expected, "{figure}");
    }
    let ((user, spent), top) = (most(&year.spent), &customers["topSpendingCustomers"][0]);
    assert_eq!((&top["userId"], &top["totalSpend"]), (&json!(user), &answered(spent)));
}

/// The year's events as the bodies of requests: each has at most so many, and is within the bounds of
/// one.
fn requests(events: usize) -> Vec<String> {
    let mut count = 0;
    let mut bodies = vec![String::new()];
    for event in Importer::new(text(), Options::default()).map(|event| event.expect("whole")) {
        let data = String::from_utf8(event.body).expect("text");
        let line = format!("{{\"kind\":\"{}\",\"data\":{data}}}\n", event.kind);
        let body = bodies.last().expect("one");
        if body.len() + line.len() > REQUEST_BYTES || count == events {
            bodies.push(String::new());
            count = 0;
        }
        count += 1;
        bodies.last_mut().expect("one").push_str(&line);
    }
    bodies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_year_has_the_totals_of_its_file_once_twice_and_over_a_restart() {
    let year = Computed::of(text());
    assert_eq!((year.gross, year.returns), (10_666_684_544, 896_812_490));
    assert_eq!((year.orders.len(), year.refunds, year.buyers.len()), (19_960, 9_288, 5_766));

    let shop = Shop::new().await;
    let app = shop.start().await;
    let log = shop.log.clone();
    let source = Source::Retail(Box::new(text()), Options::default());
    let ingest = tokio::spawn(async move { file::ingest(&log, "GBP", source, 0, |_| {}).await });
    // Stopped in the middle of it, and started again while events still come.
    shop.folded(5_000).await;
    app.stop().await.expect("stopped");
    let app = shop.start().await;
    let once = ingest.await.expect("ingested").expect("ingested");
    assert_eq!((once.accepted, once.skipped.total(), once.further), (ORDERS, 2_517, 0));
    assert_agreement(&shop, &app, once.position, &year).await;

    let mut position = 0;
    for body in requests(9_999) {
        let answer = shop.post(&app, "/api/events", body).await;
        assert_eq!((answer.status, &answer.body["data"]["rejected"]), (200, &json!(0)));
        position = answer.body["data"]["position"].as_u64().expect("a position");
    }
    assert_eq!(position, 2 * ORDERS);
    assert_agreement(&shop, &app, position, &year).await;
    let counts = shop.folded(position).await.root.counts;
    assert_eq!((counts.applied, counts.unchanged), (ORDERS, ORDERS), "{counts:?}");
    app.stop().await.expect("stopped");
}

/// The kinds of the log's messages behind a position, in order.
async fn kinds_after(shop: &Shop, position: u64) -> Vec<String> {
    let last = shop.log.extent().await.expect("the log").last;
    let mut kinds = Vec::new();
    for position in position + 1..=last {
        let message = shop.log.message(position).await.expect("read").expect("there");
        let kind = message.subject.split('.').nth(1).expect("a kind");
        kinds.push(kind.to_owned());
    }
    kinds
}

/// Ingests a file up to its first sale and each line a transaction, as an earlier version that was
/// interrupted; returns the last position.
async fn begin_as_transactions(shop: &Shop, text: &str) -> u64 {
    let begun = text.lines().take(2).map(|line| line.to_owned() + "\n").collect::<String>();
    let options = Options { form: Form::Transactions, ..Options::default() };
    let source = Source::Retail(Box::new(Cursor::new(begun)), options);
    file::ingest(&shop.log, "GBP", source, 0, |_| {}).await.expect("ingested").position
}

/// Publishes all that the log has once more, each under its id, as earlier versions did; returns the last
/// position.
async fn under_ids(shop: &Shop, last: u64) -> u64 {
    let mut newest = last;
    for position in 1..=last {
        let message = shop.log.message(position).await.expect("read").expect("there");
        let kind = message.subject.split('.').nth(1).expect("a kind");
        let body: Value = serde_json::from_slice(&message.payload).expect("JSON");
        let ids = ["transactionId", "productId", "userId"].map(|name| body[name].as_str());
        let id = ids.into_iter().flatten().next().expect("an id");
        newest = shop.publish(&format!("{kind}.{id}"), message.payload.to_vec()).await;
    }
    newest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_the_log_alone_has_as_transactions_goes_on_so() {
    let shop = Shop::new().await;
    let folder = folder("unfolded");
    let text = format!("{HEADER}\n1,A,Lamp,2,2010-12-01 09:41:00,1.25,7.0,Malta\n");
    let begun = under_ids(&shop, begin_as_transactions(&shop, &text).await).await;
    std::fs::write(folder.join("year.csv"), &text).expect("written");
    let ran = run(&["ingest", "year.csv"], &shop.environment(), &folder).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(kinds_after(&shop, begun).await, ["product", "customer", "transaction"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_the_read_models_have_as_transactions_goes_on_so() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let folder = folder("retail");
    let lines = |lines: &[&str]| [&[HEADER], lines].concat().join("\n") + "\n";
    let first = lines(&[
        "1,A,Lamp,2,2010-12-01 09:41:00,1.25,7.0,Malta",
        "1,B,Mug,1,2010-12-01 09:41:00,4,7.0,Malta",
        "C2,A,Lamp,-1,2010-12-01 09:42:00,1.25,7.0,Malta",
    ]);
    let begun = begin_as_transactions(&shop, &first).await;
    shop.folded(begun).await;

    std::fs::write(folder.join("first.csv"), &first).expect("written");
    let ran = run(&["ingest", "first.csv"], &shop.environment(), &folder).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("each line a transaction; it goes on so"), "{ran:?}");
    let expected = ["product", "customer", "transaction", "product", "transaction", "transaction"];
    assert_eq!(kinds_after(&shop, begun).await, expected);
    let position = begun + 6;
    let sales = shop.data(&app, "/api/metrics/sales", position).await;
    assert_eq!((&sales["grossSales"], &sales["totalOrders"]), (&json!(7.75), &json!(3)), "{sales}");

    // Other sales come as orders, and again as orders.
    let second = lines(&[
        "3,A,Lamp,2,2010-12-02 09:41:00,1.25,7.0,Malta",
        "3,B,Mug,1,2010-12-02 09:41:00,4,7.0,Malta",
    ]);
    std::fs::write(folder.join("second.csv"), &second).expect("written");
    for time in 0..2 {
        let ran = run(&["ingest", "second.csv"], &shop.environment(), &folder).await;
        assert!(ran.code == Some(0) && !ran.stdout.contains("transaction"), "{ran:?}");
        let after = kinds_after(&shop, position + 4 * time).await;
        assert_eq!(after, ["product", "product", "customer", "order"]);
        let sales = shop.data(&app, "/api/metrics/sales", position + 4 * (time + 1)).await;
        let found = (&sales["grossSales"], &sales["netSales"], &sales["totalOrders"]);
        assert_eq!(found, (&json!(14.25), &json!(13), &json!(4)), "{sales}");
    }
    app.stop().await.expect("stopped");
}

/// Runs the demo on the shop's servers until it says that it is ready; returns what it said.
async fn demo(shop: &Shop, folder: &Path) -> String {
    let mut command = program(&["demo", "--still", "--no-shift"]);
    command.envs(shop.environment()).env("DATA_DIR", folder).env("CURRENCY", "GBP");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let mut lines = Lines::new(child.stdout.take().expect("piped")).lines();
    let mut said = String::new();
    let until_ready = async {
        while let Some(line) = lines.next_line().await.expect("lines") {
            said += &(line + "\n");
            if said.contains("Ctrl-C stops") {
                return;
            }
        }
        panic!("it ended by itself: {said}");
    };
    tokio::time::timeout(Duration::from_mins(2), until_ready).await.expect("ready in time");
    let pid = child.id().and_then(|it| Pid::from_raw(it.cast_signed()));
    kill_process(pid.expect("it runs"), Signal::INT).expect("told");
    let ended = tokio::time::timeout(Duration::from_mins(1), child.wait()).await;
    assert!(ended.expect("it stops").expect("it ended").success(), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_puts_the_year_on_its_log_as_orders_and_once() {
    let shop = Shop::new().await;
    let folder = folder("demo-year");
    for _ in 0..2 {
        let said = demo(&shop, &folder).await;
        let figures = ["10,666,684.544", "896,812.49", "9,769,872.054", "19,960", "489.4725"];
        for figure in figures.into_iter().chain(["5,588,376", "3,938", "5,981"]) {
            assert!(said.contains(&format!(" {figure}")), "{figure}: {said}");
        }
        assert!(!said.contains("transaction;"), "{said}");
        assert_eq!(shop.log.extent().await.expect("the log").last, ORDERS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demo_of_an_earlier_version_goes_on_with_transactions() {
    const LEFT: u64 = 40;
    let shop = Shop::new().await;
    let folder = folder("demo-of-before");
    let store = shop.store().await;
    // What it left when it was stopped, bar the most of its events, which tell nothing here.
    store.remember_shift("demo", 0).await.expect("noted");
    store.remember_ingested("demo", TRANSACTIONS - LEFT).await.expect("noted");
    let options = Options { form: Form::Transactions, shift_weeks: 0, demo: true };
    let begun: Vec<_> = Importer::new(text(), options).take(3).map(Result::unwrap).collect();
    for event in begun {
        shop.publish(event.kind, event.body).await;
    }

    let said = demo(&shop, &folder).await;
    assert!(said.contains("each line of an invoice a transaction; it goes on so"), "{said}");
    assert!(said.contains("each line of an invoice is one"), "{said}");
    let added = kinds_after(&shop, 3).await;
    assert_eq!(added.len() as u64, LEFT);
    let kinds: HashSet<&str> = added.iter().map(String::as_str).collect();
    assert!(kinds.contains("transaction") && !kinds.contains("order"), "{kinds:?}");
    let told = demo(&shop, &folder).await;
    assert!(told.contains("it goes on so"), "{told}");
    assert_eq!(shop.log.extent().await.expect("the log").last, 3 + LEFT);
}
