//! Numbers that the Admin API counts up to a limit.

use std::fmt::{Display, Formatter, Result};

/// A number, and whether there are more than were counted: `12`, `9,999`, `10,000 or more`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The number that was counted.
    pub number: u32,
    /// Whether there are more than `number`.
    pub more: bool,
}

impl Display for Count {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let digits = self.number.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                formatter.write_str(",")?;
            }
            write!(formatter, "{digit}")?;
        }
        formatter.write_str(if self.more { " or more" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart_and_a_limit_is_said() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(Count { number, more: false }.to_string(), text);
        }
        assert_eq!(Count { number: 10_000, more: true }.to_string(), "10,000 or more");
    }
}
