//! The first of a ranking: the largest values, ties by id.

use std::cmp::Reverse;

/// The entities that may be among the first, before ids break the ties at the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Those that are.
    pub sure: Vec<u32>,
    /// Those with the one value for which there is not room for all.
    pub tied: Vec<u32>,
    /// The number of the tied that there is room for.
    pub room: usize,
}

/// The `limit` largest of the values above zero, by ordinal.
#[must_use]
pub fn cut(values: impl Iterator<Item = i64>, limit: usize) -> Cut {
    let mut ranked: Vec<(i64, u32)> = values.zip(0..).filter(|(value, _)| *value > 0).collect();
    if ranked.len() <= limit {
        return Cut { sure: ordinals(ranked.into_iter()), ..Cut::default() };
    }
    if limit == 0 {
        return Cut::default();
    }
    let (_, &mut (last, _), _) =
        ranked.select_nth_unstable_by_key(limit - 1, |(value, _)| Reverse(*value));
    let sure = ordinals(ranked.iter().copied().filter(|(value, _)| *value > last));
    let tied = ordinals(ranked.iter().copied().filter(|(value, _)| *value == last));
    let room = limit - sure.len();
    if tied.len() == room {
        return Cut { sure: [sure, tied].concat(), ..Cut::default() };
    }
    Cut { sure, tied, room }
}

/// The first `room` of the tied, by their ids.
#[must_use]
pub fn first_by_id<I: Ord>(mut tied: Vec<I>, room: usize) -> Vec<I> {
    tied.sort_unstable();
    tied.truncate(room);
    tied
}

fn ordinals(ranked: impl Iterator<Item = (i64, u32)>) -> Vec<u32> {
    ranked.map(|(_, ordinal)| ordinal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(mut cut: Cut) -> (Vec<u32>, Vec<u32>, usize) {
        cut.sure.sort_unstable();
        cut.tied.sort_unstable();
        (cut.sure, cut.tied, cut.room)
    }

    #[test]
    fn the_largest_come_first_and_nothing_is_no_value() {
        let values = [3, 0, 9, -2, 7, 1];
        assert_eq!(sorted(cut(values.into_iter(), 2)), (vec![2, 4], vec![], 0));
        assert_eq!(sorted(cut(values.into_iter(), 9)), (vec![0, 2, 4, 5], vec![], 0));
        assert_eq!(cut(values.into_iter(), 0), Cut::default());
        assert_eq!(cut([].into_iter(), 5), Cut::default());
    }

    #[test]
    fn ties_are_only_those_that_there_is_not_room_for() {
        let values = [5, 9, 5, 5, 1];
        assert_eq!(sorted(cut(values.into_iter(), 2)), (vec![1], vec![0, 2, 3], 1));
        assert_eq!(sorted(cut(values.into_iter(), 4)), (vec![0, 1, 2, 3], vec![], 0));
    }

    #[test]
    fn ties_break_by_id() {
        assert_eq!(first_by_id(vec!["c", "a", "b"], 2), ["a", "b"]);
    }
}
