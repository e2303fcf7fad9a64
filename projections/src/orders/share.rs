//! Shares of an amount: by weight, adding up to it to the unit.

use crate::money::Money;

/// Shares an amount by weights: each share is rounded down, and the units that remain go to the
/// largest remainders, of equal ones to the first. Weights below zero count as zero; where all do,
/// the shares are equal.
pub(crate) fn by_weight(amount: Money, weights: &[i64]) -> Vec<Money> {
    let weights: Vec<i128> = weights.iter().map(|weight| i128::from((*weight).max(0))).collect();
    let sum: i128 = weights.iter().sum();
    let (weights, sum) = match sum {
        0 => (vec![1; weights.len()], i128::try_from(weights.len()).unwrap_or(1)),
        _ => (weights, sum),
    };
    let (sign, units) = (amount.0.signum(), i128::from(amount.0).abs());
    let (mut shares, mut rests): (Vec<i64>, Vec<(i128, usize)>) = (vec![], vec![]);
    let mut left = units;
    for (at, weight) in weights.iter().enumerate() {
        let share = units * weight / sum;
        left -= share;
        // A share is at most the amount.
        shares.push(i64::try_from(share).unwrap_or(i64::MAX));
        rests.push((-(units * weight % sum), at));
    }
    rests.sort_unstable();
    let more = rests.iter().take(usize::try_from(left).unwrap_or(0));
    more.for_each(|(_, at)| shares[*at] += 1);
    shares.into_iter().map(|share| Money(sign * share)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(amount: i64, weights: &[i64]) -> Vec<i64> {
        by_weight(Money(amount), weights).into_iter().map(|it| it.0).collect()
    }

    #[test]
    fn units_that_remain_go_to_the_largest_remainder_and_of_equal_ones_to_the_first() {
        assert_eq!(shares(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(shares(100, &[1, 2, 3]), [17, 33, 50]);
        assert_eq!(shares(1, &[5, 6]), [0, 1]);
        assert_eq!(shares(-100, &[1, 1, 1]), [-34, -33, -33]);
        assert_eq!(shares(10, &[0, 0, -5]), [4, 3, 3]);
        assert_eq!(shares(10, &[0, 7, -5]), [0, 10, 0]);
        assert_eq!(shares(10, &[]), [0; 0]);
    }

    proptest! {
        #[test]
        fn shares_add_up_and_are_within_a_unit_of_their_weight(
            amount in -10_i64.pow(17)..10_i64.pow(17),
            weights in prop::collection::vec(0..10_i64.pow(15), 1..40),
        ) {
            let shares = shares(amount, &weights);
            prop_assert_eq!(shares.iter().sum::<i64>(), amount);
            let sum: i128 = weights.iter().map(|it| i128::from(*it)).sum();
            for (share, weight) in shares.iter().zip(&weights).filter(|_| sum > 0) {
                let exact = i128::from(amount) * i128::from(*weight);
                prop_assert!((i128::from(*share) * sum - exact).abs() < sum);
            }
        }
    }
}
