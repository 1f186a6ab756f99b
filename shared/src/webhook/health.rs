//! A webhook's health: its states, and the moves between them (spec: Webhook delivery, A webhook's health).
//!
//! The moves are pure. Who writes a new condition says on which one it is based; where another writer was faster, the
//! move is made again on what that one wrote.

use std::time::Duration;

use crate::event::id::EventId;
use crate::time::Timestamp;

/// The state of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Its endpoint has still to answer a challenge. Deliveries wait.
    Verifying {
        /// When the verification began.
        since: Timestamp,
        /// Challenges that failed since then.
        failures: u32,
    },
    /// Events go out.
    Well {
        /// Attempts in a row without an answer of the endpoint's own.
        strikes: u32,
        /// The pace of the release, while deliveries that waited go out.
        release: Option<Release>,
    },
    /// The endpoint stopped answering. Deliveries wait, and one at a time is sent as a probe.
    CircuitOpen {
        /// When the circuit opened.
        since: Timestamp,
        /// Probes in a row that the endpoint did not answer.
        failed_probes: u32,
        /// The event of the last probe.
        last_probe: Option<EventId>,
    },
    /// The endpoint is gone, or failed for too long. Deliveries end, and can be redelivered.
    Disabled {
        /// Why, for people.
        reason: String,
    },
}

/// How fast waiting deliveries go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Deliveries per second.
    pub pace: u32,
    /// When the last of them were let go.
    pub at: Timestamp,
}

/// A webhook's state, and what is remembered beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The state.
    pub health: Health,
    /// Failed attempts since the last success.
    pub failures: u32,
    /// The first of these failures.
    pub failing_since: Option<Timestamp>,
    /// Whether people were told that the webhook is failing.
    pub told: bool,
    /// When something of the webhook itself is due: a challenge, a probe, the next deliveries of a release, the end of
    /// what is pending.
    pub due: Option<Timestamp>,
}

impl Condition {
    /// Nothing failed lately, and nothing is due.
    pub const WELL: Self = Self {
        health: Health::Well { strikes: 0, release: None },
        failures: 0,
        failing_since: None,
        told: false,
        due: None,
    };
}

/// What an attempt says of its webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// 2xx.
    Success,
    /// An answer of the endpoint's own that is no success.
    Refusal,
    /// No answer of the endpoint's own: time-out, connection failure, 408, 425, 429, 5xx.
    Strike,
    /// 410.
    Gone,
}

/// An attempt that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What it says of the webhook.
    pub effect: Effect,
    /// The time when the attempt ended.
    pub at: Timestamp,
    /// The event that was sent.
    pub event: EventId,
    /// How long the endpoint asked to be left alone (`Retry-After`).
    pub asked: Option<Duration>,
}

/// What people are told of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its circuit has been open for a while.
    Failing,
    /// No event goes out any more.
    Disabled,
    /// It was failing, and answers again.
    Recovered,
    /// Its endpoint answered a challenge.
    Verified,
    /// Its endpoint answered no challenge in time.
    NotVerified,
}

impl Change {
    /// As the log and the operators' notices spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Disabled => "disabled",
            Self::Recovered => "recovered",
            Self::Verified => "verified",
            Self::NotVerified => "not verified",
        }
    }
}

/// What a webhook does with deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Attempts them.
    Open,
    /// Lets them wait.
    Held,
    /// Takes none; they end, and can be redelivered.
    Shut,
}

/// The numbers that a webhook's health goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthPolicy {
    /// Strikes in a row that open the circuit.
    pub strikes: u32,
    /// From the opening of a circuit to its first probe; doubles with each probe that fails.
    pub first_probe: Duration,
    /// The longest time between two probes.
    pub longest_probe: Duration,
    /// People are told when a circuit has been open for this long (the cron run does).
    pub told_after: Duration,
    /// Nothing but failures for this long disables a webhook.
    pub disabled_after: Duration,
    /// Deliveries per second at the beginning of a release.
    pub first_pace: u32,
    /// The most deliveries of a release that are under way at a time, and the highest pace.
    pub most_released: u32,
}

impl Default for HealthPolicy {
    fn default() -> Self {
        Self {
            strikes: 5,
            first_probe: Duration::from_secs(30),
            longest_probe: Duration::from_secs(900),
            told_after: Duration::from_secs(600),
            disabled_after: Duration::from_secs(5 * 86_400),
            first_pace: 10,
            most_released: 500,
        }
    }
}

