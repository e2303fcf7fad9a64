//! Numbers as settings state them.

/// A whole number within bounds, both included.
///
/// # Errors
/// Fails if the text is not one; the message says what is allowed.
pub fn whole<T: TryFrom<u64>, const LEAST: u64, const MOST: u64>(text: &str) -> Result<T, String> {
    let number = text.trim().parse().ok().filter(|it| (LEAST..=MOST).contains(it));
    let number = number.and_then(|it| T::try_from(it).ok());
    number.ok_or_else(|| format!("must be a whole number, {LEAST}..={MOST}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_whole_and_within_its_bounds() {
        assert_eq!(whole::<u32, 1, 8_760>(" 24"), Ok(24));
        for text in ["", "0", "8761", "-1", "1.5", "ten", "99999999999999999999"] {
            let said = whole::<u32, 1, 8_760>(text).expect_err(text);
            assert_eq!(said, "must be a whole number, 1..=8760", "{text}");
        }
    }
}
