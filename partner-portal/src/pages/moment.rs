//! Times, for people and for machines.

use shared::civil::Civil;
use shared::time::Timestamp;

/// An instant for a `<time>` element.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The attribute `datetime`.
    pub machine: String,
    /// `2 Apr 2026, 10:00:05 UTC`
    pub full: String,
    /// `2 Apr, 10:00:05`
    pub short: String,
    /// `5 minutes ago`, `in 2 hours`
    pub distance: String,
}

impl Moment {
    /// Shows `time` as of `now`.
    pub fn new(time: Timestamp, now: Timestamp) -> Self {
        Self {
            machine: time.to_string(),
            full: Civil::from(time).in_words(),
            short: short(time.into()),
            distance: distance(time, now),
        }
    }

    /// `2 Apr`
    pub fn day(time: Timestamp) -> String {
        let at = Civil::from(time);
        format!("{} {}", at.day, at.short_month())
    }

    /// `14:00`
    pub fn clock(time: Timestamp) -> String {
        let at = Civil::from(time);
        format!("{:02}:{:02}", at.hour, at.minute)
    }

    /// The value of a `datetime-local` field, which has no time zone: `2026-04-02T10:00`.
    pub fn field(time: Timestamp) -> String {
        // A machine's time up to the minutes.
        time.to_string().chars().take("2026-04-02T10:00".len()).collect()
    }
}

fn short(at: Civil) -> String {
    let Civil { day, hour, minute, second, .. } = at;
    format!("{day} {}, {hour:02}:{minute:02}:{second:02}", at.short_month())
}

/// What a field for a time says if it cannot be read, without the full stop.
pub const CHOOSE_TIME: &str = "Choose a date and a time in UTC, such as 2026-04-02 10:00";

/// Reads a `datetime-local` field as UTC. In a browser that has no such field a person types the time, or copies it out of
/// an event.
pub fn read_field(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let text = text.strip_suffix('Z').unwrap_or(text);
    // Browsers leave out the seconds if they are zero.
    let with_seconds = if text.len() == 16 { format!("{text}:00Z") } else { format!("{text}Z") };
    with_seconds.parse().ok()
}

fn distance(time: Timestamp, now: Timestamp) -> String {
    let (ahead, apart) = if time > now { (true, time.since(now)) } else { (false, now.since(time)) };
    let seconds = apart.as_secs();
    let rounded = |unit: u64| (seconds + unit / 2) / unit;
    let (count, unit) = match (seconds, rounded(60), rounded(3_600)) {
        (0..=4, ..) => return if ahead { "in a moment" } else { "just now" }.to_owned(),
        (5..=59, ..) => (seconds, "second"),
        (_, minutes @ 0..=59, _) => (minutes, "minute"),
        (.., hours @ 0..=23) => (hours, "hour"),
        _ => (rounded(86_400), "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if ahead { format!("in {count} {unit}{plural}") } else { format!("{count} {unit}{plural} ago") }
}

/// `85 ms`, `1.2 s`
pub fn spoken_duration(milliseconds: u64) -> String {
    match milliseconds {
        0..=999 => format!("{milliseconds} ms"),
        _ => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_is_told_in_words_and_exactly() {
        let now: Timestamp = "2026-04-02T10:00:00Z".parse().unwrap();
        let moment = Moment::new(now.minus(Duration::from_secs(125)), now);
        assert_eq!(moment.machine, "2026-04-02T09:57:55.000Z");
        assert_eq!(moment.full, "2 Apr 2026, 09:57:55 UTC");
        assert_eq!(moment.short, "2 Apr, 09:57:55");
        for (seconds, words) in [
            (0, "just now"),
            (5, "5 seconds ago"),
            (60, "1 minute ago"),
            (3_569, "59 minutes ago"),
            (3_570, "1 hour ago"),
            (7_300, "2 hours ago"),
            (84_599, "23 hours ago"),
            (86_400, "1 day ago"),
            (400 * 86_400, "400 days ago"),
        ] {
            assert_eq!(Moment::new(now.minus(Duration::from_secs(seconds)), now).distance, words);
        }
        assert_eq!(Moment::new(now.plus(Duration::from_secs(4)), now).distance, "in a moment");
        assert_eq!(Moment::new(now.plus(Duration::from_secs(120)), now).distance, "in 2 minutes");
        // Not one day less because a second of it is over.
        assert_eq!(Moment::new(now.plus(Duration::from_secs(14 * 86_400 - 1)), now).distance, "in 14 days");
    }

    #[test]
    fn a_field_is_read_back_as_utc() {
        let time: Timestamp = "2026-04-02T10:05:00Z".parse().unwrap();
        assert_eq!(read_field(&Moment::field(time)), Some(time));
        assert_eq!(read_field("2026-04-02T10:05:30").unwrap().to_string(), "2026-04-02T10:05:30.000Z");
        for bad in ["", "yesterday", "2026-04-02", "2026-13-02T10:05"] {
            assert_eq!(read_field(bad), None, "{bad}");
        }
    }
}
