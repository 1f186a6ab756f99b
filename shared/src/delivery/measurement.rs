//! What attempts measured, for metrics: whose they were, how they went and how long they took. Ids and words of our own
//! only: no URL, no body, no secret, nothing that an endpoint wrote.

use std::collections::BTreeMap;

/// The event type of challenges.
pub const CHALLENGE: &str = "Webhook Verification";

/// Stands where attempts that differ in something were merged.
pub const SEVERAL: &str = "(several)";

/// One attempt, or several that are told apart no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// Whose they were, and how they went.
    pub kind: Kind,
    /// How many attempts.
    pub attempts: u32,
    /// How long their exchanges took, all together.
    pub milliseconds: u64,
    /// How long the longest of them took.
    pub longest_milliseconds: u64,
}

/// What attempts are told apart by.
///
/// A challenge is one of event type `Webhook Verification`; its outcome is what the answer would mean for a delivery.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// The tenant.
    pub org_id: String,
    /// The webhook.
    pub webhook_id: String,
    /// The envelope's `detail-type`.
    pub event_type: String,
    /// What became of the delivery: `delivered`, `retry`, `failed` or `dead`.
    pub outcome: &'static str,
    /// The HTTP status, or why there is none ([`super::outcome::AttemptResult::answer`]).
    pub answer: String,
}

impl Measurement {
    /// One attempt.
    pub fn of_attempt(kind: Kind, milliseconds: u64) -> Self {
        Self { kind, attempts: 1, milliseconds, longest_milliseconds: milliseconds }
    }

    /// How long an exchange took on average.
    #[allow(clippy::cast_precision_loss, reason = "milliseconds of a batch fit")]
    pub fn mean_milliseconds(&self) -> f64 {
        self.milliseconds as f64 / f64::from(self.attempts)
    }
}

impl Kind {
    /// A challenge stays one: it is no delivery.
    fn of_webhook(&self) -> Self {
        let challenge = self.event_type == CHALLENGE;
        let event_type = if challenge { CHALLENGE } else { SEVERAL }.to_owned();
        Self { event_type, answer: SEVERAL.to_owned(), ..self.clone() }
    }

    /// What both have in common, and the key where they differ.
    fn common(&self, other: &Self, key: &Self) -> Self {
        let same =
            |mine: &String, theirs: &String, key: &String| if mine == theirs { mine } else { key }.clone();
        Self {
            org_id: same(&self.org_id, &other.org_id, &key.org_id),
            webhook_id: same(&self.webhook_id, &other.webhook_id, &key.webhook_id),
            event_type: same(&self.event_type, &other.event_type, &key.event_type),
            outcome: self.outcome,
            answer: same(&self.answer, &other.answer, &key.answer),
        }
    }

    fn of_tenant(&self) -> Self {
        Self { webhook_id: SEVERAL.to_owned(), ..self.of_webhook() }
    }

    fn of_all(&self) -> Self {
        Self { org_id: SEVERAL.to_owned(), ..self.of_tenant() }
    }
}

/// What attempts are merged by where they are too many, the finest first; by the last there is one for each outcome.
const MERGES: [fn(&Kind) -> Kind; 3] = [Kind::of_webhook, Kind::of_tenant, Kind::of_all];

/// The same attempts by webhook and outcome, in at most `most` measurements, 8 or more: merged no further than it takes.
/// None goes uncounted, and none changes its outcome. Event type and answer are told where all that were merged have the
/// same.
pub fn fitted(mut measured: Vec<Measurement>, most: usize) -> Vec<Measurement> {
    for merge in MERGES {
        measured = merged(measured, merge);
        if measured.len() <= most {
            break;
        }
    }
    measured
}

