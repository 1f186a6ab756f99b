//! Every state under every effect, as a table, and the moves that are not attempts.

use proptest::prelude::*;

use super::*;

const POLICY: HealthPolicy = HealthPolicy {
    strikes: 5,
    first_probe: Duration::from_secs(30),
    longest_probe: Duration::from_secs(900),
    told_after: Duration::from_secs(600),
    disabled_after: Duration::from_secs(5 * 86_400),
    first_pace: 10,
    most_released: 500,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(seconds * 1_000)
}

fn event(id: &str) -> EventId {
    EventId::parse(id).unwrap()
}

fn condition(health: Health) -> Condition {
    Condition { health, failures: 0, failing_since: None, told: false, due: None }
}

fn well(strikes: u32) -> Health {
    Health::Well { strikes, release: None }
}

fn open(failed_probes: u32, last_probe: Option<&str>) -> Health {
    Health::CircuitOpen { since: at(100), failed_probes, last_probe: last_probe.map(event) }
}

fn verifying() -> Health {
    Health::Verifying { since: at(100), failures: 3 }
}

fn disabled() -> Health {
    Health::Disabled { reason: "the endpoint answered 410 Gone".into() }
}

fn ended(effect: Effect, seconds: i64) -> Ended {
    Ended { effect, at: at(seconds), event: event("probe"), asked: None }
}

#[test]
fn every_state_under_every_effect() {
    use Effect::{Gone, Refusal, Strike, Success};
    let released = Health::Well { strikes: 0, release: Some(Release { pace: 5, at: at(199) }) };
    let opened = Health::CircuitOpen { since: at(200), failed_probes: 0, last_probe: None };
    for (before, effect, after, due) in [
        (well(0), Success, well(0), None),
        (well(4), Success, well(0), None),
        (well(4), Refusal, well(0), None),
        (well(0), Strike, well(1), None),
        (well(4), Strike, opened, Some(230)),
        (well(4), Gone, disabled(), Some(200)),
        (open(2, Some("probe")), Success, released.clone(), Some(200)),
        (open(2, Some("other")), Success, released, Some(200)),
        (open(2, Some("probe")), Refusal, open(2, Some("probe")), Some(230)),
        (open(2, Some("other")), Refusal, open(2, Some("other")), None),
        (open(2, Some("probe")), Strike, open(3, Some("probe")), Some(200 + 240)),
        (open(9, Some("probe")), Strike, open(10, Some("probe")), Some(200 + 900)),
        (open(2, Some("other")), Strike, open(2, Some("other")), None),
        (open(2, Some("probe")), Gone, disabled(), Some(200)),
        (verifying(), Success, verifying(), None),
        (verifying(), Refusal, verifying(), None),
        (verifying(), Strike, verifying(), None),
        (verifying(), Gone, disabled(), Some(200)),
        (disabled(), Success, disabled(), None),
        (disabled(), Refusal, disabled(), None),
        (disabled(), Strike, disabled(), None),
        (disabled(), Gone, disabled(), None),
    ] {
        let (next, _) = condition(before.clone()).after(&ended(effect, 200), &POLICY);
        assert_eq!((&next.health, next.due), (&after, due.map(at)), "{before:?} under {effect:?}");
        let failures = u32::from(effect != Success);
        assert_eq!((next.failures, next.failing_since.is_some()), (failures, failures > 0));
    }
}

#[test]
fn what_an_endpoint_asks_for_is_waited_for() {
    for (health, effect) in [(well(4), Effect::Strike), (open(0, Some("probe")), Effect::Refusal)] {
        let asked = Ended { asked: Some(Duration::from_secs(3_000)), ..ended(effect, 200) };
        let (next, _) = condition(health).after(&asked, &POLICY);
        assert_eq!(next.due, Some(at(3_200)));
    }
}

#[test]
fn five_days_of_nothing_but_failures_disable_whatever_the_answers_were() {
    for (health, effect) in
        [(well(0), Effect::Refusal), (open(3, Some("probe")), Effect::Strike), (well(1), Effect::Strike)]
    {
        let (failing, _) = condition(health).after(&ended(effect, 200), &POLICY);
        let (still, _) = failing.after(&ended(effect, 200 + 5 * 86_400 - 1), &POLICY);
        assert!(!matches!(still.health, Health::Disabled { .. }));
        let (gone, change) = still.after(&ended(effect, 200 + 5 * 86_400), &POLICY);
        let reason = "nothing but failures for 5 days".to_owned();
        assert_eq!((gone.health, change), (Health::Disabled { reason }, Some(Change::Disabled)));
    }
}

