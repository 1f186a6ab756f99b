//! Numbers in bodies.

use serde::de::{self, Deserialize, Deserializer};
use serde_json::Value;

/// Reads a whole number, not negative, in any of JSON's spellings: `1.0` is such a number too (JSON Schema, Validation
/// §6.1.1), and serde by itself refuses it. For `#[serde(deserialize_with = …)]`.
///
/// # Errors
/// If the value is neither such a number nor null.
pub fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    /// Above this number, not every whole number is a double.
    const MOST: f64 = 9_007_199_254_740_992.0;

    let Some(given) = Option::<Value>::deserialize(deserializer)? else { return Ok(None) };
    let whole = given.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=MOST).contains(number));
    // Within these bounds the digits are exact.
    let spelt = whole.map(|number| format!("{:.0}", number.abs())).and_then(|digits| digits.parse().ok());
    let read = given.as_u64().or(spelt).filter(|_| given.is_number());
    read.map(Some).ok_or_else(|| de::Error::custom("must be a whole number, not negative"))
}

/// As [`whole_number`], for a number of seconds up to a week.
///
/// # Errors
/// Where the value is neither such a number nor null.
pub fn seconds_of_a_week<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    const WEEK: u64 = 7 * 24 * 60 * 60;

    let seconds = whole_number(deserializer)?;
    let within = seconds.is_none_or(|seconds| seconds <= WEEK);
    within
        .then_some(seconds)
        .ok_or_else(|| de::Error::custom(format_args!("must be a whole number from 0 to {WEEK}")))
}
