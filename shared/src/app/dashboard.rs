//! `GET …/dashboard`: what the portal's dashboard shows of a tenant, in one round trip to the tenant's shard.

use futures_util::future::join;
use serde::{Deserialize, Serialize};

use super::App;
use super::delivery_summary::{Day, DeliverySummary};
use crate::error::Error;
use crate::join::join_all;
use crate::page::Page;
use crate::shard::Shards;
use crate::store::api_keys::EndRow;
use crate::store::delivery_log::LogRow;
use crate::store::delivery_summary::HourRow;
use crate::store::tenants::TenantRow;
use crate::store::webhooks::WebhookRow;
use crate::store::{api_keys, members, tenants, webhooks};
use crate::tenant::Tenant;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::{MOST_PER_TENANT, Webhook};

// The Admin API writes its own webhooks, and the portal reads webhooks as it shows them: hence the parameter.
/// A tenant with its key, its webhooks, and the deliveries of its first webhook.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Dashboard<W = Webhook> {
    /// The tenant, its key masked.
    pub tenant: Tenant,
    /// When the tenant's last key expired, if no key has taken its place.
    pub key_expired_at: Option<Timestamp>,
    /// Whether the person at the portal is a member of another tenant as well; false for an admin.
    pub has_other_tenants: bool,
    /// Every webhook, in the order of their creation.
    pub webhooks: Vec<W>,
    /// The deliveries of the first webhook; null if there is no webhook.
    pub deliveries: Option<DeliverySummary>,
}

impl Shards<App> {
    /// What the dashboard of this tenant shows. Only whether the person has other tenants is asked of the other shards, side
    /// by side, and a shard that does not answer has none.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; if the tenant's database does not answer.
    pub async fn dashboard(&self, tenant: &TenantScope) -> Result<Dashboard, Error> {
        let home = self.place(tenant.org_id());
        let others = self.all().iter().enumerate().filter(|(place, _)| *place != home);
        let elsewhere = join_all(others.map(|(_, app)| app.has_another_tenant(tenant)));
        let (dashboard, elsewhere) = join(self.all()[home].own_dashboard(tenant), elsewhere).await;
        let mut dashboard = dashboard?;
        dashboard.has_other_tenants |= elsewhere.contains(&true);
        Ok(dashboard)
    }
}

impl App {
    async fn own_dashboard(&self, tenant: &TenantScope) -> Result<Dashboard, Error> {
        let now = self.now();
        let day = Day::until(now);
        let mut statements = vec![
            tenants::select(tenant, now),
            api_keys::last(tenant),
            webhooks::page(tenant, Page { limit: MOST_PER_TENANT, offset: 0 }),
        ];
        statements.extend(day.statements(tenant));
        let person = tenant.actor().acts_as_member();
        statements.extend(person.map(|person| members::another_tenant(person, tenant.org_id())));
        let mut batch = self.run(statements).await?;
        let tenant: Tenant = batch.first::<TenantRow>(0)?.ok_or(Error::TenantNotRegistered)?.into();
        let last_key = batch.first::<EndRow>(1)?.filter(|_| tenant.api_key.is_none());
        let rows = batch.take::<WebhookRow>(2)?;
        let webhooks = rows.into_iter().map(Webhook::try_from).collect::<Result<Vec<_>, _>>()?;
        let summary = day.summary(batch.take::<HourRow>(3)?, batch.take::<LogRow>(4)?)?;
        Ok(Dashboard {
            tenant,
            key_expired_at: last_key.and_then(|key| key.expired_at(now)),
            has_other_tenants: person.is_some() && batch.any(5),
            deliveries: (!webhooks.is_empty()).then_some(summary),
            webhooks,
        })
    }

