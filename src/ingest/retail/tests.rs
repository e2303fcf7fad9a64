mod real_year;

use std::fs::File;
use std::io::{Cursor, Read};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::error::HEADER;
use super::{Error, Event, Form, Importer, OPEN_MAX, Options, Summary, last_date, weeks_until};

const DATA_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/online_retail.csv.zst");

/// The lines as versions before orders imported them.
const TRANSACTIONS: Options = Options { form: Form::Transactions, shift_weeks: 0, demo: false };

/// Imports lines under the header, each ended.
fn import(lines: &[&str]) -> (Vec<Event>, Summary) {
    import_as(Options::default(), lines)
}

fn import_as(options: Options, lines: &[&str]) -> (Vec<Event>, Summary) {
    let mut importer = Importer::new(Cursor::new(file(lines)), options);
    let events = importer.by_ref().map(|event| event.expect("the lines are whole")).collect();
    (events, importer.summary().clone())
}

fn file(lines: &[&str]) -> String {
    [&[HEADER], lines].concat().join("\n") + "\n"
}

/// The payloads of one kind.
fn bodies(events: &[Event], kind: &str) -> Vec<String> {
    let of_kind = events.iter().filter(|event| event.kind == kind);
    of_kind.map(|event| String::from_utf8(event.body.clone()).unwrap()).collect()
}

fn ids(events: &[Event]) -> Vec<(&str, &str)> {
    events.iter().map(|event| (event.kind, event.id.as_str())).collect()
}

