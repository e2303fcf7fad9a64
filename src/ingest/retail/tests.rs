mod real_year;

use std::fs::File;
use std::io::{Cursor, Read};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::error::HEADER;
use super::{Error, Event, Importer, Options, Summary, last_date, weeks_until};

const DATA_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/online_retail.csv.zst");

/// Imports lines under the header, each ended.
fn import(lines: &[&str]) -> (Vec<Event>, Summary) {
    let mut importer = Importer::new(Cursor::new(file(lines)), Options::default());
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
fn a_sale_announces_its_product_and_its_customer_first() {
    let (events, summary) =
        import(&["536365,85123A,WHITE HEART HOLDER ,6,2010-12-01 08:26:00,2.55,17850.0,France"]);
    assert_eq!(
        ids(&events),
        [("product", "85123A"), ("customer", "17850"), ("transaction", "536365-1")]
    );
    assert_eq!(
        bodies(&events, "product"),
        [
            r#"{"productId":"85123A","name":"WHITE HEART HOLDER","category":"Home Decor","price":2.55}"#
        ]
    );
    assert_eq!(
        bodies(&events, "customer"),
        [r#"{"userId":"17850","country":"France","createdAt":"2010-12-01T08:26:00Z"}"#]
    );
    assert_eq!(
        bodies(&events, "transaction"),
        [concat!(
            r#"{"transactionId":"536365-1","userId":"17850","productId":"85123A","quantity":6,"#,
            r#""totalPrice":15.3,"status":"completed","transactionDate":"2010-12-01T08:26:00Z","#,
            r#""shippingAddress":{"country":"France"}}"#
        )]
    );
    assert_eq!((summary.lines, summary.completed, summary.guests), (1, 1, 0));
}

#[test]
fn a_cancellation_is_returned_with_absolute_quantity_and_amount() {
    let (events, summary) =
        import(&["C536379,D1,Lamp,-3,2010-12-01 09:41:00,27.5,14527.0,United Kingdom"]);
    let body: Value = serde_json::from_slice(&events[2].body).unwrap();
    assert_eq!((&body["status"], &body["quantity"]), (&"returned".into(), &3.into()));
    assert_eq!(body["totalPrice"].to_string(), "82.5");
    assert_eq!((summary.returned, summary.completed), (1, 0));
}

#[test]
fn a_line_without_a_customer_is_its_invoices_guest() {
    let (events, summary) = import(&[
        "1,A,Lamp,1,2010-12-01 09:41:00,1.0,,Malta",
        "1,A,Lamp,1,2010-12-01 09:41:00,1.0,,Malta",
    ]);
    assert_eq!(
        ids(&events),
        [("product", "A"), ("customer", "guest-1"), ("transaction", "1-1"), ("transaction", "1-2")]
    );
    assert_eq!((summary.customers, summary.guests), (1, 1));
}

#[test]
fn a_line_number_counts_skipped_lines_and_survives_an_interruption() {
    let (events, _) = import(&[
        "1,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta",
        "1,A,Lamp,1,2010-12-01 09:41:00,0.0,7.0,Malta",
        "2,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta",
        "1,A,Lamp,many,2010-12-01 09:41:00,1.0,7.0,Malta",
        "1,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta",
    ]);
    let sales = events.iter().filter(|event| event.kind == "transaction");
    assert_eq!(sales.map(|event| event.id.as_str()).collect::<Vec<_>>(), ["1-1", "2-1", "1-4"]);
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
    let (events, _) = import(&[
        "1,A,Lamp,3,2010-12-01 09:41:00,0.001,7.0,Malta",
        "1,A,Lamp,80995,2010-12-01 09:41:00,2.08,7.0,Malta",
        "1,A,Lamp,999999,2010-12-01 09:41:00,999.9999,7.0,Malta",
        "1,A,Lamp,4,2010-12-01 09:41:00,2.50,7.0,Malta",
    ]);
    let texts = bodies(&events, "transaction");
    let totals = ["0.003", "168469.6", "999998900.0001", "10"];
    assert_eq!(texts.len(), totals.len());
    for (text, total) in texts.iter().zip(totals) {
        assert!(text.contains(&format!(r#""totalPrice":{total},"#)), "{text}");
    }
}

#[test]
fn a_shift_moves_every_date_by_whole_weeks() {
    let lines = file(&["1,A,Lamp,1,2010-12-01 09:41:00,1.0,7.0,Malta"]);
    let shift = |shift_weeks| {
        let options = Options { shift_weeks, demo: false };
        let events = Importer::new(Cursor::new(&lines), options).map(Result::unwrap);
        events.map(|event| String::from_utf8(event.body).unwrap()).collect::<Vec<_>>()
    };
    let moved = shift(52);
    assert!(moved[1].contains(r#""createdAt":"2011-11-30T09:41:00Z""#), "{}", moved[1]);
    assert!(moved[2].contains(r#""transactionDate":"2011-11-30T09:41:00Z""#), "{}", moved[2]);
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
    let lines = importer.summary().lines;
    assert!(delivered > 10_000, "{delivered}");
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
