//! Instants, as the database and the API hold them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::civil::{Civil, Reader};

/// The last instant of the year 9999, the latest that ISO 8601 writes with four digits of year.
const LATEST: i64 = 253_402_300_799_999;

/// An instant: whole milliseconds since 1970-01-01T00:00:00Z, within the years 1970 to 9999.
///
/// The API writes it as ISO 8601 UTC with milliseconds (`2026-04-02T10:00:00.000Z`), the database as an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Clamps to the years that can be written.
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        if milliseconds < 0 {
            Self(0)
        } else if milliseconds > LATEST {
            Self(LATEST)
        } else {
            Self(milliseconds)
        }
    }

    /// Milliseconds since the epoch.
    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0 / 1000
    }

    /// This much later.
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_milliseconds(
            self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// This much earlier.
    pub fn minus(self, duration: Duration) -> Self {
        Self::from_milliseconds(
            self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long ago `earlier` was; nothing where it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second, millisecond } = (*self).into();
        write!(formatter, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
    }
}

/// The text is not an ISO 8601 time with an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 8601 time with its offset, such as 2026-04-02T10:00:00.000Z")]
pub struct NotATime;

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let milliseconds = milliseconds(text).ok_or(NotATime)?;
        if (0..=LATEST).contains(&milliseconds) { Ok(Self(milliseconds)) } else { Err(NotATime) }
    }
}

/// Reads a time as RFC 3339 §5.6 has it, a space instead of the `T` included.
fn milliseconds(text: &str) -> Option<i64> {
    let mut reader = Reader(text);
    let year = reader.number(4)?.try_into().ok()?;
    reader.pass("-")?;
    let month = reader.number(2)?;
    reader.pass("-")?;
    let day = reader.number(2)?;
    reader.one_of(&['T', 't', ' '])?;
    let (hour, minute, second) = reader.time_of_day()?;
    let mut millisecond = 0;
    if reader.pass(".").is_some() {
        let mut worth = 100;
        millisecond = reader.number(1)? * worth;
        while let Some(digit) = reader.number(1) {
            worth /= 10;
            millisecond += digit * worth;
        }
    }
    let minutes = match reader.one_of(&['Z', 'z', '+', '-'])? {
        sign @ ('+' | '-') => {
            let hours = reader.number(2)?;
            reader.pass(":")?;
            let minutes = reader.number(2)?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            let ahead = i64::from(60 * hours + minutes);
            if sign == '+' { ahead } else { -ahead }
        }
        _ => 0,
    };
    let date = Civil { year, month, day, hour, minute, second, millisecond };
    reader.is_at_end().then(|| date.milliseconds())?.map(|at| at - minutes * 60_000)
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, SecondsFormat};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn chrono_writes_the_same(at in 0..=LATEST) {
            let theirs = DateTime::from_timestamp_millis(at).unwrap();
            let theirs = theirs.to_rfc3339_opts(SecondsFormat::Millis, true);
            prop_assert_eq!(Timestamp(at).to_string(), theirs);
        }

        #[test]
        fn chrono_reads_the_same(
            date in "(19[67]|20[0-9]|999)[0-9]-[01][0-9]-[0-3][0-9]",
            time in "[Tt ][0-2][0-9]:[0-6][0-9]:([0-5][0-9]|60|61)(\\.[0-9]{0,12})?",
            offset in "|[Zz]|[+-][0-2][0-9]:[0-6][0-9]|[+-][0-9]{4}| Z",
        ) {
            let text = format!("{date}{time}{offset}");
            let theirs = DateTime::parse_from_rfc3339(&text).ok().map(|time| time.timestamp_millis());
            let theirs = theirs.filter(|at| (0..=LATEST).contains(at));
            prop_assert_eq!(text.parse().ok().map(Timestamp::milliseconds), theirs, "{}", text);
        }

        #[test]
        fn chrono_reads_the_same_of_a_time_with_another_character(at in 0..=LATEST, place in 0..24_usize, other: char) {
            let mut text: Vec<char> = Timestamp(at).to_string().chars().collect();
            text[place] = other;
            let text: String = text.into_iter().collect();
            let theirs = DateTime::parse_from_rfc3339(&text).ok().map(|time| time.timestamp_millis());
            let theirs = theirs.filter(|at| (0..=LATEST).contains(at));
            prop_assert_eq!(text.parse().ok().map(Timestamp::milliseconds), theirs, "{}", text);
        }
    }

    #[test]
    fn is_written_with_milliseconds_and_read_back() {
        let time: Timestamp = "2026-04-02T12:00:00+02:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-04-02T10:00:00.000Z");
        assert_eq!(time.to_string().parse(), Ok(time));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "tomorrow",
            "2026-04-02",
            "2026-04-02T10:00:00",
            "1969-12-31T23:59:59Z",
            "+10000-01-01T00:00:00Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NotATime), "{text}");
        }
    }

    #[test]
    fn never_leaves_the_years_that_can_be_written() {
        let end = Timestamp::from_milliseconds(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(end.to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::from_milliseconds(5).minus(Duration::from_secs(1)).milliseconds(), 0);
    }
}
