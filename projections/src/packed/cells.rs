//! The cut of tables by three values: the values whose rows share a table.
//!
//! A shop has few payment methods and countries in use, which have the lowest codes of a vocabulary. So
//! sixteen of each share a table, and a batch changes few tables, but no table gets long.

/// The second values, and the third values, that share a table are so many: a power of two.
const BITS: u32 = 4;
/// The codes of a chunk's third values begin at this bit of its number, those of the first at twice it.
const SHIFT: u32 = 8;
/// The version of the fold that was the first to cut so.
const SHARED_SINCE: u32 = 7;

/// The cut of a generation's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    /// A table for each first and third value, with all second values: of generations before.
    Apart,
    /// A table for each first value, and sixteen second and sixteen third values.
    Shared,
}

impl Cells {
    /// The cut of the generations that a version of the fold made.
    #[must_use]
    pub const fn made_by(fold_version: u32) -> Self {
        if fold_version < SHARED_SINCE { Cells::Apart } else { Cells::Shared }
    }

    /// The first and the last chunk that may have rows of a first value, and of a third one if one is
    /// stated.
    #[must_use]
    pub fn chunks(self, first: u16, third: Option<u16>) -> (u32, u32) {
        let of = |low: u32, high: u32| {
            let first = u32::from(first) << (2 * SHIFT);
            (first | low, first | high)
        };
        match (self, third.map(u32::from)) {
            (_, None) => of(0, (1 << (2 * SHIFT)) - 1),
            (Cells::Apart, Some(third)) => of(third, third),
            (Cells::Shared, Some(third)) => {
                let third = third >> BITS << SHIFT;
                of(third, third | ((1 << SHIFT) - 1))
            }
        }
    }

    /// The three codes of a row: of its chunk, and of its place in it, its time apart. `None` if there
    /// are no such codes.
    #[must_use]
    pub fn codes(self, chunk: u32, place: u32) -> Option<[u16; 3]> {
        let first = chunk >> (2 * SHIFT);
        let [second, third] = match self {
            Cells::Apart => [place, chunk & ((1 << (2 * SHIFT)) - 1)],
            Cells::Shared => {
                let (high_second, high_third) = (chunk & ((1 << SHIFT) - 1), chunk >> SHIFT);
                let (low_second, low_third) = (place & ((1 << BITS) - 1), place >> BITS);
                let high_third = high_third & ((1 << SHIFT) - 1);
                [high_second << BITS | low_second, high_third << BITS | low_third]
            }
        };
        let [first, second, third] = [first, second, third].map(|code| u16::try_from(code).ok());
        Some([first?, second?, third?])
    }
}

/// The chunk of three codes, and the place of their rows in it, their time apart. The codes of the second
/// and the third value are below 2¹² by the caps of vocabularies.
pub(super) fn place_of([first, second, third]: [u16; 3]) -> (u32, u16) {
    let low = (1 << BITS) - 1;
    let [high_second, high_third] = [second, third].map(|code| u32::from(code >> BITS));
    let chunk = u32::from(first) << (2 * SHIFT) | high_third << SHIFT | high_second;
    (chunk, (third & low) << BITS | second & low)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn codes_read_back_from_their_place(
            first: u16, second in 0..4_096_u16, third in 0..4_096_u16,
        ) {
            let codes = [first, second, third];
            let (chunk, place) = place_of(codes);
            prop_assert_eq!(Cells::Shared.codes(chunk, u32::from(place)), Some(codes));
            for third in [None, Some(third)] {
                let (low, high) = Cells::Shared.chunks(first, third);
                prop_assert!((low..=high).contains(&chunk));
            }
            let (low, high) = Cells::Shared.chunks(first, Some(third ^ 16));
            prop_assert!(!(low..=high).contains(&chunk));
        }
    }

    #[test]
    fn generations_before_had_a_table_for_each_first_and_third_value() {
        let cells = Cells::made_by(6);
        assert_eq!(cells.codes(0x0003_0105, 0x102), Some([3, 0x102, 0x105]));
        assert_eq!(cells.chunks(3, Some(0x105)), (0x0003_0105, 0x0003_0105));
        assert_eq!(cells.chunks(3, None), (0x0003_0000, 0x0003_ffff));
        assert_eq!(Cells::made_by(7), Cells::Shared);
    }
}
