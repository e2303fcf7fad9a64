//! Queries of a range of time: distinct customers and products, and the sums of each.

use projections::bucket::cover;
use projections::family::Family;
use projections::sales::Status;
use projections::time::Time;
use proptest::prelude::*;

use crate::generate::{log, quarter, sales};
use crate::naive::Naive;
use crate::properties::in_one;

fn start(quarter: u32) -> Time {
    Time(i64::from(quarter) * 900_000)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_range_has_the_customers_and_products_that_a_scan_of_its_sales_finds(
        acts in sales(60), ranges in prop::collection::vec((quarter(), quarter()), 1..8),
    ) {
        let log = log(&acts, 1);
        let (documents, naive) = (in_one(&log), Naive::of(&log));
        for (one, other) in ranges {
            let (from, to) = (one.min(other), one.max(other));
            for status in Status::ALL {
                let [buyers, sold] = naive.within(status, start(from), start(to));
                prop_assert_eq!(documents.within(Family::Buyers, status, from, to), buyers);
                prop_assert_eq!(documents.within(Family::Sold, status, from, to), sold);
            }
        }
    }

    #[test]
    fn all_of_time_is_one_bucket_that_agrees_with_the_months(acts in sales(60)) {
        let documents = in_one(&log(&acts, 1));
        for family in [Family::Buyers, Family::Sold] {
            for status in Status::ALL {
                let ever = documents.rows(family, Some(status), projections::bucket::Level::Ever, 0);
                prop_assert_eq!(documents.within(family, status, 0, 2_100_000), ever);
            }
        }
    }
}

#[test]
fn a_range_that_is_empty_or_turned_round_covers_nothing() {
    assert_eq!(cover(5, 5), []);
    assert_eq!(cover(6, 5), []);
}
