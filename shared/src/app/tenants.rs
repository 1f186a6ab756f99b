//! Reading, changing and closing tenants, and their audit log.

use serde_json::json;

use super::{App, Listed, Transitioned};
use crate::actor::Actor;
use crate::cursor::Cursor;
use crate::error::Error;
use crate::page::Page;
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

impl App {
    /// A page of the tenants that the actor may act for; of one member where given (ASCII case-insensitive).
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn list_tenants(
        &self,
        actor: &Actor,
        member: Option<&str>,
        page: Page,
    ) -> Result<Listed<Tenant>, Error> {
        let mut people: Vec<&str> = actor.acts_as_member().into_iter().chain(member).collect();
        people.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
        let statements = vec![tenants::count(&people), tenants::page(&people, page, self.now())];
        let mut batch = self.run(statements).await?;
        let total = batch.first::<CountRow>(0)?.map_or(0, |row| row.total);
        let rows = batch.take::<tenants::TenantRow>(1)?;
        Ok(Listed { entries: rows.into_iter().map(Into::into).collect(), total })
    }

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
        statements.push(tenants::close(tenant, at));
        statements.push(members::delete_all(tenant));
        Transitioned::read(&mut self.run(statements).await?, 0, tenant, Error::TenantNotRegistered)
    }

    /// The audit log, newest first, and the cursor of the next page.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`].
    pub async fn list_transitions(
        &self,
        tenant: &TenantScope,
        cursor: Option<&Cursor<i64>>,
        limit: u32,
    ) -> Result<(Vec<Transition>, Option<Cursor<i64>>), Error> {
        let statements = vec![
            tenants::registered(tenant),
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
