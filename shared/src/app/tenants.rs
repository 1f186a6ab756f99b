//! Reading, changing and closing tenants, and their audit log.

use serde_json::json;

use super::merging::merge;
use super::{App, Transitioned};
use crate::actor::Actor;
use crate::cursor::Cursor;
use crate::error::Error;
use crate::join::join_all;
use crate::shard::Shards;
use crate::store::tenants::{ByCreation, ByMatch, TenantRow};
use crate::store::transitions::{Guard, NewTransition, TransitionRow};
use crate::store::{CountRow, api_keys, members, tenants, transitions, webhooks};
use crate::tenant::{EmailAddress, OrgName, Tenant};
use crate::tenant_scope::TenantScope;
use crate::transition::{Transition, TransitionKind};

/// What changes of a tenant; at least one is given.
#[derive(Clone, Debug)]
pub struct TenantChange {
    /// Another name.
    pub org_name: Option<OrgName>,
    /// Another owner.
    pub owner_email: Option<EmailAddress>,
}

/// Which tenants to list.
#[derive(Clone, Debug)]
pub enum TenantFilter {
    /// All, or one member's (ASCII case-insensitive), in the order of their registration.
    ByCreation(Option<EmailAddress>, Option<ByCreation>),
    /// Those whose `orgId` or name begins with this text (ASCII case-insensitive).
    Search(String, Option<ByMatch>),
}

/// A stretch of a list of tenants.
#[derive(Debug)]
pub struct FoundTenants {
    /// The tenants.
    pub tenants: Vec<Tenant>,
    /// Tenants in the whole list; not counted where they are searched for.
    pub total: Option<u32>,
    /// Where to go on, in a list by creation.
    pub next: Option<Cursor<(String, i64)>>,
    /// Where to go on, in what a search found.
    pub next_match: Option<Cursor<ByMatch>>,
}

impl Shards<App> {
    /// A page of the tenants that the actor may act for. Reads of each shard at most three rows for each tenant of the page.
    ///
    /// # Errors
    /// Where a database does not answer.
    pub async fn list_tenants(
        &self,
        actor: &Actor,
        filter: TenantFilter,
        limit: u32,
    ) -> Result<FoundTenants, Error> {
        let now = self.all()[0].now();
        let most = limit + 1;
        match filter {
            TenantFilter::ByCreation(member, after) => {
                let mut people: Vec<&str> = actor.acts_as_member().into_iter().collect();
                people.extend(member.as_ref().map(EmailAddress::as_str));
                people.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
                let ask = |app: &App| {
                    let count = if people.is_empty() { tenants::count() } else { tenants::count_of(&people) };
                    let (app, page) = (app.clone(), tenants::page(&people, after.as_ref(), most, now));
                    async move {
                        let mut batch = app.run(vec![count, page]).await?;
                        let total = batch.first::<CountRow>(0)?.map_or(0, |row| row.total);
                        Ok::<_, Error>((total, batch.take::<TenantRow>(1)?))
                    }
                };
                let asked = join_all(self.all().iter().map(ask)).await;
                let asked = asked.into_iter().collect::<Result<Vec<_>, _>>()?;
                let (totals, rows): (Vec<u32>, Vec<_>) = asked.into_iter().unzip();
                let (rows, next) = merge(rows, limit, TenantRow::by_creation);
                let tenants = rows.into_iter().map(Into::into).collect();
                Ok(FoundTenants {
                    tenants,
                    total: Some(totals.iter().sum()),
                    next: next.map(|(at, org_id)| Cursor((org_id, at))),
                    next_match: None,
                })
            }
            TenantFilter::Search(text, after) => {
                if actor.acts_as_member().is_some() {
                    return Err(Error::Internal("a member's tenants are not searched".into()));
                }
                let rows =
                    self.rows::<TenantRow>(|| tenants::search(&text, after.as_ref(), most, now)).await?;
                let (rows, next) = merge(rows, limit, |row| row.by_match(&text));
                let tenants = rows.into_iter().map(Into::into).collect();
                Ok(FoundTenants { tenants, total: None, next: None, next_match: next.map(Cursor) })
            }
        }
    }
}

impl App {
    /// One tenant.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`].
    pub async fn get_tenant(&self, tenant: &TenantScope) -> Result<Tenant, Error> {
        let mut batch = self.run(vec![tenants::select(tenant, self.now())]).await?;
        let row = batch.first::<tenants::TenantRow>(0)?.ok_or(Error::TenantNotRegistered)?;
        Ok(row.into())
    }

    /// Changes name or owner. The membership of the owner before ends: who is to stay is added again.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`].
    pub async fn change_tenant(
        &self,
        tenant: &TenantScope,
        change: TenantChange,
    ) -> Result<Transitioned, Error> {
        let mut details = serde_json::Map::new();
        details.extend(change.org_name.as_ref().map(|name| ("orgName".to_owned(), json!(name))));
        details.extend(change.owner_email.as_ref().map(|email| ("ownerEmail".to_owned(), json!(email))));
        let at = self.now();
        let transition = NewTransition { kind: TransitionKind::TenantChanged, at, details: details.into() };
        let mut statements = vec![transitions::append(tenant, transition, &Guard::Tenant)];
        // Before the update, because the membership that ends is that of the owner so far.
        statements.extend(change.owner_email.as_ref().map(|next| members::delete_owner(tenant, next)));
        statements.push(tenants::update(tenant, change.org_name.as_ref(), change.owner_email.as_ref()));
        statements.extend(change.owner_email.as_ref().map(|_| members::insert_owner(tenant, at)));
        Transitioned::read(&mut self.run(statements).await?, 0, tenant, Error::TenantNotRegistered)
    }

    /// Closes a tenant: its keys stop working, its webhooks are gone, its `orgId` stays taken. One transaction.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`].
    pub async fn close_tenant(&self, tenant: &TenantScope) -> Result<Transitioned, Error> {
        let at = self.now();
        let transition = NewTransition { kind: TransitionKind::TenantClosed, at, details: json!({}) };
        let mut statements = vec![
            // First, because its guard asks for a tenant that is still registered.
            transitions::append(tenant, transition, &Guard::Tenant),
            api_keys::end_all(tenant, at),
        ];
        statements.extend(webhooks::delete_all(tenant, at));
        statements.push(tenants::count_webhooks(tenant));
        statements.push(tenants::count_out(tenant));
        statements.push(tenants::close(tenant, at));
        statements.push(members::delete_all(tenant));
        Transitioned::read(&mut self.run(statements).await?, 0, tenant, Error::TenantNotRegistered)
    }

    /// The audit log, newest first, and the cursor of the next page. That of a closed tenant, too.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`] if there never was such a tenant.
    pub async fn list_transitions(
        &self,
        tenant: &TenantScope,
        cursor: Option<&Cursor<i64>>,
        limit: u32,
    ) -> Result<(Vec<Transition>, Option<Cursor<i64>>), Error> {
        let statements = vec![
            tenants::ever_registered(tenant),
            // One more than asked for tells whether there is a next page.
            transitions::newest(tenant, cursor.map(|cursor| cursor.0), limit + 1),
        ];
        let mut batch = self.run(statements).await?;
        if !batch.any(0) {
            return Err(Error::TenantNotRegistered);
        }
        let mut rows = batch.take::<TransitionRow>(1)?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| Cursor(row.sequence));
        Ok((rows.into_iter().map(Into::into).collect(), next))
    }
}
