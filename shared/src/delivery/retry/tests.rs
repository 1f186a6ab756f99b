use proptest::prelude::*;

use super::*;

const HOUR: u64 = 3600;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The delay, or `None` for the end.
fn delay(failures: u32, retry_after: Option<u64>, random: u64, elapsed: Duration) -> Option<u64> {
    match RetryPolicy::default().next_delay(failures, retry_after.map(seconds), random, elapsed) {
        Next::After(delay) => {
            assert_eq!(delay.subsec_nanos(), 0, "Queues delay in whole seconds");
            Some(delay.as_secs())
        }
        Next::Dead => None,
    }
}

/// Even bits from a seed (SplitMix64).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The times of all attempts, in seconds from the first, where every one fails at once.
fn attempts_of_an_outage(mut seed: u64, retry_after: Option<u64>) -> Vec<u64> {
    let mut attempts = vec![0];
    let mut elapsed = 0;
    for failures in 1.. {
        match delay(failures, retry_after, split_mix(&mut seed), seconds(elapsed)) {
            Some(delay) => elapsed += delay,
            None => break,
        }
        attempts.push(elapsed);
    }
    attempts
}

#[test]
fn the_default_is_5_seconds_to_4_hours_for_72_hours() {
    assert_eq!(RetryPolicy::default(), RetryPolicy::new(5, 4 * 3600, 72 * 3600).unwrap());
    assert_eq!(RetryPolicy::default().window(), seconds(72 * HOUR));
}

#[test]
fn numbers_that_make_no_schedule_are_refused() {
    assert_eq!(RetryPolicy::new(0, 10, 100), Err(RetryPolicyFault::Base));
    assert_eq!(RetryPolicy::new(11, 10, 100), Err(RetryPolicyFault::Cap));
    assert_eq!(RetryPolicy::new(1, 86_401, 100_000), Err(RetryPolicyFault::Cap));
    assert_eq!(RetryPolicy::new(1, 10, 9), Err(RetryPolicyFault::Window));
    assert_eq!(RetryPolicy::new(1, 10, 1_209_601), Err(RetryPolicyFault::Window));
    assert!(RetryPolicy::new(1, 1, 1).is_ok());
    assert!(RetryPolicy::new(86_400, 86_400, 1_209_600).is_ok());
}

#[test]
fn the_longest_delay_doubles_up_to_the_cap() {
    let policy = RetryPolicy::default();
    let longest: Vec<_> = (1..=15).map(|failures| policy.backoff(failures)).collect();
    let cap = 14_400;
    assert_eq!(longest, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240, cap, cap, cap]);
    assert_eq!(policy.backoff(0), 5);
    assert_eq!(policy.backoff(u32::MAX), cap);
    assert_eq!(RetryPolicy::new(86_400, 86_400, 86_400).unwrap().backoff(u32::MAX), 86_400);
}

#[test]
fn every_whole_second_up_to_the_longest_is_drawn_and_zero_is_not() {
    let drawn: Vec<_> = (0..5).map(|random| delay(1, None, random, Duration::ZERO)).collect();
    assert_eq!(drawn, [Some(1), Some(2), Some(3), Some(4), Some(5)]);
    assert_eq!(delay(20, None, 14_399, Duration::ZERO), Some(14_400));
}

#[test]
fn retry_after_is_the_least_delay_and_spread_by_the_base() {
    let drawn: Vec<_> = (0..6).map(|random| delay(1, Some(60), random, Duration::ZERO)).collect();
    assert_eq!(drawn, [Some(60), Some(61), Some(62), Some(63), Some(64), Some(65)]);
}

#[test]
fn retry_after_does_not_shorten_the_backoff() {
    assert_eq!(delay(20, Some(1), 14_399, Duration::ZERO), Some(14_400));
}

#[test]
fn retry_after_is_honoured_up_to_an_hour() {
    assert_eq!(delay(1, Some(HOUR), 0, Duration::ZERO), Some(HOUR));
    assert_eq!(delay(1, Some(30 * HOUR), 0, Duration::ZERO), Some(HOUR));
    assert_eq!(delay(1, Some(u64::MAX), 0, Duration::ZERO), Some(HOUR));
}

