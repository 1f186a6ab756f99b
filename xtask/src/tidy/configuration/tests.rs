use local::workspace::root;

use super::*;

/// The project's own files with one text replaced, which must be there.
fn with(file: &str, from: &str, to: &str) -> Vec<String> {
    with_each(file, &[(from, to)])
}

/// The same with several.
fn with_each(file: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let mut files = WranglerFiles::read(root()).unwrap();
    let chosen = if file == "shared" { &mut files.shared } else { files.workers.get_mut(file).unwrap() };
    let mut text = unprovisioned(&std::fs::read_to_string(&chosen.path).unwrap());
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not in {file}");
        text = text.replacen(from, to, 1);
    }
    chosen.table = text.parse().unwrap();
    findings_in(&files, root())
}

/// The file as it is before ids and issuers are filled in.
fn unprovisioned(text: &str) -> String {
    let mut environment = None;
    let mut plain = String::new();
    for line in text.lines() {
        if let Some(rest) = line.trim_start_matches('[').strip_prefix("env.") {
            environment = rest.split(['.', ']']).next();
        }
        let key = line.split(" = ").next().unwrap_or_default();
        match (environment, key) {
            (Some(_), "account_id" | "database_id" | "id") => plain += &format!("{key} = \"<provision>\"\n"),
            (Some(name), "AUTH0_ISSUER") => {
                plain += &format!("{key} = \"https://auth-{name}.smartphonekey.com/\"\n");
            }
            _ => plain += &format!("{line}\n"),
        }
    }
    plain
}

#[test]
fn the_projects_own_files_agree() {
    assert_eq!(findings(root()).unwrap(), Vec::<String>::new());
}

#[test]
fn what_one_environment_lacks_is_named() {
    for (file, from, to, expected) in [
        (
            "webhook-delivery",
            "[env.stage.triggers]\ncrons = [\"* * * * *\"]",
            "",
            "webhook-delivery/wrangler.toml: [env.stage] lacks triggers.crons \"* * * * *\"",
        ),
        (
            "webhook-delivery",
            "[[env.nonprod.analytics_engine_datasets]]\nbinding = \"METRICS\"\ndataset = \"delivery_attempts\"",
            "",
            "webhook-delivery/wrangler.toml: [env.nonprod] lacks analytics_engine_datasets METRICS.dataset = \"delivery_attempts\"",
        ),
        (
            "admin-api",
            "[[env.prod.kv_namespaces]]\nbinding = \"CACHE\"\nid = \"<provision>\"",
            "",
            "admin-api/wrangler.toml: [env.prod] lacks kv_namespaces CACHE.id",
        ),
        (
            "admin-api",
            "[env.dev.secrets]\nrequired = [\"ADMIN_API_KEY\", ",
            "[env.dev.secrets]\nrequired = [",
            "admin-api/wrangler.toml: [env.dev] lacks secrets.required \"ADMIN_API_KEY\"",
        ),
        (
            "webhook-delivery",
            "RETRY_CAP_SECONDS = \"14400\"",
            "RETRY_CAP_SECONDS = \"14400\"\nNEW = \"x\"",
            "webhook-delivery/wrangler.toml: [env.nonprod] lacks vars.NEW",
        ),
        (
            "partner-portal",
            "[env.nonprod.observability]\nenabled = true",
            "[env.nonprod.observability]\nenabled = false",
            "partner-portal/wrangler.toml: [env.nonprod] lacks observability.enabled = true",
        ),
        (
            "shared",
            "[env.prod]",
            "[env.production]",
            "wrangler.toml: [env.production] is no environment of ours",
        ),
    ] {
        let found = with(file, from, to);
        assert!(found.iter().any(|finding| finding == expected), "{expected} is not in {found:#?}");
    }
}

#[test]
fn a_worker_keeps_its_name_and_its_environments() {
    for (from, to, expected) in [
        (
            "logs = { invocation_logs = false }",
            "logs = { invocation_logs = true }",
            "[env.dev] keeps invocation logs or traces",
        ),
        ("traces = { enabled = false }", "", "[env.dev] keeps invocation logs or traces"),
        (
            "[env.stage]\nname = \"admin-api\"",
            "[env.stage]\nname = \"admin-api-stage\"",
            "is not named admin-api",
        ),
        ("ENVIRONMENT = \"prod\"", "ENVIRONMENT = \"stage\"", "does not say ENVIRONMENT = \"prod\""),
        (
            "https://auth-prod.smartphonekey.com/",
            "http://auth-prod.smartphonekey.com/",
            "no https address in AUTH0_ISSUER",
        ),
        (
            "https://auth-prod.smartphonekey.com/",
            "https://auth-prod.smartphonekey.com",
            "no slash at the end of AUTH0_ISSUER",
        ),
        ("\"global_fetch_strictly_public\", ", "", "compatibility_flags lack global_fetch_strictly_public"),
        ("[version_metadata]\nbinding = \"VERSION\"", "", "version_metadata is not bound as VERSION"),
        (
            "[env.stage.version_metadata]\nbinding = \"VERSION\"",
            "",
            "[env.stage] lacks version_metadata.binding = \"VERSION\"",
        ),
    ] {
        let found = with("admin-api", from, to);
        assert!(found.iter().any(|finding| finding.contains(expected)), "{expected} is not in {found:#?}");
    }
}

