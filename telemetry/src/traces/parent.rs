//! `traceparent`: the parent span of a request or message, by W3C Trace Context.

use std::fmt;

/// A span of a trace, of this process or of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The trace; never zero.
    pub trace: [u8; 16],
    /// The span; never zero.
    pub span: [u8; 8],
    /// The flags; the lowest says whether the trace is recorded.
    pub flags: u8,
}

/// Bytes of a version, a trace, a span and flags, with the dashes between them.
const LENGTH: usize = 55;
/// Flags that version 00 knows: sampled, and a trace id that is random.
const KNOWN_FLAGS: u8 = 0b11;
const SAMPLED: u8 = 0b1;

impl TraceParent {
    /// Reads a header's value. Fields that a later version adds at the end are ignored, as the
    /// specification says.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.trim_ascii().as_bytes();
        let (known, rest) = bytes.split_at_checked(LENGTH)?;
        let [version] = hex(&known[..2])?;
        let is_whole = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|it| *it == b'-'),
        };
        let has_dashes = [2, 35, 52].iter().all(|at| known[*at] == b'-');
        if !is_whole || !has_dashes {
            return None;
        }
        let (trace, span) = (hex(&known[3..35])?, hex(&known[36..52])?);
        let [flags] = hex(&known[53..])?;
        let is_there = trace != [0; 16] && span != [0; 8];
        is_there.then_some(TraceParent { trace, span, flags: flags & KNOWN_FLAGS })
    }

    /// Whether the trace is to be recorded, as its first service decided.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span) = (u128::from_be_bytes(self.trace), u64::from_be_bytes(self.span));
        write!(f, "00-{trace:032x}-{span:016x}-{:02x}", self.flags)
    }
}

/// Bytes from twice as many digits, which are lower case.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_valid_one_is_read_and_written_the_same() {
        let parent = TraceParent::parse(WHOLE).unwrap();
        assert_eq!(parent.trace[..3], [0x0a, 0xf7, 0x65]);
        assert_eq!(parent.span[6..], [0x33, 0x31]);
        assert!(parent.is_sampled());
        assert_eq!(parent.to_string(), WHOLE);
        assert_eq!(TraceParent::parse(&format!(" {WHOLE}\t")), Some(parent));
    }

    #[test]
    fn the_flag_says_whether_it_is_sampled_and_unknown_flags_go() {
        for (flags, is_sampled, written) in
            [("00", false, "00"), ("01", true, "01"), ("02", false, "02"), ("ff", true, "03")]
        {
            let parent = TraceParent::parse(&(WHOLE[..53].to_owned() + flags)).unwrap();
            assert_eq!(parent.is_sampled(), is_sampled, "{flags}");
            assert_eq!(parent.to_string()[53..], *written, "{flags}");
        }
    }

    #[test]
    fn a_later_version_may_be_longer_and_is_written_as_ours() {
        let expected = TraceParent::parse(WHOLE);
        for later in ["01", "cc", "fe"] {
            let text = later.to_owned() + &WHOLE[2..];
            assert_eq!(TraceParent::parse(&text), expected, "{text}");
            let longer = text.clone() + "-what-comes";
            assert_eq!(TraceParent::parse(&longer), expected, "{longer}");
            assert_eq!(TraceParent::parse(&(text + "1")), None);
        }
    }

    #[test]
    fn what_is_not_valid_is_none() {
        let with = |at: usize, text: &str| {
            let mut whole = WHOLE.to_owned();
            whole.replace_range(at..at + text.len(), text);
            whole
        };
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            with(0, "ff"),
            with(0, "0x"),
            with(0, "-1"),
            with(3, &zeros),
            with(36, &zeros[..16]),
            with(3, "0AF7"),
            with(10, "g"),
            with(36, "B"),
            with(53, "0A"),
            with(2, "_"),
            with(35, "0"),
            with(52, " "),
            WHOLE[..54].to_owned(),
            WHOLE.to_owned() + "0",
            WHOLE.to_owned() + "-00",
            WHOLE.replacen("0af", "äf", 1),
            format!("{}é{}", &WHOLE[..53], ""),
        ] {
            assert_eq!(TraceParent::parse(&text), None, "{text:?}");
        }
    }
}
