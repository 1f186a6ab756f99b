//! Which version of a Worker is deployed, and to which version one would go back.
use anyhow::Result;
use serde::Deserialize;

use super::Deployment;

/// A Worker's versions, compared with the commit that is to be deployed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DeployedVersions {
    /// The version that takes all requests; `None` where the Worker has never been deployed.
    pub(super) current: Option<String>,
    /// True if that version is of this commit and has replaced another, as after a deployment that stopped half way.
    pub(super) of_this_commit: bool,
    /// The version to go back to: the newest that took all requests and is of another commit, or was gone back to.
    /// `None` before the first deployment, and where this commit fills all ten deployments that Cloudflare lists.
    pub(super) before: Option<String>,
}

/// The deployments that Cloudflare lists, the newest first.
#[derive(Deserialize)]
struct Deployments {
    deployments: Vec<Deployed>,
}

#[derive(Deserialize)]
struct Deployed {
    created_on: String,
    versions: Vec<Share>,
}

#[derive(Deserialize)]
struct Share {
    version_id: String,
    percentage: f64,
}

/// The versions that Cloudflare lists, the newest first.
#[derive(Deserialize)]
struct Versions {
    items: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    id: String,
    metadata: Metadata,
    annotations: Option<Annotations>,
}

#[derive(Deserialize)]
struct Metadata {
    created_on: String,
}

#[derive(Deserialize)]
struct Annotations {
    /// The commit, where `cargo xtask deploy` uploaded it.
    #[serde(rename = "workers/tag")]
    tag: Option<String>,
}

impl Deployment {
    /// Finds the versions of a Worker, by the questions with which wrangler lists deployments and versions.
    pub(super) fn standing(&self, account: &str, worker: &str, commit: &str) -> Result<DeployedVersions> {
        let listed: Option<Deployments> = self.told_of_worker(account, worker, "deployments")?;
        let Some(Deployments { mut deployments }) = listed else { return Ok(DeployedVersions::default()) };
        let listed: Option<Versions> = self.told_of_worker(account, worker, "versions?deployable=true")?;
        let mut versions = listed.map(|listed| listed.items).unwrap_or_default();
        // Times in RFC 3339, all with the same zone.
        deployments.sort_by(|one, other| one.created_on.cmp(&other.created_on));
        versions.sort_by(|one, other| one.metadata.created_on.cmp(&other.metadata.created_on));
        let mut standing = standing(&deployments, &versions, commit);
        if let Some(before) = &standing.before
            && code_of(&versions, before).is_none()
            && self.is_draft(account, worker, before)?
        {
            standing.before = None;
        }
        Ok(standing)
    }

