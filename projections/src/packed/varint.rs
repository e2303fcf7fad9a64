//! Integers in as few bytes as they need: LEB128, signed ones as zigzag.

pub(crate) fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    // The value is below 0x80 by now.
    bytes.push((value & 0x7f) as u8);
}

#[inline]
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = bytes.split_first()?;
    if first < LAST {
        *bytes = rest;
        return Some(first.into());
    }
    if let Some((value, length)) = bytes.first_chunk().and_then(|eight| of_word(*eight)) {
        *bytes = bytes.get(length..)?;
        return Some(value);
    }
    byte_by_byte(bytes)
}

/// Bytes below this are the last of their integer.
const LAST: u8 = 0x80;

/// The integer at the beginning of eight bytes, and its length, if it ends among them: its groups of seven
/// bits are put side by side two, four and eight at a time.
#[inline]
fn of_word(bytes: [u8; 8]) -> Option<(u64, usize)> {
    let word = u64::from_le_bytes(bytes);
    let ends = !word & 0x8080_8080_8080_8080;
    if ends == 0 {
        return None;
    }
    let last_bit = ends.trailing_zeros();
    let word = word & (u64::MAX >> (63 - last_bit));
    let word = (word & 0x007f_007f_007f_007f) | ((word & 0x7f00_7f00_7f00_7f00) >> 1);
    let word = (word & 0x0000_3fff_0000_3fff) | ((word & 0x3fff_0000_3fff_0000) >> 2);
    let word = (word & 0x0fff_ffff) | ((word & 0x0fff_ffff_0000_0000) >> 4);
    Some((word, last_bit as usize / 8 + 1))
}

fn byte_by_byte(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < LAST {
            return Some(value);
        }
    }
    None
}

pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

#[inline]
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_integer_of_any_length_reads_back_whatever_follows(bits in 0..=64_u32, any: u64, rest: [u8; 9], more in 0..=9_usize) {
            let value = any.checked_shr(64 - bits).unwrap_or_default();
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            bytes.extend(&rest[..more]);
            let mut left = &bytes[..];
            prop_assert_eq!(take_varint(&mut left), Some(value));
            prop_assert_eq!(left, &rest[..more]);
        }

        #[test]
        fn any_bytes_are_read_as_they_are_byte_by_byte(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            let (mut one, mut other) = (&bytes[..], &bytes[..]);
            prop_assert_eq!(take_varint(&mut one), byte_by_byte(&mut other));
            prop_assert_eq!(one, other);
        }
    }
}
