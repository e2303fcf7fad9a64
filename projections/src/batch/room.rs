//! The room for the documents that a batch loads before anything changes, in bytes as they are stored.

/// The factor by which a batch grows at most from one part to the next.
const GROWTH: usize = 8;

/// The room that a batch has for documents.
#[derive(Debug)]
pub struct Room {
    bytes: usize,
    left: usize,
    is_firm: bool,
}

impl Room {
    pub(super) fn of(bytes: usize) -> Self {
        Room { bytes, left: bytes, is_firm: true }
    }

    /// Takes room for a document; false where there is none.
    pub fn take(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.left;
        self.left = self.left.saturating_sub(bytes);
        fits || !self.is_firm
    }

    /// Empties it. It is firm if a document that does not fit is to be left out.
    pub(super) fn begin(&mut self, is_firm: bool) {
        (self.left, self.is_firm) = (self.bytes, is_firm);
    }

    /// Lets everything in that still comes.
    pub(super) fn open(&mut self) {
        self.is_firm = false;
    }

    /// The number of messages that will find room behind so many that did, if they take as much; none if
    /// they are few.
    pub(super) fn more(&self, messages: usize) -> usize {
        let most = messages * (GROWTH - 1);
        let used = self.bytes - self.left;
        let more =
            self.left.saturating_mul(messages).checked_div(used).map_or(most, |it| it.min(most));
        if more < messages.div_ceil(GROWTH) { 0 } else { more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_grows_as_long_as_there_is_room_for_more_of_the_same() {
        let mut room = Room::of(1_000);
        assert_eq!(room.more(10), 70, "nothing was loaded");
        assert!(room.take(100));
        assert_eq!(room.more(10), 70);
        assert!(room.take(500));
        assert_eq!(room.more(80), 53);
        assert!(room.take(360));
        assert_eq!(room.more(133), 0, "5 are not worth another look-up");
    }

    #[test]
    fn what_does_not_fit_is_let_in_where_there_is_no_smaller_batch() {
        let mut room = Room::of(10);
        assert!(room.take(10) && !room.take(1));
        room.begin(true);
        assert!(!room.take(11));
        room.begin(false);
        assert!(room.take(11) && room.take(11));
        assert_eq!(room.more(1), 0);
    }
}