impl HealthPolicy {
    /// From one probe to the next, after so many that failed.
    pub fn probe_delay(&self, failed_probes: u32) -> Duration {
        self.first_probe.saturating_mul(1 << failed_probes.min(16)).min(self.longest_probe)
    }
}

/// A writer's stamp of these random bits: a positive number that JavaScript holds exactly.
pub fn stamp(random: u64) -> i64 {
    i64::try_from(random >> 12).unwrap_or_default()
}

impl Health {
    /// What the webhook does with this event now. An open circuit lets its probe through: the event that it released last.
    pub fn gate(&self, event: &EventId, released: bool) -> Gate {
        match self {
            Self::Well { .. } => Gate::Open,
            Self::CircuitOpen { last_probe, .. } if released && last_probe.as_ref() == Some(event) => {
                Gate::Open
            }
            Self::CircuitOpen { .. } | Self::Verifying { .. } => Gate::Held,
            Self::Disabled { .. } => Gate::Shut,
        }
    }

    /// Why a delivery that waited for the webhook until its window ended is dead.
    pub fn reason_of_end(&self) -> &'static str {
        match self {
            Self::Verifying { .. } => "the webhook was not verified in time",
            Self::Well { .. } | Self::CircuitOpen { .. } | Self::Disabled { .. } => {
                "the endpoint did not recover in time"
            }
        }
    }
}

impl Condition {
    /// How much trouble the webhook was lately: webhooks with less go first.
    pub fn trouble(&self) -> u32 {
        match self.health {
            Health::Well { strikes, .. } => strikes.max(self.failures.min(1)),
            Health::Verifying { .. } | Health::CircuitOpen { .. } | Health::Disabled { .. } => u32::MAX,
        }
    }

    /// The condition after an attempt, and what people are told.
    pub fn after(&self, ended: &Ended, policy: &HealthPolicy) -> (Self, Option<Change>) {
        let mut next = self.clone();
        if ended.effect == Effect::Success {
            next.failures = 0;
            next.failing_since = None;
        } else {
            next.failures = next.failures.saturating_add(1);
            next.failing_since.get_or_insert(ended.at);
        }
        match ended.effect {
            Effect::Success => return next.succeeded(ended.at, policy),
            Effect::Gone => return next.disabled("the endpoint answered 410 Gone".to_owned(), ended.at),
            Effect::Refusal => next.refused(ended, policy),
            Effect::Strike => next.struck(ended, policy),
        }
        let days = policy.disabled_after.as_secs() / 86_400;
        let failing = next.failing_since.is_some_and(|since| ended.at.since(since) >= policy.disabled_after);
        if failing && !matches!(next.health, Health::Verifying { .. }) {
            return next.disabled(format!("nothing but failures for {days} days"), ended.at);
        }
        (next, None)
    }

    fn succeeded(mut self, at: Timestamp, policy: &HealthPolicy) -> (Self, Option<Change>) {
        match &mut self.health {
            Health::Well { strikes, .. } => *strikes = 0,
            Health::CircuitOpen { .. } => {
                self.health = Health::Well { strikes: 0, release: Some(policy.first_release(at)) };
                self.due = Some(at);
            }
            // An answer to a request of before.
            Health::Verifying { .. } | Health::Disabled { .. } => return (self, None),
        }
        let recovered = std::mem::take(&mut self.told).then_some(Change::Recovered);
        (self, recovered)
    }

    fn refused(&mut self, ended: &Ended, policy: &HealthPolicy) {
        match &mut self.health {
            Health::Well { strikes, .. } => *strikes = 0,
            Health::CircuitOpen { last_probe, .. } if last_probe.as_ref() == Some(&ended.event) => {
                self.due = Some(ended.at.plus(policy.first_probe.max(ended.asked.unwrap_or_default())));
            }
            Health::CircuitOpen { .. } | Health::Verifying { .. } | Health::Disabled { .. } => {}
        }
    }

