//! Segments of customers by recency, frequency and money (RFM).
//!
//! Of each of the three a customer has a score from 1 to 5: one more than the fifths of the buyers
//! who are worse. So customers of one value have one score, whatever their order.

use crate::http::parameters::values::Word;

/// The purchases of a customer as of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buyer {
    /// The customer's ordinal.
    pub ordinal: u32,
    /// Days since the last purchase.
    pub days: i64,
    /// Orders.
    pub orders: i64,
    /// Net sales in 1/10,000.
    pub net: i64,
}

/// The scores of a customer, from 1, the worst, to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scores {
    /// How lately the last purchase was.
    pub recency: u8,
    /// How many orders there were.
    pub frequency: u8,
    /// How much they came to.
    pub money: u8,
}

/// A segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Bought lately, often and much.
    Champions,
    /// Buy often or much, and not long ago.
    Loyal,
    /// Bought lately, and more than once or a little.
    PotentialLoyalists,
    /// Bought lately, for the first time or little.
    New,
    /// Bought a while ago, and some.
    NeedAttention,
    /// Bought a while ago, and little.
    AboutToSleep,
    /// Bought often or much, and long ago.
    AtRisk,
    /// Bought most, and longest ago.
    CannotLose,
    /// Bought little, and long ago.
    Hibernating,
}

impl Word for Segment {
    const ALL: &'static [Self] = &[
        Segment::Champions,
        Segment::Loyal,
        Segment::PotentialLoyalists,
        Segment::New,
        Segment::NeedAttention,
        Segment::AboutToSleep,
        Segment::AtRisk,
        Segment::CannotLose,
        Segment::Hibernating,
    ];

    fn word(self) -> &'static str {
        match self {
            Segment::Champions => "champions",
            Segment::Loyal => "loyal",
            Segment::PotentialLoyalists => "potential-loyalists",
            Segment::New => "new",
            Segment::NeedAttention => "need-attention",
            Segment::AboutToSleep => "about-to-sleep",
            Segment::AtRisk => "at-risk",
            Segment::CannotLose => "cannot-lose",
            Segment::Hibernating => "hibernating",
        }
    }
}

impl Scores {
    /// The segment of these scores. How much a customer is worth is the mean of frequency and money,
    /// a half rounded up.
    #[must_use]
    pub fn segment(self) -> Segment {
        let worth = (self.frequency + self.money).div_ceil(2);
        match (self.recency, worth) {
            (4.., 5..) | (5.., 4) => Segment::Champions,
            (3.., 4..) => Segment::Loyal,
            (4.., 2..) => Segment::PotentialLoyalists,
            (4.., _) => Segment::New,
            (3, 2..) => Segment::NeedAttention,
            (3, _) => Segment::AboutToSleep,
            (1, 5..) => Segment::CannotLose,
            (_, 3..) => Segment::AtRisk,
            _ => Segment::Hibernating,
        }
    }
}

/// The scores of each buyer, in their order.
#[must_use]
pub fn scores(buyers: &[Buyer]) -> Vec<Scores> {
    // Fewer days are better.
    let recency = score(buyers.iter().map(|buyer| -buyer.days));
    let frequency = score(buyers.iter().map(|buyer| buyer.orders));
    let money = score(buyers.iter().map(|buyer| buyer.net));
    let both = recency.into_iter().zip(frequency).zip(money);
    both.map(|((recency, frequency), money)| Scores { recency, frequency, money }).collect()
}

fn score(values: impl Iterator<Item = i64>) -> Vec<u8> {
    let values: Vec<i64> = values.collect();
    let (mut rest, mut left) = (values.clone(), 0);
    // A value is better than a fifth of all, or two, where it is above the last one of them.
    let lasts: Vec<i64> = (1..5)
        .filter_map(|fifths| {
            let at = (fifths * values.len()).div_ceil(5).checked_sub(1)?.checked_sub(left)?;
            let (_, &mut last, _) = rest.select_nth_unstable(at);
            (left, rest) = (left + at, rest.split_off(at));
            Some(last)
        })
        .collect();
    let better = |value| lasts.iter().map(|last| u8::from(value > last)).sum::<u8>();
    values.iter().map(|value| better(value) + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buyer(days: i64, orders: i64, net: i64) -> Buyer {
        Buyer { ordinal: 0, days, orders, net }
    }

    #[test]
    fn scores_are_fifths_and_equal_values_have_equal_scores() {
        let buyers: Vec<_> = (0..10).map(|n| buyer(n, 1, n * 10)).collect();
        let scores = scores(&buyers);
        let recency: Vec<_> = scores.iter().map(|it| it.recency).collect();
        assert_eq!(recency, [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]);
        assert!(scores.iter().all(|it| it.frequency == 1));
        let money: Vec<_> = scores.iter().map(|it| it.money).collect();
        assert_eq!(money, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
        assert_eq!(super::scores(&[]), []);
    }

    #[test]
    fn every_score_has_a_segment_and_every_segment_a_score() {
        let mut found = std::collections::BTreeSet::new();
        for recency in 1..=5 {
            for frequency in 1..=5 {
                for money in 1..=5 {
                    found.insert(Scores { recency, frequency, money }.segment());
                }
            }
        }
        assert_eq!(found.into_iter().collect::<Vec<_>>(), Segment::ALL);
        let segment = |recency, both| Scores { recency, frequency: both, money: both }.segment();
        assert_eq!(segment(5, 5), Segment::Champions);
        assert_eq!(segment(1, 1), Segment::Hibernating);
        assert_eq!(segment(5, 1), Segment::New);
    }
}
