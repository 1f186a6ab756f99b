//! Pages of lists.

use crate::error::{Error, Faults};

/// The longest page.
pub const MOST: u32 = 200;
/// The length where none is asked for.
pub const DEFAULT: u32 = 50;

/// A stretch of a list ordered by creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// 1 to 200.
    pub limit: u32,
    /// Entries left out before it.
    pub offset: u32,
}

impl Page {
    /// Reads both from a query's text.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `limit` or `offset`.
    pub fn parse(limit: Option<&str>, offset: Option<&str>) -> Result<Self, Error> {
        let mut faults = Faults::default();
        let limit = faults.check("limit", parse_limit(limit));
        let offset = faults.check("offset", offset.map_or(Ok(0), parse_offset));
        faults.into_result()?;
        Ok(Self { limit: limit.unwrap_or(DEFAULT), offset: offset.unwrap_or(0) })
    }
}

/// Reads a page's length; 50 where absent.
///
/// # Errors
/// What is wrong, to be said beside `limit`.
pub fn parse_limit(text: Option<&str>) -> Result<u32, &'static str> {
    match text {
        None => Ok(DEFAULT),
        Some(text) => match whole_number(text) {
            Some(number @ 1..=MOST) => Ok(number),
            _ => Err("must be a whole number from 1 to 200"),
        },
    }
}

fn parse_offset(text: &str) -> Result<u32, &'static str> {
    whole_number(text)
        .filter(|number| i32::try_from(*number).is_ok())
        .ok_or("must be a whole number from 0 to 2147483647")
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
        assert_eq!(Page::parse(None, None), Ok(Page { limit: 50, offset: 0 }));
        assert_eq!(Page::parse(Some("200"), Some("7")), Ok(Page { limit: 200, offset: 7 }));
    }

    #[test]
    fn each_bad_bound_is_named() {
        for bad in ["0", "201", "-1", "+1", "1.0", "", " 1", "one", "99999999999"] {
            let Err(Error::Invalid(fields)) = Page::parse(Some(bad), Some("-1")) else { panic!("{bad}") };
            assert_eq!(fields.keys().collect::<Vec<_>>(), ["limit", "offset"]);
        }
    }
}
