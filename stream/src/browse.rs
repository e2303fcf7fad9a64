//! Parts of the log for those who look at it beside the fold: from any position, a little at a time,
//! past whatever it lacks.

use super::error::Error;
use super::hole::Accepted;
use super::log::Log;
use super::read::{Next, Pull, Reader};
use super::record::Record;

/// The messages that the server sends ahead; the client holds them until they are read.
const SMALL_PULLS: Pull = Pull { messages: 512, bytes: 1 << 20 };

/// Looks at the log from a position on.
pub struct Browser {
    reader: Reader,
    position: u64,
    /// A message behind the part that was asked for, where the log lacks those before it.
    ahead: Option<Record>,
}

/// A part of the log.
#[derive(Debug)]
pub struct Part {
    /// Its messages, in order. The log has nothing at the positions between them.
    pub records: Vec<Record>,
    /// The position that it reaches: its last message's, or further if the log has nothing there.
    pub to: u64,
}

impl Log {
    /// Looks at the log from the position after `position` on.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn browse_after(&self, position: u64) -> Result<Browser, Error> {
        let reader = self.read_in(position, Accepted::everything(), SMALL_PULLS).await?;
        Ok(Browser { reader, position, ahead: None })
    }
}

impl Browser {
    /// The position up to which it has looked.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next part, up to a position that the log has come to. It ends earlier behind the message
    /// that makes it so many, or so many bytes of payload. Where the future is dropped, so is what it
    /// has read: the browser is of no use any more.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn part(&mut self, to: u64, messages: usize, bytes: usize) -> Result<Part, Error> {
        let (mut records, mut size) = (Vec::new(), 0);
        while self.position < to && records.len() < messages && size < bytes {
            let record = match self.ahead.take() {
                Some(record) => record,
                None => match self.reader.next().await? {
                    Next::Message(record) => record,
                    Next::Nothing(_) => {
                        self.position = to;
                        break;
                    }
                },
            };
            if record.position > to {
                (self.ahead, self.position) = (Some(record), to);
                break;
            }
            (self.position, size) = (record.position, size + record.payload.len());
            records.push(record);
        }
        Ok(Part { records, to: self.position })
    }
}
