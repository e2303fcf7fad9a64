//! Sessions and the funnel, on logs of many activities of few visitors.

use projections::bucket::Level;
use projections::customers::Customer;
use projections::family::Family;
use projections::funnel::State;
use projections::ledger::LedgerRow;
use projections::testing::Shop;
use proptest::prelude::*;

use crate::agreement::settled;
use crate::generate::{journeys, journeys_in_two_orders, log};
use crate::naive::Naive;
use crate::properties::{assert_same, cuts, deliver, in_one};

const CASES: u32 = 64;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) })]

    #[test]
    fn visits_are_what_the_reference_works_out(acts in journeys(200)) {
        let log = log(&acts, 1);
        let actual = in_one(&log).said().histories_apart();
        let mut expected = Naive::of(&log).documents();
        expected.root.blocks = actual.root.blocks;
        expected.blocks.clone_from(&actual.blocks);
        assert_same(&actual, &expected)?;
        prop_assert_eq!(actual.contradictions(), Vec::<String>::new());
    }

    #[test]
    fn visits_are_the_same_in_any_batches_and_after_any_restart(
        acts in journeys(120), cuts in cuts(), room in 0..12_usize,
    ) {
        let log = log(&acts, 1);
        let mut shop = Shop::default().keeping(room);
        deliver(&mut shop, &log, &cuts, Shop::restart);
        let whole = in_one(&log);
        assert_same(shop.documents(), &whole)?;
        assert_same(&Shop::loaded(log.chunks(cuts[0])), &whole)?;
    }

    #[test]
    fn visits_within_a_day_may_come_in_any_order(logs in journeys_in_two_orders()) {
        let [one, other] = logs.map(|acts| settled(&in_one(&log(&acts, 1))));
        prop_assert_eq!(&one.1, &other.1);
        assert_same(&one.0, &other.0)?;
    }
}

/// The generated logs reach what they are for.
#[test]
fn visits_are_many_enough() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut settled, mut full, mut attempts) = (0, 0, [0; 3]);
    for _ in 0..CASES {
        let acts = journeys(200).new_tree(&mut runner).unwrap().current();
        let documents = in_one(&log(&acts, 1));
        let has_settled = |row: &&LedgerRow| matches!(row, LedgerRow::Sessions(sessions) if sessions.settled.is_some());
        settled += documents.ledger.values().filter(has_settled).count();
        let is_full = |it: &&Customer| State::from(&it.funnel).settled.is_some();
        full += documents.customers.values().filter(is_full).count();
        let more = documents.total(Family::Funnel, None, Level::Day);
        attempts = std::array::from_fn(|at| attempts[at] + more[at]);
    }
    assert!(settled > 5 && full > 5, "{settled} {full}");
    assert!(attempts.iter().all(|count| *count > 50), "{attempts:?}");
}
