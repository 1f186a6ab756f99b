//! A webhook's last 24 hours: the counts of each hour, and the newest deliveries.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::delivery::Delivery;
use crate::error::Error;
use crate::ports::Statement;
use crate::store::delivery_log::{self, LogRow};
use crate::store::delivery_summary::{self, HourRow};
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;

/// Clock hours that 24 hours touch: the first from within, the last up to now.
const HOURS: usize = 25;
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// Deliveries that are counted, at most: the newest.
const MOST_COUNTED: u32 = 5_000;
/// The newest deliveries that come with the counts.
const LATEST: u32 = 20;

/// Deliveries of one hour, by how they stand now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
pub struct HourCount {
    /// When the hour begins.
    pub hour: Timestamp,
    /// Arrived.
    pub delivered: u32,
    /// Not tried yet.
    pub waiting: u32,
    /// To be tried again.
    pub retrying: u32,
    /// Ended without arriving.
    pub failed: u32,
}

/// A webhook's last 24 hours, and its newest deliveries.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeliverySummary {
    /// One entry for each clock hour, oldest first, those without deliveries included. Of the first, only what is of the
    /// last 24 hours is counted; the last is the current one.
    pub hours: Vec<HourCount>,
    /// How many deliveries are counted.
    pub counted: u32,
    /// Whether there may be more: then the oldest are missing.
    pub truncated: bool,
    /// The newest deliveries, whenever they were, newest first.
    pub latest: Vec<Delivery>,
}

/// The 24 hours up to a time.
pub(super) struct Day {
    since: Timestamp,
    /// The beginning of the clock hour of `since`.
    begin: Timestamp,
}

impl Day {
    /// The 24 hours up to `now`.
    pub(super) fn until(now: Timestamp) -> Self {
        let since = now.minus(DAY);
        let begin = Timestamp::from_milliseconds(since.milliseconds() - since.milliseconds() % 3_600_000);
        Self { since, begin }
    }

    /// What reads the day of the tenant's first webhook: the counts, then the newest deliveries.
    pub(super) fn statements(&self, tenant: &TenantScope) -> [Statement; 2] {
        let newest = (i64::MAX >> 11, String::new());
        let ever = Timestamp::from_milliseconds(0);
        [
            delivery_summary::by_hour(tenant, self.since, self.begin, MOST_COUNTED),
            delivery_log::newest(tenant, None, &[], ever, &newest, LATEST),
        ]
    }