    /// Returns whether a version is the empty script that wrangler makes of a Worker if its secrets are uploaded
    /// before its first deployment. Such a script binds only secrets; every version of ours binds more.
    fn is_draft(&self, account: &str, worker: &str, version: &str) -> Result<bool> {
        #[derive(Deserialize)]
        struct Viewed {
            resources: Resources,
        }
        #[derive(Deserialize)]
        struct Resources {
            bindings: Vec<Binding>,
        }
        #[derive(Deserialize)]
        struct Binding {
            r#type: String,
        }
        let viewed: Option<Viewed> = self.told_of_worker(account, worker, &format!("versions/{version}"))?;
        Ok(viewed.is_some_and(|viewed| {
            viewed.resources.bindings.iter().all(|binding| binding.r#type == "secret_text")
        }))
    }
}

/// Compares these deployments and versions of a Worker with the commit. Both lists have the newest last.
fn standing(deployments: &[Deployed], versions: &[Version], commit: &str) -> DeployedVersions {
    let newest_first = deployments.iter().rev().filter_map(|deployment| {
        let largest = deployment.versions.iter().max_by(|a, b| a.percentage.total_cmp(&b.percentage));
        largest.map(|share| share.version_id.as_str())
    });
    let deployed: Vec<&str> = newest_first.collect();
    let Some(current) = deployed.first() else { return DeployedVersions::default() };
    // Git writes the same commit shorter or longer in another clone.
    let is_of_this_commit = |version: &str| {
        code_of(versions, version).is_some_and(|tag| tag.starts_with(commit) || commit.starts_with(tag))
    };
    let was_gone_back_to =
        |place: usize, version: &str| deployed.iter().skip(place + 1).any(|older| *older == version);
    let before = deployed.iter().enumerate();
    let before = before
        .filter(|(place, version)| !is_of_this_commit(version) || was_gone_back_to(*place, version))
        .map(|(_, version)| *version)
        .next();
    DeployedVersions {
        current: Some((*current).to_owned()),
        of_this_commit: is_of_this_commit(current) && before != Some(*current),
        before: before.map(str::to_owned),
    }
}

/// The commit of a version's code. A version without a tag has new secrets or variables, and the code of the version
/// before it.
fn code_of<'a>(versions: &'a [Version], version: &str) -> Option<&'a str> {
    let place = versions.iter().position(|known| known.id == version)?;
    let up_to_it = versions.get(..=place)?;
    up_to_it.iter().rev().find_map(|version| version.annotations.as_ref()?.tag.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares these versions (`id` or `id:tag`) and deployments, the newest last, with the commit.
    fn stands(versions: &[&str], deployments: &[&str], commit: &str) -> DeployedVersions {
        let versions: Vec<Version> = versions
            .iter()
            .map(|text| match text.split_once(':') {
                Some((id, tag)) => version(id, Some(Annotations { tag: Some(tag.to_owned()) })),
                None => version(text, None),
            })
            .collect();
        let deployments: Vec<Deployed> = deployments
            .iter()
            .map(|id| Deployed {
                created_on: String::new(),
                versions: vec![Share { version_id: (*id).to_owned(), percentage: 100.0 }],
            })
            .collect();
        standing(&deployments, &versions, commit)
    }

    fn version(id: &str, annotations: Option<Annotations>) -> Version {
        Version { id: id.to_owned(), metadata: Metadata { created_on: String::new() }, annotations }
    }

    fn expected(current: &str, of_this_commit: bool, before: Option<&str>) -> DeployedVersions {
        DeployedVersions {
            current: Some(current.to_owned()),
            of_this_commit,
            before: before.map(str::to_owned),
        }
    }

    #[test]
    fn the_way_back_is_to_what_was_deployed_of_another_commit() {
        assert_eq!(stands(&[], &[], "b"), DeployedVersions::default());
        assert_eq!(stands(&["1:a"], &["1"], "b"), expected("1", false, Some("1")));
        // A second run, and a third, of the same commit.
        assert_eq!(stands(&["1:a", "2:b"], &["1", "2"], "b"), expected("2", true, Some("1")));
        assert_eq!(stands(&["1:a", "2:b", "3:b"], &["1", "2", "3"], "b"), expected("3", true, Some("1")));
        assert_eq!(stands(&["1:b"], &["1"], "b"), expected("1", true, None));
    }

    #[test]
    fn what_was_uploaded_but_never_deployed_is_no_way_back() {
        assert_eq!(stands(&["1:a", "2:b"], &["1"], "c"), expected("1", false, Some("1")));
        assert_eq!(stands(&["1:a", "2:b"], &["1"], "b"), expected("1", false, Some("1")));
    }

    #[test]
    fn new_secrets_are_of_the_same_code() {
        assert_eq!(stands(&["1:a", "2:b", "3"], &["1", "2", "3"], "b"), expected("3", true, Some("1")));
        assert_eq!(stands(&["1:a", "2"], &["1", "2"], "b"), expected("2", false, Some("2")));
    }

    #[test]
    fn after_going_back_the_version_gone_back_to_is_the_one_before() {
        assert_eq!(stands(&["1:a", "2:b"], &["1", "2", "1"], "b"), expected("1", false, Some("1")));
        assert_eq!(stands(&["1:a", "2:b"], &["1", "2", "1"], "a"), expected("1", false, Some("1")));
    }

    #[test]
    fn a_commit_has_one_name_however_short() {
        assert_eq!(stands(&["1:a1b2c3", "2:b1c2d3e"], &["1", "2"], "b1c2d3"), expected("2", true, Some("1")));
        // Older than the versions that are listed: of whatever commit, but another.
        assert_eq!(stands(&["2:b"], &["1", "2"], "b"), expected("2", true, Some("1")));
    }
}
