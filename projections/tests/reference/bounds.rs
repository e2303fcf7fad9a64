//! No document grows without bound: by computing the worst case, and on a log with thousands of
//! everything.

use projections::bucket::{Level, MINUTES_PER_DAY, QUARTERS_PER_DAY};
use projections::event::Kind;
use projections::family::Dimension;
use projections::funnel::{Attempt, Funnel, Place, State, Step};
use projections::rollup::{CODES_WIDTH, chunk_bits, chunk_bits_in};
use projections::sessions::Session;
use projections::sessions::document::{Derived, Opening};
use projections::table::Table;
use projections::tally::Tally;
use projections::testing::{Logged, Shop};
use projections::time::Time;

use crate::naive::Naive;
use crate::properties::assert_same;

/// The largest size of a document, in bytes.
const LIMIT: u64 = 1_000_000;
/// The most bytes of a 64-bit integer in LEB128.
const VARINT: u64 = 10;
/// The number of values of a vocabulary that are not in it: `(none)` and `(other)`.
const RESERVED: u64 = 2;
/// The most bytes of a character in UTF-8.
const CHAR: u64 = 4;
/// The bytes that BSON adds to a value of an array: a type, an index, a length, two ends.
const ELEMENT: u64 = 16;

fn values(dimension: Dimension) -> u64 {
    dimension.cap() as u64 + RESERVED
}

/// The bytes of a full table of `rows` rows with integers of any size in `columns` columns. A step
/// from one key to the next is at most two bytes, as no table has gaps of 16,384 in its rows when
/// it is full.
fn any_integers(rows: u64, columns: u64) -> u64 {
    1 + rows * (2 + columns * VARINT)
}

/// The bytes of a full table whose columns add up to no more than `sums`. LEB128 takes at most
/// `1 + log2(n) / 7` bytes for n, which is concave: equal shares take the most (Jensen). Fewer
/// rows with larger shares take less.
fn shared_integers(rows: u64, sums: &[u64]) -> u64 {
    let column = |sum: u64| {
        let zigzag = 2 * u128::from(sum / rows) + 2;
        rows + rows * u64::from(zigzag.ilog2() + 1) / 7
    };
    1 + rows + sums.iter().map(|sum| column(*sum)).sum::<u64>()
}

#[test]
fn no_table_can_pass_a_megabyte_whatever_it_counts() {
    let quarters = u64::from(QUARTERS_PER_DAY);
    let month = 31 * quarters;
    let tables = [
        ("sales", any_integers(month, 3)),
        ("minutes", any_integers(u64::from(MINUTES_PER_DAY), 3)),
        ("newcomers, feedback", any_integers(month, 2)),
        // Sixteen countries with sixteen payment methods each.
        ("cells", any_integers(16 * 16 * quarters, 3)),
        ("cells of a month", any_integers(16 * 16 * 31, 3)),
        ("categories of a day", any_integers(values(Dimension::Category) * quarters, 3)),
        ("pages of a day", any_integers(values(Dimension::Page) * quarters, 1)),
        ("pages of a month", any_integers(values(Dimension::Page) * 31, 1)),
        (
            "types, devices, countries of a day",
            any_integers(values(Dimension::Device) * quarters, 1),
        ),
        ("currencies of a day", any_integers(values(Dimension::Currency) * quarters, 3)),
        ("currencies of a month", any_integers(values(Dimension::Currency) * 31, 3)),
        ("sessions of a month", any_integers(month, 3)),
        (
            "sessions by device, by country of a day",
            any_integers(values(Dimension::Device) * quarters, 3),
        ),
        ("sessions by entry page of a month", any_integers(values(Dimension::Page) * 31, 3)),
        // A million million sessions, of 97 days each.
        (
            "sessions by entry page of a day",
            shared_integers(
                values(Dimension::Page) * quarters,
                &[1 << 40, 1 << 40, i64::MAX as u64],
            ),
        ),
        ("entities of a day", any_integers(1 << chunk_bits(Level::Day), 3)),
        ("entities of a month", any_integers(1 << chunk_bits(Level::Month), 3)),
        ("entities ever", any_integers(1 << chunk_bits(Level::Ever), 3)),
        (
            "entities in values of a day",
            any_integers(u64::from(CODES_WIDTH) << chunk_bits_in(Level::Day), 1),
        ),
        (
            "entities in values of a month",
            any_integers(u64::from(CODES_WIDTH) << chunk_bits_in(Level::Month), 1),
        ),
        (
            "entities in values ever",
            any_integers(u64::from(CODES_WIDTH) << chunk_bits_in(Level::Ever), 1),
        ),
        (
            "entities in values of a quarter hour",
            shared_integers(u64::from(CODES_WIDTH) << chunk_bits_in(Level::Quarter), &[1 << 40]),
        ),
        // A shop's units and money each fit an integer as a whole (`Root::admits`), and a million
        // million orders are 5 million a second in a quarter hour, for two days.
        (
            "entities of a quarter hour",
            shared_integers(
                1 << chunk_bits(Level::Quarter),
                &[1 << 40, i64::MAX as u64, i64::MAX as u64],
            ),
        ),
    ];
    for (what, bytes) in tables {
        assert!(bytes < LIMIT, "{what}: {bytes}");
    }
}

