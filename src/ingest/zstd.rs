//! Files that are compressed with zstd: any number of frames, each compared with its checksum.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Reads what a compressed input holds.
pub struct Decoder<R> {
    input: BufReader<R>,
    frame: FrameDecoder,
    is_begun: bool,
}

impl<R: Read> Decoder<R> {
    /// A decoder of that input; nothing is read yet.
    pub fn new(input: R) -> Self {
        Decoder { input: BufReader::new(input), frame: FrameDecoder::new(), is_begun: false }
    }

    /// Begins the next frame, and passes those that hold nothing for a reader.
    fn begin(&mut self) -> io::Result<()> {
        match self.frame.init(&mut self.input) {
            Ok(()) => self.is_begun = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = u64::from(length);
                let passed = io::copy(&mut (&mut self.input).take(length), &mut io::sink())?;
                if passed < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Err(error) => return Err(io::Error::other(error)),
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.is_begun = false;
        match (self.frame.get_checksum_from_data(), self.frame.get_calculated_checksum()) {
            (Some(stated), Some(found)) if stated != found => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum is another one"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_begun && self.frame.can_collect() > 0 || buffer.is_empty() {
                return self.frame.read(buffer);
            }
            if self.is_begun && self.frame.is_finished() {
                self.end()?;
            }
            if self.is_begun {
                let strategy = BlockDecodingStrategy::UptoBytes(buffer.len());
                self.frame.decode_blocks(&mut self.input, strategy).map_err(io::Error::other)?;
            } else if self.input.fill_buf()?.is_empty() {
                return Ok(0);
            } else {
                self.begin()?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut found = Vec::new();
        Decoder::new(bytes).read_to_end(&mut found).map(|_| found)
    }

    fn frame(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    #[test]
    fn frames_follow_each_other_and_those_for_others_are_passed() {
        let for_others =
            [&0x184D_2A50_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"abc"].concat();
        let bytes = [frame(b"one, "), for_others.clone(), frame(b"two"), for_others].concat();
        assert_eq!(read(&bytes).unwrap(), b"one, two");
        assert_eq!(read(b"").unwrap(), b"");
    }

    #[test]
    fn a_frame_that_is_cut_short_or_damaged_is_an_error() {
        let text = b"a line of a file, ".repeat(40);
        let bytes = frame(&text);
        assert_eq!(read(&bytes).unwrap(), text);
        for length in 1..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length} bytes");
        }
        let mut other = bytes;
        *other.last_mut().unwrap() ^= 1;
        assert!(read(&other).is_err(), "a checksum that is another one");
    }
}
