//! The part of the API that keeps Workers: their versions, which of those is deployed, their secrets and triggers.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Account, unknown};

/// A Worker of the account.
#[derive(Default)]
pub(crate) struct Worker {
    pub(crate) secrets: BTreeMap<String, String>,
    /// The uploaded versions, the newest last.
    pub(crate) versions: Vec<Version>,
    /// Ids of the versions that took all requests, the newest last.
    pub(crate) deployments: Vec<String>,
    pub(crate) crons: Value,
}

/// An upload of a Worker, or a change of its secrets.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) id: String,
    /// The commit, where `cargo xtask deploy` uploaded the version.
    pub(crate) tag: Option<String>,
    /// The bindings, without the secrets.
    pub(crate) bindings: Vec<Value>,
}

impl Worker {
    /// The version that takes all requests.
    pub(crate) fn deployed(&self) -> Option<&Version> {
        let id = self.deployments.last()?;
        self.versions.iter().find(|version| version.id == *id)
    }

    fn secret_bindings(&self) -> impl Iterator<Item = Value> {
        self.secrets.keys().map(|name| json!({"name": name, "type": "secret_text"}))
    }

    /// The ten newest versions or deployments, the newest first, each with its time.
    fn newest<T>(all: &[T], shown: impl Fn(&T, String) -> Value) -> Vec<Value> {
        let timed = all.iter().enumerate().rev().take(10);
        timed.map(|(index, one)| shown(one, format!("2026-01-01T00:00:{index:02}Z"))).collect()
    }
}

fn version(version: &Version, created: String) -> Value {
    let annotations = version.tag.as_ref().map_or_else(
        || json!({"workers/triggered_by": "secret"}),
        |tag| json!({"workers/tag": tag, "workers/triggered_by": "upload"}),
    );
    let metadata = json!({"created_on": created, "source": "wrangler", "author_email": "ci@example.com"});
    json!({"id": version.id, "number": 1, "metadata": metadata, "annotations": annotations})
}

fn deployment(version: &String, created: String) -> Value {
    json!({
        "id": format!("deployment-of-{version}"), "source": "wrangler", "strategy": "percentage",
        "author_email": "ci@example.com", "created_on": created, "annotations": {},
        "versions": [{"version_id": version, "percentage": 100}],
    })
}

impl Account {
    /// Gives a Worker secrets, as wrangler does. Before the first deployment, wrangler deploys a script without content for
    /// that, and then a version of this script with the secrets.
    pub(crate) fn give_secrets(&mut self, name: &str, secrets: BTreeMap<String, String>) {
        if !self.workers.contains_key(name) {
            self.deploy_version(name, None, Vec::new());
        }
        let bindings = self.workers[name].deployed().unwrap().bindings.clone();
        self.deploy_version(name, None, bindings);
        self.workers.get_mut(name).unwrap().secrets.extend(secrets);
    }

    /// Uploads a version without deploying it.
    pub(crate) fn add_version(&mut self, name: &str, tag: Option<String>, bindings: Vec<Value>) -> String {
        let id = self.fresh("version");
        let worker = self.workers.entry(name.to_owned()).or_default();
        worker.versions.push(Version { id: id.clone(), tag, bindings });
        id
    }

    fn deploy_version(&mut self, name: &str, tag: Option<String>, bindings: Vec<Value>) -> String {
        let id = self.add_version(name, tag, bindings);
        self.workers.get_mut(name).unwrap().deployments.push(id.clone());
        id
    }