    /// Sums up what the statements found.
    ///
    /// # Errors
    /// If a row is no delivery.
    pub(super) fn summary(
        &self,
        counts: Vec<HourRow>,
        newest: Vec<LogRow>,
    ) -> Result<DeliverySummary, Error> {
        let mut hours: Vec<HourCount> = (0_u32..)
            .take(HOURS)
            .map(|index| HourCount {
                hour: self.begin.plus(HOUR * index),
                delivered: 0,
                waiting: 0,
                retrying: 0,
                failed: 0,
            })
            .collect();
        let mut counted = 0;
        for row in counts {
            counted += row.delivered + row.waiting + row.retrying + row.failed;
            // A clock that ran ahead may have left an hour beyond the last.
            if let Some(entry) = hours.get_mut(row.hour.min(HOURS - 1)) {
                entry.delivered += row.delivered;
                entry.waiting += row.waiting;
                entry.retrying += row.retrying;
                entry.failed += row.failed;
            }
        }
        let latest = newest.into_iter().map(Delivery::try_from).collect::<Result<_, _>>()?;
        Ok(DeliverySummary { hours, counted, truncated: counted == MOST_COUNTED, latest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::standing::Stage;
    use crate::ports::{Clock, Database};
    use crate::shard::Shards;
    use crate::tenant::OrgId;
    use crate::testing::{Fixture, admins};
    use crate::webhook::id::WebhookId;

    const URL: &str = "https://partner.example.com/hook";

    fn delivery(fixture: &Fixture, webhook: (&OrgId, &WebhookId), id: &str, stage: Stage, at: Timestamp) {
        let insert = Statement::new(
            "INSERT INTO delivery_log (webhook_id, event_id, org_id, event_type, stage, created_at, tries_since, failures, attempts) \
             VALUES (?1, ?2, ?3, 'KeyAdded', ?4, ?5, ?5, 0, '[]')",
        );
        let insert = insert.bind(webhook.1).bind(id).bind(webhook.0).bind(stage.as_str()).bind(at);
        fixture.database.query(insert);
    }

    async fn summed_up(fixture: &Fixture, org: &OrgId) -> DeliverySummary {
        let apps = Shards::one(fixture.app.clone());
        apps.dashboard(&admins(org)).await.expect("a dashboard").deliveries.expect("a webhook")
    }

    #[tokio::test]
    async fn every_delivery_of_the_last_24_hours_is_in_its_hour() {
        let fixture = Fixture::default();
        let org = fixture.tenant("acme-corp").await;
        let webhook = fixture.webhook(&org, URL, &[]).await.webhook_id;
        let other = fixture.webhook(&org, URL, &[]).await.webhook_id;
        let now = fixture.clock.now();
        let minutes = |count: u64| now.minus(Duration::from_secs(count * 60));
        for (id, state, ago) in [
            ("a", Stage::Delivered, 0),
            ("b", Stage::Held, 0),
            ("c", Stage::Failed, 60),
            ("d", Stage::Dead, 119),
            ("e", Stage::Delivered, 24 * 60),
            ("f", Stage::Delivered, 24 * 60 + 1),
        ] {
            delivery(&fixture, (&org, &webhook), id, state, minutes(ago));
        }
        delivery(&fixture, (&org, &other), "g", Stage::Delivered, now);

        fixture.database.take_round_trips();
        let summary = summed_up(&fixture, &org).await;
        assert_eq!(fixture.database.take_round_trips(), 1);
        assert_eq!((summary.hours.len(), summary.counted, summary.truncated), (25, 5, false));
        let counts = |index: usize| {
            let hour = summary.hours[index];
            (hour.delivered, hour.waiting, hour.failed)
        };
        // The clock stands at a full hour: one minute before is the hour before.
        assert_eq!((counts(24), counts(23), counts(22)), ((1, 1, 0), (0, 0, 1), (0, 0, 1)));
        assert_eq!((counts(0), summary.hours[0].hour), ((1, 0, 0), minutes(24 * 60)));
        let latest: Vec<_> = summary.latest.iter().map(|delivery| delivery.event_id.as_str()).collect();
        assert_eq!(latest, ["b", "a", "c", "d", "e", "f"]);

        // Half an hour later, the first hour holds what is of the 24 hours, and no more.
        fixture.clock.advance(Duration::from_secs(30 * 60));
        delivery(&fixture, (&org, &webhook), "h", Stage::Failed, minutes(24 * 60 - 30));
        delivery(&fixture, (&org, &webhook), "i", Stage::Failed, minutes(24 * 60 - 29));
        let summary = summed_up(&fixture, &org).await;
        let first = summary.hours[0];
        assert_eq!((first.hour, first.delivered, first.failed), (minutes(24 * 60), 0, 1));
        assert_eq!(summary.counted, 5);
    }

    #[tokio::test]
    async fn a_long_day_is_cut_and_the_log_s_index_serves() {
        let fixture = Fixture::default();
        let org = fixture.tenant("acme-corp").await;
        let webhook = fixture.webhook(&org, URL, &[]).await.webhook_id;
        let now = fixture.clock.now();
        let many = Statement::new(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5999) \
             INSERT INTO delivery_log (webhook_id, event_id, org_id, event_type, stage, created_at, tries_since, failures, attempts) \
             SELECT ?1, 'event-' || i, ?2, 'KeyAdded', 'delivered', ?3 - i * 1000, 0, 0, '[]' FROM n",
        );
        fixture.database.batch(vec![many.bind(&webhook).bind(&org).bind(now)]).await.expect("inserted");
        let summary = summed_up(&fixture, &org).await;
        assert_eq!((summary.counted, summary.truncated, summary.latest.len()), (5_000, true, 20));
        assert_eq!(summary.hours[23].delivered, 3_600);
        assert_eq!(summary.hours[22].delivered, 1_399);

        let by_hour = delivery_summary::by_hour(&admins(&org), now.minus(DAY), now.minus(DAY), 5_000);
        assert_eq!(fixture.database.query(by_hour.clone()).len(), 3, "hours are grouped in the database");
        let plan = fixture.database.plan(&by_hour);
        assert!(plan.iter().any(|line| line.contains("USING PRIMARY KEY (webhook=?")), "{plan:?}");
        assert!(!plan.iter().any(|line| line.contains("FOR ORDER BY")), "{plan:?}");
    }

    #[tokio::test]
    async fn of_a_long_day_each_state_is_counted_among_the_newest() {
        let fixture = Fixture::default();
        let org = fixture.tenant("acme-corp").await;
        let webhook = fixture.webhook(&org, URL, &[]).await.webhook_id;
        // A hundred of each time, so that the last one that is counted has others of its time beside it.
        let many = Statement::new(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5999) \
             INSERT INTO deliveries (webhook, event, event_type, stage, created_at, milliseconds) \
             SELECT (SELECT sequence FROM webhooks WHERE id = ?1), printf('%05d', i * 7919 % 6000), 1, i % 6, \
               ?2 - i / 130 * 130000, CASE i % 6 WHEN 1 THEN NULL ELSE 20 END FROM n",
        );
        fixture.database.query(many.bind(&webhook).bind(fixture.clock.now()));
        fixture
            .database
            .query(Statement::new("INSERT INTO event_types (number, name) VALUES (1, 'KeyAdded')"));
        let naive = fixture.database.query(Statement::new(
            "SELECT SUM(stage = 0) AS delivered, SUM(stage = 1) AS waiting, SUM(stage IN (2, 3)) AS retrying, \
             SUM(stage > 3) AS failed FROM (SELECT * FROM deliveries ORDER BY created_at DESC, event DESC LIMIT 5000)",
        ));
        let summary = summed_up(&fixture, &org).await;
        let sum = |count: fn(&HourCount) -> u32| summary.hours.iter().map(count).sum::<u32>();
        let counts = [sum(|c| c.delivered), sum(|c| c.waiting), sum(|c| c.retrying), sum(|c| c.failed)];
        let [delivered, waiting, retrying, failed] = counts;
        let expected = serde_json::json!({"delivered": delivered, "waiting": waiting, "retrying": retrying, "failed": failed});
        assert_eq!((counts.iter().sum::<u32>(), summary.truncated), (5_000, true));
        assert_eq!(naive, [expected]);
    }
}
