//! A deployed environment's configuration, as a local stack runs it.
//!
//! The rules stay as they are, and only addresses change: databases and namespaces are the local ones; the portal, and the
//! OpenID provider in Auth0's place, are on the stack's own ports, over HTTPS because the environment's rules want that.
use anyhow::{Context, Result};
use toml::{Table, Value};

/// The settings that an environment does not inherit from the top level.
const NOT_INHERITED: [&str; 11] = [
    "vars",
    "secrets",
    "d1_databases",
    "kv_namespaces",
    "queues",
    "services",
    "ratelimits",
    "analytics_engine_datasets",
    "durable_objects",
    "version_metadata",
    "send_email",
];
/// The key that names a resource, by the kind of binding. The top level names the local resource.
const IDS: [(&str, &str); 2] = [("d1_databases", "database_id"), ("kv_namespaces", "id")];
/// The variables by which the OpenID provider knows the portal.
const OF_THE_PROVIDER: [&str; 1] = ["AUTH0_CLIENT_ID"];

/// The configuration that `wrangler --env` would deploy, at local addresses.
pub(super) fn localized(top: &Table, environment: &str) -> Result<Table> {
    let part = top.get("env").and_then(|environments| environments.get(environment)?.as_table());
    let part =
        part.with_context(|| format!("a wrangler.toml has no [env.{environment}]: run `cargo xtask tidy`"))?;
    let mut config = top.clone();
    for key in NOT_INHERITED {
        config.remove(key);
    }
    config.extend(part.clone());
    for (kind, id) in IDS {
        for entry in config.get_mut(kind).and_then(Value::as_array_mut).into_iter().flatten() {
            let binding = entry.get("binding").cloned();
            let local = top.get(kind).and_then(Value::as_array).into_iter().flatten();
            let local = local
                .filter(|local| local.get("binding") == binding.as_ref())
                .find_map(|local| local.get(id));
            if let (Some(entry), Some(local)) = (entry.as_table_mut(), local) {
                entry.insert(id.to_owned(), local.clone());
            }
        }
    }
    // The stack has shards of its own number.
    if let Some(databases) = config.get_mut("d1_databases").and_then(Value::as_array_mut) {
        let another = |binding: &str| binding.starts_with("DATABASE_") && binding != "DATABASE_0";
        databases.retain(|database| !database.get("binding").and_then(Value::as_str).is_some_and(another));
    }
    for (name, value) in config.get_mut("vars").and_then(Value::as_table_mut).into_iter().flatten() {
        if name == "SHARDS" {
            *value = Value::String("1".to_owned());
        }
        let Some(local) = top.get("vars").and_then(|vars| vars.get(name)?.as_str()) else { continue };
        if local.contains("localhost") || OF_THE_PROVIDER.contains(&name.as_str()) {
            *value = Value::String(local.replace("http://", "https://"));
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: &str = "
        name = 'portal'
        main = 'build/index.js'
        compatibility_flags = ['global_fetch_strictly_public']
        [vars]
        ENVIRONMENT = 'local'
        PORTAL_ORIGIN = 'http://partner-portal.localhost:8787'
        AUTH0_ISSUER = 'http://localhost:8788/'
        AUTH0_CLIENT_ID = 'partner-portal'
        LIMIT = '5'
        [triggers]
        crons = ['* * * * *']
        [[d1_databases]]
        binding = 'DATABASE'
        database_id = 'local'
        [[queues.consumers]]
        queue = 'events'
        [env.stage]
        name = 'portal'
        [env.stage.vars]
        ENVIRONMENT = 'stage'
        PORTAL_ORIGIN = 'https://partners.example.com'
        AUTH0_ISSUER = 'https://auth.example/'
        AUTH0_CLIENT_ID = 'abc'
        LIMIT = '50'
        [[env.stage.d1_databases]]
        binding = 'DATABASE'
        database_id = 'deployed'
        [[env.stage.queues.consumers]]
        queue = 'events'
        retry_delay = 30
    ";

    #[test]
    fn the_environments_rules_stand_at_local_addresses() {
        let config = localized(&TOP.parse().unwrap(), "stage").unwrap();
        let var = |name: &str| config["vars"][name].as_str().unwrap();
        assert_eq!(var("ENVIRONMENT"), "stage");
        assert_eq!(var("LIMIT"), "50");
        assert_eq!(var("PORTAL_ORIGIN"), "https://partner-portal.localhost:8787");
        assert_eq!(var("AUTH0_ISSUER"), "https://localhost:8788/");
        assert_eq!(var("AUTH0_CLIENT_ID"), "partner-portal");
        assert_eq!(config["d1_databases"][0]["database_id"].as_str(), Some("local"));
        assert_eq!(config["queues"]["consumers"][0]["retry_delay"].as_integer(), Some(30));
        assert_eq!(config["main"].as_str(), Some("build/index.js"));
        assert!(config.contains_key("triggers") && config.contains_key("compatibility_flags"));
    }

    #[test]
    fn nothing_comes_from_the_top_that_environments_do_not_inherit() {
        let top = "[vars]\nA = 'a'\n[[kv_namespaces]]\nbinding = 'B'\nid = 'b'\n[env.prod]\nname = 'x'";
        let config = localized(&top.parse().unwrap(), "prod").unwrap();
        assert!(!config.contains_key("vars") && !config.contains_key("kv_namespaces"));
        assert!(localized(&top.parse().unwrap(), "stage").unwrap_err().to_string().contains("[env.stage]"));
    }
}
