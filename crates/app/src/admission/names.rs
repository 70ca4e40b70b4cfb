//! ULIDs that only grow, also within a millisecond: Promotions are sorted by them. And other randomness.

use jiff::Timestamp;

/// Randomness of a ULID: 80 bits.
const BITS: u32 = 80;
const MASK: u128 = (1 << BITS) - 1;

/// The last one given.
#[derive(Debug, Default)]
pub(super) struct Sequence(u128);

impl Sequence {
    /// The next ULID, in lower case, and 64 random bits.
    pub(super) fn next(&mut self, now: Timestamp) -> (String, u64) {
        let random = uuid::Uuid::new_v4().as_u128();
        let milliseconds = u128::try_from(now.as_millisecond()).unwrap_or_default();
        // The highest bit stays free, so that there is room to grow within the millisecond.
        let fresh = (milliseconds << BITS) | (uuid::Uuid::new_v4().as_u128() & (MASK >> 1));
        let is_later = fresh >> BITS > self.0 >> BITS;
        self.0 = if is_later { fresh } else { self.0.wrapping_add(1) };
        (encode(self.0), u64::try_from(random & u128::from(u64::MAX)).unwrap_or_default())
    }
}

/// Crockford's base 32, 26 characters.
fn encode(value: u128) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    (0..26u32)
        .rev()
        .map(|place| {
            let digit = usize::try_from((value >> (5 * place)) & 31).unwrap_or_default();
            char::from(DIGITS.get(digit).copied().unwrap_or(b'0'))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_grow_within_a_millisecond_and_when_the_clock_goes_back() {
        let mut sequence = Sequence::default();
        let now = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let earlier = Timestamp::from_millisecond(1_600_000_000_000).unwrap();
        let made: Vec<String> = [now, now, earlier, now].into_iter().map(|at| sequence.next(at).0).collect();
        assert!(made.is_sorted() && made.windows(2).all(|pair| pair[0] != pair[1]), "{made:?}");
        assert!(made.iter().all(|ulid| ulid.len() == 26 && ulid.starts_with("01")), "{made:?}");
    }

    #[test]
    fn time_is_the_first_ten_characters() {
        // The example of the ULID specification: 1469918176385 is 01ARYZ6S41.
        let at = Timestamp::from_millisecond(1_469_918_176_385).unwrap();
        assert!(Sequence::default().next(at).0.starts_with("01aryz6s41"));
    }
}