#[test]
fn people_are_told_of_a_recovery_once_if_they_were_told_of_the_failure() {
    let told = Condition { told: true, ..condition(open(0, Some("probe"))) };
    // Half open in between, for want of anything to probe with.
    let (again, change) = told.half_open(&POLICY).after(&ended(Effect::Strike, 1_000), &POLICY);
    assert!(matches!(again.health, Health::CircuitOpen { failed_probes: 0, .. }) && change.is_none());
    let (well, change) = again.after(&ended(Effect::Success, 1_001), &POLICY);
    assert_eq!(change, Some(Change::Recovered));
    assert_eq!(well.after(&ended(Effect::Success, 1_002), &POLICY).1, None);
    // A short failure is nobody's business.
    let untold = condition(open(0, Some("probe")));
    assert_eq!(untold.after(&ended(Effect::Success, 200), &POLICY).1, None);
}

#[test]
fn only_its_probe_passes_an_open_circuit() {
    let health = open(0, Some("probe"));
    assert_eq!(health.gate(&event("probe"), true), Gate::Open);
    assert_eq!(health.gate(&event("probe"), false), Gate::Held, "on its own schedule again");
    assert_eq!(health.gate(&event("other"), true), Gate::Held);
    assert_eq!(open(0, None).gate(&event("probe"), true), Gate::Held);
    assert_eq!(verifying().gate(&event("probe"), true), Gate::Held);
    assert_eq!(disabled().gate(&event("probe"), true), Gate::Shut);
    assert_eq!(well(4).gate(&event("probe"), false), Gate::Open);
}

#[test]
fn a_release_begins_with_ten_and_doubles_until_a_failure_halves_it() {
    let mut condition = Condition::verified(at(100), &POLICY);
    let mut quotas = Vec::new();
    for second in 0..9 {
        let (next, quota) = condition.releasing(second == 7, at(100 + second), &POLICY);
        assert_eq!(next.due, Some(at(101 + second)));
        quotas.push(quota);
        condition = next;
    }
    assert_eq!(quotas, [10, 20, 40, 80, 160, 320, 500, 250, 500]);
    assert_eq!(condition.released(), Condition { due: None, ..super::tests::condition(well(0)) });
}

#[test]
fn a_release_that_begins_by_itself_begins_with_ten_as_well() {
    let (next, quota) = condition(well(0)).releasing(false, at(100), &POLICY);
    assert_eq!(quota, 10);
    assert_eq!(next.releasing(false, at(101), &POLICY).1, 20);
}

#[test]
fn a_wake_up_that_comes_early_or_late_does_not_change_the_pace() {
    let release = Some(Release { pace: 50, at: at(100) });
    let condition = condition(Health::Well { strikes: 0, release });
    for (milliseconds, quota) in
        [(100_100, 10), (100_500, 50), (101_000, 100), (102_000, 200), (190_000, 200)]
    {
        let now = Timestamp::from_milliseconds(milliseconds);
        assert_eq!(condition.releasing(false, now, &POLICY).1, quota, "{milliseconds}");
    }
}

#[test]
fn probes_come_at_doubling_distances_up_to_the_longest() {
    let seconds: Vec<u64> = (0..6).map(|failed| POLICY.probe_delay(failed).as_secs()).collect();
    assert_eq!(seconds, [30, 60, 120, 240, 480, 900]);
    assert_eq!(POLICY.probe_delay(u32::MAX).as_secs(), 900);
}

proptest! {
    /// Whatever happens, a circuit never opens without strikes in a row, and only a disabled webhook is shut.
    #[test]
    fn no_sequence_of_answers_opens_a_circuit_without_five_strikes_in_a_row(effects in prop::collection::vec(0..3_u8, 0..60)) {
        let mut condition = condition(well(0));
        let mut row = 0;
        for (second, effect) in effects.into_iter().enumerate() {
            let effect = [Effect::Success, Effect::Refusal, Effect::Strike][usize::from(effect)];
            row = if effect == Effect::Strike { row + 1 } else { 0 };
            let (next, _) = condition.after(&ended(effect, 1_000 + second as i64), &POLICY);
            if matches!(next.health, Health::CircuitOpen { .. }) {
                prop_assert!(row >= 5);
                break;
            }
            prop_assert!(row < 5);
            condition = next;
        }
    }
}