    async fn has_another_tenant(&self, tenant: &TenantScope) -> bool {
        let Some(person) = tenant.actor().acts_as_member() else { return false };
        let asked = self.run(vec![members::another_tenant(person, tenant.org_id())]).await;
        asked.is_ok_and(|batch| batch.any(0))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::actor::Actor;
    use crate::ports::{Clock, Statement};
    use crate::shard::ShardCount;
    use crate::tenant::OrgId;
    use crate::testing::{Fixture, admins};

    fn persons(email: &str, org: &OrgId) -> TenantScope {
        TenantScope::new(Actor::through_portal(email), org.clone())
    }

    #[tokio::test]
    async fn one_round_trip_shows_the_tenant_its_key_and_its_webhooks() {
        let fixture = Fixture::default();
        let apps = Shards::one(fixture.app.clone());
        let org = fixture.tenant("acme-corp").await;
        fixture.database.take_round_trips();
        let empty = apps.dashboard(&admins(&org)).await.expect("a dashboard");
        assert_eq!(fixture.database.take_round_trips(), 1);
        assert!(empty.webhooks.is_empty() && empty.deliveries.is_none() && empty.key_expired_at.is_none());

        let end = fixture.clock.now().plus(Duration::from_secs(3_600));
        fixture.app.issue_api_key(&admins(&org), None, Some(end)).await.expect("a key");
        let first = fixture.webhook(&org, "https://partner.example.com/first", &[]).await.webhook_id;
        fixture.webhook(&org, "https://partner.example.com/second", &[]).await;
        let full = apps.dashboard(&admins(&org)).await.expect("a dashboard");
        assert_eq!((full.webhooks.len(), full.webhooks[0].id, full.tenant.webhook_count), (2, first, 2));
        assert!(full.tenant.api_key.is_some() && full.key_expired_at.is_none());

        fixture.clock.advance(Duration::from_secs(3_600));
        let expired = apps.dashboard(&admins(&org)).await.expect("a dashboard");
        assert!(expired.tenant.api_key.is_none());
        assert_eq!(expired.key_expired_at, Some(end));
        fixture.app.rotate_api_key(&admins(&org), None, Duration::ZERO).await.expect("a key");
        fixture.app.revoke_api_key(&admins(&org)).await.expect("revoked");
        let revoked = apps.dashboard(&admins(&org)).await.expect("a dashboard");
        assert_eq!(revoked.key_expired_at, None, "the last key was revoked, not left to expire");
    }

    #[tokio::test]
    async fn a_person_s_other_tenants_are_found_in_every_shard() {
        let here = Fixture::default();
        let there = Fixture::default();
        let apps = Shards::make(ShardCount::parse("2").expect("a count"), |place| {
            [here.app.clone(), there.app.clone()][place].clone()
        });
        // Buckets of the first shard, and one of the second.
        let own: Vec<OrgId> = (0..)
            .map(|number| OrgId::parse(&format!("corp-{number}")).expect("an orgId"))
            .filter(|org| apps.place(org) == 0)
            .take(2)
            .collect();
        let owner = "owner@example.com";
        here.tenant(own[0].as_str()).await;
        let shown = |email, org| {
            let (apps, scope) = (apps.clone(), persons(email, org));
            async move { apps.dashboard(&scope).await.map(|dashboard| dashboard.has_other_tenants) }
        };
        assert_eq!(shown(owner, &own[0]).await, Ok(false));
        assert_eq!(shown("stranger@example.com", &own[0]).await, Err(Error::TenantNotRegistered));
        there.tenant("elsewhere").await;
        assert_eq!(shown(owner, &own[0]).await, Ok(true));
        assert_eq!(shown("OWNER@example.com", &own[0]).await, Ok(true));
        there.database.query(Statement::new("DROP TABLE members"));
        assert_eq!(shown(owner, &own[0]).await, Ok(false), "another shard's outage hides no tenant");
        here.tenant(own[1].as_str()).await;
        assert_eq!(shown(owner, &own[0]).await, Ok(true));
        let asked = apps.dashboard(&admins(&own[0])).await.expect("a dashboard");
        assert!(!asked.has_other_tenants);
    }
}