    fn struck(&mut self, ended: &Ended, policy: &HealthPolicy) {
        let delay = match &mut self.health {
            Health::Well { strikes, .. } => {
                *strikes += 1;
                if *strikes < policy.strikes {
                    return;
                }
                self.health = Health::CircuitOpen { since: ended.at, failed_probes: 0, last_probe: None };
                policy.first_probe
            }
            Health::CircuitOpen { failed_probes, last_probe, .. }
                if last_probe.as_ref() == Some(&ended.event) =>
            {
                *failed_probes = failed_probes.saturating_add(1);
                policy.probe_delay(*failed_probes)
            }
            Health::CircuitOpen { .. } | Health::Verifying { .. } | Health::Disabled { .. } => return,
        };
        self.due = Some(ended.at.plus(delay.max(ended.asked.unwrap_or_default())));
    }

    fn disabled(mut self, reason: String, at: Timestamp) -> (Self, Option<Change>) {
        if matches!(self.health, Health::Disabled { .. }) {
            return (self, None);
        }
        self.health = Health::Disabled { reason };
        self.told = false;
        self.due = Some(at);
        (self, Some(Change::Disabled))
    }

    /// The condition when a probe with this event is let through. Its result says when the next is due; should the
    /// result be lost, the next is due after the same time.
    pub fn probing(&self, event: EventId, at: Timestamp, policy: &HealthPolicy) -> Self {
        let mut next = self.clone();
        if let Health::CircuitOpen { failed_probes, last_probe, .. } = &mut next.health {
            next.due = Some(at.plus(policy.probe_delay(*failed_probes)));
            *last_probe = Some(event);
        }
        next
    }

    /// The condition of an open circuit when nothing waits that could be sent as a probe: the next event is let
    /// through, and one more strike opens the circuit again.
    pub fn half_open(&self, policy: &HealthPolicy) -> Self {
        let health = Health::Well { strikes: policy.strikes.saturating_sub(1), release: None };
        Self { health, due: None, ..self.clone() }
    }

    /// The condition when the next deliveries of a release are let go, and how many there may be. `failed` says whether
    /// an attempt failed since the last ones. The pace doubles each second without a failure and halves after one.
    pub fn releasing(&self, failed: bool, at: Timestamp, policy: &HealthPolicy) -> (Self, u32) {
        let Health::Well { strikes, release } = self.health else { return (self.clone(), 0) };
        let (release, elapsed) = match release {
            None => (Release { pace: policy.first_pace, at }, Duration::from_secs(1)),
            Some(Release { pace, at: before }) => {
                let pace = if failed { (pace / 2).max(1) } else { (pace * 2).min(policy.most_released) };
                // A wake-up that came late does not make up for all the time that was lost.
                (Release { pace, at }, at.since(before).min(Duration::from_secs(2)))
            }
        };
        let quota = u64::from(release.pace) * u64::try_from(elapsed.as_millis()).unwrap_or(0) / 1_000;
        let health = Health::Well { strikes, release: Some(release) };
        let due = Some(at.plus(Duration::from_secs(1)));
        (Self { health, due, ..self.clone() }, u32::try_from(quota).unwrap_or(u32::MAX).max(1))
    }

    /// The condition when the last waiting delivery has been let go.
    pub fn released(&self) -> Self {
        match self.health {
            Health::Well { strikes, .. } => {
                Self { health: Health::Well { strikes, release: None }, due: None, ..self.clone() }
            }
            Health::Verifying { .. } | Health::CircuitOpen { .. } | Health::Disabled { .. } => self.clone(),
        }
    }

    /// The condition after a challenge was answered with 2xx.
    pub fn verified(at: Timestamp, policy: &HealthPolicy) -> Self {
        let health = Health::Well { strikes: 0, release: Some(policy.first_release(at)) };
        Self { health, failures: 0, failing_since: None, told: false, due: Some(at) }
    }

    /// The condition after a challenge failed: the next is due at `next`, if there is to be one.
    pub fn not_verified(&self, next: Option<Timestamp>) -> Self {
        let mut after = self.clone();
        if let Health::Verifying { failures, .. } = &mut after.health {
            *failures = failures.saturating_add(1);
        }
        Self { due: next, ..after }
    }
}

impl HealthPolicy {
    fn first_release(&self, at: Timestamp) -> Release {
        // As if the last second had been one: the first deliveries go at once, at the first pace.
        Release { pace: (self.first_pace / 2).max(1), at: at.minus(Duration::from_secs(1)) }
    }
}

#[cfg(test)]
mod tests;