#[test]
fn the_computed_bounds_hold_for_the_fullest_tables() {
    let full = |rows: u32, row: [i64; 3]| -> u64 {
        let table: Table = (0..rows).map(|key| (key, row)).collect();
        table.pack().len() as u64
    };
    assert!(full(2_976, [i64::MIN; 3]) <= any_integers(2_976, 3));
    let rows = 1 << chunk_bits(Level::Quarter);
    let share = i64::MAX / i64::from(rows);
    let sums = [1 << 40, i64::MAX as u64, i64::MAX as u64];
    let packed = full(rows, [(1 << 40) / i64::from(rows), share, share]);
    assert!(packed <= shared_integers(rows.into(), &sums), "{packed}");
}

/// The number of bytes that a packed document or a part of one has.
fn bytes_of(packed: &impl serde::Serialize) -> Vec<u8> {
    serde_json::from_value(serde_json::to_value(packed).unwrap()).unwrap()
}

#[test]
fn a_tally_is_bounded_with_the_funnel_of_64_customers() {
    let place = Place { codes: [u16::MAX >> 2; 2], of_shop: [u16::MAX >> 2; 2] };
    let end = 4_000_000_000_000;
    let open = Attempt { at: Time(0), place, added: true, purchased: false };
    // All steps lie within a day, so only one of them can be a day after the one before.
    let at = |n: i64| Time(end + if n == 0 { 0 } else { 86_400_000 + n });
    let newest = (0..32).map(|n| (at(n), Step::Viewed(place))).collect();
    let funnel = Funnel::from(State { open: Some(open), settled: Some(Time(end)), newest });
    let rest = bytes_of(&funnel);
    assert!(rest.len() <= 7 + 7 + 8 + 1 + 32 * 13, "{}", rest.len());
    let mut tally = Tally::default();
    for ordinal in 0..64 {
        tally.set_with(ordinal, &[i64::MIN; 25], &rest);
    }
    let bytes = bytes_of(&tally).len();
    assert!(bytes < 52 * 1024, "{bytes}");
}

#[test]
fn the_sessions_of_an_id_are_a_small_row() {
    let opening = Opening {
        customer: Some(u32::MAX),
        identified: true,
        codes: [Dimension::Page.cap().try_into().unwrap(); 3],
    };
    let span = |n: i64| Session {
        first: Time(n << 36),
        last: Time((n << 36) + (1 << 35)),
        activities: i64::MAX,
        opening,
    };
    let derived = Derived::from((0..64).map(span).collect::<Vec<_>>());
    let bytes = bytes_of(&derived).len();
    assert!(bytes <= 64 * 34, "{bytes}");
}

