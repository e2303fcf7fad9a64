use std::fmt::Debug;

use super::*;
use crate::json::{Adjusted, Limits};

const LIMITS: Limits<'_> = Limits { latest: Time(1_000_000_000_000), currency: "EUR" };

/// The value by a rule, and what became of it.
fn read<'a, T>(
    rule: impl Fn(&'a str, &mut Reader<'_>) -> Read<T>,
    json: &'a str,
) -> (Read<T>, Adjusted) {
    let mut reader = Reader::new(&LIMITS);
    (rule(json, &mut reader), reader.adjusted)
}

/// The value by a rule that takes it as it is.
fn exact<'a, T: Debug + PartialEq>(
    rule: impl Fn(&'a str, &mut Reader<'_>) -> Read<T>,
    json: &'a str,
) -> Read<T> {
    let (value, adjusted) = read(rule, json);
    assert_eq!(adjusted, Adjusted::default(), "{json}");
    value
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[test]
fn ids_are_strings_of_1_to_128_characters_taken_as_they_are() {
    assert_eq!(exact(id, r#"" a ""#).unwrap(), " a ");
    assert_eq!(exact(id, r#""\u0041\n""#).unwrap(), "A\n");
    assert!(exact(id, &quoted(&"é".repeat(128))).is_ok());
    for json in [r#""""#, "true", "{}", r#""\ud800""#, &quoted(&"é".repeat(129))] {
        assert!(exact(id, json).is_err(), "{json}");
    }
}

#[test]
fn whole_numbers_are_ids_by_their_decimal_text() {
    for (json, expected) in [
        ("7", "7"),
        ("7.0", "7"),
        ("17850.00", "17850"),
        ("7e2", "700"),
        ("-7", "-7"),
        ("-0", "0"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        (r#"{"$oid":"65a1f0c2e4b0a1b2c3d4e5f6"}"#, "65a1f0c2e4b0a1b2c3d4e5f6"),
        (r#"{ "$numberLong" : "7" }"#, "7"),
    ] {
        assert_eq!(exact(id, json).as_deref(), Ok(expected), "{json}");
    }
    for json in ["7.5", "1e400", "1e-3", r#"{"$oid":7}"#, r#"{"$numberDouble":"NaN"}"#] {
        let refused = "must be a string of 1 to 128 characters, or a whole number";
        assert_eq!(exact(id, json), Err(refused.into()), "{json}");
    }
    assert!(exact(id, &"7".repeat(129)).is_err());
}

#[test]
fn a_pair_where_an_id_is_asked_for_is_named() {
    let Err(Refusal::Because(reason)) = exact(id, r#"[7,"Azure"]"#) else { panic!("taken") };
    assert!(reason.contains("Odoo's pair") && reason.contains("the id alone"), "{reason}");
    assert!(!reason.contains("Azure"));
}

#[test]
fn texts_without_escapes_are_borrowed() {
    assert!(matches!(exact(id, r#""a""#), Ok(Cow::Borrowed("a"))));
    assert!(matches!(exact(open, r#"" a ""#), Ok(Cow::Borrowed("a"))));
    assert!(matches!(exact(open, r#""\ta""#), Ok(Cow::Owned(it)) if it == "a"));
}

#[test]
fn texts_are_measured_without_what_is_trimmed_and_cut_at_a_character() {
    let padded = quoted(&format!("  {}  ", "ü".repeat(64)));
    assert_eq!(exact(open, &padded).unwrap(), "ü".repeat(64));
    assert_eq!(exact(open, r#""  ""#), Err(Refusal::Blank));
    assert_eq!(exact(verbatim(3), r#"" a ""#).unwrap(), " a ");
    let cut = Adjusted { shortened: true, ..Adjusted::default() };
    assert_eq!(read(open, &quoted(&"ü".repeat(65))), (Ok("ü".repeat(64).into()), cut));
    assert_eq!(read(trimmed(3), r#"" ab cd ""#), (Ok("ab".into()), cut));
    assert_eq!(read(name(3), r#"" ab cd ""#), (Ok("ab".into()), cut));
    assert_eq!(read(verbatim(3), r#""ab cd""#), (Ok("ab ".into()), cut));
    assert_eq!(read(verbatim(3), r#""    a""#), (Err(Refusal::Blank), cut));
    assert!(exact(open, "1").is_err());
}

#[test]
fn an_address_that_is_too_long_is_left_out() {
    assert_eq!(exact(address(3), r#""abc""#).unwrap(), "abc");
    let (value, adjusted) = read(address(3), r#""abcd""#);
    assert_eq!((value, adjusted.shortened), (Err(Refusal::Blank), true));
}

#[test]
fn half_a_character_is_mended_in_texts_for_people_alone() {
    let json = r#""lovely \ud83d""#;
    assert_eq!(exact(verbatim(10), json).unwrap(), "lovely \u{fffd}");
    assert_eq!(exact(name(10), json).unwrap(), "lovely \u{fffd}");
    assert!(exact(open, json).is_err());
}

#[test]
fn dates_end_at_the_latest_allowed() {
    assert_eq!(exact(date, r#""2001-09-09T01:46:40Z""#), Ok(LIMITS.latest));
    assert!(exact(date, r#""2001-09-09T01:46:40.001Z""#).is_err());
    assert!(exact(date, "1000").is_err());
}

#[test]
fn dates_may_be_extended_json() {
    for json in [
        r#"{"$date":"2001-09-09T01:46:40Z"}"#,
        r#"{"$date":1000000000000}"#,
        r#"{ "$date" : { "$numberLong" : "1000000000000" } }"#,
    ] {
        assert_eq!(exact(date, json), Ok(LIMITS.latest), "{json}");
    }
    for json in [r#"{"$date":true}"#, "{}", r#"{"$date":-1}"#, r#"{"$date":1000000000001}"#] {
        assert!(exact(date, json).is_err(), "{json}");
    }
}

#[test]
fn whole_numbers_may_be_written_with_a_fraction_of_nothing_or_in_text() {
    let rating = || whole_number(1, 5);
    for json in ["3", "3.0", "0.3e1", "30e-1", r#""3""#, r#""3.0""#, r#"{"$numberInt":"3"}"#] {
        assert_eq!(exact(rating(), json), Ok(3), "{json}");
    }
    let refused = [
        "0",
        "6",
        "3.5",
        "-3",
        r#""3,0""#,
        r#"" 3""#,
        "true",
        "[3]",
        "{}",
        "3e99999999999999999999",
    ];
    for json in refused {
        let message = "must be a whole number from 1 to 5".to_owned();
        assert_eq!(exact(rating(), json), Err(message.into()), "{json}");
    }
    assert_eq!(exact(whole_number(0, 9), "-0"), Ok(0));
}

#[test]
fn quantities_are_bounded_after_rounding() {
    let items = || quantity(Quantity(1)..=Quantity::whole(10));
    let rounded = Adjusted { rounded: true, ..Adjusted::default() };
    assert_eq!(exact(items(), "0.75"), Ok(Quantity(750)));
    assert_eq!(exact(items(), r#""2""#), Ok(Quantity::whole(2)));
    assert_eq!(exact(items(), r#"{"$numberDecimal":"2.5"}"#), Ok(Quantity(2_500)));
    assert_eq!(read(items(), "0.0006"), (Ok(Quantity(1)), rounded));
    assert_eq!(read(items(), r#""0.3333""#), (Ok(Quantity(333)), rounded));
    assert_eq!(read(items(), "10.0004"), (Ok(Quantity::whole(10)), rounded));
    for json in ["0.0005", "0", "-1", "10.001", "1e400", "true", "[1]", r#""1e0""#, r#""1,5""#] {
        assert_eq!(
            exact(items(), json),
            Err("must be a number from 0.001 to 10".to_owned().into())
        );
    }
}

#[test]
fn amounts_are_numbers_or_plain_decimals_and_not_negative() {
    assert_eq!(exact(amount, "12.5"), Ok(Money(125_000)));
    assert_eq!(exact(amount, r#""12.50""#), Ok(Money(125_000)));
    assert_eq!(exact(amount, r#""29.990000""#), Ok(Money(299_900)));
    assert_eq!(exact(amount, r#"{"$numberDecimal":"12.50"}"#), Ok(Money(125_000)));
    assert_eq!(exact(amount, "-0.0"), Ok(Money(0)));
    let (value, adjusted) = read(amount, "0.00019");
    assert_eq!((value, adjusted.rounded), (Ok(Money(2)), true));
    for json in
        [r#""1.00001""#, r#""1e3""#, r#"" 1""#, r#""""#, "-1", r#""-1""#, "null", "[]", "{}"]
    {
        assert!(exact(amount, json).is_err(), "{json}");
    }
}

#[test]
fn a_currency_is_three_letters_and_none_where_it_is_the_shops() {
    let usd = Currency::parse("USD");
    assert_eq!(exact(currency, r#""eur""#), Ok(None));
    assert_eq!(exact(currency, r#"" usd ""#), Ok(usd));
    assert_eq!(exact(currency, r#"" ""#), Err(Refusal::Blank));
    for json in [r#""US""#, r#""USDT""#, r#""U$D""#, "7", "{}"] {
        assert_eq!(exact(currency, json), Err(NO_CURRENCY.into()), "{json}");
    }
    assert_eq!(exact(another_currency, r#""usd""#), Ok(usd));
    let refused = "must be another currency than the shop's, EUR".to_owned();
    assert_eq!(exact(another_currency, r#""EUR""#), Err(refused.into()));
}

#[test]
fn a_rate_is_a_number_or_a_plain_decimal_above_zero() {
    for json in ["0.85", "8.5e-1", r#""0.85""#, "0.8500000004"] {
        assert_eq!(exact(rate, json), Ok(Some(Rate(850_000_000))), "{json}");
    }
    for json in ["0", "-1", r#""-1""#, r#""1e3""#, r#""""#, "1e10", "true", "[1]"] {
        assert!(exact(rate, json).is_err(), "{json}");
    }
}