#[test]
fn a_part_of_a_second_is_waited_for_as_a_whole_one() {
    let next = RetryPolicy::default().next_delay(1, Some(Duration::from_millis(2001)), 0, Duration::ZERO);
    assert_eq!(next, Next::After(seconds(3)));
}

#[test]
fn a_delay_beyond_the_window_is_cut_to_its_end() {
    let one_hour_left = seconds(71 * HOUR);
    assert_eq!(delay(30, None, 14_399, one_hour_left), Some(HOUR));
    assert_eq!(delay(30, None, 14_399, one_hour_left + Duration::from_millis(1)), Some(HOUR - 1));
}

#[test]
fn once_the_window_is_over_the_delivery_is_dead() {
    for elapsed in [
        seconds(72 * HOUR) - Duration::from_millis(999),
        seconds(72 * HOUR),
        seconds(80 * HOUR),
        Duration::MAX,
    ] {
        assert_eq!(delay(30, None, 0, elapsed), None, "{elapsed:?}");
    }
    assert_eq!(delay(30, None, 9, seconds(72 * HOUR - 1)), Some(1));
}

#[test]
fn being_asked_for_more_than_is_left_is_the_end() {
    assert_eq!(delay(30, Some(61), 0, seconds(72 * HOUR - 60)), None);
    assert_eq!(delay(30, Some(60), 0, seconds(72 * HOUR - 60)), Some(60));
}

/// 13 attempts take the backoff to its cap, within 5 h 41 min at most; from there on they are 2 hours apart
/// on average.
#[test]
fn an_outage_of_72_hours_takes_48_attempts_on_average() {
    let rounds = 4000;
    let total: usize = (0..rounds).map(|seed| attempts_of_an_outage(seed, None).len()).sum();
    let mean = total as f64 / rounds as f64;
    assert!((47.0..49.0).contains(&mean), "{mean}");
}

proptest! {
    /// 30 is what remains if every delay is the longest; 75 is eight standard deviations above the mean.
    #[test]
    fn an_outage_of_72_hours_takes_30_to_75_attempts(seed: u64) {
        let attempts = attempts_of_an_outage(seed, None);
        prop_assert!((30..=75).contains(&attempts.len()), "{}", attempts.len());
        prop_assert_eq!(*attempts.last().unwrap(), 72 * HOUR);
    }

    #[test]
    fn an_outage_that_ends_within_the_window_is_survived(seed: u64, end in 0..=72 * HOUR) {
        let recovered = attempts_of_an_outage(seed, None).into_iter().find(|attempt| *attempt >= end);
        prop_assert!(recovered.is_some_and(|attempt| attempt - end <= 4 * HOUR));
    }

    #[test]
    fn an_endpoint_that_always_asks_for_a_second_is_not_hammered(seed: u64) {
        prop_assert!(attempts_of_an_outage(seed, Some(1)).len() <= 75);
    }

    #[test]
    fn no_delay_is_beyond_the_window_above_the_cap_or_below_what_was_asked(
        failures: u32, asked in prop::option::of(0..=HOUR), random: u64, elapsed in 0..=80 * HOUR * 1000,
    ) {
        let elapsed = Duration::from_millis(elapsed);
        match delay(failures, asked, random, elapsed) {
            Some(delay) => {
                prop_assert!(elapsed + seconds(delay) <= seconds(72 * HOUR));
                prop_assert!((1..=4 * HOUR).contains(&delay));
                prop_assert!(delay >= asked.unwrap_or(0));
            }
            None => prop_assert!(elapsed + seconds(asked.unwrap_or(0).max(1)) > seconds(72 * HOUR)),
        }
    }

    #[test]
    fn no_policy_and_no_input_make_it_panic(
        (base, cap, window) in any::<(u32, u32, u32)>(), failures: u32, asked: Option<Duration>, random: u64,
        elapsed: Duration,
    ) {
        let policies = [
            RetryPolicy::new(base, cap, window),
            RetryPolicy::new(base % 3600, cap % 86_400, window % 1_209_600),
        ];
        for policy in policies.into_iter().flatten() {
            let next = policy.next_delay(failures, asked, random, elapsed);
            prop_assert!(matches!(next, Next::Dead) || elapsed < policy.window());
        }
    }
}