#[test]
fn the_rates_of_a_year_are_a_small_document() {
    let shop = Shop::default();
    let bodies = (0..366).map(|n| {
        let date = Time(1_704_067_200_000 + n * 86_400_000).to_rfc3339();
        format!(r#"{{"currency":"USD","rate":8999999999.999999999,"date":"{date}","updatedAt":"{date}"}}"#)
    });
    let bodies: Vec<String> = bodies.collect();
    let events: Vec<_> = bodies.iter().map(|body| (Kind::Rate, &**body)).collect();
    let shop = shop.when(&events);
    let row = &shop.documents().ledger["e:USD/2024"];
    let bytes = serde_json::to_vec(row).unwrap().len();
    // BSON adds at most 16 bytes to each of the four values.
    assert!(bytes + 366 * 4 * 16 < 64 * 1024, "{bytes}");
    assert_eq!(shop.documents().ledger.len(), 1);
}

#[test]
fn no_vocabulary_and_no_block_can_pass_a_megabyte() {
    assert!(values(Dimension::Page) * (256 * CHAR + ELEMENT) < LIMIT);
    assert!(values(Dimension::Category) * (64 * CHAR + ELEMENT) < LIMIT);
    // 1,024 ids of 128 characters, each with its time within 12 h and its length.
    const { assert!(1_024 * (128 * CHAR + 4 + 2) < LIMIT) };
}

/// Thousands of pages, categories, countries, customers, products and ids, with repeats within
/// and past the window, in three days of log time.
fn wide_log() -> Vec<Logged> {
    let begins_ms = 1_795_262_400_000;
    let mut log: Vec<Logged> = Vec::new();
    for n in 0..2_600_u64 {
        let user = n * 7 % 2_300;
        let bodies = [
            (
                Kind::Activity,
                format!(
                    r#"{{"activityId":"{:𝄞>120}","userId":"u{user}","activityType":"t{n}","timestamp":"2026-11-{:02}",
                    "page":"{n:𝄞>256}","device":"{:é>64}","country":"c{n}","productId":"p{n}"}}"#,
                    // Again after 8 h, or after 33 h.
                    n.saturating_sub([0, 300, 0, 1_200][(n % 4) as usize]),
                    1 + n % 20,
                    n / 2,
                ),
            ),
            (
                Kind::Transaction,
                format!(
                    r#"{{"transactionId":"{n}","userId":"u{user}","totalPrice":{n}.25,"transactionDate":"2026-11-02",
                    "productId":"p{n}","category":"{n:𝄞>64}","paymentMethod":"m{n}","shippingAddress":{{"country":"c{}"}}}}"#,
                    n / 3,
                ),
            ),
            (
                Kind::Feedback,
                format!(
                    r#"{{"feedbackId":"{n}","userId":"u{user}","productId":"p{n}","rating":{},"feedbackDate":"2026-11-03"}}"#,
                    1 + n % 5,
                ),
            ),
        ];
        for (kind, body) in bodies {
            let position = log.len() as u64 + 1;
            let log_time = Time(begins_ms + i64::try_from(n).unwrap() * 100_000);
            log.push(Logged { position, log_time, replay_of: None, kind, body });
        }
    }
    log
}

#[test]
fn thousands_of_everything_are_counted_right_and_in_documents_of_bounded_size() {
    let log = wide_log();
    let mut shop = Shop::default().keeping(200);
    for (at, batch) in log.chunks(900).enumerate() {
        shop.deliver(batch);
        if at % 2 == 1 {
            shop.restart();
        }
    }
    let actual = shop.documents().said().histories_apart();
    assert_eq!(actual.contradictions(), Vec::<String>::new());
    let mut expected = Naive::of(&log).documents();
    expected.root.blocks = actual.root.blocks;
    expected.blocks.clone_from(&actual.blocks);
    assert_same(&actual, &expected).unwrap();

    let counts = actual.root.counts;
    assert!(counts.folded > 10_000 && counts.repeated > 0, "{counts:?}");
    assert!(actual.blocks.len() >= 4 && actual.root.blocks.activity_first > 0);
    for (id, table) in &actual.rollups {
        assert!((table.pack().len() as u64) < LIMIT, "{id}");
    }
    for (id, vocabulary) in &actual.vocabularies {
        let bytes = serde_json::to_vec(vocabulary).unwrap().len() as u64;
        assert!(bytes < LIMIT, "{id}: {bytes}");
    }
}
