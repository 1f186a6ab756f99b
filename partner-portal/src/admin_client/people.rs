//! The people of an organization, and the audit log of what they did.

use http::Method;
use serde::de::IgnoredAny;
use shared::member::Member;

use super::{Called, Members, PersonClient, Transitions};
use crate::paths::path_segment;

impl PersonClient<'_> {
    /// Returns the people who may sign in for the organization, the owner first.
    pub async fn members(&self, org_id: &str) -> Called<Vec<Member>> {
        let answer: Members = self.get(&format!("/tenants/{org_id}/members")).await?;
        Ok(answer.members)
    }

    /// Lets a person sign in for the organization.
    pub async fn add_member(&self, org_id: &str, email: &str) -> Called<IgnoredAny> {
        self.send(Method::PUT, &member_path(org_id, email), None).await
    }

    /// Removes a person from the organization.
    pub async fn remove_member(&self, org_id: &str, email: &str) -> Called<IgnoredAny> {
        self.send(Method::DELETE, &member_path(org_id, email), None).await
    }

    /// Returns a page of the audit log, the newest entries first.
    pub async fn transitions(&self, org_id: &str, limit: u32, cursor: Option<&str>) -> Called<Transitions> {
        let cursor = cursor.map(|cursor| format!("&cursor={}", path_segment(cursor))).unwrap_or_default();
        self.get(&format!("/tenants/{org_id}/transitions?limit={limit}{cursor}")).await
    }
}

fn member_path(org_id: &str, email: &str) -> String {
    format!("/tenants/{org_id}/members/{}", path_segment(email))
}
