//! Output for a person at a terminal.
#![allow(clippy::print_stdout, reason = "printing is what a command line tool is for")]

use std::io::{IsTerminal, Write, stdout};
use std::time::Duration;

/// Prints a line.
pub fn line(text: impl AsRef<str>) {
    let mut out = stdout().lock();
    // A closed pipe is the reader's choice, not an error of ours.
    let _ = writeln!(out, "{}", text.as_ref());
    let _ = out.flush();
}

/// Says that a step begins, such as `Building  the Workers`.
pub fn step(verb: &str, what: &str) {
    if stdout().is_terminal() {
        line(format!("\u{1b}[1;32m{verb:>12}\u{1b}[0m {what}"));
    } else {
        line(format!("{verb:>12} {what}"));
    }
}

/// A duration as people say it: `0.4 s`, `12 s`, `3 min 5 s`.
#[must_use]
pub fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spoken_in_a_fitting_unit() {
        assert_eq!(spoken(Duration::from_millis(420)), "0.4 s");
        assert_eq!(spoken(Duration::from_secs(12)), "12 s");
        assert_eq!(spoken(Duration::from_secs(185)), "3 min 5 s");
    }
}
