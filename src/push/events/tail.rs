//! The newest events, kept once for all who follow them.

use std::collections::VecDeque;
use std::sync::Arc;

use projections::time::Time;

use super::written::{Asked, Entry, Written};
use crate::push::frame::{Cursor, Frame};

/// What is kept of the log, in bytes.
pub const TAIL_BYTES: usize = 4 << 20;
/// Frames that are kept, for those who stand where others do.
const FRAMES: usize = 16;

/// The newest events.
#[derive(Debug)]
pub struct Tail {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The position behind which nothing is left out.
    start: u64,
    end: Cursor,
    frames: VecDeque<(Asked, Cursor, Arc<Frame>)>,
}

impl Tail {
    /// Nothing yet; what comes behind this is kept.
    #[must_use]
    pub fn at(end: Cursor) -> Self {
        let (entries, frames) = (VecDeque::new(), VecDeque::new());
        Tail { entries, bytes: 0, start: end.position, end, frames }
    }

    /// How far it goes.
    #[must_use]
    pub fn end(&self) -> Cursor {
        self.end
    }

    /// The log and the generation that the positions are a checkpoint's of from now on.
    pub fn is_of(&mut self, checkpoint: Cursor) {
        let end = Cursor { position: self.end.position, ..checkpoint };
        if self.end != end {
            self.end = end;
            self.frames.clear();
        }
    }

    /// Takes what comes next, up to a position, and forgets the oldest.
    pub fn take(&mut self, entries: Vec<Entry>, to: u64) {
        self.bytes += entries.iter().map(Entry::bytes).sum::<usize>();
        self.entries.extend(entries);
        self.end.position = to;
        while self.bytes > TAIL_BYTES
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.bytes();
            self.start = oldest.last();
        }
    }

    /// Whether all behind a position is kept.
    #[must_use]
    pub fn covers(&self, position: u64) -> bool {
        (self.start..=self.end.position).contains(&position)
    }

    /// The next frame for one whose position is covered.
    pub fn frame(&mut self, asked: &Asked, at: Time) -> Written {
        if asked.after >= self.end.position {
            return Written { frame: None, reached: asked.after };
        }
        let made = self.frames.iter().find(|(it, end, _)| it == asked && *end == self.end);
        if let Some((_, _, frame)) = made {
            return Written { reached: frame.cursor.position, frame: Some(frame.clone()) };
        }
        let first = self.entries.partition_point(|entry| entry.last() <= asked.after);
        let written = asked.frame(self.entries.range(first..), self.end, at);
        if let Some(frame) = &written.frame {
            self.frames.truncate(FRAMES - 1);
            self.frames.push_front((asked.clone(), self.end, frame.clone()));
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use projections::event::Kind;

    use super::*;
    use crate::push::events::kinds::Kinds;

    fn event(position: u64, bytes: usize) -> Entry {
        let json = Bytes::from([b"\"".as_slice(), &vec![b'x'; bytes], b"\""].concat());
        Entry::Event { position, kind: Kind::Stock, json }
    }

    fn asked(after: u64) -> Asked {
        Asked { topic: "events".into(), kinds: Kinds::ALL, from: after, after }
    }

    #[test]
    fn what_is_kept_is_bounded_and_known() {
        let mut tail = Tail::at(Cursor { log: None, generation: 1, position: 10 });
        assert!(tail.covers(10) && !tail.covers(9) && !tail.covers(11));
        for position in 11..=200 {
            tail.take(vec![event(position, 64 * 1024)], position);
        }
        assert!(tail.bytes <= TAIL_BYTES && !tail.covers(11) && tail.covers(199));
        let start = tail.start;
        assert!(tail.covers(start) && !tail.covers(start - 1));
        let written = tail.frame(&asked(start), Time(0));
        assert_eq!(written.reached, start + 1, "one that large is a frame");
        assert_eq!(tail.frame(&asked(200), Time(0)), Written { frame: None, reached: 200 });
    }

    #[test]
    fn who_stands_where_another_does_gets_the_same_frame_until_there_is_more() {
        let mut tail = Tail::at(Cursor { log: None, generation: 1, position: 0 });
        tail.take(vec![event(1, 10)], 2);
        let (one, other) = (tail.frame(&asked(0), Time(0)), tail.frame(&asked(0), Time(1)));
        assert!(Arc::ptr_eq(one.frame.as_ref().unwrap(), other.frame.as_ref().unwrap()));
        assert_eq!(one.reached, 2);
        tail.take(vec![event(3, 10)], 3);
        assert_eq!(tail.frame(&asked(0), Time(2)).reached, 3);
        tail.is_of(Cursor { log: None, generation: 2, position: 3 });
        let frame = tail.frame(&asked(0), Time(3)).frame.unwrap();
        assert_eq!(frame.cursor, Cursor { log: None, generation: 2, position: 3 });
    }
}