#[test]
fn files_that_disagree_are_named() {
    for (file, from, to, expected) in [
        (
            "shared",
            "[[env.stage.d1_databases]]\nbinding = \"DATABASE_0\"\ndatabase_name = \"tenants-0\"\ndatabase_id = \"<provision>\"",
            "[[env.stage.d1_databases]]\nbinding = \"DATABASE_0\"\ndatabase_name = \"tenants-0\"\ndatabase_id = \"d1\"",
            "[env.stage] of all files: the id of the D1 database tenants-0 differs between wrangler.toml and admin-api",
        ),
        (
            "partner-portal",
            "[[env.stage.services]]\nbinding = \"ADMIN_API\"\nservice = \"admin-api\"",
            "[[env.stage.services]]\nbinding = \"ADMIN_API\"\nservice = \"admin\"",
            "[env.stage] of all files: partner-portal binds the service admin, which is no Worker of ours",
        ),
        (
            "webhook-delivery",
            "max_retries = 100\nretry_delay = 900",
            "max_retries = 100",
            "[env.dev] of all files: the consumer of webhook-dead-letters has no retry_delay",
        ),
        (
            "admin-api",
            "[[env.dev.queues.producers]]\nbinding = \"EVENTS\"\nqueue = \"webhook-events\"",
            "[[env.dev.queues.producers]]\nbinding = \"EVENTS\"\nqueue = \"webhook-event\"",
            "[env.dev] of all files: the queue webhook-event has 0 consumers instead of one",
        ),
        (
            "partner-portal",
            "[env.prod]\nname = \"partner-portal\"\naccount_id = \"<provision>\"",
            "[env.prod]\nname = \"partner-portal\"\naccount_id = \"0123\"",
            "[env.prod] of all files: account_id differs between wrangler.toml and partner-portal",
        ),
        (
            "partner-portal",
            "[[env.stage.ratelimits]]\nname = \"WEBHOOK_ACTIONS\"\nnamespace_id = \"1002\"",
            "[[env.stage.ratelimits]]\nname = \"WEBHOOK_ACTIONS\"\nnamespace_id = \"1001\"",
            "[env.stage] of all files: the namespace of rate limits 1001 is bound twice",
        ),
        (
            "admin-api",
            "https://auth-dev.smartphonekey.com/",
            "https://auth-nonprod.smartphonekey.com/",
            "[env.dev] of all files: the variable AUTH0_ISSUER differs between admin-api and partner-portal",
        ),
    ] {
        let found = with(file, from, to);
        assert!(found.iter().any(|finding| finding == expected), "{expected} is not in {found:#?}");
    }
}

#[test]
fn what_belongs_to_another_environment_is_named() {
    let account = |environment: &str| {
        let before = format!("[env.{environment}]\nname = \"admin-api\"\naccount_id = \"<provision>\"");
        (before.clone(), before.replace("<provision>", "0123"))
    };
    let database = |environment: &str| {
        let before = format!(
            "[[env.{environment}.d1_databases]]\nbinding = \"DATABASE_0\"\ndatabase_name = \"tenants-0\"\ndatabase_id = \"<provision>\""
        );
        (before.clone(), before.replace("<provision>", "d1"))
    };
    let cache = |environment: &str, id: &str| {
        let before =
            format!("[[env.{environment}.kv_namespaces]]\nbinding = \"CACHE\"\nid = \"<provision>\"");
        (before.clone(), before.replace("<provision>", id))
    };
    for (changes, expected) in [
        (
            [account("stage"), account("prod")],
            "[env.prod] of all files: the account_id is the account_id of [env.stage]",
        ),
        (
            [database("stage"), database("prod")],
            "[env.prod] of all files: the id of the D1 database tenants-0 is the id of the D1 database tenants-0 of [env.stage]",
        ),
        (
            [cache("stage", "kv"), cache("prod", "kv")],
            "[env.prod] of all files: the id of the KV namespace CACHE is the id of the KV namespace CACHE of [env.stage]",
        ),
        (
            [cache("dev", "cache"), cache("prod", "kv")],
            "[env.dev] of all files: the id of the KV namespace CACHE is the id of the KV namespace CACHE of the top level",
        ),
    ] {
        let changes = changes.each_ref().map(|(from, to)| (&**from, &**to));
        let found = with_each("admin-api", &changes);
        assert!(found.iter().any(|finding| finding == expected), "{expected} is not in {found:#?}");
    }
    let found = with(
        "partner-portal",
        "[env.prod]\nname = \"partner-portal\"\naccount_id = \"<provision>\"",
        "[env.prod]\nname = \"partner-portal\"",
    );
    assert_eq!(found, ["[env.prod] of all files: partner-portal has no account_id"]);
}
