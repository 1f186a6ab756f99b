//! Reading webhooks.

use super::{App, Listed};
use crate::error::Error;
use crate::page::Page;
use crate::store::webhooks::WebhookRow;
use crate::store::{CountRow, tenants, webhooks};
use crate::tenant_scope::TenantScope;
use crate::webhook::Webhook;
use crate::webhook::id::WebhookId;

impl App {
    /// A page of the tenant's webhooks.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`].
    pub async fn list_webhooks(&self, tenant: &TenantScope, page: Page) -> Result<Listed<Webhook>, Error> {
        let statements =
            vec![tenants::registered(tenant), webhooks::count(tenant), webhooks::page(tenant, page)];
        let mut batch = self.run(statements).await?;
        if !batch.any(0) {
            return Err(Error::TenantNotRegistered);
        }
        let total = batch.first::<CountRow>(1)?.map_or(0, |row| row.total);
        let rows = batch.take::<WebhookRow>(2)?;
        let entries = rows.into_iter().map(Webhook::try_from).collect::<Result<_, _>>()?;
        Ok(Listed { entries, total })
    }

    /// One of the tenant's webhooks.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`].
    pub async fn get_webhook(&self, tenant: &TenantScope, id: &WebhookId) -> Result<Webhook, Error> {
        let mut batch = self.run(vec![tenants::registered(tenant), webhooks::select(tenant, id)]).await?;
        if !batch.any(0) {
            return Err(Error::TenantNotRegistered);
        }
        let row = batch.first::<WebhookRow>(1)?.ok_or(Error::WebhookNotFound)?;
        Ok(row.try_into()?)
    }
}
