//! `GET /api-keys?orgId=`

use super::{App, Listed};
use crate::api_key::IssuedApiKey;
use crate::error::Error;
use crate::page::Page;
use crate::store::api_keys::{self, IssuedRow};
use crate::store::{CountRow, tenants};
use crate::tenant_scope::TenantScope;

impl App {
    /// Every key ever issued to the tenant, masked, with its state.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`].
    pub async fn list_api_keys(
        &self,
        tenant: &TenantScope,
        page: Page,
    ) -> Result<Listed<IssuedApiKey>, Error> {
        let statements =
            vec![tenants::registered(tenant), api_keys::count(tenant), api_keys::page(tenant, page)];
        let mut batch = self.run(statements).await?;
        if !batch.any(0) {
            return Err(Error::TenantNotRegistered);
        }
        let now = self.now();
        let total = batch.first::<CountRow>(1)?.map_or(0, |row| row.total);
        let rows = batch.take::<IssuedRow>(2)?;
        Ok(Listed { entries: rows.into_iter().map(|row| row.into_issued(now)).collect(), total })
    }
}
