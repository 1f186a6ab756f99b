//! Dates of the calendar and times of day, in UTC. The crate `chrono` counts the days; its own formats and their parser would
//! be 12 KB of each compressed Worker.

use chrono::{DateTime, Datelike, NaiveDate, Timelike};

use crate::time::Timestamp;

/// The months' names. English dates have the first three letters of each.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The days of the week.
pub(crate) const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A date and a time of day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Civil {
    /// The year.
    pub year: i32,
    /// From 1.
    pub month: u32,
    /// From 1.
    pub day: u32,
    /// From 0.
    pub hour: u32,
    /// From 0.
    pub minute: u32,
    /// From 0; 60 is a leap second.
    pub second: u32,
    /// From 0.
    pub millisecond: u32,
}

impl From<Timestamp> for Civil {
    fn from(time: Timestamp) -> Self {
        let at = DateTime::from_timestamp_millis(time.milliseconds()).unwrap_or_default();
        Self {
            year: at.year(),
            month: at.month(),
            day: at.day(),
            hour: at.hour(),
            minute: at.minute(),
            second: at.second(),
            millisecond: at.timestamp_subsec_millis(),
        }
    }
}

impl Civil {
    /// The month's name as English dates have it: `Apr`.
    #[must_use]
    pub fn short_month(&self) -> &'static str {
        let place = usize::try_from(self.month).unwrap_or_default().wrapping_sub(1);
        MONTHS.get(place).map_or("", |name| &name[..3])
    }

    /// The date and the time of day as people read them: `2 Apr 2026, 10:00:05 UTC`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let Self { year, day, hour, minute, second, .. } = self;
        format!("{day} {} {year}, {hour:02}:{minute:02}:{second:02} UTC", self.short_month())
    }

    fn date(&self) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(self.year, self.month, self.day)
    }

    /// The day of the week. `None` where there is no such date.
    pub(crate) fn weekday(&self) -> Option<&'static str> {
        let place = self.date()?.weekday().num_days_from_monday();
        WEEKDAYS.get(usize::try_from(place).ok()?).copied()
    }

    /// Milliseconds since 1970. `None` where there is no such date or time.
    pub(crate) fn milliseconds(&self) -> Option<i64> {
        let (second, leap) = if self.second == 60 { (59, 1000) } else { (self.second, 0) };
        let at = self.date()?.and_hms_milli_opt(self.hour, self.minute, second, self.millisecond + leap)?;
        Some(at.and_utc().timestamp_millis())
    }
}

/// A text that is read from its start.
pub(crate) struct Reader<'a>(pub(crate) &'a str);

impl Reader<'_> {
    /// Reads this many digits.
    pub(crate) fn number(&mut self, digits: usize) -> Option<u32> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.0 = rest;
        number.parse().ok()
    }

    /// Passes over this text.
    pub(crate) fn pass(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// Reads one of these characters.
    pub(crate) fn one_of(&mut self, characters: &[char]) -> Option<char> {
        let found = self.0.chars().next().filter(|character| characters.contains(character))?;
        self.0 = &self.0[found.len_utf8()..];
        Some(found)
    }

    /// Reads the first three letters of one of these names. Returns its place, from 1.
    pub(crate) fn short_name(&mut self, names: &[&str]) -> Option<u32> {
        let place = names.iter().position(|name| self.0.starts_with(&name[..3]))?;
        self.0 = &self.0[3..];
        u32::try_from(place + 1).ok()
    }

    /// Reads `08:49:37`.
    pub(crate) fn time_of_day(&mut self) -> Option<(u32, u32, u32)> {
        let hour = self.number(2)?;
        self.pass(":")?;
        let minute = self.number(2)?;
        self.pass(":")?;
        Some((hour, minute, self.number(2)?))
    }

    /// Whether the text is read to its end.
    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}
