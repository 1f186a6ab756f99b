//! The response header `Retry-After` (RFC 9110 §10.2.3): how long an endpoint asks us to wait.

use std::time::Duration;

use crate::civil::{Civil, MONTHS, Reader};

/// The longest wait that is honoured. Who asks for more is asked again after an hour.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Reads `Retry-After`, in seconds or as a date, as the time to wait from `now_milliseconds` (since 1970), at
/// most [`LONGEST_RETRY_AFTER`]. A date that has passed is no wait. `None` for what is neither form, which is
/// then as if the header were absent.
#[must_use]
pub fn parse_retry_after(value: &str, now_milliseconds: i64) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    let wait = match delay_seconds(value) {
        Some(wait) => wait,
        None => until(http_date(value)?, now_milliseconds),
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// `delay-seconds`: digits alone, however many.
fn delay_seconds(value: &str) -> Option<Duration> {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(value.parse().unwrap_or(u64::MAX)))
}

/// Milliseconds since 1970 of an `HTTP-date`, in the form to send or in one of the two obsolete ones that a recipient has to
/// read (RFC 9110 §5.6.7). All are in GMT; the last does not say so. Two-digit years are read as 1970 to 2069.
fn http_date(value: &str) -> Option<i64> {
    let (weekday, rest) = value.split_once([' ', ','])?;
    let (form, mut reader) = (value[weekday.len()..].chars().next(), Reader(rest.trim_start()));
    let mut date = Civil::default();
    let long = weekday.len() > 3;
    match form {
        // Sun, 06 Nov 1994 08:49:37 GMT; Sunday, 06-Nov-94 08:49:37 GMT
        Some(',') => {
            let between = if long { "-" } else { " " };
            date.day = reader.number(2)?;
            reader.pass(between)?;
            date.month = reader.short_name(&MONTHS)?;
            reader.pass(between)?;
            date.year =
                if long { full_year(reader.number(2)?) } else { reader.number(4)? }.try_into().ok()?;
            reader.pass(" ")?;
            (date.hour, date.minute, date.second) = reader.time_of_day()?;
            reader.pass(" GMT")?;
        }
        // Sun Nov  6 08:49:37 1994
        _ => {
            date.month = reader.short_name(&MONTHS)?;
            reader.pass(" ")?;
            date.day = if reader.pass(" ").is_some() { reader.number(1)? } else { reader.number(2)? };
            reader.pass(" ")?;
            (date.hour, date.minute, date.second) = reader.time_of_day()?;
            reader.pass(" ")?;
            date.year = reader.number(4)?.try_into().ok()?;
        }
    }
    let name = date.weekday()?;
    let named = if long { weekday == name } else { weekday == &name[..3] };
    (named && reader.is_at_end()).then(|| date.milliseconds())?
}

fn full_year(two_digits: u32) -> u32 {
    two_digits + if two_digits < 70 { 2000 } else { 1900 }
}

fn until(milliseconds: i64, now_milliseconds: i64) -> Duration {
    Duration::from_millis(u64::try_from(milliseconds.saturating_sub(now_milliseconds)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the crate `chrono` writes them.
    const HTTP_DATES: [&str; 3] =
        ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

    /// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 §5.6.7.
    const EXAMPLE: i64 = 784_111_777_000;

    fn seconds(value: &str, now: i64) -> Option<u64> {
        parse_retry_after(value, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_are_read() {
        for (value, wait) in [("0", 0), ("1", 1), ("120", 120), ("007", 7), (" 120\t", 120), ("3600", 3600)] {
            assert_eq!(seconds(value, 0), Some(wait), "{value:?}");
        }
    }

    #[test]
    fn dates_are_read_in_all_three_forms() {
        for value in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(seconds(value, EXAMPLE - 90_000), Some(90), "{value}");
            assert_eq!(parse_retry_after(value, EXAMPLE - 1), Some(Duration::from_millis(1)), "{value}");
        }
        assert_eq!(seconds("Sun Nov 13 08:49:37 1994", EXAMPLE + 7 * 86_400_000 - 5000), Some(5));
    }

    #[test]
    fn a_date_that_has_passed_is_no_wait() {
        for now in [EXAMPLE, EXAMPLE + 1, i64::MAX] {
            assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(0));
        }
    }

    #[test]
    fn more_than_an_hour_is_an_hour() {
        for value in
            ["3601", "86400", "4294967296", "99999999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"]
        {
            assert_eq!(parse_retry_after(value, EXAMPLE), Some(LONGEST_RETRY_AFTER), "{value}");
        }
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT", i64::MIN), Some(3600));
    }

    #[test]
    fn anything_else_is_as_if_absent() {
        for value in [
            "",
            " ",
            "-1",
            "+1",
            "1.5",
            "1e3",
            "0x10",
            "1 2",
            "120, 120",
            "soon",
            "１２０",
            "NaN",
            "PT5M",
            "2026-04-02T10:00:00Z",
            "Sun, 06 Nov 1994 08:49:37 PST",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 06 Nov 1994 08:49:37",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT; x",
        ] {
            assert_eq!(parse_retry_after(value, 0), None, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_ask_for_more_than_an_hour(value: String, now: i64) {
            prop_assert!(parse_retry_after(&value, now).is_none_or(|wait| wait <= LONGEST_RETRY_AFTER));
        }

        /// Up to the end of 2069, where two digits still name the year.
        #[test]
        fn a_date_in_any_form_is_as_far_as_it_says(date in 0..3_155_760_000_i64, ahead in 0..3600_i64) {
            let at = chrono::DateTime::from_timestamp(date, 0).unwrap();
            for format in HTTP_DATES {
                let value = at.format(format).to_string();
                prop_assert_eq!(seconds(&value, (date - ahead) * 1000), u64::try_from(ahead).ok());
            }
        }
    }
}