    pub(super) fn script(
        &mut self,
        method: &str,
        name: &str,
        rest: &[&str],
        body: &str,
        json: Value,
    ) -> (u16, Value) {
        match (method, rest) {
            // The whole script: uploaded and deployed at once.
            ("PUT", []) => return self.upload(name, body, true),
            ("POST", ["versions"]) => return self.upload(name, body, false),
            _ => {}
        }
        let Some(worker) = self.workers.get_mut(name) else { return unknown(10007) };
        if let ("DELETE", ["secrets", secret]) = (method, rest) {
            if worker.secrets.remove(*secret).is_none() {
                return unknown(10056);
            }
            self.give_secrets(name, BTreeMap::new());
            return (200, Value::Null);
        }
        match (method, rest) {
            ("GET", ["deployments"]) => {
                (200, json!({"deployments": Worker::newest(&worker.deployments, deployment)}))
            }
            ("POST", ["deployments"]) => {
                let id = json["versions"][0]["version_id"].as_str().unwrap().to_owned();
                assert!(worker.versions.iter().any(|version| version.id == id), "{id} is no version");
                worker.deployments.push(id);
                (200, json!({"id": "deployment"}))
            }
            ("GET", ["versions"]) => (200, json!({"items": Worker::newest(&worker.versions, version)})),
            ("GET", ["versions", id]) => {
                let found = worker.versions.iter().find(|version| version.id == *id);
                let Some(found) = found else { return unknown(10404) };
                let bindings: Vec<Value> =
                    found.bindings.iter().cloned().chain(worker.secret_bindings()).collect();
                let mut shown = version(found, "2026-01-01T00:00:00Z".to_owned());
                shown["resources"] =
                    json!({"bindings": bindings, "script": {"handlers": []}, "script_runtime": {}});
                (200, shown)
            }
            ("GET", ["secrets"]) => (200, worker.secret_bindings().collect()),
            ("PATCH", ["secrets-bulk"]) => {
                let newest = worker.versions.last().map(|version| &version.id);
                if newest != worker.deployments.last() {
                    return (400, json!({"code": 10215, "message": "The latest version is not deployed."}));
                }
                let secrets = json["secrets"].as_object().unwrap().iter();
                let secrets =
                    secrets.map(|(name, secret)| (name.clone(), secret["text"].as_str().unwrap().to_owned()));
                let secrets = secrets.collect();
                self.give_secrets(name, secrets);
                (200, json!({}))
            }
            ("GET", ["settings"]) => (200, json!({"bindings": worker.secret_bindings().collect::<Vec<_>>()})),
            ("POST", ["domains", "changeset"]) => {
                (200, json!({"added": [], "removed": [], "updated": [], "conflicting": []}))
            }
            ("PUT", ["domains", "records"]) => {
                let origins = json["origins"].as_array().unwrap().iter();
                let hosts = origins.map(|origin| origin["hostname"].as_str().unwrap().to_owned());
                self.domains.extend(hosts.map(|host| (host, name.to_owned())));
                (200, json!({}))
            }
            ("PUT", ["schedules"]) => {
                worker.crons = json.clone();
                (200, json!({"schedules": json}))
            }
            ("GET", ["schedules"]) => (200, json!({"schedules": []})),
            ("GET" | "POST", ["subdomain"]) => (200, json!({"enabled": true, "previews_enabled": false})),
            ("PATCH", ["script-settings"]) => (200, json!({})),
            _ => unknown(10404),
        }
    }

    fn upload(&mut self, name: &str, body: &str, deploys: bool) -> (u16, Value) {
        let metadata = metadata(body);
        let tag = metadata["annotations"]["workers/tag"].as_str().map(str::to_owned);
        let bindings = metadata["bindings"].as_array().cloned().unwrap_or_default();
        // The bindings that are inherited are the secrets, which stay as they are.
        let bindings = bindings.into_iter().filter(|binding| binding["type"] != "inherit").collect();
        let version = if deploys {
            self.deploy_version(name, tag, bindings)
        } else {
            self.add_version(name, tag, bindings)
        };
        let resources =
            json!({"script": {"etag": version, "handlers": []}, "script_runtime": {}, "bindings": []});
        (
            200,
            json!({"id": version, "deployment_id": version, "startup_time_ms": 1, "metadata": {}, "resources": resources}),
        )
    }
}

/// The JSON part of a multipart upload.
fn metadata(body: &str) -> Value {
    let part = body.split("name=\"metadata\"").nth(1).unwrap_or_default();
    let text = part.split("\r\n\r\n").nth(1).unwrap_or_default();
    let text = text.split("\r\n").next().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}
