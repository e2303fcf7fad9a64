//! Properties of any log, however it is cut, repeated, interrupted or held.

use projections::event::Kind;
use projections::testing::{Documents, Logged, Shop};
use proptest::prelude::*;

use crate::generate::{acts, log, versioned_acts};
use crate::naive::Naive;

/// The cuts of a log into batches: their lengths, over and over.
pub fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..9_usize, 1..5)
}

pub fn deliver(
    shop: &mut Shop,
    log: &[Logged],
    cuts: &[usize],
    mut between: impl FnMut(&mut Shop),
) {
    let mut rest = log;
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (batch, tail) = rest.split_at((*cut).min(rest.len()));
        shop.deliver(batch);
        between(shop);
        rest = tail;
    }
}

pub fn in_one(log: &[Logged]) -> Documents {
    let mut shop = Shop::default();
    shop.deliver(log);
    shop.documents().clone()
}

/// Checks equality with a failure that names the documents that differ, not all of them.
pub fn assert_same(actual: &Documents, expected: &Documents) -> Result<(), TestCaseError> {
    prop_assert_eq!(&actual.root, &expected.root);
    prop_assert_eq!(&actual.ledger, &expected.ledger);
    prop_assert_eq!(&actual.customers, &expected.customers);
    prop_assert_eq!(&actual.products, &expected.products);
    prop_assert_eq!(&actual.vocabularies, &expected.vocabularies);
    prop_assert_eq!(&actual.rollups, &expected.rollups);
    prop_assert_eq!(&actual.quarantine, &expected.quarantine);
    prop_assert_eq!(actual, expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_documents_are_what_the_reference_works_out(acts in acts(60)) {
        let log = log(&acts, 1);
        let actual = in_one(&log).said().histories_apart();
        let mut expected = Naive::of(&log).documents();
        expected.root.blocks = actual.root.blocks;
        expected.blocks.clone_from(&actual.blocks);
        assert_same(&actual, &expected)?;
    }

    #[test]
    fn any_batching_gives_the_same_documents(acts in acts(60), cuts in cuts()) {
        let log = log(&acts, 1);
        let whole = in_one(&log);
        for cuts in [&cuts[..], &[1]] {
            let mut shop = Shop::default();
            deliver(&mut shop, &log, cuts, |_| {});
            assert_same(shop.documents(), &whole)?;
        }
    }

    #[test]
    fn a_restart_between_any_two_batches_changes_nothing(acts in acts(60), cuts in cuts()) {
        let log = log(&acts, 1);
        let mut shop = Shop::default();
        deliver(&mut shop, &log, &cuts, Shop::restart);
        assert_same(shop.documents(), &in_one(&log))?;
    }

    #[test]
    fn how_much_is_kept_at_hand_changes_nothing(
        acts in acts(60), cuts in cuts(), room in 0..12_usize, ahead in any::<bool>(),
    ) {
        let log = log(&acts, 1);
        let mut shop = Shop::default().keeping(room);
        if ahead {
            shop = shop.folding_ahead();
        }
        deliver(&mut shop, &log, &cuts, |_| {});
        assert_same(shop.documents(), &in_one(&log))?;
    }

    #[test]
    fn a_load_in_bulk_gives_the_same_documents(acts in acts(60), cut in 1..9_usize) {
        let log = log(&acts, 1);
        assert_same(&Shop::loaded(log.chunks(cut)), &in_one(&log))?;
    }

    #[test]
    fn the_documents_agree_after_every_batch(acts in acts(60), cuts in cuts()) {
        let log = log(&acts, 1);
        let mut shop = Shop::default();
        let mut contradictions = Vec::new();
        deliver(&mut shop, &log, &cuts, |shop| {
            contradictions.extend(shop.documents().contradictions());
        });
        prop_assert_eq!(contradictions, Vec::<String>::new());
    }

    #[test]
    fn what_comes_twice_in_a_row_counts_once(
        acts in acts(60), cuts in cuts(), later_ms in 0..2_000_i64,
    ) {
        let log = log(&acts, 2);
        let mut twice = Vec::new();
        for (at, logged) in log.iter().enumerate() {
            let mut again = logged.clone();
            again.position += 1;
            // The repeat is later, unless it is the last, but not so late that the next event's log
            // time would be another. An activity's repeat is not later at all, so it stays within
            // the window.
            let next = log.get(at + 1).map_or(0, |next| next.log_time.0);
            let later_ms = if logged.kind == Kind::Activity { 0 } else { later_ms };
            again.log_time.0 = again.log_time.0.max(next.min(again.log_time.0 + later_ms));
            twice.extend([logged.clone(), again]);
        }
        let mut shop = Shop::default();
        deliver(&mut shop, &twice, &cuts, |_| {});
        let once = in_one(&log).counts_apart();
        assert_same(&shop.documents().counts_apart(), &once)?;
    }

    #[test]
    fn a_versioned_history_may_come_again_from_its_start(
        acts in versioned_acts(50), cuts in cuts(), share in 0..=100_usize,
    ) {
        let log = log(&acts, 1);
        let mut shop = Shop::default();
        deliver(&mut shop, &log, &cuts, |_| {});
        let once = shop.documents().counts_apart();
        let last = log.last().unwrap().clone();
        let again: Vec<_> = log[..log.len() * share / 100]
            .iter()
            .zip(1..)
            .map(|(logged, offset)| Logged {
                position: last.position + offset,
                log_time: last.log_time,
                ..logged.clone()
            })
            .collect();
        deliver(&mut shop, &again, &cuts, |_| {});
        assert_same(&shop.documents().counts_apart(), &once)?;
    }
}
