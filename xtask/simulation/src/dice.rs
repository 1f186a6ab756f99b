//! Chance, from a seed.

use shared::ports::Random;
use shared::testing::SeededRandom;

/// Draws the same for the same seed.
pub(crate) struct Dice(SeededRandom);

impl Dice {
    /// The draws of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    /// 64 random bits.
    pub(crate) fn bits(&self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number from 0 to 1, 0 excluded.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub(crate) fn part(&self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// A number below `sides`.
    pub(crate) fn below(&self, sides: u64) -> u64 {
        self.bits() % sides
    }

    /// A wait until the next of events that come at random, `mean` apart on average.
    pub(crate) fn exponential(&self, mean: f64) -> f64 {
        -self.part().ln() * mean
    }

    /// A number whose logarithm is normally distributed, with this median (Box and Muller).
    pub(crate) fn log_normal(&self, median: f64, sigma: f64) -> f64 {
        let normal = (-2.0 * self.part().ln()).sqrt() * (std::f64::consts::TAU * self.part()).cos();
        median * (sigma * normal).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_draws_have_the_means_of_their_distributions() {
        let dice = Dice::new(1);
        let mean = |draw: &dyn Fn() -> f64| (0..100_000).map(|_| draw()).sum::<f64>() / 100_000.0;
        assert!((mean(&|| dice.exponential(3.0)) - 3.0).abs() < 0.05);
        // The mean of a log-normal distribution is its median times e^(σ²/2).
        assert!((mean(&|| dice.log_normal(80.0, 0.5)) - 80.0 * 0.125_f64.exp()).abs() < 0.5);
    }
}