fn data() -> impl Read {
    zstd::Decoder::new(File::open(DATA_FILE).unwrap()).unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn an_order_has_the_lines_of_its_invoice_and_announces_its_products_and_its_customer_first() {
    let (events, summary) = import(&[
        "536365,85123A,WHITE HEART HOLDER ,6,2010-12-01 08:26:00,2.55,17850.0,France",
        "536365,71053,WHITE METAL LANTERN,2,2010-12-01 08:27:00,3.39,17850.0,France",
        "536365,85123A,WHITE HEART HOLDER,1,2010-12-01 08:27:00,0.0,17850.0,France",
        "536365,85123A,WHITE HEART HOLDER,1,2010-12-01 08:27:00,2.5,17850.0,France",
        "536366,71053,WHITE METAL LANTERN,1,2010-12-01 08:28:00,3.39,17850.0,",
    ]);
    let expected = [
        ("product", "85123A"),
        ("product", "71053"),
        ("customer", "17850"),
        ("order", "536365"),
        ("order", "536366"),
    ];
    assert_eq!(ids(&events), expected);
    assert_eq!(
        bodies(&events, "product")[0],
        r#"{"productId":"85123A","name":"WHITE HEART HOLDER","category":"Home Decor","price":2.55}"#
    );
    assert_eq!(
        bodies(&events, "customer"),
        [r#"{"userId":"17850","country":"France","createdAt":"2010-12-01T08:26:00Z"}"#]
    );
    assert_eq!(
        bodies(&events, "order"),
        [
            concat!(
                r#"{"orderId":"536365","invoice":"536365","userId":"17850","#,
                r#""orderDate":"2010-12-01T08:26:00Z","lines":["#,
                r#"{"lineId":"1","productId":"85123A","quantity":6,"price":2.55},"#,
                r#"{"lineId":"2","productId":"71053","quantity":2,"price":3.39},"#,
                r#"{"lineId":"4","productId":"85123A","quantity":1,"price":2.5}],"#,
                r#""shippingAddress":{"country":"France"}}"#
            ),
            concat!(
                r#"{"orderId":"536366","invoice":"536366","userId":"17850","#,
                r#""orderDate":"2010-12-01T08:28:00Z","lines":["#,
                r#"{"lineId":"1","productId":"71053","quantity":1,"price":3.39}]}"#
            )
        ]
    );
    assert_eq!((summary.lines, summary.sold, summary.orders, summary.further), (5, 4, 2, 0));
    assert_eq!((summary.customers, summary.guests), (1, 0));
}

#[test]
fn a_line_of_a_cancellation_is_a_refund_with_absolute_quantity_and_amount() {
    let (events, summary) = import(&[
        "C536379,D1,Lamp,-3,2010-12-01 09:41:00,27.5,14527.0,United Kingdom",
        "C536379,D1,Lamp,-1,2010-12-01 09:41:00,0.125,14527.0,United Kingdom",
    ]);
    assert_eq!(
        bodies(&events, "refund"),
        [
            concat!(
                r#"{"refundId":"C536379-1","amount":82.5,"quantity":3,"#,
                r#""at":"2010-12-01T09:41:00Z","productId":"D1","userId":"14527","#,
                r#""country":"United Kingdom"}"#
            ),
            concat!(
                r#"{"refundId":"C536379-2","amount":0.125,"quantity":1,"#,
                r#""at":"2010-12-01T09:41:00Z","productId":"D1","userId":"14527","#,
                r#""country":"United Kingdom"}"#
            )
        ]
    );
    assert_eq!(ids(&events)[..2], [("product", "D1"), ("customer", "14527")]);
    assert_eq!((summary.returned, summary.sold, summary.orders), (2, 0, 0));
}

#[test]
fn a_line_of_before_orders_is_a_transaction() {
    let (events, summary) = import_as(
        TRANSACTIONS,
        &[
            "536365,85123A,WHITE HEART HOLDER ,6,2010-12-01 08:26:00,2.55,17850.0,France",
            "536365,71053,WHITE METAL LANTERN,2,2010-12-01 08:26:00,3.39,17850.0,France",
            "C536379,D1,Lamp,-3,2010-12-01 09:41:00,27.5,14527.0,",
        ],
    );
    let expected = [
        ("product", "85123A"),
        ("customer", "17850"),
        ("transaction", "536365-1"),
        ("product", "71053"),
        ("transaction", "536365-2"),
        ("product", "D1"),
        ("customer", "14527"),
        ("transaction", "C536379-1"),
    ];
    assert_eq!(ids(&events), expected);
    assert_eq!(
        bodies(&events, "transaction")[..1],
        [concat!(
            r#"{"transactionId":"536365-1","userId":"17850","productId":"85123A","quantity":6,"#,
            r#""totalPrice":15.3,"status":"completed","transactionDate":"2010-12-01T08:26:00Z","#,
            r#""shippingAddress":{"country":"France"}}"#
        )]
    );
    let body: Value = serde_json::from_slice(&events[7].body).unwrap();
    assert_eq!((&body["status"], &body["quantity"]), (&"returned".into(), &3.into()));
    assert_eq!(body["totalPrice"].to_string(), "82.5");
    assert_eq!((summary.sold, summary.returned, summary.orders), (2, 1, 0));
}

#[test]
fn a_line_without_a_customer_is_its_invoices_guest() {
    let (events, summary) = import(&[
        "1,A,Lamp,1,2010-12-01 09:41:00,1.0,,Malta",
        "1,A,Lamp,1,2010-12-01 09:41:00,1.0,,Malta",
        "C2,A,Lamp,-1,2010-12-01 09:41:00,1.0,,Malta",
    ]);
    assert_eq!(
        ids(&events),
        [
            ("product", "A"),
            ("customer", "guest-1"),
            ("order", "1"),
            ("customer", "guest-C2"),
            ("refund", "C2-1")
        ]
    );
    assert_eq!((summary.customers, summary.guests), (2, 2));
}

/// The lines of each order, by their numbers.
fn lines_of(events: &[Event]) -> Vec<(String, Vec<u32>)> {
    let orders = events.iter().filter(|event| event.kind == "order");
    orders
        .map(|order| {
            let body: Value = serde_json::from_slice(&order.body).unwrap();
            let id = |line: &Value| line["lineId"].as_str().unwrap().parse().unwrap();
            (order.id.clone(), body["lines"].as_array().unwrap().iter().map(id).collect())
        })
        .collect()
}

fn of_order(id: &str, lines: impl Into<Vec<u32>>) -> (String, Vec<u32>) {
    (id.to_owned(), lines.into())
}

#[test]
fn a_line_number_counts_skipped_lines_and_survives_an_interruption() {
    let lines = [
        "1,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta",
        "1,A,Lamp,1,2010-12-01 09:41:00,0.0,7.0,Malta",
        "2,B,Mug,1,2010-12-01 09:41:00,1.0,8.0,Malta",
        "1,A,Lamp,many,2010-12-01 09:41:00,1.0,7.0,Malta",
        "1,B,Mug,1,2010-12-01 09:41:00,1.0,7.0,Malta",
    ];
    let (events, _) = import(&lines);
    assert_eq!(lines_of(&events), [of_order("1", [1, 4]), of_order("2", [1])]);
    // What an order names comes before it, though it stands behind another order's in the file.
    let expected = ["product A", "product B", "customer 7", "order 1", "customer 8", "order 2"];
    let found = ids(&events).into_iter().map(|(kind, id)| format!("{kind} {id}"));
    assert_eq!(found.collect::<Vec<_>>(), expected);
    let (events, _) = import_as(TRANSACTIONS, &lines);
    let sales = events.iter().filter(|event| event.kind == "transaction");
    assert_eq!(sales.map(|event| event.id.as_str()).collect::<Vec<_>>(), ["1-1", "2-1", "1-4"]);
}

#[test]
fn an_order_stays_open_until_so_many_others_began_and_then_its_lines_make_a_further_one() {
    let of = |invoice: usize| format!("{invoice},A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta");
    let with = |others: usize| {
        let lines: Vec<_> = (0..=others).chain([0, 0]).map(of).collect();
        import(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let (events, summary) = with(OPEN_MAX - 1);
    assert_eq!(lines_of(&events)[0], of_order("0", [1, 2, 3]));
    assert_eq!((summary.orders, summary.further), (16, 0));
    let (events, summary) = with(OPEN_MAX);
    let orders = lines_of(&events);
    assert_eq!(orders.first(), Some(&of_order("0", [1])));
    assert_eq!(orders.last(), Some(&of_order("0.2", [2, 3])));
    assert!(bodies(&events, "order")[17].contains(r#""orderId":"0.2","invoice":"0","#));
    assert_eq!((summary.orders, summary.further, summary.sold), (18, 1, 19));
}

#[test]
fn what_an_order_cannot_hold_makes_a_further_one() {
    let line = "1,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta";
    let (events, summary) = import(&vec![line; 4_001]);
    let orders: Vec<_> = lines_of(&events).into_iter().map(|(id, it)| (id, it.len())).collect();
    let expected = [("1", 2_000), ("1.2", 2_000), ("1.3", 1)];
    assert_eq!(orders, expected.map(|(id, lines)| (id.to_owned(), lines)));
    assert_eq!((summary.orders, summary.further, summary.sold), (3, 2, 4_001));

    // The longest code, of characters that take the most room as JSON.
    let line = format!("1,{},Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta", "\u{1}".repeat(128));
    let (events, summary) = import(&vec![line.as_str(); 2_000]);
    let largest = bodies(&events, "order").iter().map(String::len).max();
    assert!(largest.is_some_and(|it| (450_000..530_000).contains(&it)), "{largest:?}");
    assert_eq!(
        (summary.orders, lines_of(&events).iter().map(|(_, it)| it.len()).sum()),
        (4, 2_000)
    );
}

#[test]
fn what_is_no_sale_is_counted_by_its_reason() {
    let (events, summary) = import(&[
        "1,A,,56,2010-12-01 11:52:00,0.0,,United Kingdom",
        "A2,B,Adjust bad debt,1,2011-08-12 14:51:00,-11062.06,,United Kingdom",
        "3,C,damaged,-10,2010-12-01 11:52:00,1.0,,United Kingdom",
        "4,D,Lamp,0,2010-12-01 11:52:00,1.0,,United Kingdom",
    ]);
    let skipped = summary.skipped;
    assert_eq!(events, []);
    assert_eq!((skipped.zero_price, skipped.negative_price), (1, 1));
    assert_eq!((skipped.negative_quantity, skipped.zero_quantity), (1, 1));
    assert_eq!((skipped.total(), summary.lines, summary.products), (4, 4, 0));
}

#[test]
fn a_malformed_line_is_named_and_does_not_spoil_the_others() {
    let (events, summary) = import(&[
        "1,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0",
        "1,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta,more",
        "1,A,\"Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta",
        "1,A,Lamp,1,01/12/2010 09:41,1.0,7.0,Malta",
        "1,A,Lamp,1,2010-12-01 09:41:00,1.23456,7.0,Malta",
        "1,A,Lamp,1.5,2010-12-01 09:41:00,1.0,7.0,Malta",
        "1,A,Lamp,1000000,2010-12-01 09:41:00,1000.01,7.0,Malta",
        "",
        "1,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta",
    ]);
    let lines: Vec<u64> = summary.malformed_first.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(summary.malformed_first[2].1, "a quote is not closed");
    assert_eq!((summary.skipped.malformed, events.len()), (8, 3));
}

#[test]
fn a_quoted_field_may_hold_commas_and_doubled_quotes() {
    let (events, _) =
        import(&[r#"1,A,"FRAME, 7"" SINGLE ",1,2010-12-01 09:41:00,1.0,7.0,"Malta""#]);
    let body: Value = serde_json::from_slice(&events[0].body).unwrap();
    assert_eq!(body["name"], r#"FRAME, 7" SINGLE"#);
}

#[test]
fn a_product_without_a_description_is_named_by_its_code_and_a_long_name_is_cut() {
    let long = format!("2,B,{},1,2010-12-01 09:41:00,1.0,7.0,Malta", "£".repeat(120));
    let (events, _) = import(&["1,A,,1,2010-12-01 09:41:00,1.0,7.0,Malta", &long]);
    let names = bodies(&events, "product");
    assert!(names[0].contains(r#""name":"A","category":"Other""#), "{}", names[0]);
    assert!(names[1].contains(&format!(r#""name":"{}","#, "£".repeat(100))), "{}", names[1]);
}

#[test]
fn amounts_are_exact() {
    let lines = [
        "C1,A,Lamp,-3,2010-12-01 09:41:00,0.001,7.0,Malta",
        "C1,A,Lamp,-80995,2010-12-01 09:41:00,2.08,7.0,Malta",
        "C1,A,Lamp,-999999,2010-12-01 09:41:00,999.9999,7.0,Malta",
        "C1,A,Lamp,-4,2010-12-01 09:41:00,2.50,7.0,Malta",
    ];
    let totals = ["0.003", "168469.6", "999998900.0001", "10"];
    let kinds =
        [("refund", "amount", Options::default()), ("transaction", "totalPrice", TRANSACTIONS)];
    for (kind, member, options) in kinds {
        let (events, _) = import_as(options, &lines);
        let texts = bodies(&events, kind);
        assert_eq!(texts.len(), totals.len());
        for (text, total) in texts.iter().zip(totals) {
            assert!(text.contains(&format!(r#""{member}":{total},"#)), "{text}");
        }
    }
}

#[test]
fn a_shift_moves_every_date_by_whole_weeks() {
    let lines = file(&["1,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta"]);
    let shift = |shift_weeks| {
        let options = Options { shift_weeks, ..Options::default() };
        let events = Importer::new(Cursor::new(&lines), options).map(Result::unwrap);
        events.map(|event| String::from_utf8(event.body).unwrap()).collect::<Vec<_>>()
    };
    let moved = shift(52);
    assert!(moved[1].contains(r#""createdAt":"2011-11-30T09:41:00Z""#), "{}", moved[1]);
    assert!(moved[2].contains(r#""orderDate":"2011-11-30T09:41:00Z""#), "{}", moved[2]);
    assert_eq!(shift(i64::MAX), Vec::<String>::new());
}

#[test]
fn the_weeks_until_now_never_reach_the_future() {
    let last = time("2011-12-09T12:50:00Z");
    assert_eq!(weeks_until(last, time("2011-12-16T12:50:00Z")), 1);
    assert_eq!(weeks_until(last, time("2011-12-16T12:49:59Z")), 0);
    assert_eq!(weeks_until(last, time("2011-12-09T12:49:59Z")), -1);
}

#[test]
fn the_last_date_is_that_of_the_latest_sale() {
    let lines = file(&[
        "1,A,Lamp,1,2011-12-01 09:41:00,1.0,7.0,Malta",
        "2,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta",
        "3,A,Lamp,1,2012-12-01 09:41:00,0.0,7.0,Malta",
    ]);
    assert_eq!(last_date(Cursor::new(lines)).unwrap(), Some(time("2011-12-01T09:41:00Z")));
    assert_eq!(last_date(Cursor::new(file(&[]))).unwrap(), None);
}

#[test]
fn a_file_cut_in_a_line_ends_in_an_error_that_names_it_after_what_came_before() {
    let whole = file(&[
        "1,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta",
        "2,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,United Kingdom",
    ]);
    let cut = &whole[..whole.len() - "Kingdom\n".len()];
    let results: Vec<_> = Importer::new(Cursor::new(cut), Options::default()).collect();
    assert_eq!(results.len(), 4);
    assert!(matches!(results[3], Err(Error::Cut { line: 3 })), "{:?}", results[3]);
}

#[test]
fn a_compressed_file_cut_in_its_frame_ends_in_an_error_that_names_the_line() {
    let bytes = std::fs::read(DATA_FILE).unwrap();
    let half = zstd::Decoder::new(Cursor::new(&bytes[..100_000])).unwrap();
    let mut importer = Importer::new(half, Options::default());
    let delivered = importer.by_ref().take_while(Result::is_ok).count();
    let (lines, orders) = (importer.summary().lines, importer.summary().orders);
    assert!(lines > 10_000 && delivered as u64 > orders, "{delivered} events of {lines} lines");
    let half = zstd::Decoder::new(Cursor::new(&bytes[..100_000])).unwrap();
    let last = Importer::new(half, Options::default()).last();
    assert!(matches!(last, Some(Err(Error::Read { line, .. })) if line == lines + 2), "{last:?}");
}

#[test]
fn another_file_is_refused_at_its_first_line() {
    for text in ["", "a,b\n1,2\n"] {
        let results: Vec<_> = Importer::new(text.as_bytes(), Options::default()).collect();
        assert!(matches!(results[..], [Err(Error::Header)]), "{results:?}");
    }
    let endless = std::io::repeat(b'x');
    let results: Vec<_> = Importer::new(endless, Options::default()).collect();
    assert!(matches!(results[..], [Err(Error::TooLong { line: 1 })]), "{results:?}");
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
    let lines = file(&["1,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta"]);
    let windows = format!("\u{feff}{}", lines.replace('\n', "\r\n"));
    let import = |text: String| -> Vec<Event> {
        Importer::new(Cursor::new(text), Options::default()).map(Result::unwrap).collect()
    };
    assert_eq!(import(windows), import(lines));
}
