//! Which version of a Worker is deployed.
use anyhow::{Context, Result};
use serde::Deserialize;

use super::Deployment;
use super::provision::json_in;
use super::wrangler::is_unknown_worker;
use crate::environments::WranglerFile;

impl Deployment {
    /// The version that takes all requests, `None` where the Worker has never been deployed.
    pub(super) fn version(&self, file: &WranglerFile) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Deployed {
            versions: Vec<Version>,
        }
        #[derive(Deserialize)]
        struct Version {
            version_id: String,
            percentage: f64,
        }
        let printed = match self.wrangler(&file.path, &["deployments", "status", "--json"]) {
            Ok(printed) => printed,
            Err(error) if is_unknown_worker(&error) || format!("{error:#}").contains("no deployments") => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let deployed: Deployed = serde_json::from_str(json_in(&printed))
            .context("wrangler tells the deployed version in a way we cannot read")?;
        let largest = deployed.versions.into_iter().max_by(|a, b| a.percentage.total_cmp(&b.percentage));
        Ok(largest.map(|version| version.version_id))
    }
}
