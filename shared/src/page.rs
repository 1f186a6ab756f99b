//! Pages of lists.

use crate::tenant::Fault;

/// The longest page.
pub const MOST: u32 = 200;
/// The length where none is asked for.
pub const DEFAULT: u32 = 50;

/// A stretch of a list ordered by creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Entries at most: 1 to 200.
    pub limit: u32,
    /// Entries left out before the first.
    pub offset: u32,
}

impl Page {
    /// The page that a query asks for: the first fifty entries where it does not say.
    pub fn of(limit: Option<Limit>, offset: Option<Offset>) -> Self {
        Self { limit: limit.unwrap_or_default().0, offset: offset.unwrap_or_default().0 }
    }
}

/// The length of a page: 1 to 200; 50 where none is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub u32);

impl Default for Limit {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl Limit {
    /// Reads digits.
    ///
    /// # Errors
    /// The bounds.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let within = whole_number(text).filter(|number| (1..=MOST).contains(number));
        within.map(Self).ok_or(Fault("must be a whole number from 1 to 200"))
    }
}

/// How many entries of a list come before a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset(pub u32);

impl Offset {
    /// Reads digits.
    ///
    /// # Errors
    /// The bounds.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let within = whole_number(text).filter(|number| i32::try_from(*number).is_ok());
        within.map(Self).ok_or(Fault("must be a whole number from 0 to 2147483647"))
    }
}

fn whole_number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_fifty_entries_unless_asked_otherwise() {
        assert_eq!(Page::of(None, None), Page { limit: 50, offset: 0 });
        let (limit, offset) = (Limit::parse("200").ok(), Offset::parse("7").ok());
        assert_eq!(Page::of(limit, offset), Page { limit: 200, offset: 7 });
    }

    #[test]
    fn a_bound_is_a_whole_number_within_its_limits() {
        for bad in ["0", "201", "-1", "+1", "1.0", "", " 1", "one", "99999999999"] {
            assert!(Limit::parse(bad).is_err(), "{bad}");
        }
        for bad in ["-1", "+1", "1.0", "", " 1", "one", "2147483648", "99999999999"] {
            assert!(Offset::parse(bad).is_err(), "{bad}");
        }
    }
}
