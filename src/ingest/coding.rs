//! Compressed bodies and files: gzip, deflate and zstd, also one within another. What comes of a body
//! is bounded at every layer, as a few bytes can become very many.

use std::io::{self, BufReader, Cursor, Read};

use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// The most codings of one body.
const LAYERS_MAX: usize = 3;
/// The largest window of zstd that a body may ask for, as the logarithm of its bytes: 8 MB, as
/// RFC 9659 has it.
const WINDOW_LOG_MAX: u32 = 23;

/// A way to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952, with any number of members.
    Gzip,
    /// RFC 1950, or RFC 1951 alone, as some send it.
    Deflate,
    /// RFC 8878.
    Zstd,
}

/// The codings that are taken, as `Accept-Encoding` has them.
pub const TAKEN: &str = "gzip, deflate, zstd";

/// Why a body cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A coding is none of [`TAKEN`], or there are too many.
    Unknown,
    /// It comes to more bytes than it may have.
    TooLong,
    /// It is not what it says, or it is cut.
    Damaged(Coding),
}

impl Coding {
    /// Its name in `Content-Encoding`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Zstd => "zstd",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let is = |it: &Coding| name.eq_ignore_ascii_case(it.as_str());
        let known = [Coding::Gzip, Coding::Deflate, Coding::Zstd].into_iter().find(is);
        // The name that RFC 9110 takes for gzip.
        known.or_else(|| name.eq_ignore_ascii_case("x-gzip").then_some(Coding::Gzip))
    }

    /// Reads an input through it.
    ///
    /// # Errors
    /// Fails if there is no memory for it, or the beginning cannot be read.
    pub fn reader(self, input: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        self.bounded_reader(input, None)
    }

    fn bounded_reader(
        self,
        input: impl Read + Send + 'static,
        window_log_max: Option<u32>,
    ) -> io::Result<Box<dyn Read + Send>> {
        let mut input = BufReader::with_capacity(1 << 16, input);
        Ok(match self {
            Coding::Gzip => Box::new(MultiGzDecoder::new(input)),
            Coding::Deflate => {
                let begin = io::BufRead::fill_buf(&mut input)?;
                let is_zlib = begin.len() > 1
                    && begin[0] & 0x0f == 8
                    && (u16::from(begin[0]) << 8 | u16::from(begin[1])).is_multiple_of(31);
                if is_zlib {
                    Box::new(ZlibDecoder::new(input))
                } else {
                    Box::new(DeflateDecoder::new(input))
                }
            }
            Coding::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(input)?;
                if let Some(most) = window_log_max {
                    decoder.window_log_max(most)?;
                }
                Box::new(decoder)
            }
        })
    }
}

/// The codings of a body, the one that was applied first first. A body without one has none.
///
/// # Errors
/// [`Refusal::Unknown`].
pub fn codings<'a>(headers: impl Iterator<Item = &'a str>) -> Result<Vec<Coding>, Refusal> {
    let names = headers.flat_map(|it| it.split(',')).map(str::trim);
    let names = names.filter(|it| !it.is_empty() && !it.eq_ignore_ascii_case("identity"));
    let codings: Option<Vec<_>> = names.map(Coding::parse).collect();
    codings.filter(|it| it.len() <= LAYERS_MAX).ok_or(Refusal::Unknown)
}

/// A body without its codings, of at most so many bytes.
///
/// # Errors
/// [`Refusal::TooLong`], [`Refusal::Damaged`].
pub fn decode(body: Bytes, codings: &[Coding], bytes_max: usize) -> Result<Bytes, Refusal> {
    let Some(outermost) = codings.last() else { return Ok(body) };
    let damaged = |_| Refusal::Damaged(*outermost);
    let most = bytes_max as u64 + 1;
    let mut input: Box<dyn Read + Send> = Box::new(Cursor::new(body));
    for coding in codings.iter().rev() {
        let layer = coding.bounded_reader(input, Some(WINDOW_LOG_MAX)).map_err(damaged)?;
        input = Box::new(layer.take(most));
    }
    let mut decoded = Vec::new();
    let read = input.read_to_end(&mut decoded);
    if decoded.len() > bytes_max {
        return Err(Refusal::TooLong);
    }
    read.map_err(damaged)?;
    Ok(decoded.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn decoded(body: Vec<u8>, names: &str) -> Result<Vec<u8>, Refusal> {
        decode(body.into(), &codings([names].into_iter())?, 100).map(|it| it.to_vec())
    }

    #[test]
    fn bodies_are_read_in_every_coding_and_one_within_another() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"text").unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(b"text").unwrap();
        for (body, names) in [
            (b"text".to_vec(), ""),
            (b"text".to_vec(), "identity"),
            (gzip(b"text"), "gzip"),
            (gzip(b"text"), "X-GZIP"),
            ([gzip(b"te"), gzip(b"xt")].concat(), "gzip"),
            (zlib.finish().unwrap(), "deflate"),
            (raw.finish().unwrap(), "deflate"),
            (zstd::encode_all(&b"text"[..], 1).unwrap(), "zstd"),
            (gzip(&gzip(b"text")), "gzip, gzip"),
            (gzip(&zstd::encode_all(&b"text"[..], 1).unwrap()), "zstd, gzip"),
        ] {
            assert_eq!(decoded(body, names).as_deref(), Ok(&b"text"[..]), "{names}");
        }
    }

    #[test]
    fn what_is_unknown_cut_or_too_long_is_told_apart() {
        assert_eq!(decoded(vec![], "br"), Err(Refusal::Unknown));
        assert_eq!(decoded(vec![], "gzip, br"), Err(Refusal::Unknown));
        assert_eq!(decoded(vec![], "gzip,gzip,gzip,gzip"), Err(Refusal::Unknown));
        assert_eq!(decoded(b"text".to_vec(), "gzip"), Err(Refusal::Damaged(Coding::Gzip)));
        let whole = gzip(b"text");
        let cut = whole[..whole.len() - 5].to_vec();
        assert_eq!(decoded(cut, "gzip"), Err(Refusal::Damaged(Coding::Gzip)));
        assert_eq!(decoded(gzip(&[b' '; 100]), "gzip").map(|it| it.len()), Ok(100));
        assert_eq!(decoded(gzip(&[b' '; 101]), "gzip"), Err(Refusal::TooLong));
        let bomb = gzip(&gzip(&vec![b' '; 1 << 20]));
        assert!(decoded(bomb, "gzip, gzip").is_err());
    }
}