fn merged(measured: Vec<Measurement>, merge: fn(&Kind) -> Kind) -> Vec<Measurement> {
    let mut kinds = BTreeMap::<Kind, Measurement>::new();
    for Measurement { kind, attempts, milliseconds, longest_milliseconds } in measured {
        let none = Measurement { kind: kind.clone(), attempts: 0, milliseconds: 0, longest_milliseconds: 0 };
        let key = merge(&kind);
        let all = kinds.entry(key.clone()).or_insert(none);
        all.kind = all.kind.common(&kind, &key);
        all.attempts += attempts;
        all.milliseconds += milliseconds;
        all.longest_milliseconds = all.longest_milliseconds.max(longest_milliseconds);
    }
    kinds.into_values().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OUTCOMES: [&str; 4] = ["delivered", "retry", "failed", "dead"];

    fn attempt(tenant: usize, webhook: usize, event_type: usize, outcome: usize, took: u64) -> Measurement {
        let kind = Kind {
            org_id: format!("tenant-{tenant}"),
            webhook_id: format!("webhook-{tenant}-{webhook}"),
            event_type: format!("Type{event_type}"),
            outcome: OUTCOMES[outcome % 4],
            answer: format!("{}", 200 + outcome),
        };
        Measurement::of_attempt(kind, took)
    }

    /// Attempts and milliseconds by outcome.
    fn totals(measured: &[Measurement]) -> BTreeMap<&'static str, (u32, u64, u64)> {
        let mut totals = BTreeMap::new();
        for one in measured {
            let (attempts, milliseconds, longest) = totals.entry(one.kind.outcome).or_insert((0, 0, 0));
            *attempts += one.attempts;
            *milliseconds += one.milliseconds;
            *longest = one.longest_milliseconds.max(*longest);
        }
        totals
    }

    #[test]
    fn attempts_are_told_apart_by_webhook_and_outcome_and_by_what_they_have_in_common() {
        let measured = [
            attempt(1, 1, 1, 0, 20),
            attempt(1, 1, 2, 0, 30),
            attempt(1, 1, 1, 1, 20),
            attempt(1, 2, 3, 0, 20),
            attempt(1, 2, 3, 0, 20),
        ];
        let fitted = fitted(measured.to_vec(), 250);
        let said: Vec<_> = fitted
            .iter()
            .map(|one| {
                (one.kind.event_type.as_str(), one.kind.outcome, one.kind.answer.as_str(), one.attempts)
            })
            .collect();
        assert_eq!(
            said,
            [
                (SEVERAL, "delivered", "200", 2),
                ("Type1", "retry", "201", 1),
                ("Type3", "delivered", "200", 2)
            ]
        );
    }

    #[test]
    fn a_challenge_is_never_counted_among_deliveries() {
        let mut challenge = attempt(1, 1, 1, 0, 20);
        challenge.kind.event_type = CHALLENGE.to_owned();
        let fitted = fitted(vec![challenge, attempt(1, 1, 1, 0, 20), attempt(1, 1, 2, 0, 20)], 8);
        assert_eq!(fitted.iter().map(|one| one.attempts).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn attempts_of_one_kind_become_one_with_their_count_their_mean_and_the_longest() {
        let measured = (0..300).map(|index| attempt(1, 1, 1, 0, index)).collect();
        let fitted = fitted(measured, 250);
        assert_eq!(fitted.len(), 1);
        assert_eq!(fitted[0].kind, attempt(1, 1, 1, 0, 0).kind);
        assert_eq!((fitted[0].attempts, fitted[0].longest_milliseconds), (300, 299));
        assert!((fitted[0].mean_milliseconds() - 149.5).abs() < f64::EPSILON);
    }

    #[test]
    fn attempts_are_merged_no_further_than_it_takes() {
        let by = |tenants: usize, webhooks: usize, types: usize| -> Vec<Measurement> {
            let one = |index: usize| {
                let webhook = index / tenants;
                attempt(index % tenants, webhook % webhooks, webhook / webhooks % types, 0, 20)
            };
            fitted((0..2_000).map(one).collect(), 250)
        };
        // Told apart by webhook, by tenant, by outcome alone.
        for (fitted, count, webhook, tenant) in [
            (by(10, 5, 5), 50, "webhook-0-0", "tenant-0"),
            (by(10, 10, 20), 100, "webhook-0-0", "tenant-0"),
            (by(100, 20, 1), 100, SEVERAL, "tenant-0"),
            (by(1_000, 2, 1), 1, SEVERAL, SEVERAL),
        ] {
            assert_eq!(fitted.len(), count);
            let kind = &fitted[0].kind;
            assert_eq!((kind.webhook_id.as_str(), kind.org_id.as_str()), (webhook, tenant));
            assert_eq!(totals(&fitted)["delivered"].0, 2_000);
        }
    }

    proptest! {
        #[test]
        fn whatever_was_attempted_fits_and_keeps_its_totals(
            attempts in prop::collection::vec((0..9_usize, 0..9_usize, 0..9_usize, 0..9_usize, 0..20_000_u64), 0..400),
            most in 8..300_usize,
        ) {
            let measured: Vec<_> = attempts.into_iter().map(|(a, b, c, d, e)| attempt(a, b, c, d, e)).collect();
            let fitted = fitted(measured.clone(), most);
            prop_assert!(fitted.len() <= most);
            prop_assert_eq!(totals(&fitted), totals(&measured));
        }
    }
}
