//! Statistics over several rounds of our side and a rival's.

/// The spread above which nothing can be concluded, because the rounds differ too much.
pub(super) const CONCLUSIVE_SPREAD: f64 = 0.3;

/// The rounds without which nothing can be concluded.
const FEWEST_ROUNDS: usize = 3;

/// The unit of a measured number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// More is better.
    PerSecond,
    /// Less is better.
    Milliseconds,
}

/// The rounds of one operation as they were measured in turn: at least one on each side.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) unit: Unit,
    pub(super) ours: Vec<f64>,
    pub(super) rival: Vec<f64>,
}

impl Comparison {
    /// Our speed in each round, relative to the rival's in the same round: 0.5 is half as fast.
    pub(super) fn speeds(&self) -> Vec<f64> {
        let rounds = self.ours.iter().zip(&self.rival);
        rounds
            .map(|(ours, rival)| match self.unit {
                Unit::PerSecond => ours / rival,
                Unit::Milliseconds => rival / ours,
            })
            .collect()
    }

    /// The median of the rounds' speeds.
    pub(super) fn speed(&self) -> f64 {
        median(&self.speeds())
    }

    /// The lowest and the highest speed in the middle half of the rounds, which leaves out a disturbed round or two.
    pub(super) fn middle_half(&self) -> (f64, f64) {
        let speeds = self.speeds();
        (quantile(&speeds, 0.25), quantile(&speeds, 0.75))
    }

    /// The width of the middle half, as a part of the median.
    pub(super) fn spread(&self) -> f64 {
        let (low, high) = self.middle_half();
        (high - low) / self.speed()
    }

    /// Whether there are enough rounds for a conclusion, and they agree well enough.
    pub(super) fn is_conclusive(&self) -> bool {
        self.ours.len() >= FEWEST_ROUNDS && self.spread() <= CONCLUSIVE_SPREAD
    }
}

/// The value in the middle; of an even number of values, the mean of the two in the middle. 0 where there are none.
pub(super) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this part of all values lies, interpolated between two values. 0 where there are none.
pub(super) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[allow(clippy::cast_precision_loss, reason = "a few rounds, some dozens of events")]
    let place = part * sorted.len().saturating_sub(1) as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
    let below = place as usize;
    let value = |place: usize| sorted.get(place).or(sorted.last()).copied().unwrap_or(0.0);
    value(below) + (value(below + 1) - value(below)) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert!(close(median(&[3.0, 1.0, 200.0]), 3.0));
        assert!(close(median(&[4.0, 1.0, 2.0, 300.0]), 3.0));
        assert!(close(median(&[]), 0.0));
        assert!(close(quantile(&[4.0, 1.0, 2.0, 3.0, 5.0], 0.25), 2.0));
        assert!(close(quantile(&[7.0], 0.75), 7.0));
    }

    #[test]
    fn speed_is_relative_to_the_rival_of_the_same_round() {
        // The machine was three times slower in the last round, for both.
        let per_second = Comparison {
            unit: Unit::PerSecond,
            ours: vec![50.0, 60.0, 20.0],
            rival: vec![100.0, 100.0, 40.0],
        };
        assert!(close(per_second.speed(), 0.5));
        let (low, high) = per_second.middle_half();
        assert!(close(low, 0.5) && close(high, 0.55));
        assert!(close(per_second.spread(), 0.1) && per_second.is_conclusive());
    }

    #[test]
    fn fewer_milliseconds_are_faster() {
        let slower = Comparison { unit: Unit::Milliseconds, ours: vec![40.0], rival: vec![20.0] };
        assert!(close(slower.speed(), 0.5) && close(slower.spread(), 0.0));
    }

    #[test]
    fn rounds_that_disagree_conclude_nothing() {
        let noisy = Comparison {
            unit: Unit::PerSecond,
            ours: vec![50.0, 100.0, 60.0, 90.0, 70.0],
            rival: vec![100.0; 5],
        };
        assert!(!noisy.is_conclusive());
        let one_round = Comparison { unit: Unit::PerSecond, ours: vec![50.0], rival: vec![100.0] };
        assert!(!one_round.is_conclusive());
    }

    #[test]
    fn one_disturbed_round_of_many_changes_nothing() {
        let disturbed = Comparison {
            unit: Unit::PerSecond,
            ours: vec![50.0, 51.0, 5.0, 52.0, 50.0],
            rival: vec![100.0; 5],
        };
        assert!(close(disturbed.speed(), 0.5) && disturbed.is_conclusive());
    }
}
